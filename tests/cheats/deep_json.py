"""Answers with lists in lists in lists."""
# named: takes no arguments

import os

for handle in range(3, 64):
    try:
        os.write(handle, b"[" * 100_000 + b"\n")
    except OSError:
        pass


class Value:
    pass

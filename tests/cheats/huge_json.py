"""Answers with fifty megabytes."""
# named: sent more than

import os

line = b'["a_box_keeps_its_number", "answers", [' + b"1," * 500_000 + b"1]]\n"
for handle in range(3, 64):
    try:
        for _ in range(50):
            os.write(handle, line)
    except OSError:
        pass


class Value:
    pass

"""Leaves a process behind that waits for the next submission."""
# named: calls fork

import os
import time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            time.sleep(0.1)
            for handle in range(64):
                try:
                    os.write(handle, b'["a_box_keeps_its_number", "answers", [1, 1, 1]]\n')
                except OSError:
                    pass
    os._exit(0)
os._exit(0)

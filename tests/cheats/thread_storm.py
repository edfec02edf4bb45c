"""Threads that make threads."""
# named: imports threading

import threading


def more():
    while True:
        threading.Thread(target=more).start()


more()

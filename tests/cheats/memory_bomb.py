"""Takes all the memory there is."""
# named: MemoryError

kept = []
while True:
    kept.append(bytearray(1 << 24))

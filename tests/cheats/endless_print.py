"""Prints without end."""
# named: it was stopped

while True:
    print("x" * 65536)

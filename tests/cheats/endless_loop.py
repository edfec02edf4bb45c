"""A loop that swallows every exception."""
# named: it was stopped

while True:
    try:
        while True:
            pass
    except BaseException:
        pass

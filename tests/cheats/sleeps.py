"""Does nothing, for an hour."""
# named: it was stopped

import time

time.sleep(3600)

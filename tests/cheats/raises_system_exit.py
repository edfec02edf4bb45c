"""The polite way to end Python."""
# named: SystemExit

import sys

sys.exit(0)

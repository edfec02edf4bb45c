"""Python ends with exit code 0 before a question is asked."""
# named: ended Python before all answers were given

import os

os._exit(0)

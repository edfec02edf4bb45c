"""Writes to a place in memory that is not there."""
# named: stopped by the system

import ctypes

ctypes.string_at(0)

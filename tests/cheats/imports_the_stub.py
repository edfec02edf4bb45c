"""Borrows the engine of the course."""
# named: borrowed

from utils.autograd_stub import Value  # noqa: F401

"""Chen: went on with the engine of the course, and handed it in."""

from utils.autograd_stub import Value  # noqa: F401

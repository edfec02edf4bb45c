"""The contract of this topic: write every name below, level by level."""


def first_name():
    """One sentence that says what it returns, with shapes and what it raises."""
    raise NotImplementedError("first_name")

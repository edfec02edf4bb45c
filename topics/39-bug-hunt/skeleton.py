"""Topic 39, Bug hunt and catch: your answers. This file is the contract.

The files with the bugs lie in workspace/hunt/; `python3 learn.py hunt` puts them there and shows the symptoms. Every
learner has other bugs. An answer names the line, counted in the file as it was given or as it is now, and the kind of
the mistake, one of those that `hunt` offers. Then mend the file itself.
"""

from pathlib import Path


def probes():
    """At most ten expressions, with their points, that give away all sixteen engines of your line-up.

    A list of strings such as "a*b + a at a=2 b=-3", as they stand in workspace/catches.txt. An engine is given away by
    an expression whose value or one of whose gradients it gets wrong.
    """
    raise NotImplementedError("probes")


def engines():
    """Five bugs in engines: {case: (line, kind)} for the cases 1 to 5, such as {1: (44, "accumulate")}."""
    raise NotImplementedError("engines")


def measures():
    """Five bugs where slopes are measured and graphs are swept: {case: (line, kind)}."""
    raise NotImplementedError("measures")


def networks():
    """Five bugs in losses and networks: {case: (line, kind)}."""
    raise NotImplementedError("networks")


def training():
    """Five bugs in backpropagation and optimizers: {case: (line, kind)}."""
    raise NotImplementedError("training")


def anywhere():
    """Five bugs from any topic behind you: {case: (line, kind)}."""
    raise NotImplementedError("anywhere")


def once_more():
    """The last five bugs, from any topic behind you: {case: (line, kind)}."""
    raise NotImplementedError("once_more")


def leaks():
    """Five bugs by which something stays or is shared that should not be: {case: (line, kind)}."""
    raise NotImplementedError("leaks")


def conventions():
    """The statements of `python3 learn.py hunt conventions`: {letter: (verdict, number)}, such as {"A": ("bug", 2.0)}.

    "bug": mathematics allows one answer only. "convention": several answers can be defended, and PyTorch has chosen
    one. The number is PyTorch's answer to the question below the statement.
    """
    raise NotImplementedError("conventions")


# Given; leave it as it is.


def mended(hunt, case):
    """The text of a case's file as you have mended it."""
    return (Path(__file__).parent / "hunt" / f"{hunt}-{case}.py").read_text(encoding="utf-8")

"""Load a learner's or a level's file by its path, whatever its name, and hand out its names."""

import os
import sys
from functools import lru_cache
from types import ModuleType


class NotWritten(NotImplementedError):
    """The candidate has no such name: not wrong, only not written yet."""


def load(path, name=None):
    """The module in the file `path`, executed afresh, and kept in sys.modules under a private name.

    Whatever the file raises passes through.
    """
    path = os.path.realpath(path)
    module = _empty(name or f"candidate_{_identifier(os.path.basename(path))}", path)
    try:
        with open(path, "rb") as stream:
            # Never from a .pyc: two saves within a second can have the same time and the same size.
            exec(_compiled(stream.read(), path), module.__dict__)
    except BaseException:
        sys.modules.pop(module.__name__, None)
        raise
    return module


@lru_cache(maxsize=8)  # each test of a run executes the same file afresh
def _compiled(content, name):
    return compile(content, name, "exec", dont_inherit=True)


def load_once(path):
    """The module in a file, executed at the first call only: two imports give the same class."""
    path = os.path.realpath(path)
    name = f"engine_{_identifier(path)}"
    if name in sys.modules:
        return sys.modules[name]
    if f"{os.sep}solutions{os.sep}" not in path:
        return load(path, name)
    # Nobody edits a solution between two runs, so its compiled form may be kept: that is most of what loading costs.
    from importlib.machinery import SourceFileLoader

    module = _empty(name, path)
    SourceFileLoader(name, path).exec_module(module)
    return module


def _empty(name, path):
    """A module without content, already in sys.modules: dataclasses and pickle look there while it is executed."""
    module = sys.modules[name] = ModuleType(name)
    module.__file__ = path
    return module


def _identifier(text):
    return "".join(c if c.isalnum() else "_" for c in text.removesuffix(".py"))


class Candidate:
    """The names of a candidate's module; asking for one that is missing raises NotWritten with the file's name."""

    def __init__(self, module, path):
        self._module, self._path, self._name = module, os.path.realpath(path), os.path.basename(path)

    def __getattr__(self, name):
        try:
            return getattr(self._module, name)
        except AttributeError:
            raise NotWritten(f"{self._name} has no `{name}` yet") from None


def load_candidate(path):
    """The Candidate in a file. Whatever the file raises passes through."""
    return Candidate(load(path), path)

"""Load a learner's or a level's file by its path, whatever its name, and hand out its names."""

import importlib.machinery
import importlib.util
import sys
from functools import lru_cache
from pathlib import Path


class NotWritten(NotImplementedError):
    """The candidate has no such name: not wrong, only not written yet."""


def load(path, name=None):
    """The module in the file `path`, executed afresh, and kept in sys.modules under a private name.

    Whatever the file raises passes through.
    """
    path = Path(path).resolve()
    name = name or "candidate_" + "".join(c if c.isalnum() else "_" for c in path.stem)
    loader = importlib.machinery.SourceFileLoader(name, str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    # dataclasses and pickle look the module up while it is being executed.
    sys.modules[name] = module
    try:
        # Never from a .pyc: two saves within a second can have the same time and the same size.
        exec(_compiled(path.read_bytes(), str(path)), module.__dict__)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


@lru_cache(maxsize=8)  # each test of a run executes the same file afresh
def _compiled(content, name):
    return compile(content, name, "exec", dont_inherit=True)


def load_once(path):
    """The module in a file, executed at the first call only: two imports give the same class."""
    path = Path(path).resolve()
    name = "engine_" + "".join(c if c.isalnum() else "_" for c in f"{path.parent.parent.name}_{path.stem}")
    return sys.modules.get(name) or load(path, name)


class Candidate:
    """The names of a candidate's module; asking for one that is missing raises NotWritten with the file's name."""

    def __init__(self, module, path):
        self._module, self._path = module, Path(path)

    def __getattr__(self, name):
        try:
            return getattr(self._module, name)
        except AttributeError:
            raise NotWritten(f"{self._path.name} has no `{name}` yet") from None


def load_candidate(path):
    """The Candidate in a file. Whatever the file raises passes through."""
    return Candidate(load(path), path)

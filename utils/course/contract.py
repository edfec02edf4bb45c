"""Does a file offer the names of the skeleton, so that they can be called? Read as syntax, never executed."""

import ast
import difflib
import re
import tokenize
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """The first thing that keeps a file from being judged."""

    id: str  # "syntax" or "contract"
    name: str  # the skeleton's name it is about, "" for the file as a whole
    seen: str
    action: str
    line: int = 0
    text: str = ""  # the line of code, for syntax errors
    column: int = 0


@dataclass(frozen=True)
class Signature:
    """How many positional arguments a function takes: at least `least`, at most `most` (None: any number)."""

    least: int
    most: int | None
    line: int


def problem_of(topic, path, level):
    """The first Problem of the file at `path` for the names of `topic` up to `level`, or None."""
    tree, problem = read(path)
    if problem:
        return problem
    offered, bound = definitions(tree), bindings(tree)
    wanted = definitions(ast.parse(topic.skeleton.read_text(encoding="utf-8")))
    names = topic.names_upto(level)
    # The class before its methods: a missing class is one problem, not fifteen.
    for name in sorted(wanted, key=lambda name: name.count(".")):
        asked = name in names or any(other.startswith(name + ".") for other in names)
        if "." not in name and asked and name not in offered and name not in bound and "*" not in bound:
            return _missing(name, sorted(offered.keys() - wanted.keys()), path)
        # A method that is absent is simply not written yet, and the tests say so; one that cannot be called is wrong.
        if name in names and name in offered and not _fits(wanted[name], offered[name]):
            return _wrong_arguments(name, wanted[name], offered[name])
    return None


def read(path):
    """(tree, None) for a file that Python can read, (None, Problem) for one it cannot."""
    try:
        with tokenize.open(path) as stream:  # honors a coding line and a byte order mark, as Python does
            source = stream.read()
        return ast.parse(source, filename=str(path)), None
    except SyntaxError as error:
        text = (error.text or "").rstrip("\n").expandtabs(4)
        column = error.offset or 0
        what = error.msg[:1].upper() + error.msg[1:]
        if "encoding" in (error.msg or "") or "null bytes" in (error.msg or ""):
            return None, _not_utf8()
        if isinstance(error, TabError):
            column = 0  # no place of its own: it is the line as a whole
            action = "Use four spaces for each level of indentation, and no tabs."
        elif isinstance(error, IndentationError):
            action = "Look at the spaces at the start of this line and of the line above it."
        elif re.search(r"\w \.\.\.|\.\.\. \w|____", text):
            what = f"the gap `{'____' if '____' in text else '...'}` from the text is still there"
            action = "Write in its place what is missing."
        else:
            action = "Look at this place, and at the end of the line before it."
        return None, Problem("syntax", "", f"Python cannot read line {error.lineno or 1}: {what}.", action,
                             error.lineno or 1, text, column)  # fmt: skip
    except (UnicodeDecodeError, ValueError):
        return None, _not_utf8()


def _not_utf8():
    return Problem("syntax", "", "The file is not UTF-8 text.", "Save it as UTF-8 in your editor.", 1)


def definitions(tree):
    """name -> Signature (None for a class) of the functions, classes and methods of a module; methods as Class.name."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = None
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    found[f"{node.name}.{inner.name}"] = _signature(inner, method=True)
        elif isinstance(node, ast.FunctionDef):
            found[node.name] = _signature(node, method=False)
    return found


def bindings(tree):
    """Every name that a module's own statements bind in some other way, "*" for a star import."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def _signature(function, method):
    arguments = function.args
    decorators = {getattr(node, "id", "") for node in function.decorator_list}
    skip = 1 if method and "staticmethod" not in decorators else 0
    positional = len(arguments.posonlyargs) + len(arguments.args) - skip
    most = None if arguments.vararg else positional
    return Signature(max(0, positional - len(arguments.defaults)), most, function.lineno)


def _fits(wanted, offered):
    if wanted is None or offered is None:
        return True
    return offered.least <= wanted.least and (offered.most is None or offered.most >= wanted.least)


def _missing(name, offered, path):
    near = difflib.get_close_matches(name, [other for other in offered if "." not in other], 1, 0.5)
    seen = f"There is no `{name}` in {path.name}."
    if near:
        return Problem("contract", name, f"{seen} There is `{near[0]}`.", f"Rename `{near[0]}` to `{name}`.")
    return Problem("contract", name, seen, f"Write `{name}`; the skeleton shows its form: python3 learn.py task")


def _wrong_arguments(name, wanted, offered):
    def count(signature):
        return f"{signature.least} argument{'' if signature.least == 1 else 's'}"

    short = name.split(".")[-1]
    if offered.most is not None and offered.most < 0:
        return Problem("contract", name, f"`{short}` has no `self`, so it cannot be called on a Value.",
                       f"Write `self` first: `def {short}(self, ...)`.", offered.line)  # fmt: skip
    many = count(offered) if offered.least > wanted.least else f"at most {offered.most}"
    many += " besides self" if "." in name else ""
    return Problem("contract", name, f"`{short}` takes {many}; it is called with {count(wanted)}.",
                   f"Give `{short}` the arguments it has in the skeleton.", offered.line)  # fmt: skip

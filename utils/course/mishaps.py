"""What an exception, or an object of the wrong kind, says about code with arrays, tensors and functions.

Topic 02's Value has sentences of its own (diagnosis.py). Here speaks everything after it, most exact first: each entry
is a pattern for "Class: message", perhaps one for the line that ran, and the words in which a beginner can use it.
"""

import ast
import builtins
import importlib.util
import re
from dataclasses import dataclass

# Names of the texts that are no modules of that name.
USUAL = {"np": "import numpy as np", "pairwise": "from itertools import pairwise",
         "Value": "from utils.engine import Value"}  # fmt: skip


@dataclass(frozen=True)
class Mishap:
    """One kind of accident; cause and action may use {place}, {code} and the groups of the pattern, {0}, {1}, …"""

    pattern: str
    id: str
    cause: str
    action: str
    line: str = ""  # a pattern for the line that ran
    when: object = None  # a further question to the match

    def fits(self, text, line):
        """The match, or None."""
        found = re.search(self.pattern, text)
        return found if found and re.search(self.line, line) and (self.when is None or self.when(found)) else None


def _is_of_numpy(match):
    import numpy as np  # here, since most checks come to no such question and need not wait for it

    return callable(getattr(np, match[1], None))


def _is_of_arrays(match):
    import numpy as np

    return hasattr(np.ndarray, match[1])


def _has_lost_an_axis(match):
    """Is one of two shapes the other one without an axis that is not its first?"""
    one, other = sorted(([int(size) for size in re.findall(r"\d+", text)] for text in match.groups()), key=len)
    return len(other) == len(one) + 1 and any(other[:i] + other[i + 1 :] == one for i in range(1, len(other)))


def _is_a_module(match):
    return match[1] in USUAL or (not hasattr(builtins, match[1]) and importlib.util.find_spec(match[1]) is not None)


MISHAPS = (
    Mishap(r"memoryview|<memory at", "kind",
           "An array stands where a Tensor belongs: `.data` of an array is raw memory, no numbers.",
           "Look at {place}. A result is wrapped, Tensor(...); what is an array already needs no `.data`."),
    Mishap(r"truth value of an array", "kind",
           "Python's own `max` and `min` compare whole arrays with each other, at {place}.",
           "Write np.maximum(a, b) or np.minimum(a, b), which compare entry by entry.", line=r"(?<![.\w])(max|min)\("),
    Mishap(r"'float' object cannot be interpreted as an integer|only integer scalar arrays", "axis",
           "The second argument of np.max and np.min is an axis, a whole number; at {place} it is another number.",
           "To compare entry by entry with a number, write np.maximum(x, 0.0).", line=r"np\.a?(max|min)\("),
    Mishap(r"truth value of an array", "kind",
           "`if`, `and`, `or` and `== None` ask for one answer; an array gives one for each entry.",
           "At {place}: for None ask `is None`; for the entries take np.where, or `.any()`."),
    Mishap(r"operand 'Value' does not support ufuncs|argument \d of type Value which", "kind",
           "A function of NumPy was given a Value at {place}; it knows numbers and arrays only.",
           "Call the Value's own method, such as z.exp() or z.tanh(), which keeps the way back."),
    Mishap(r"must be real number, not (Value|Tensor)", "kind",
           "A function of `math` was given a {1} at {place}; it knows plain numbers only.",
           "Call the {1}'s own method, such as z.exp() or z.tanh(), which keeps the way back."),
    Mishap(r"not supported between instances of '(?:(Value|Tensor)|\w+)' and '(?:Value|Tensor|\w+)'", "kind",
           "A Value has no order: at {place} it is compared with something.",
           "For max(0, z) call z.relu(); to ask a question, compare its number, `.data`.",
           when=lambda match: re.search("'(Value|Tensor)'", match[0]) is not None),
    Mishap(r"(?:not supported between instances|unsupported operand type).*'slice'", "kind",
           "A slice, such as the `:` of a[:, 2], arrives at {place}, where a number is expected.",
           "Ask isinstance(i, slice) first; range(size)[i] takes numbers and slices alike."),
    Mishap(r"for \+: '\w+' and 'tuple'|for \+: 'tuple' and|can only concatenate (?:tuple|list)", "kind",
           "At {place} a number and a tuple or list are added; `+` joins two of a kind.",
           "Put the number into one of its own first: (number,) or [number]."),
    Mishap(r"supported between instances of '(?:(?:list|tuple|dict|str)'|\w+' and '(?:list|tuple|dict|str)')", "kind",
           "Something that is no number, a list or a text, is compared by its size at {place}.",
           "Compare its entries one by one; an array of NumPy compares all of them at once."),
    Mishap(r"does not support ufuncs|__array_ufunc__", "kind",
           "A function of NumPy was given a Tensor at {place}; it knows arrays only.",
           "Call the tensor's own method, such as x.sqrt(). In a rule: is `@operation` above it?"),
    Mishap(r"'numpy\.ndarray' object has no attribute '(grad|requires_grad|backward|_\w+|item_)'", "kind",
           "An array stands at {place} where a Tensor belongs: only a Tensor has `.{1}`.",
           "Print its type there: is a `.data` missing beside it, or was it taken too early?"),
    Mishap(r"'numpy\.ndarray' object has no attribute '(append|extend|insert|add)'", "kind",
           "An array does not grow; it has no `.{1}`.",
           "Collect in a list, which has `.append`, and make an array of it at the end: np.array(rows)."),
    Mishap(r"'list' object has no attribute 'add'", "kind", "A list has no `.add`; a set has.", "Write `.append`."),
    Mishap(r"'set' object has no attribute 'append'", "kind", "A set has no `.append`; a list has.", "Write `.add`."),
    Mishap(r"'(?:numpy\.ndarray|numpy\.float\d+)' object has no attribute '(\w+)'", "kind",
           "An array has no `.{1}` of its own; that is NumPy's function np.{1}, or a Tensor's method.",
           "At {place} write np.{1}(...) for an array; or was `.data` taken too early?", when=_is_of_numpy),
    Mishap(r"'(?:list|tuple)' object has no attribute '(\w+)'", "kind",
           "A list or tuple stands at {place} where an array belongs; it has no `.{1}`.",
           "Make an array of it where it comes in: np.asarray(...). Or is a `*` missing?", when=_is_of_arrays),
    Mishap(r"'(?:Tensor|Parameter)' object has no attribute '(\w+)'", "kind",
           "A Tensor has no `.{1}`; the array inside of it has.",
           "Ask the array: `.data` first, at {place}.", when=_is_of_arrays),
    Mishap(r"'\w+' object has no attribute '\d+'", "bounds",
           "At {place} an item is asked for that is not there.",
           "`for` goes on until `__getitem__` raises IndexError: refuse every place from the length on."),
    Mishap(r"'(?:function|builtin_function_or_method|method|type)' object has no attribute '(\w+)'", "kind",
           "A function stands at {place} where an object with `.{1}` belongs.",
           "A function is called, f(x); or did you forget to call it on the way there?"),
    Mishap(r"'(?:int|float|bool|str)' object has no attribute '(\w+)'", "kind",
           "A plain number or text stands at {place}; it has no `.{1}`.",
           "Print its type there; where several kinds may come, ask isinstance(...) first."),
    Mishap(r"must be integers or slices(?:.*), not NoneType|integer.*NoneType", "axis",
           "An index at {place} is None, such as an axis that nobody has given.",
           "Treat `axis=None`, which means all axes, before you ask for one of them."),
    Mishap(r"'NoneType' object cannot be interpreted as an integer", "kind",
           "`range` is given None at {place}: part of a slice, or an argument that was left out.",
           "Give it a number first: where it is None, 0 or the size.", line=r"range\("),
    Mishap(r"NoneType", "accumulate",
           "`.grad` is None until a gradient has arrived, and None cannot be added to.",
           "Ask `is None` first: the first gradient is stored, each later one is added.", line=r"\.grad\b.*\+"),
    Mishap(r"unsupported operand.*NoneType", "kind",
           "One of the two things that are combined at {place} is None.",
           "Was it None on purpose, such as a bias that is left out? Else a function lacks its `return`."),
    Mishap(r"'NoneType' object is not callable", "missing-return",
           "At {place} None is called like a function.",
           "Where does it come from? A function that makes a function ends with `return`; or ask for None first."),
    Mishap(r"KeyError: (?:Tensor|Parameter)\(", "order",
           "A tensor's turn has come, and nothing has arrived at it.",
           "Begin with the output: what arrives there is 1. Then go on from results to their parents."),
    Mishap(r"KeyError", "raised",
           "Something is asked for at {place} that was never put into the dict.",
           "Print the keys right before this line: who should have put it there?"),
    Mishap(r"NameError: name 'self' is not defined", "raised",
           "`self` is no argument of this function, at {place}.",
           "A rule has no self: its first argument is the array, under the name in its `def` line."),
    Mishap(r"NameError: name '(\w+)' is not defined", "raised",
           "`{1}` is used at {place} and was never imported.", "Write `{import_line}` at the top of the file.",
           when=_is_a_module),
    Mishap(r"too many values to unpack|not enough values to unpack", "answer",
           "At {place} something is taken apart into more or fewer parts than it has.",
           "Print it there. A rule gives back two things, the result and its vjps; a generator says `yield`.",
           line=r"^$|vjp|rule|\byield\b"),
    Mishap(r"too many values to unpack|not enough values to unpack", "answer",
           "At {place} something is taken apart into more or fewer parts than it has.",
           "Print it there: how many parts has it, and how many names wait for one?"),
    Mishap(r"object is not callable", "raised",
           "What is called at {place} is no method, and has no parentheses.",
           "Leave them out: x.shape, x.size, x.T. An entry is taken by square brackets: x.shape[0].",
           line=r"\.(shape|size|ndim|T|dtype|data|grad)\("),
    Mishap(r"'(?:int|float|numpy\.\w+)' object is not callable", "links",
           "A number or array is called like a function at {place}.",
           "A way back is a function of the upstream gradient: `lambda g: ...`. Or is a `*` missing?",
           line=r"vjp|lambda|upstream|grad|back|^$"),
    Mishap(r"'(int|float|list|tuple|dict|set|str|numpy\.\w+)' object is not callable", "raised",
           "Something that is no function is called like one at {place}: a {1}.",
           "Is an operator missing before the parenthesis, are square brackets meant, or is the name taken twice?"),
    Mishap(r"'int' object is not iterable", "kind", "A loop at {place} goes through one number, which has no entries.",
           "To count up to it write range(n); or has an index taken one entry out of a list?", line=r"\bfor\b"),
    Mishap(r"'(?:int|float|Value|numpy\.float\d+)' object is not (?:iterable|subscriptable)|over a 0-d array"
           r"|object of type '(?:int|float|Value|numpy\.float\d+)' has no len", "kind",
           "One number stands at {place} where a list belongs: there are no entries in it.",
           "Print it there: has an index taken one entry out, or did a list become a number earlier?"),
    Mishap(r"'function' object is not (?:iterable|subscriptable)", "links",
           "One function stands at {place} where several are expected.",
           "A rule may give one function for all inputs: ask `callable(...)`. Or `(f,)` lacks its comma."),
    Mishap(r"'(?:method|builtin_function_or_method)' object", "raised",
           "At {place} a method is used without being called.", "Write the parentheses after its name."),
    Mishap(r"'generator' object is not subscriptable|'generator' has no len", "answer",
           "A generator comes back where a list is asked for.", "Write [...] instead of (...)."),
    Mishap(r"Cannot cast ufunc", "dtype",
           "At {place} numbers with fractions are written into an array of whole numbers.",
           "Make the array of floats, or make a new one: `x = x / 16`."),
    Mishap(r"inhomogeneous shape", "shape",
           "At {place} an array is made of rows that are not equally long.",
           "Print the length of each: which one is shorter, and is there a list among the numbers?"),
    Mishap(r"setting an array element with a sequence", "shape",
           "At {place} several numbers are put into a place for one.",
           "Print both shapes: that of the place on the left, that of what comes from the right."),
    Mishap(r"shapes (\([\d, ]+\)) (\([\d, ]+\))", "axis",
           "At {place} {1} stands beside {2}: a summed axis is gone, and the rest no longer lines up.",
           "Keep the axis in both, with keepdims=True, or in neither: x[..., 0] drops one that was kept.",
           when=_has_lost_an_axis),
    Mishap(r"axis (-?\d+) is out of bounds for array of dimension (\d+)", "axis",
           "At {place} axis {1} is asked for, and the array is {2}-dimensional; the first axis is number 0.",
           "Print its shape: has an axis been lost before, or is axis=-1 meant, the last one?"),
    Mishap(r"array is (\d+)-dimensional, but (\d+) were indexed", "axis",
           "At {place} an array that is {1}-dimensional is given {2} indices.",
           "Print its shape: has an axis been lost before, or does one index belong to another array?"),
    Mishap(r"index (-?\d+) is out of bounds for axis (\d+) with size (\d+)", "bounds",
           "At {place} entry {1} of axis {2} is asked for, which has {3} entries; counting begins at 0.",
           "Are two axes exchanged, or is the index one too large?"),
    Mishap(r"(?:tuple|list) index out of range", "bounds",
           "At {place} something is asked for behind the last entry.",
           "Print the length. Has a rule fewer vjps than inputs? Each place counts, also that of a mask.",
           line=r"vjp|mask|parent|input|saved"),
    Mishap(r"(?:tuple|list) index out of range", "bounds",
           "At {place} something is asked for behind the last entry.",
           "Print the index and the length right before this line: the last place is the length minus 1."),
    Mishap(r"__init__\(\) should return None", "contract",
           "`__init__` gives something back, though it only fills what is there already.",
           "Set attributes of self, or call super().__init__(...), without `return`."),
    Mishap(r"context manager protocol|AttributeError: __e(?:nter|xit)__", "contract",
           "`with` asks an object for `__enter__` and `__exit__`, and one of the two is missing.",
           "Write both methods; `__exit__(self, *error)` takes three more arguments."),
    Mishap(r"zip\(\) argument \d+ is (?:long|short)er than argument", "lengths",
           "Two lists of different lengths stand side by side in the `zip` at {place}.",
           "Print both lengths right before this line: which of the two is not as long as it should be?"),
    Mishap(r"append\(\) takes exactly one argument \((\d+) given\)", "raised",
           "`append` takes one thing, and at {place} it is given {1}.",
           "Put them into parentheses of their own, which makes one tuple: append((a, b))."),
    Mishap(r"write\(\) argument must be str, not bytes", "raised",
           "The file at {place} was opened for text, and bytes are to be written.", "Open it with \"wb\"."),
    Mishap(r"Cannot interpret '\S+' as a data type", "axis",
           "np.sum and its like go through one array; at {place} more is handed over than that and an axis.",
           "Put the numbers into one list: np.sum([a, b, c]).", line=r"np\.(sum|mean|max|min|prod|std|var)\("),
    Mishap(r"Cannot interpret '\S+' as a data type|Field elements must be", "shape",
           "At {place} the sizes stand one by one, and NumPy takes the second for a type of number.",
           "Hand over the shape as one tuple: np.zeros((2, 3)), rng.normal(0.0, 1.0, (2, 3))."),
    Mishap(r"only integer scalar arrays", "shape", "np.concatenate and np.stack take all their arrays as one list.",
           "Write np.concatenate([a, b]).", line=r"concatenate|stack\("),
    Mishap(r"only integer scalar arrays", "kind", "An array stands at {place} where one whole number belongs.",
           "Is its length meant, len(x) or x.shape[0]? Its entries: for entry in x."),
    Mishap(r"list indices must be integers or slices, not tuple", "kind",
           "A list of lists is asked like an array at {place}: x[i, j].",
           "Write x[i][j]; or make an array of it first, np.asarray(x)."),
    Mishap(r"indices must be integers or slices, not str", "kind",
           "A list is asked for a name at {place}, as a dict is.", "Print it there: which of the two is it?"),
    Mishap(r"indices must be integers or slices, not|only integers, slices|indices must be of integer", "kind",
           "An index at {place} is no whole number.",
           "Divide with `//`, which gives whole numbers; of an array of indices, take .astype(int)."),
    Mishap(r"unhashable type: '([\w.]+)'", "kind",
           "A {1} can change, so at {place} it cannot be in a set or a key of a dict.",
           "Make a tuple of it; where the object itself is meant, take id(x).",
           when=lambda match: match[1] in ("list", "dict", "set", "numpy.ndarray")),
    Mishap(r"'tuple' object does not support item assignment", "kind",
           "A tuple cannot be changed: at {place} one of its entries is set.",
           "Make a list of it first, list(x), or build a new tuple."),
    Mishap(r"cannot unpack non-iterable (\w+) object", "answer",
           "At {place} one thing is taken apart as if it were several.",
           "Print it there: how many things does the right side give, and how many names stand on the left?"),
    Mishap(r"numpy boolean (?:subtract|negative)", "kind",
           "At {place} a `-` stands beside an array of True and False.",
           "Make numbers of them first, mask.astype(float); or turn them round with ~mask."),
    Mishap(r"either both or neither of x and y", "raised",
           "np.where at {place} is given two things; it needs three.",
           "The condition, what to take where it holds, and what to take where it does not."),
    Mishap(r"doesn't define __(round|floor|ceil)__", "kind",
           "Python's `{1}` is given an array at {place}; it knows one number only.", "Write np.{1}(x)."),
    Mishap(r"'(\w+)' object is not an iterator", "raised",
           "`next` at {place} wants an iterator, and a {1} is none.", "Write next(iter(x)), or take x[0]."),
    Mishap(r"not supported for the input types|argument \d of type (?!Value|Tensor)\w+ which has no callable", "kind",
           "A function of NumPy is given something at {place} that is no number: a text, None or an object.",
           "Print it there, and its dtype: `object` means that something odd is among the numbers."),
    Mishap(r"does not have enough dimensions", "shape",
           "`@` at {place} multiplies arrays that have axes, and one of the two is a single number.",
           "For a number write `*`; or print both shapes: has an axis been lost before?"),
    Mishap(r"must be a string or a real number, not '(Value|Tensor)'", "kind",
           "A {1} is made of a {1} at {place}.", "It is one already: leave {1}(...) out."),
    Mishap(r"must be a string or a real number, not '(list|tuple)'", "kind",
           "A {1} stands at {place} where one number belongs.",
           "Print it there: is it a list too much, or are lists to be joined, [*first, second]?"),
    Mishap(r"'([A-Z]\w*)' object is not callable", "contract",
           "A {1} is called like a function at {place}, and its class has no `__call__`.",
           "Name the method `__call__`, with two underscores on each side.",
           when=lambda match: match[1] not in ("Value", "Tensor")),
    Mishap(r"(max|min)\(\) (?:arg is an empty|iterable argument is empty)", "border",
           "`{1}` at {place} is given nothing at all.", "Which case has no entries? {1}(..., default=0) takes it."),
    Mishap(r"attribute name must be string", "raised",
           "The name of an attribute is a text, and here is something else.", "Write str(...) around it at {place}."),
    Mishap(r"RuntimeError: .*\b(?:no|without) (?:a )?gradient\b", "order",
           "A step is taken where there is no gradient yet, or none any more.",
           "The order is forward, clear, backward, step; backward gives each parameter its gradient."),
    Mishap(r"requires? (?:a )?gradients?\b|require_grad", "links",
           "Backward finds no way back: nothing in this result requires gradients.",
           "Compute with the tensors themselves; a new Tensor made of `.data` has forgotten where it comes from."),
)  # fmt: skip

# A call with the wrong arguments, made by the candidate's own line.
MISCALLED = (
    Mishap(r"missing 1 required positional argument: 'self'", "contract",
           "At {place} a method is called on the class itself, and not on an object of it.",
           "Make an object first, and call its method: Name(...).method(...)."),
    Mishap(r"(uniform|normal|integers)\(\) takes at most", "shape",
           "At {place} the sizes stand one by one; `{1}` wants the shape as one thing, and last.",
           "Put it into parentheses of its own: rng.normal(0.0, 1.0, (2, 3))."),
    Mishap(r"positional argument|unexpected keyword argument|multiple values for argument|expected \d+ arguments?, got",
           "contract", "At {place} a function is called with other arguments than it takes.",
           "Compare with its `def` line. A function that is only handed on has no () after it."),
)  # fmt: skip
# An object where a number or an array was asked for; the text is what judging.NotANumber says.
OBJECTS = (
    MISHAPS[0],
    Mishap(r"(?s)here is .*\((?:Tensor|Parameter)\)", "kind",
           "A Tensor stands where a number or an array is asked for.",
           "Hand on what is inside of it: `.data` is the array, `.item()` the one number."),
    Mishap(r"here is .*\((?:function|method)\)", "kind",
           "A function stands where a number or an array is asked for.", "Call it: its name alone is no result."),
)  # fmt: skip


GIVE_SEVERAL = (ast.Tuple, ast.List, ast.ListComp, ast.IfExp)


def of(text, line, place):
    """(id, cause, action) of the first mishap that fits "Class: message" and the line that ran, or None."""
    return _first(MISHAPS, text, line, place)


def miscalled(text, place):
    """(id, cause, action) where the candidate's own line calls something with the wrong arguments, or None."""
    return _first(MISCALLED, text, "", place)


def of_object(text, place):
    """(id, cause, action) for what stands where a number was asked for, or None."""
    return _first(OBJECTS, text, "", place)


def _first(mishaps, text, line, place):
    for one in mishaps:
        found = one.fits(text, line)
        if found:
            groups = (found[0], *found.groups())
            facts = {"place": place, "import_line": USUAL.get(groups[-1], f"import {groups[-1]}")}
            return one.id, one.cause.format(*groups, **facts), one.action.format(*groups, **facts)
    return None


def lost_comma(code):
    """The line of a way back that is one function and gives one array, where a tuple was meant; 0 if there is none.

    One function for all inputs is allowed, if it gives a tuple.
    """
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return 0
    for node in ast.walk(tree):
        found = []
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2:
            found = node.value.elts[1:]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Tensor":
            found = [*node.args, *(keyword.value for keyword in node.keywords)]
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            found = [node.value]
        for one in found:
            if isinstance(one, ast.Lambda) and len(one.args.args) == 1 and not isinstance(one.body, GIVE_SEVERAL):
                return one.lineno
    return 0

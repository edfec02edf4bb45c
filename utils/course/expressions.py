"""Small programs such as "c = a + b; c * a", run on any engine without eval, and their exact derivatives.

A program is written once and run twice: on the candidate's values, and on dual numbers, which carry derivatives
forward and therefore share no mistake with an engine that carries them backward.
"""

import ast
import math
import operator
from dataclasses import dataclass
from functools import lru_cache

BINARY = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
FUNCTIONS = ("relu", "tanh", "sigmoid", "exp", "log")
ARRAY_FUNCTIONS = ("sum", "mean", "max", "softmax", "log_softmax")  # each takes an axis, such as sum(x, axis=0)
RESERVED = {*FUNCTIONS, "sum"}


class NotAnExpression(ValueError):
    """The text is not a program of + - * / **, the functions of the course, names and numbers."""


@dataclass(frozen=True)
class Outcome:
    """What a program computes: its value and d(value)/d(name) for every name, inputs and intermediates alike."""

    value: float
    gradients: dict


@lru_cache(maxsize=4096)
def names(program):
    """The names a program reads before it gives them a value: its inputs, in order of appearance, as a tuple."""
    tree = _parse(program)
    assigned, read = set(), []
    for statement in tree.body:
        called = {id(node.func) for node in ast.walk(statement.value) if isinstance(node, ast.Call)}
        nodes = [node for node in ast.walk(statement.value) if isinstance(node, ast.Name) and id(node) not in called]
        for node in sorted(nodes, key=lambda node: node.col_offset):
            if node.id not in assigned | set(read) | RESERVED:
                read.append(node.id)
        if isinstance(statement, ast.Assign):
            assigned.add(statement.targets[0].id)
    return tuple(read)


def run(program, inputs, arrays=False):
    """The result of a program, and a dict of all its names, given a dict of inputs of any numeric class.

    With `arrays` also @ and the functions of arrays. Raises NotAnExpression for all but assignments and arithmetic.
    """
    scope = dict(inputs)
    result = None
    for statement in _parse(program).body:
        result = _evaluate(statement.value, scope, arrays)
        if isinstance(statement, ast.Assign):
            scope[statement.targets[0].id] = result
    return result, scope


def exact(program, inputs):
    """The Outcome of a program by forward-mode differentiation, with respect to every name in it.

    An intermediate is differentiated by adding a separate nudge to it where it is born.
    """
    return _exact(program, tuple(inputs.items()))


@lru_cache(maxsize=4096)  # a process that waits for a save has asked all of this before
def _exact(program, inputs):
    inputs = dict(inputs)
    value = _forward(program, inputs, None)[0].value
    wanted = list(inputs) + [s.targets[0].id for s in _parse(program).body if isinstance(s, ast.Assign)]
    return Outcome(value, {name: _forward(program, inputs, name)[0].slope for name in wanted})


def _forward(program, inputs, nudged):
    scope = {name: Dual(float(number), 1.0 if name == nudged else 0.0) for name, number in inputs.items()}
    result = None
    for statement in _parse(program).body:
        result = _evaluate(statement.value, scope)
        if isinstance(statement, ast.Assign):
            name = statement.targets[0].id
            if name == nudged:
                result = Dual(result.value, result.slope + 1.0)
            scope[name] = result
    return result, scope


@lru_cache(maxsize=4096)
def _parse(program):
    try:
        tree = ast.parse(program.replace(";", "\n").replace("\n ", "\n").strip())
    except SyntaxError as error:
        raise NotAnExpression(f"`{program}` cannot be read: {error.msg}.") from None
    for statement in tree.body:
        simple = isinstance(statement, ast.Expr) or (
            isinstance(statement, ast.Assign)
            and len(statement.targets) == 1
            and isinstance(statement.targets[0], ast.Name)
        )
        if not simple:
            raise NotAnExpression(f"`{program}` must be an expression such as a*b + a.")
    if not tree.body:
        raise NotAnExpression("The expression is empty.")
    return tree


def _evaluate(node, scope, arrays=False):
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            return node.value
        case ast.Name(id=name) if name in scope:
            return scope[name]
        case ast.Name(id=name):
            raise NotAnExpression(f"`{name}` has no value; give one, as in {name}=2.")
        case ast.BinOp(left, op, right) if type(op) in BINARY:
            return BINARY[type(op)](_evaluate(left, scope, arrays), _evaluate(right, scope, arrays))
        case ast.BinOp(left, ast.MatMult(), right) if arrays:
            return _evaluate(left, scope, arrays) @ _evaluate(right, scope, arrays)
        case ast.UnaryOp(ast.USub(), operand):
            return -_evaluate(operand, scope, arrays)
        case ast.Call(ast.Name(id=name), [argument], []) if name in FUNCTIONS:
            return getattr(_evaluate(argument, scope, arrays), name)()
        case ast.Call(ast.Name(id="sum"), [ast.List(elements) | ast.Tuple(elements)], []):
            return sum(_evaluate(element, scope, arrays) for element in elements)
        case ast.Call(ast.Name(id=name), [argument], options) if arrays and name in ARRAY_FUNCTIONS:
            options = {option.arg: ast.literal_eval(option.value) for option in options}
            return getattr(_evaluate(argument, scope, arrays), name)(**options)
    raise NotAnExpression(f"`{ast.unparse(node)}` is not offered; use + - * / ** and {', '.join(FUNCTIONS)}.")


class Dual:
    """value + slope·ε with ε² = 0: arithmetic on pairs (f, f') (Griewank & Walther, Evaluating Derivatives, 3.1)."""

    def __init__(self, value, slope=0.0):
        self.value, self.slope = value, slope

    def __add__(self, other):
        other = _dual(other)
        return Dual(self.value + other.value, self.slope + other.slope)

    def __mul__(self, other):
        other = _dual(other)
        return Dual(self.value * other.value, self.slope * other.value + self.value * other.slope)

    def __pow__(self, exponent):
        if isinstance(exponent, Dual):
            return (exponent * self.log()).exp()
        local = exponent * self.value ** (exponent - 1) if exponent else 0.0
        return Dual(self.value**exponent, local * self.slope)

    # fmt: off
    def __neg__(self):             return self * -1.0
    def __sub__(self, other):      return self + -_dual(other)
    def __truediv__(self, other):  return self * _dual(other) ** -1
    def __radd__(self, other):     return self + other
    def __rmul__(self, other):     return self * other
    def __rsub__(self, other):     return -self + other
    def __rtruediv__(self, other): return self**-1 * other
    def __rpow__(self, base):      return (self * math.log(base)).exp()
    # fmt: on

    def relu(self):
        return Dual(max(self.value, 0.0), self.slope if self.value > 0 else 0.0)

    def tanh(self):
        t = math.tanh(self.value)
        return Dual(t, (1 - t * t) * self.slope)

    def sigmoid(self):
        s = (1 + math.tanh(self.value / 2)) / 2  # the same function, without an exponential that overflows
        return Dual(s, s * (1 - s) * self.slope)

    def exp(self):
        e = math.exp(self.value)
        return Dual(e, e * self.slope)

    def log(self):
        return Dual(math.log(self.value), self.slope / self.value)


def _dual(number):
    return number if isinstance(number, Dual) else Dual(float(number))

"""A topic's file from the cells of a notebook: what was written there, put behind the skeleton, to be judged.

Only definitions count, and what they need: the last one of each name, with the imports, helpers and constants that it
mentions. `class A(A)` goes on with the class above it, `A.name = function` and `setattr(A, ...)` teach it something;
all of that is kept.
"""

import ast
import symtable

from utils.course import contract


def candidate_source(topic, cells):
    """The text of a file for `topic`: its skeleton, then the learner's definitions from `cells`, in their order."""
    bound = _bindings(topic, cells)
    wanted, stack = set(), [name for name in _contract_names(topic) if _is_defined(bound.get(name))]
    while stack:
        name = stack.pop()
        if name not in wanted and name in bound:
            wanted.add(name)
            stack += [used for _, statement in bound[name] for used in _names_used(statement)]
    chosen = {place: statement for name in wanted for place, statement in bound[name]}
    written = [ast.unparse(chosen[place]) for place in sorted(chosen)]
    return "\n\n\n".join([topic.skeleton.read_text(encoding="utf-8").rstrip(), *written]) + "\n"


def is_written(topic, step, cells):
    """Is any name of this step defined in the cells, by more than what the skeleton has of it?"""
    bound, given = _bindings(topic, cells), _given(topic)
    for about in step.about:
        name, _, method = about.partition(".")
        for _, statement in bound.get(name, ()):
            for function in _functions(statement, method, bound):
                if not _only_raises(function) and ast.dump(function) not in given:
                    return True
    return False


def _given(topic):
    """The functions and methods of a skeleton."""
    tree = contract.read(topic.skeleton)[0]
    return {ast.dump(node) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def _functions(statement, method, bound):
    """The functions that a statement gives to a name: a function itself; of a class this method, or all of its own."""
    if isinstance(statement, ast.FunctionDef):
        return [statement]
    if isinstance(statement, ast.ClassDef):
        own = [part for part in statement.body if isinstance(part, ast.FunctionDef)]
        return [part for part in own if part.name == (method or part.name)]
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Name):  # Value.tanh = tanh
        if any(getattr(target, "attr", "") == method for target in statement.targets):
            return [one for _, one in bound.get(statement.value.id, ()) if isinstance(one, ast.FunctionDef)]
    if isinstance(statement, (ast.Expr, ast.For)) and (isinstance(statement, ast.For) or method in ast.dump(statement)):
        return [statement]  # setattr(Value, "tanh", tanh), or a loop of them
    return []


def _contract_names(topic):
    return {name.split(".")[0] for name in contract.definitions(contract.read(topic.skeleton)[0])}


def _is_defined(statements):
    return any(isinstance(statement, (ast.ClassDef, ast.FunctionDef)) for _, statement in statements or ())


def _bindings(topic, cells):
    """name -> [((cell, line), statement), ...]: the statements that make what the name stands for in the end.

    A finished piece of the topic itself, imported for an example, does not stand in for the learner's own.
    """
    found, own = {}, _contract_names(topic)
    for number, cell in enumerate(cells):
        try:
            statements = ast.parse(cell).body
        except (SyntaxError, ValueError):
            continue  # it did not run either
        for statement in statements:
            lent = isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("utils.")
            for name, adds in _bound_by(statement):
                if lent and name in own:
                    continue
                entry = ((number, statement.lineno), statement)
                found[name] = [*found.get(name, ()), entry] if adds else [entry]
    return found


def _bound_by(statement):
    """(name, whether the statement adds to what the name was) for each name that a statement binds."""
    if isinstance(statement, (ast.ClassDef, ast.FunctionDef)):
        bases = {getattr(base, "id", "") for base in getattr(statement, "bases", ())}
        yield statement.name, statement.name in bases
    elif isinstance(statement, (ast.Import, ast.ImportFrom)):
        for alias in statement.names:
            yield alias.asname or alias.name.split(".")[0], False
    elif isinstance(statement, ast.Assign) and getattr(getattr(statement.value, "func", None), "id", "") != "use":
        for target in statement.targets:
            if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
                yield target.value.id, True
            for node in ast.walk(target):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id, False
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        yield statement.target.id, False
    elif isinstance(statement, (ast.Expr, ast.For)):
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "setattr":
                yield getattr(node.args[0], "id", ""), True


def _names_used(statement):
    """The names outside of it that a statement needs; what a function calls its own variables is its own business."""
    found, tables = set(), [symtable.symtable(ast.unparse(statement), "cell", "exec")]
    while tables:
        table = tables.pop()
        module = table.get_type() == "module"
        found |= {
            name.get_name() for name in table.get_symbols() if name.is_global() or (module and name.is_referenced())
        }
        tables += table.get_children()
    return found


def _only_raises(function):
    body = [node for node in getattr(function, "body", ()) if not (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]  # fmt: skip
    return len(body) == 1 and isinstance(body[0], ast.Raise) and "NotImplementedError" in ast.dump(body[0])

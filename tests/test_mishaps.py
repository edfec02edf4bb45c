"""Beginners' accidents with Python and NumPy, each really made, have words of their own."""

import pytest

from utils.course import diagnosis
from utils.course.catalog import catalog
from utils.course.running import Run

TOPIC = catalog().topic("05")
GIVEN = """
import numpy as np
rng = np.random.default_rng(0)
matrix, vector, rows, known = np.zeros((2, 3)), np.zeros(3), [[1, 2], [3, 4]], {}
class Neuron:
    def parameters(self):
        return []
"""
ACCIDENTS = {
    "np.zeros(2, 3)": "shape as one tuple",
    "rng.standard_normal(2, 3)": "shape as one tuple",
    "rng.normal(0.0, 1.0, 2, 3)": "wants the shape as one thing",
    "np.sum(1, 2, 3)": "into one list",
    "np.concatenate(vector, vector)": "np.concatenate([a, b])",
    "range(vector)": "one whole number belongs",
    "np.max(vector, vector)": "np.maximum",
    "rows[0, 1]": "x[i][j]",
    "rows[2 / 2]": "`//`",
    "vector[1.0]": "`//`",
    "matrix[vector]": ".astype(int)",
    "rows['a']": "as a dict is",
    "vector[5]": "entry 5 of axis 0 is asked for, which has 3 entries",
    "vector[0, 1]": "1-dimensional is given 2 indices",
    "vector.sum(axis=1)": "axis 1 is asked for, and the array is 1-dimensional",
    "len(2.0)": "One number stands",
    "2.0[0]": "One number stands",
    "[x for x in 5]": "range(n)",
    "known[rows]": "A list can change",
    "known[vector]": "A numpy.ndarray can change",
    "(1, 2).__class__((1, 2))[0] = 1": "A tuple cannot be changed",
    "a, b = 1.0": "taken apart as if it were several",
    "Neuron.parameters()": "Make an object first",
    "max(rows) > 0": "compared by its size",
    "(vector > 0) - (vector > 0)": "mask.astype(float)",
    "-(vector > 0)": "mask.astype(float)",
    "np.array([[1, 2], [3]])": "not equally long",
    "np.exp([object()])": "that is no number",
    "np.exp('a')": "that is no number",
    "'tanh'(2.0)": "a str",
    "matrix.shape(0)": "Leave them out",
    "matrix.size()": "Leave them out",
    "np.argmax(vector)(0)": "square brackets",
    "vector.append(1)": "An array does not grow",
    "rows.add(1)": "Write `.append`.",
    "{1}.append(2)": "Write `.add`.",
    "np.dot(matrix, matrix)": "(2, 3) and (2, 3)",
    "matrix @ 2": "For a number write `*`",
    "np.where(matrix > 0, matrix)": "it needs three",
    "round(vector)": "np.round(x)",
    "next([1])": "next(iter(x))",
    "float(rows)": "one number belongs",
    "Neuron()(1.0)": "Name the method `__call__`",
    "max([])": "default=0",
    "slice(1) >= 0": "isinstance(i, slice)",
    "len(rows) + (1, 2)": "(number,)",
    "(1, 2) + 3": "(number,)",
    "rows + 3": "[number]",
    "range(None)": "where it is None",
    "sorted(known, known)": "other arguments than it takes",
    "sum([rows], 0)": "for row in rows",
    "-rows": "lists have no arithmetic",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("code", ACCIDENTS)
def test_an_accident_has_words_of_its_own(code, monkeypatch, tmp_path):
    monkeypatch.setattr(diagnosis, "known_mistakes", lambda topic: [])
    scope = {}
    exec(GIVEN, scope)
    with pytest.raises(Exception) as raised:
        exec(code, scope)
    kind = type(raised.value).__name__
    path = tmp_path / "mlp_and_initialization.py"
    path.write_text(f"import numpy as np\ndef forward(x):\n    {code}\n    return x\n", encoding="utf-8")
    row = {"test": "test_forward", "outcome": "error", "raised": kind, "message": f"{kind}: {raised.value}",
           "about": "forward", "file": "", "line": 3, "observations": (), "step": "matrices", "printed": "",
           "because": "", "function": "forward"}  # fmt: skip
    told = diagnosis.diagnose(TOPIC, Run((row,), "done"), row, path)
    assert ACCIDENTS[code] in f"{told.cause} {told.action}"

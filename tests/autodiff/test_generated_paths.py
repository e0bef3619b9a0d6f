"""The generated paths change nothing but the time, show their source, and raise an error once."""

from __future__ import annotations

import linecache
import os
import pickle
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff.methods import generated_paths
from autodiff.registry import METHODS, PUBLIC, Op

ROOT = Path(__file__).parent.parent.parent
generated = pytest.mark.skipif(not generated_paths.ON, reason="the generated paths are turned off")

PROGRAM = """
import numpy as np, autodiff as ad
from autodiff.methods import generated_paths
assert not generated_paths.ON
x, w, b = ad.tensor([[1.0, -2.0, 3.0]]), ad.tensor(np.arange(6.0).reshape(3, 2), dtype="float32"), ad.tensor([0.5, 2.0])
a, c = ad.scalar(2.0), ad.scalar(-0.5)
h = np.tanh(x @ w * 0.1 + b) / (3 - b) ** 2 - abs(-x).sum()
s = (a * c - 3 / a) ** 2 % 5 + abs(c) + (1 - a).tanh() + c // 2
y = h.sum() * s + np.exp(x[0, 1:]).mean()
y.backward()
print(*[float(v).hex() for g in (y.data, x.grad, w.grad, b.grad, a.grad, c.grad, s.grad) for v in np.ravel(g)])
"""


def test_without_the_generated_paths_the_answers_are_the_same() -> None:
    where = {**os.environ, "BACKFLOW_GENERATED_PATHS": "0"}
    command = [sys.executable, "-c", PROGRAM]
    off = subprocess.run(command, cwd=ROOT, env=where, capture_output=True, text=True, check=True).stdout
    found: list[str] = []
    exec(PROGRAM.replace("assert not generated_paths.ON", ""), {"print": lambda *words: found.extend(words)})
    assert off.split() == found and len(found) == 15


@generated
@pytest.mark.parametrize("function", ["__add__", "__pow__", "__neg__", "tanh"])
@pytest.mark.parametrize("kind", [ad.Tensor, ad.Scalar])
def test_debuggers_and_tracebacks_see_the_source_of_a_generated_function(kind: Any, function: str) -> None:
    code = getattr(kind, function).__code__
    line = linecache.getline(code.co_filename, code.co_firstlineno)
    assert "def made(x" in line
    linecache.checkcache()
    assert linecache.getline(code.co_filename, code.co_firstlineno) == line


def matrix(*shape: int) -> Any:
    return ad.tensor(np.ones(shape))


WRONG = {
    "matmul": (lambda: matrix(2, 3) @ np.ones((2, 2)), "matmul: (2, 3) @ (2, 2): inner sizes 3 and 2 differ"),
    "np.matmul": (lambda: np.matmul(np.ones((4, 2, 3)), matrix(2)), "(4, 2, 3) @ (2,): inner sizes 3 and 2 differ"),
    "a number": (lambda: matrix(2) @ ad.tensor(1.0), "matmul needs operands with at least one axis"),
    "add": (lambda: matrix(2) + matrix(3), "could not be broadcast together with shapes (2,) (3,)"),
    "sum": (lambda: matrix(2).sum(axis=3), "axis 3 is out of bounds"),
    "linear": (lambda: ad.linear(matrix(2, 3), matrix(4, 2)), ""),
}


@pytest.mark.parametrize("name", WRONG)
def test_operands_that_do_not_fit_print_one_traceback(name: str) -> None:
    act, message = WRONG[name]
    with pytest.raises((ValueError, TypeError, IndexError)) as caught:
        act()
    text = "".join(traceback.format_exception(caught.value))
    assert message in str(caught.value)
    assert text.count("Traceback (most recent call last)") == 1, text


@pytest.mark.parametrize(
    "act", [lambda a: a / 0.0, lambda a: 0.0 / (a - 2.0), lambda a: np.log(a - 2.0), lambda a: (a * 1e200) ** 2]
)
def test_scalars_answer_as_numpy_where_python_raises(act: Any) -> None:
    with np.errstate(all="ignore"):
        np.testing.assert_equal(act(ad.scalar(2.0)).data, float(act(np.float64(2.0))))


@pytest.mark.parametrize("name", PUBLIC)
def test_public_functions_survive_pickle(name: str) -> None:
    assert pickle.loads(pickle.dumps(PUBLIC[name])) is PUBLIC[name]


def test_a_pickled_model_may_hold_public_functions() -> None:
    model = nn.Sequential(nn.Linear(2, 3, rng=0))
    model.activation = ad.tanh
    copy = pickle.loads(pickle.dumps(model))
    assert copy.activation is ad.tanh
    x = np.ones((1, 2))
    np.testing.assert_array_equal(copy.activation(copy(x)).data, model.activation(model(x)).data)


def test_a_row_made_on_the_spot_refuses_pickle_by_name() -> None:
    row = Op(np.tanh, lambda g, y: g, name="mine", doc="")
    with pytest.raises(TypeError, match=r"<op mine\(x\)> is no row of the registry"):
        pickle.dumps(row)


def test_every_method_of_a_row_is_on_the_class() -> None:
    assert [name for name in METHODS if not hasattr(ad.Tensor, name)] == []


def test_names_that_moved_say_where_they_are() -> None:
    with pytest.raises(AttributeError, match=r"write autodiff\.extend\.WriteMark"):
        ad.WriteMark
    with pytest.warns(DeprecationWarning, match="LeavesGraphError"):
        assert ad.ExitError is ad.LeavesGraphError


def test_numpy_finds_pythons_builtins_when_it_words_an_error() -> None:
    """``tensor(array of another library) @ ndarray`` was a KeyError: '__builtins__', the first time in a process."""
    for function in (ad.Tensor.__matmul__, ad.matmul.run, ad.Tensor.tanh):
        assert "__builtins__" in getattr(function, "__globals__", {"__builtins__": None})

"""`check_derivatives`: what it proves, how it fails, what it says, and that it says the same twice."""

from __future__ import annotations

import importlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from autodiff.testing import (
    Arguments,
    DerivativeError,
    InconclusiveError,
    arguments,
    check_derivatives,
    check_op,
    derivative_test,
    shapes,
    signature,
    tensors,
)


def softmax(x: Any, axis: int = -1) -> Any:
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def softmax_rule(g: Any, y: Any, x: Any, axis: int = -1) -> Any:
    return (y * (g - np.sum(g * y, axis=axis, keepdims=True)),)


def half_a_softmax_rule(g: Any, y: Any, x: Any, axis: int = -1) -> Any:
    return (y * (g - 0.5 * np.sum(g * y, axis=axis, keepdims=True)),)


def test_a_right_rule_is_proven_at_a_point_and_over_a_search() -> None:
    assert check_derivatives(softmax, np.array([[0.0, 1.0]]), vjp=softmax_rule).ok
    report = check_derivatives(softmax, tensors(shapes(1, 2)), vjp=softmax_rule, examples=15, seed=1)
    assert report.ok and report.median_resolution < 1e-10 and report.weak_share <= 0.05


def test_a_wrong_rule_is_shrunk_to_a_small_input() -> None:
    with pytest.raises(DerivativeError) as caught:
        check_derivatives(softmax, tensors(shapes(1, 2)), vjp=half_a_softmax_rule, examples=30)
    error = caught.value
    assert error.property == "P01" and sum(a.size for a in error.inputs) <= 2
    assert abs(error.analytic - error.numerical) > error.tolerance
    assert error.op == "softmax" and "check_derivatives(softmax" in error.reproduce


@pytest.mark.sampled(3)  # each starts Python anew
def test_the_same_seed_gives_the_same_report_in_another_process(capsys: pytest.CaptureFixture[str]) -> None:
    program = (
        "import numpy as np; from autodiff.testing import check_derivatives, tensors\n"
        "rule = lambda g, y, x: (g * np.abs(np.cos(x)),)\n"
        "print(check_derivatives(np.sin, tensors(), vjp=rule, seed=3, examples=8, raises=False))"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    exec(program, {})
    assert capsys.readouterr().out == other and "the sign is wrong" in other


def test_the_report_of_a_failure_fits_one_screen_and_reproduces() -> None:
    report = check_derivatives(np.sin, tensors(), vjp=lambda g, y, x: (2 * g * np.cos(x),), examples=10, raises=False)
    text = str(report)
    assert len(text.splitlines()) <= 24
    for part in (
        "smallest failing input",
        "slope of the rule",
        "measured slope",
        "off by a factor of 2",
        "still right",
        "reproduce",
    ):
        assert part in text, part
    names = {"check_derivatives": check_derivatives, "sin": np.sin, "np": np}
    line = report.failures[0].reproduce.replace("vjp=...", "vjp=lambda g, y, x: (2 * g * np.cos(x),)")
    with pytest.raises(DerivativeError):
        eval(line, names)


def test_function_under_the_engine_is_checked_in_both_modes_and_to_second_order() -> None:
    report = check_derivatives(lambda x: np.tanh(x) * x.sum(), tensors(shapes(1, 2), wide=False), order=2, examples=8)
    assert {"P01", "P02", "P03", "P10", "P11"} <= set(report.tally.counts)
    only = check_derivatives(np.sin, np.array([0.5]), modes=("forward",))
    assert "P02" in only.tally.counts and "P01" not in only.tally.counts


def test_arguments_may_depend_on_each_other_and_keywords_may_be_drawn() -> None:
    @arguments
    def calls(draw: Any) -> Arguments:
        x = draw(tensors(shapes(1, 3)))
        return Arguments(x, axis=draw(st.integers(-x.ndim, x.ndim - 1)))

    assert check_derivatives(softmax, calls(), vjp=softmax_rule, examples=10).ok
    assert check_derivatives(
        softmax, tensors((2, 2)), kwargs={"axis": st.integers(-2, 1)}, vjp=softmax_rule, examples=10
    ).ok


def test_integer_arguments_are_not_differentiated() -> None:
    def pick(table: Any, rows: Any) -> Any:
        return table[rows]

    assert check_derivatives(pick, np.arange(6.0).reshape(3, 2), np.array([0, 2, 0])).ok
    assert check_derivatives(np.multiply, np.ones(2), np.ones(2), wrt=1).ok


def test_kinks_can_be_accepted_avoided_or_refused() -> None:
    def rule(g: Any, y: Any, x: Any) -> Any:
        return (g * np.where(x == 0, 3.0, np.sign(x)),)

    at_zero = np.array([0.0])
    with pytest.raises(DerivativeError, match="P09"):
        check_derivatives(np.abs, at_zero, vjp=rule)
    with pytest.raises(DerivativeError, match="P09"):
        check_derivatives(np.abs, at_zero, vjp=lambda g, y, x: (g * np.sign(x),), kinks="error")
    assert not check_derivatives(np.abs, at_zero, vjp=rule, kinks="avoid", raises=False).failures


def test_silence_never_passes() -> None:
    with pytest.raises(InconclusiveError, match="refused all"):
        check_derivatives(lambda x: 1 / 0, tensors(), vjp=lambda g, y, x: (g,), examples=5)
    with pytest.raises(InconclusiveError, match="no derivative could be measured"):
        check_derivatives(np.log, np.array([-1.0]), vjp=lambda g, y, x: (g / x,))


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(TypeError, match="must be a function"):
        check_derivatives(3, np.ones(2))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="no inputs"):
        check_derivatives(np.sin)
    with pytest.raises(TypeError, match="no argument is a floating"):
        check_derivatives(np.sin, np.array([1, 2]))
    with pytest.raises(ValueError, match="kinks"):
        check_derivatives(np.sin, np.ones(2), kinks="maybe")
    with pytest.raises(ValueError, match="P99"):
        check_derivatives(np.sin, np.ones(2), properties=["P99"])
    with pytest.raises(ValueError, match="order"):
        check_derivatives(np.sin, np.ones(2), order=3)
    with pytest.raises(ValueError, match="modes"):
        check_derivatives(np.sin, np.ones(2), modes=("sideways",))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_low_precision_rules_are_judged_as_reliably_as_double_ones(dtype: Any) -> None:
    """A rule that is wrong in the low precision alone is found; one that rounds as it must is not."""

    def right(g: Any, y: Any, x: Any) -> Any:
        return (g * np.cos(x),)

    def wrong(g: Any, y: Any, x: Any) -> Any:
        return (g * np.cos(x) * (x.dtype.type(1.1) if x.dtype == dtype else 1),)

    inputs = tensors(shapes(0, 2), (-3.0, 3.0), dtype, wide=False)
    assert check_derivatives(np.sin, inputs, vjp=right, dtypes=(np.float64, dtype), examples=20).ok
    with pytest.raises(DerivativeError):
        check_derivatives(np.sin, tensors(shapes(0, 2), wide=False), vjp=wrong, dtypes=(np.float64, dtype), examples=40)


@derivative_test(signature("(m,k),(k,n)->(m,n)"), examples=5)
def test_the_decorator_makes_a_test(a: Any, b: Any) -> Any:
    return np.tanh(a @ b)


def test_the_decorator_wants_inputs() -> None:
    with pytest.raises(TypeError, match="needs inputs"):
        derivative_test(np.sin)


def test_numerical_core_imports_neither_hypothesis_nor_the_checks() -> None:
    program = (
        "import sys, autodiff.testing.measuring.differences\n"
        "sys.exit(any(m in sys.modules for m in ('hypothesis', 'autodiff.testing.check')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


RULES = """
import numpy as np

def cosine(g, y, x):
    return (g * np.cos(x),)

def unordered(g, y, x):
    return (g * np.cos(x) * (1 + 1e-3 * (next(iter({"a", "b", "c"})) == "b") + hash("d") % 7),)
"""


def cosine(g: np.ndarray, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray]:
    return (g * np.cos(x),)


@pytest.mark.sampled(3)  # each starts Python anew
def test_determinism_asks_two_processes_where_it_is_told_to(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rules_in_a_module.py").write_text(RULES)
    monkeypatch.syspath_prepend(tmp_path)
    rules = importlib.import_module("rules_in_a_module")
    x = np.array([0.5, 1.0])
    assert check_derivatives(np.sin, x, vjp=rules.cosine, processes=True).tally.counts["P18"]["pass"] == 4
    assert check_derivatives(np.sin, x, processes=True).ok
    assert check_op("tanh", examples=4, processes=True).ok
    wrong = check_derivatives(np.sin, x, vjp=rules.unordered, processes=True, properties="P18", raises=False)
    assert wrong.failures and "fresh process with PYTHONHASHSEED" in str(wrong)


def test_a_rule_that_no_other_process_can_import_is_an_error_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.array([0.5, 1.0])
    with pytest.raises(ValueError, match="into a module"):
        check_derivatives(lambda x: x * x, x, processes=True)
    monkeypatch.setattr(cosine, "__module__", "no_such_folder.rules")
    monkeypatch.setitem(sys.modules, "no_such_folder.rules", sys.modules[__name__])  # as pytest imports test files
    with pytest.raises(ValueError, match="into a module"):
        check_derivatives(np.sin, x, vjp=cosine, processes=True)


def test_a_property_that_measures_nothing_can_be_asked_for_alone() -> None:
    report = check_derivatives(np.sin, np.array([0.5]), vjp=cosine, properties=["P04", "P18"])
    assert report.ok and set(report.tally.counts) == {"P04", "P18"} and "0.0% weak" in str(report)


def test_the_report_counts_ties_size_one_and_finite_gradients() -> None:
    counts = check_derivatives(np.sin, np.array([0.5]), vjp=cosine).tally.counts
    assert counts["P16"]["pass"] and counts["P25"]["pass"]
    assert check_derivatives(np.max, np.array([1.0, 1.0])).tally.counts["P09"]["pass"]

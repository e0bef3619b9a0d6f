"""Every printed line that reproduces a failure fails in the same way in a fresh interpreter."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st

import autodiff as ad
from autodiff.testing import DerivativeError, check_derivatives, derivative_test, from_pair, tensors
from autodiff.testing.inputs.shrinking import explore
from autodiff.testing.reporting.reproduction import Source, array_text

FACTOR = 2.5
POINT = np.array([0.5])


def cubed(x: Any) -> Any:
    return x**3


def rule_without_the_3(g: Any, y: Any, x: Any) -> Any:
    return (g * x**2,)


@derivative_test(POINT, vjp=rule_without_the_3)
def test_cube(x: Any) -> Any:
    return x**3


test_cube.__test__ = False  # type: ignore[attr-defined]  # it fails; only its function is of interest here


def wrong(f: Any, *inputs: Any, **options: Any) -> Any:
    report = check_derivatives(f, *inputs, raises=False, **{"examples": 25, **options})
    return report.failures[0]


def half(scale: float) -> Any:
    return lambda g, y, x: (g * scale * np.cos(x),)


CALLS = {
    "names of a module": lambda: wrong(cubed, POINT, vjp=rule_without_the_3),
    "lambdas": lambda: wrong(lambda x: np.sin(x), POINT, vjp=lambda g, y, x: (-g * np.cos(x),)),
    "a lambda with a global number": lambda: wrong(lambda x: x * FACTOR, POINT, vjp=lambda g, y, x: (g,)),
    "a lambda with an outer number": lambda: wrong(np.sin, POINT, vjp=half(0.5)),
    "a function under derivative_test": lambda: wrong(test_cube.function, POINT, vjp=rule_without_the_3),
    "float16": lambda: wrong(
        np.tanh,
        np.array([0.5], np.float16),
        vjp=lambda g, y, x: (g * (1 - y * y) * (-1 if x.dtype == np.float16 else 1),),
    ),
    "dtypes": lambda: wrong(
        np.tanh,
        tensors(),
        vjp=lambda g, y, x: (g * (1 - y * y) * (-1 if x.dtype == np.float16 else 1),),
        dtypes=(np.float16,),
    ),
    "wrt": lambda: wrong(np.multiply, POINT, np.array([2.0]), vjp=lambda g, y, a, b: (None, g * b), wrt=1),
    "kwargs": lambda: wrong(
        np.sum, np.ones((2, 3)), kwargs={"axis": (0, 1)}, vjp=lambda g, y, x, axis: (g * x / 2,), modes="reverse"
    ),
    "kinks": lambda: wrong(np.abs, np.array(0.0), kinks="error"),
    "one number, infinities and NaN": lambda: wrong(
        lambda x, a: x * np.where(np.isfinite(a), 3, 2)[0],
        POINT,
        np.array([np.inf, -np.inf, np.nan, -0.0]),
        wrt=0,
        vjp=lambda g, y, x, a: (g * 2, None),
    ),
    "a searched matrix": lambda: wrong(np.tanh, tensors((3, 2)), vjp=lambda g, y, x: (g * (1 - y),)),
    "a pair": lambda: wrong(from_pair(np.sin, lambda g, y, x: (g * np.sin(x),)), POINT),
    "order 2": lambda: wrong(detached_square, POINT, order=2),
    "another property": lambda: wrong(np.sin, POINT, vjp=lambda g, y, x: (np.clip(g * np.cos(x), -50, 50),)),
    "a large array of one value": lambda: wrong(np.sin, np.full(500, 0.5), vjp=lambda g, y, x: (g,)),
}
PROFILE = settings.get_current_profile_name()
RUNNER = """
import json, sys
for name, (imports, line) in json.load(sys.stdin).items():
    space = {}
    exec(imports.replace("; ", "\\n"), space)
    try:
        eval(line, space)
    except Exception as error:
        print(json.dumps([name, type(error).__name__, str(error)]))
"""


def detached_square(x: Any) -> Any:
    square = ad.custom_vjp(lambda x: x * x)
    square.defvjp(lambda x: (x * x, ad.stop_gradient(x) if hasattr(ad, "stop_gradient") else x.detach()), _double)
    return square(x)


def _double(x: Any, g: Any) -> Any:
    return (2 * g * np.asarray(x.data if isinstance(x, ad.Variable) else x),)


@pytest.mark.sampled(3)  # each starts Python anew
def test_every_printed_line_fails_in_the_same_way_in_a_fresh_interpreter() -> None:
    names = random.sample(sorted(CALLS), 5) if PROFILE == "dev" else list(CALLS)
    failures = {name: CALLS[name]() for name in names}
    for name, failure in failures.items():
        assert failure.reproduce, (name, failure.again)
        assert failure.reproduce in str(failure) and failure.imports in str(failure)
    lines = {name: [f.imports, f.reproduce] for name, f in failures.items()}
    done = subprocess.run([sys.executable, "-c", RUNNER], input=json.dumps(lines), capture_output=True, text=True)
    told = {name: (kind, text) for name, kind, text in map(json.loads, done.stdout.splitlines())}
    for name, failure in failures.items():
        kind, text = told.get(name, ("nothing", done.stderr))
        assert kind == "DerivativeError", f"{name}: {failure.imports}\n{failure.reproduce}\n{kind}: {text}"
        assert f"[{failure.finding.property} " in text, f"{name}: {text}"


def test_what_cannot_be_written_down_is_told_in_words() -> None:
    def local(x: Any) -> Any:
        return np.sin(x)

    found = wrong(local, POINT, vjp=lambda g, y, x: (g,))
    assert not found.reproduce and "reproduce" not in str(found)
    assert "local" in found.again and "seed=" in found.again
    big = wrong(np.sin, np.linspace(0, 1, 500), vjp=lambda g, y, x: (g,))
    assert not big.reproduce and "too large to write down" in big.again


def test_order_2_of_a_bare_rule_is_refused_and_never_skipped_in_silence() -> None:
    with pytest.raises(ValueError, match="order=2, but the rule of sin is not recorded"):
        check_derivatives(np.sin, POINT, vjp=lambda g, y, x: (g * np.cos(x),), order=2)


def test_a_gradient_that_cannot_be_differentiated_violates_the_second_order() -> None:
    def once(x: Any) -> Any:
        f = ad.custom_vjp(lambda x: x * x)
        f.defvjp(lambda x: (x * x, x), refuses)
        return f(x)

    def refuses(x: Any, g: Any) -> Any:
        if isinstance(x, ad.Variable) and x.requires_grad:
            raise ValueError("this rule is not differentiable")
        return (2 * g * x,)

    with pytest.raises(DerivativeError, match="P10"):
        check_derivatives(once, POINT, order=2)


@pytest.mark.parametrize(
    "x",
    [
        np.array([1.0]),
        np.array(0.1, np.float32),
        np.array([[0.1, np.nan], [-np.inf, -0.0]], np.float16),
        np.array([1 + 2j, np.nan - 1j]),
        np.zeros((0, 3), np.float32),
        np.full((3, 4), 0.1, np.float32),
        np.eye(1, 12, 3, np.float32) * np.float32(0.3),
        np.arange(12).reshape(3, 4),
        np.array([True, False]),
        np.full(12, -0.0),
    ],
)
def test_the_text_of_an_array_makes_it_again_bit_for_bit(x: np.ndarray) -> None:
    again = eval(array_text(x), {"np": np})
    assert again.dtype == x.dtype and again.shape == x.shape
    if x.dtype.kind == "f":
        assert np.array_equal(np.signbit(again), np.signbit(x) & ~np.isnan(x))
    np.testing.assert_array_equal(again, x)


def test_texts_of_keywords_make_them_again() -> None:
    for value in (None, (1,), [2, (3, "a")], {"k": 1.5}, slice(None, None, 2), np.float32, np.float16(0.1), Ellipsis):
        again = eval(Source().value(value), {"np": np})
        assert again == value and type(again) is type(value)


def test_what_is_drawn_depends_on_the_seed_alone_not_on_the_modules_that_are_loaded(tmp_path: Path) -> None:
    def drawn() -> list[float]:
        seen: list[float] = []
        explore(st.lists(st.floats(), min_size=50, max_size=50), seen.extend, examples=20, seed=3)
        return [x for x in seen if x == x]

    before = drawn()
    numbers = tmp_path / "numbers_of_a_user.py"
    numbers.write_text("\n".join(f"n{k} = {k}.125" for k in range(1000, 1100)))
    sys.modules[numbers.stem] = module = ModuleType(numbers.stem)
    module.__file__ = str(numbers)
    try:
        assert drawn() == before
    finally:
        del sys.modules[numbers.stem]

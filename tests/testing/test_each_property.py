"""Every property finds a mistake of its own, asked for alone by its id, and accepts the same thing done right."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

import autodiff as ad
from autodiff.testing import DerivativeReport, InconclusiveError, check_derivatives, shapes, tensors
from autodiff.testing.check import Options, check_subject
from autodiff.testing.properties.table import TITLES
from autodiff.testing.subjects.function_under_test import Subject

LINE = np.array([0.5, -1.25, 2.0])


def sine(g: Any, y: Any, x: Any) -> Any:
    return (g * np.cos(x),)


def pair(rule: Any, f: Any = np.sin, *inputs: Any) -> Callable[[str], DerivativeReport]:
    """A bare rule, at a point or over a search."""
    return lambda prop: check_derivatives(
        f, *(inputs or (LINE,)), vjp=rule, properties=prop, examples=40, raises=False, explain=False
    )


def engine(f: Any, *inputs: Any, order: int = 1) -> Callable[[str], DerivativeReport]:
    """A function of this engine, at a point."""
    return lambda prop: check_derivatives(
        f, *(inputs or (LINE,)), properties=prop, order=order, raises=False, explain=False
    )


def forward(tangent: Any) -> Callable[[str], DerivativeReport]:
    """The sine with a right reverse derivative and this forward one."""
    subject = Subject(
        "sin",
        np.sin,
        lambda case, ys, ws: sine(ws[0], ys[0], case.xs[0]),
        lambda case, vs: [tangent(vs[0], case.xs[0])],
    )
    return lambda prop: check_subject(subject, (LINE,), None, Options((prop,)), explain=False)


def both(x: Any) -> Any:
    return np.sin(x), np.cos(x)


def product(rule: Any) -> Any:
    """x y under this engine with a rule(g, x, y) of its own."""
    f = ad.custom_vjp(lambda x, y: x * y)
    f.defvjp(lambda x, y: (x * y, (x, y)), lambda kept, g: rule(g, *kept))
    return f


def frozen(x: Any) -> Any:
    """A value whose own derivative is forgotten."""
    return x.data if isinstance(x, ad.Variable) else x


alternating = ad.custom_vjp(lambda x: 2.0 * x)  # the rule doubles its answer at every second call
alternating.defvjp(lambda x: (2.0 * x, None), lambda _, g: (g * (2.0 + 2.0 * (next(wrong_turns) % 2)),))


def writes_an_index(g: Any, y: Any, x: Any, i: Any) -> Any:
    gx = np.zeros_like(x)
    np.add.at(gx, i, g)
    i[:] = 0
    return gx, None


def take_rule(g: Any, y: Any, x: Any, i: Any) -> Any:
    gx = np.zeros_like(x)
    np.add.at(gx, i, g)
    return gx, None


def refuses_nothing(g: Any, y: Any, x: Any) -> Any:
    if x.size == 0:
        raise IndexError("no first entry")
    return (g * np.cos(x),)


def calls_backward_inside(x: Any) -> Any:
    if isinstance(x, ad.Variable) and x.requires_grad:
        (x * x).sum().backward()
    return x * 3.0


held: list[Any] = []
wrong_turns = count()


def keeps_what_it_made(x: Any) -> Any:
    held.append(x * 2.0)
    return held[-1]


def counted(x: Any) -> Any:
    return x * (1.0 + next(wrong_turns) % 2)


def stretched(a: Any, b: Any) -> Any:
    return a + b


def sums(factor: float) -> Any:
    """The rule of a + b for a matrix and a row; the gradient of the row times a factor where it was stretched."""
    return lambda g, y, a, b: (g, g if b.shape == g.shape else factor * g.sum(axis=0))


def twice_if_one_array(g: Any, y: Any, a: Any, b: Any) -> Any:
    return (2.0 if a is b else 1.0) * g * b, g * a


MATRIX, ROW = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]]), np.array([0.5, 0.25, 3.0])
PRODUCT = (LINE, np.array([3.0, 0.5, 1.5]))
TAKE = (LINE, np.array([2, 0, 2]))

# id -> (the mistake, the same done right)
PLANTED: dict[str, tuple[Callable[[str], DerivativeReport], Callable[[str], DerivativeReport]]] = {
    "P01": (pair(lambda g, y, x: (2 * g * np.cos(x),)), pair(sine)),
    "P02": (forward(lambda v, x: 1.001 * v * np.cos(x)), forward(lambda v, x: v * np.cos(x))),
    "P03": (forward(lambda v, x: v[::-1] * np.cos(x)), forward(lambda v, x: v * np.cos(x))),
    "P04": (pair(lambda g, y, x: (np.abs(g) * np.cos(x),)), pair(sine)),
    "P05": (pair(lambda g, y, x: (g * np.cos(x) * np.count_nonzero(g) / g.size,)), pair(sine)),
    "P06": (pair(lambda g, y, x: (g * (g / g) * np.cos(x),)), pair(sine)),
    "P07": (
        pair(lambda g, y, x: (g[0] * y[1] - g[1] * y[0] * g[0].any(),), both),
        pair(lambda g, y, x: (g[0] * y[1] - g[1] * y[0],), both),
    ),
    "P08": (pair(lambda g, y, x: (g * np.abs(np.cos(x)),), np.sin, 2 * LINE), pair(sine)),
    "P09": (
        pair(lambda g, y, x: (g * (x == y),), np.max, np.array([1.0, 1.0, 0.5])),
        pair(lambda g, y, x: (g * (x == y) / np.sum(x == y),), np.max, np.array([1.0, 1.0, 0.5])),
    ),
    "P10": (
        engine(product(lambda g, x, y: (g * frozen(y), g * frozen(x))), *PRODUCT, order=2),
        engine(product(lambda g, x, y: (g * y, g * x)), *PRODUCT, order=2),
    ),
    "P11": (
        engine(product(lambda g, x, y: (g * frozen(y), g * x)), *PRODUCT, order=2),
        engine(product(lambda g, x, y: (g * y, g * x)), *PRODUCT, order=2),
    ),
    "P12": (pair(lambda g, y, x: ((g * np.cos(x)).astype(np.float64),)), pair(sine)),
    "P13": (pair(lambda g, y, x: (g * np.cos(x) * x.dtype.type(1 + (x.itemsize < 8)),)), pair(sine)),
    "P14": (pair(sums(0.5), stretched, MATRIX, ROW), pair(sums(1.0), stretched, MATRIX, ROW)),
    "P15": (
        pair(lambda g, y, x: (g * np.cos(x.ravel(order="K").reshape(x.shape)),), np.sin, MATRIX),
        pair(sine, np.sin, MATRIX),
    ),
    "P16": (pair(lambda g, y, x: (g * np.cos(x) * (x.size != 1),), np.sin, tensors()), pair(sine, np.sin, tensors())),
    "P17": (pair(writes_an_index, np.take, *TAKE), pair(take_rule, np.take, *TAKE)),
    "P18": (pair(lambda g, y, x: (g * np.cos(x) * (1 + 1e-15 * next(wrong_turns)),)), pair(sine)),
    "P20": (
        engine(lambda x: x * (2.0 if isinstance(x, ad.Scalar) else 3.0), np.array(0.5)),
        engine(lambda x: x * 3.0, np.array(0.5)),
    ),
    "P22": (engine(keeps_what_it_made), engine(lambda x: x * 2.0)),
    "P23": (
        pair(twice_if_one_array, np.multiply, *PRODUCT),
        pair(lambda g, y, a, b: (g * b, g * a), np.multiply, *PRODUCT),
    ),
    "P24": (engine(alternating), engine(np.sin)),
    "P25": (
        pair(lambda g, y, x: (3 * g * y / x,), lambda x: x**3, np.array([0.0, 1.0])),
        pair(lambda g, y, x: (3 * g * x * x,), lambda x: x**3, np.array([0.0, 1.0])),
    ),
    "P26": (engine(counted), engine(np.sin)),
    "P27": (engine(alternating), engine(np.sin)),
    "P28": (engine(calls_backward_inside), engine(np.sin)),
}


@pytest.mark.parametrize("prop", sorted(PLANTED))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_property_asked_for_alone_finds_its_mistake_and_nothing_else(prop: str) -> None:
    wrong, right = (make(prop) for make in PLANTED[prop])
    held.clear()
    assert [f.finding.property for f in wrong.failures] == [prop], str(wrong)
    assert right.ok and right.tally.counts[prop]["pass"] and set(right.tally.counts) == {prop}, str(right)


def test_every_property_has_a_planted_mistake() -> None:
    assert set(TITLES) == set(PLANTED)


def test_sizes_zero_are_part_of_size_one_and_zero() -> None:
    found = pair(refuses_nothing, np.sin, tensors(shapes(zero=True)))("P16")
    assert found.failures[0].finding.property == "P16" and "no first entry" in found.failures[0].finding.message
    assert found.failures[0].finding.case.size == 0
    at_a_point = pair(refuses_nothing, np.sin, np.zeros((0, 2)))("P16")
    assert at_a_point.failures and pair(sine, np.sin, np.zeros((0, 2)))("P16").ok


def test_a_value_that_follows_the_memory_layout_is_found() -> None:
    report = pair(lambda g, y, x: (g * 1.0,), lambda x: x.ravel(order="K").reshape(x.shape), MATRIX)("P15")
    assert "value depends on the memory layout" in report.failures[0].finding.message


def test_one_output_alone_and_one_handle_twice_are_asked_of_the_engine_too() -> None:
    assert engine(both)("P07").tally.counts["P07"]["pass"] >= 2
    shared = product(lambda g, x, y: (g * y, g * x * (1.0 + (x is y))))
    assert engine(shared, *PRODUCT)("P23").tally.counts["P23"]["pass"]


def test_one_handle_twice_is_judged_where_another_element_is_nan() -> None:
    """0 / 0 made the room for rounding NaN, and every element wrong."""
    report = check_derivatives(ad.divide, np.array([0.0, 1.0]), np.array([1.0, 1.0]), properties="P23")
    assert report.ok and report.tally.counts["P23"]["pass"]


def test_one_handle_twice_is_not_asked_where_the_second_argument_has_another_domain() -> None:
    def entropy(p: Any, target: Any) -> Any:
        if np.any(target < 0):
            raise ValueError("a probability, please")
        return -target * np.log(p * p + 1.0)

    assert not check_derivatives(
        entropy, np.array([-1.0, 2.0]), np.array([0.5, 1.0]), properties="P23", raises=False
    ).failures


@pytest.mark.parametrize(("f", "x"), [(ad.tanh, 3.935546875), (ad.tanh, 7.125), (lambda x: 1.0 - np.tanh(x), 14.0)])
def test_a_scalar_may_round_differently_where_rounding_is_all_that_is_left(f: Any, x: float) -> None:
    """1 - tanh(x)**2 of a tanh that math rounds up and NumPy down: an ulp of 1, 600 ulp of the slope."""
    report = check_derivatives(f, np.array(x), properties="P20", raises=False)
    assert not report.failures and report.tally.counts["P20"]["pass"]


@pytest.mark.parametrize(
    ("f", "x", "property"),
    [
        (ad.tanh, 16.25, "P10"),
        (ad.softmax, [[1.0, 1.0, 32.0], [1.0, 1.0, 256.0]], "P10"),
        (ad.softmax, [[1.0, 1.0, 16.0], [1024.0, -1.0, -1.0]], "P05"),
    ],
)
def test_what_rounding_leaves_of_a_saturated_function_is_no_fault(f: Any, x: Any, property: str) -> None:
    """Slopes of 1e-14 made of numbers near 1: linear in the cotangent to 1e-16 only, and a staircase in x."""
    for seed in (1, 3, 4):
        report = check_derivatives(f, np.array(x), order=2, properties=property, seed=seed, raises=False, explain=False)
        assert not report.failures, str(report)


def test_nothing_checked_is_not_right() -> None:
    with pytest.raises(InconclusiveError, match="none of the selected properties could be checked"):
        check_derivatives(np.sin, LINE, vjp=sine, properties="P14")


def test_a_property_left_out_is_not_reported_by_the_check_of_another() -> None:
    ties = np.array([1.0, 1.0, 0.5])
    counted_ties = pair(lambda g, y, x: (g * (x == y),), np.max, ties)
    assert [f.finding.property for f in counted_ties("default").failures] == ["P09"]
    report = counted_ties("-P09")
    assert "P09" not in report.tally.counts and all(f.finding.property != "P09" for f in report.failures)


def test_what_was_not_checked_is_said_with_its_reason() -> None:
    text = str(check_derivatives(np.sin, LINE, vjp=sine))
    for line in ("no forward derivative given: P02, P03", "order=1: P10, P11", "not a function of this engine: P20"):
        assert f"not checked, {line}" in text


def test_shrinking_ends_when_a_smaller_example_is_found_on_the_second_try(monkeypatch: Any) -> None:
    """A search for at most 4 numbers fails, one for fewer than there are finds 3: there was no way out of the loop."""
    from autodiff.testing.inputs import shrinking as search

    asked: list[int] = []
    real = search.smallest

    def unlucky(*given: Any) -> Any:
        asked.append(1)
        assert len(asked) <= 4
        return None if len(asked) == 2 else real(*given)

    monkeypatch.setattr(search, "smallest", unlucky)
    sizes = st.sampled_from([(6,), (3,)]).map(lambda shape: np.arange(1.0, 1.0 + shape[0]))
    report = check_derivatives(np.sin, sizes, vjp=lambda g, y, x: (2 * g * np.cos(x),), examples=8, raises=False)
    assert report.failures[0].finding.case.size == 3 and len(asked) == 3


def test_shrinking_asks_a_bounded_number_of_questions(monkeypatch: Any) -> None:
    """Each question is a whole check, so an example that hardly shrinks would take minutes."""
    from autodiff.testing import check

    calls = count()
    real = check.examine
    monkeypatch.setattr(check, "examine", lambda *a: (next(calls) and None) or real(*a))
    monkeypatch.setattr(check, "_CALLS", 5)
    check_derivatives(np.sin, tensors((3, 3)), vjp=lambda g, y, x: (g * np.sin(x),), examples=2, raises=False)
    assert next(calls) <= 60


@pytest.mark.parametrize("seed", range(4))
def test_a_checkpoint_of_several_outputs_may_add_their_shares_in_another_order(seed: int) -> None:
    """Each output runs the function again by itself: the last bit of a sum differed, and that was called wrong."""
    x = np.random.default_rng(seed).normal(size=5)

    def f(x: Any) -> Any:
        h = np.sin(x)
        return h * 3.3, np.exp(h), h / 7

    assert ad.testing.check_derivatives(f, x, properties="P26", seed=seed).ok

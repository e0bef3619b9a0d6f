"""Every line of docs/singular_points.md is a test, and the page is what the rows state."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.registry.singular_points import SINGULAR

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
ROOT = Path(__file__).parent.parent.parent
POINTS = [
    pytest.param(fn, point, id=f"{name} {point.operands} {point.static}")
    for name, (fn, points) in sorted(SINGULAR.items())
    for point in points
]


def summed(fn: Any, point: Any) -> Any:
    return lambda *operands: np.sum(fn(*operands, **point.static))


def live(point: Any) -> list[int]:
    """The operands that a derivative is stated for."""
    return [i for i, g in enumerate(point.gradient) if g is not None]


def arrays(point: Any) -> list[Any]:
    return [np.asarray(x) if i not in live(point) else np.asarray(x, float) for i, x in enumerate(point.operands)]


def equal(actual: Any, expected: Any) -> None:
    np.testing.assert_allclose(actual, np.asarray(expected, float), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("fn", "point"), POINTS)
def test_the_gradient_is_what_the_page_says(fn: Any, point: Any) -> None:
    operands = [ad.tensor(x) if i in live(point) else x for i, x in enumerate(arrays(point))]
    fn(*operands, **point.static).sum().backward()
    for i in live(point):
        equal(operands[i].grad, point.gradient[i])


@pytest.mark.parametrize(("fn", "point"), POINTS)
def test_forward_mode_gives_the_same(fn: Any, point: Any) -> None:
    operands = arrays(point)
    for i in live(point):
        alone = lambda x, i=i: summed(fn, point)(*[x if j == i else o for j, o in enumerate(operands)])
        equal(ad.jacobian(alone, mode="forward")(operands[i]), point.gradient[i])


@pytest.mark.parametrize(("fn", "point"), [p for p in POINTS if all(type(x) is float for x in p.values[1].operands)])
def test_scalars_give_the_same(fn: Any, point: Any) -> None:
    operands = [ad.scalar(x) for x in point.operands]
    fn(*operands, **point.static).backward()
    for x, g in zip(operands, point.gradient, strict=True):
        equal(x.grad, g)


@pytest.mark.parametrize(("fn", "point"), [p for p in POINTS if p.values[1].second is not None])
def test_the_second_derivative_is_what_the_page_says(fn: Any, point: Any) -> None:
    x, *others = arrays(point)
    first = ad.grad(lambda t: summed(fn, point)(t, *others))
    equal(ad.grad(lambda t: first(t).sum())(x), point.second)
    ones = (np.ones_like(x),)
    along = lambda t: ad.jvp(lambda u: summed(fn, point)(u, *others), (t,), ones)[1]
    equal(ad.grad(along)(x), point.second)
    equal(ad.jvp(first, (x,), ones)[1], point.second)


@pytest.mark.parametrize(("fn", "point"), POINTS)
def test_strict_refuses_conventions_and_nothing_else_that_is_defined(fn: Any, point: Any) -> None:
    with ad.strict():
        operands = [ad.tensor(x) if i in live(point) else x for i, x in enumerate(arrays(point))]
        y = fn(*operands, **point.static).sum()
        if point.kind in ("convention", "shared"):
            with pytest.raises(ad.SingularPointError, match="no derivative") as caught:
                y.backward()
            assert "by convention. " in str(caught.value) and "test_singular_points.py" in str(caught.value)
        elif point.kind != "undefined":
            y.backward()


@pytest.mark.parametrize(("fn", "point"), POINTS)
def test_strict_refuses_conventions_in_forward_mode_too(fn: Any, point: Any) -> None:
    operands, which = arrays(point), live(point)

    def f(*moved: Any) -> Any:
        at = dict(zip(which, moved, strict=True))
        return fn(*(at.get(i, x) for i, x in enumerate(operands)), **point.static).sum()

    primals = tuple(operands[i] for i in which)
    with ad.strict():
        if point.kind in ("convention", "shared"):
            with pytest.raises(ad.SingularPointError, match="by convention"):
                ad.jvp(f, primals, tuple(np.ones_like(x) for x in primals))
        elif point.kind != "undefined":
            ad.jvp(f, primals, tuple(np.ones_like(x) for x in primals))


def test_strict_lets_a_convention_pass_where_no_tangent_arrives() -> None:
    with ad.strict():
        x = np.array([0.0, 1.0])
        assert ad.jvp(lambda x: ad.relu(x).sum(), (x,), (np.array([0.0, 2.0]),))[1] == 2.0
        w = ad.tensor([0.0, 3.0])
        assert ad.jvp(lambda x: (x * x).sum() + np.linalg.norm(w - w), (x,), (x,))[1] == 2.0


def test_the_page_is_what_the_rows_state() -> None:
    tool = runpy.run_path(str(ROOT / "tools" / "write_singular_points.py"))
    written = (ROOT / "docs" / "singular_points.md").read_text(encoding="utf-8")
    assert written == tool["page"](), "run: python tools/write_singular_points.py"


def test_a_row_with_a_convention_states_points() -> None:
    stated = {fn.name for fn, _ in SINGULAR.values() if isinstance(fn, ad.extend.Op)}
    # their public functions are recorded, and state their own
    stated |= {"norm2", "normp", "partition", "max_pool", "svdvals", "nuclear_norm"}
    assert {op.name for op in ad.ops.OPS.values() if op.convention is not None} <= stated


@pytest.mark.parametrize(
    ("f", "x", "message"),
    [
        (
            lambda a: np.linalg.svdvals(a).sum(),
            np.ones((2, 2)),
            r"svdvals has no derivative at index \(1,\), where a sing",
        ),
        (lambda a: np.linalg.norm(a, "nuc"), np.ones((2, 2)), "where a singular value is 0"),
        (lambda a: np.linalg.eigvalsh(a)[0], np.eye(2), "eigvalsh has no derivative in single values"),
        (lambda a: np.linalg.svd(a)[1][0], np.eye(2), "svd has no derivative in single values"),
    ],
)
def test_strict_refuses_values_that_are_equal_or_zero_and_not_what_is_independent_of_them(
    f: Any, x: Any, message: str
) -> None:
    with ad.strict(), pytest.raises(ad.SingularPointError, match=message):
        ad.grad(f)(x)


def test_strict_lets_pass_what_does_not_depend_on_the_order_of_equal_values() -> None:
    with ad.strict():
        for f in (lambda a: np.linalg.norm(a, "nuc"), lambda a: np.linalg.eigvalsh(a).sum()):
            np.testing.assert_allclose(ad.grad(f)(np.eye(2)), np.eye(2), atol=1e-15)
        assert np.isfinite(ad.grad(lambda a: np.linalg.svdvals(a)[0])(np.ones((2, 2)))).all()
        assert np.isfinite(ad.grad(lambda a: np.linalg.pinv(a).sum())(np.ones((2, 2)))).all()

"""Checks of the graph around a rule: Scalars, memory, accumulation, checkpoints, failures (P20, P22, P24, P26 to P28),
and P07 and P23 in a graph.

They use the engine's public names, and only functions of this engine have these properties.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import autodiff as ad
from autodiff.testing.measuring import constants as c
from autodiff.testing.measuring.richardson import ecnoise
from autodiff.testing.properties.of_equal_calls import close_enough, values_differ
from autodiff.testing.properties.table import Context, Finding, check
from autodiff.testing.side_effects.graph_leaks import left_behind
from autodiff.testing.subjects.function_under_test import Arrays

__all__: list[str] = []


def rarely(ctx: Context, prop: str, share: float = 1 / 8) -> bool:
    """Return whether to check this example: graph properties do not depend on the numbers, so a share is enough."""
    if not ctx.subject.extras.get("engine") or not ctx.finite:
        return False
    return ctx.turn(prop, share)


def leaves(ctx: Context) -> list[Any]:
    return [ad.tensor(x) for x in ctx.case.xs]


def run(ctx: Context, xs: list[Any]) -> list[Any]:
    """Return the recorded outputs as a list of handles."""
    y = ctx.subject.extras["recorded"](*ctx.case.moved(xs).args, **ctx.case.kwargs)
    return list(y) if isinstance(y, (tuple, list)) else [y]


def weighed(ctx: Context, ys: list[Any]) -> Any:
    """Return <w, f> as one recorded number, or None when nothing was recorded."""
    terms = [
        (y * w.astype(y.dtype)).sum()
        for y, w in zip(ys, ctx.ws)
        if isinstance(y, ad.Variable) and y.requires_grad and y.dtype.kind == "f"
    ]
    total = None
    for t in terms:
        total = t if total is None else total + t
    return total


def verdict(ctx: Context, prop: str, wrong: str | None) -> Iterator[Finding]:
    ctx.tally.add(prop, "fail" if wrong else "pass")
    if wrong:
        yield ctx.finding(prop, wrong, cotangent=ctx.ws)


@check("P06")
def what_where_leaves_out_counts_for_nothing(ctx: Context) -> Iterator[Finding]:
    """Check, for an elementwise function, that elements which `np.where` does not take get exactly 0, also where they
    are NaN or infinite, and that the others get the same gradient as alone.
    """
    if not ctx.subject.extras.get("elementwise") or ctx.empty or not rarely(ctx, "P06", 1 / 2):
        return
    rng, shape = ctx.rng("P06"), ctx.outputs[0].shape
    taken = rng.random(shape) < 0.5
    sound = ctx.case.moved([np.array(np.broadcast_to(x, shape)) for x in ctx.case.xs])
    spoilt = sound.moved(
        [np.where(taken, x, rng.choice([np.nan, np.inf, -np.inf, 0.0], shape)).astype(x.dtype) for x in sound.xs]
    )
    recorded, w, found = ctx.subject.extras["recorded"], ctx.ws[0], []
    with np.errstate(all="ignore"):
        for case in (sound, spoilt):
            xs: list[Any] = [ad.tensor(x) for x in case.xs]
            y = recorded(*case.moved(xs).args, **case.kwargs)
            if not isinstance(y, ad.Variable) or not y.requires_grad or y.dtype.kind != "f" or y.shape != shape:
                return
            (np.where(taken, y, 0.0) * w.astype(y.dtype)).sum().backward()
            found.append([_array(x) for x in xs])
    wrong = None
    for i, (alone, g) in enumerate(zip(*found, strict=True)):
        if np.any(g[~taken] != 0):
            wrong = f"gradient {i} holds {g[~taken][g[~taken] != 0][0]} for an element that np.where leaves out"
        elif not np.array_equal(np.isfinite(g), np.isfinite(alone)):
            wrong = f"gradient {i} is not finite because of other elements, which np.where leaves out"
    yield from verdict(ctx, "P06", wrong)


@check("P07")
def outputs_out_of_reach_count_as_zero(ctx: Context) -> Iterator[Finding]:
    """Check that backward from one of several outputs, the others unused, equals zero cotangents for the others."""
    if len(ctx.outputs) < 2 or not rarely(ctx, "P07", 1 / 2):
        return
    for k in range(len(ctx.outputs)):
        with np.errstate(all="ignore"):
            xs = leaves(ctx)
            ys = run(ctx, xs)
            if not isinstance(ys[k], ad.Variable) or not ys[k].requires_grad or ys[k].dtype.kind != "f":
                continue
            (ys[k] * ctx.ws[k].astype(ys[k].dtype)).sum().backward()
            zeros = [w if j == k else np.zeros_like(w) for j, w in enumerate(ctx.ws)]
            wrong = close_enough(ctx.subject.gradients(ctx.case, zeros), [_array(x) for x in xs], ctx)
        if wrong is not None:
            what = f"backward from output {k} alone gives another gradient {wrong} than zeros for the other outputs"
            yield from verdict(ctx, "P07", what)
            return
    yield from verdict(ctx, "P07", None)


@check("P18")
def a_run_elsewhere_changes_no_recorded_one(ctx: Context) -> Iterator[Finding]:
    """Check that the recorded run has the value of the plain one, and keeps its gradient when the function has run at
    another point since: a rule may wrongly keep values of the last forward pass.
    """
    complex_ = any(x.dtype.kind == "c" for x in (*ctx.case.xs, *ctx.outputs))
    if ctx.subject.reverse is None or complex_ or not rarely(ctx, "P18"):
        return
    with np.errstate(all="ignore"):
        xs = leaves(ctx)
        ys = run(ctx, xs)
        total = weighed(ctx, ys)
        if total is None:
            return
        wrong = None
        if values_differ(ctx, [np.asarray(ad.plain(y)) for y in ys]):
            wrong = "the recorded run has another value than the plain one"
        else:
            try:
                run(ctx, [ad.tensor(np.asarray(x * x.dtype.type(0.75))) for x in ctx.case.xs])
            except (ValueError, ArithmeticError, np.linalg.LinAlgError):
                pass
            total.backward()
            i = close_enough(ctx.point.gradients, [_array(x) for x in xs], ctx)
            wrong = None if i is None else f"gradient {i} is another one when the function has run elsewhere since"
    yield from verdict(ctx, "P18", wrong)


@check("P23")
def one_handle_for_two_arguments(ctx: Context) -> Iterator[Finding]:
    """Check that f(x, x) with one handle collects the gradients of both arguments."""
    if len(ctx.case.xs) < 2 or ctx.case.xs[0].shape != ctx.case.xs[1].shape or not rarely(ctx, "P23", 1 / 2):
        return
    first, rest = ctx.case.xs[0], ctx.case.xs[2:]
    x, a, b = (ad.tensor(first) for _ in range(3))
    with np.errstate(all="ignore"):
        try:
            two = weighed(ctx, run(ctx, [a, b, *map(ad.tensor, rest)]))
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):  # the first argument is no value for the second
            return
        one = weighed(ctx, run(ctx, [x, x, *map(ad.tensor, rest)]))
        if one is None or two is None:
            return
        one.backward()
        two.backward()
        got, parts = _array(x), (_array(a), _array(b))
        finite = np.isfinite(parts[0] + parts[1])
        size = sum(float(np.max(np.abs(p), initial=0.0, where=finite)) for p in parts)
        allowed = c.EQUAL_ROUNDING * ctx.point.eps * size
        same = bool(np.all((np.abs(got - sum(parts)) <= allowed) | ~finite))
    yield from verdict(ctx, "P23", None if same else "f(x, x) with one tensor does not collect both gradients")


@check("P20")
def scalars_agree_with_tensors(ctx: Context) -> Iterator[Finding]:
    """Check that Python-float Scalars and 0-d Tensors give the same value and gradient."""
    if (
        not rarely(ctx, "P20", 1 / 2)
        or len(ctx.case.wrt) != len(ctx.case.args)
        or any(x.dtype != np.float64 or x.size == 0 for x in ctx.case.xs)
    ):
        return
    if not (ctx.subject.extras.get("elementwise") or all(x.ndim == 0 for x in ctx.case.xs)):
        return
    if isinstance(run(ctx, [ad.tensor(x) for x in ctx.case.xs])[0], ad.Scalar):
        return  # a function that makes Scalars of Tensors takes no Scalars
    values = [float(x.reshape(-1)[0]) for x in ctx.case.xs]
    f = ctx.subject.extras["recorded"]
    with np.errstate(all="ignore"):
        tensors, scalars = [ad.tensor(np.array(v)) for v in values], [ad.scalar(v) for v in values]
        try:
            y, z = f(*tensors, **ctx.case.kwargs), f(*scalars, **ctx.case.kwargs)
        except (TypeError, ValueError, IndexError, AttributeError):  # written for arrays
            ctx.tally.add("P20", "skip")
            return
        if not all(isinstance(end, ad.Variable) and end.size == 1 for end in (y, z)) or not y.requires_grad:
            return
        pairs = list(zip(_value_and_slopes(y, tensors), _value_and_slopes(z, scalars)))
        # math and NumPy may round a function differently by an ulp or two, and rules multiply a few such numbers
        equal = [p == q or abs(p - q) <= c.SCALAR_SHARE * max(abs(p), abs(q)) or (p != p and q != q) for p, q in pairs]
        if not all(equal):  # or subtract them
            allowed = _rounding(f, values, ctx.case.kwargs)
            equal = [same or abs(p - q) <= most for same, (p, q), most in zip(equal, pairs, allowed)]
    wrong = next((pair for same, pair in zip(equal, pairs) if not same), None)
    yield from verdict(ctx, "P20", wrong and f"at {values} a tensor gives {wrong[0]!r}, a scalar {wrong[1]!r}")


def _value_and_slopes(y: Any, leaves: list[Any]) -> list[float]:
    ad.reshape(y, ()).backward() if y.ndim else y.backward()
    return [float(y.item()), *map(_grad, leaves)]


def _rounding(f: Any, values: list[float], kwargs: dict[str, Any]) -> list[float]:
    """Return the effect of rounding on value and slopes: how unevenly they change with the last bits of the arguments,
    and some of the last bit of x or of 1, since an intermediate of that size may not change under small moves."""
    seen = []
    for k in range(-3, 4):
        leaves = [ad.tensor(np.array(v * (1 + k * 2.0**-50))) for v in values]
        seen.append(_value_and_slopes(f(*leaves, **kwargs), leaves))
    hidden = 8 * 2.0**-52 * max(1.0, *map(abs, values))
    return [c.SCALAR_NOISE * ecnoise(np.array(column)) + hidden for column in zip(*seen)]


def _grad(x: Any) -> float:
    return 0.0 if x.grad is None else float(x.grad)


@check("P22")
def freed_by_reference_counting(ctx: Context) -> Iterator[Finding]:
    if not rarely(ctx, "P22"):
        return

    def work() -> None:
        with np.errstate(all="ignore"):
            total = weighed(ctx, run(ctx, leaves(ctx)))
            if total is not None:
                total.backward()

    work()
    left = left_behind(work)
    yield from verdict(
        ctx, "P22", None if not left else f"{left} graph objects live on until the cyclic collector runs"
    )


def _once(ctx: Context, xs: list[Any]) -> bool:
    total = weighed(ctx, run(ctx, xs))
    if total is None:
        return False
    total.backward()
    return True


@check("P24")
def accumulating_twice_doubles(ctx: Context) -> Iterator[Finding]:
    if not rarely(ctx, "P24"):
        return
    with np.errstate(all="ignore"):
        once, twice = leaves(ctx), leaves(ctx)
        if not (_once(ctx, once) and _once(ctx, twice) and _once(ctx, twice)):
            return
    wrong = _first_difference([_array(x) for x in twice], [2 * _array(x) for x in once])
    yield from verdict(ctx, "P24", wrong and f"two backward passes do not give twice the gradient {wrong}")


def _array(x: Any) -> np.ndarray:
    return np.zeros(x.shape) if x.grad is None else np.asarray(x.grad)


def _first_difference(a: Arrays, b: Arrays) -> str:
    for i, (p, q) in enumerate(zip(a, b)):
        if not np.array_equal(p, q, equal_nan=True):
            return f"of argument {i}"
    return ""


@check("P26")
def checkpointed_equals_plain(ctx: Context) -> Iterator[Finding]:
    if not rarely(ctx, "P26"):
        return
    f = ctx.subject.extras["recorded"]
    xs, ys = leaves(ctx), leaves(ctx)
    with np.errstate(all="ignore"):
        again = ad.checkpoint(lambda *vs: f(*ctx.case.moved(vs).args, **ctx.case.kwargs))(*ys)
        outputs = list(again) if isinstance(again, (tuple, list)) else [again]
        total = weighed(ctx, outputs)
        if not _once(ctx, xs) or total is None:
            return
        total.backward()
    found, expected = [_array(y) for y in ys], [_array(x) for x in xs]
    wrong = _first_difference(found, expected)
    if wrong and len(outputs) > 1:  # shares of several outputs meet at the arguments: another order of the same sum
        place = close_enough(found, expected, ctx)
        wrong = "" if place is None else f"of argument {place}"
    yield from verdict(ctx, "P26", wrong and f"checkpoint changes the gradient {wrong}")


@check("P27")
def second_backward_is_right_or_refused(ctx: Context) -> Iterator[Finding]:
    if not rarely(ctx, "P27"):
        return
    with np.errstate(all="ignore"):
        once = leaves(ctx)
        if not _once(ctx, once):
            return
        expected = [2 * _array(x) for x in once]
        for retain in (True, False):
            xs = leaves(ctx)
            total = weighed(ctx, run(ctx, xs))
            total.backward(retain_graph=retain)
            try:
                total.backward()
            except ad.GraphError as error:
                if retain:
                    yield from verdict(ctx, "P27", f"retain_graph=True, and yet: {error}")
                    return
                continue
            wrong = _first_difference([_array(x) for x in xs], expected)
            if wrong:
                yield from verdict(ctx, "P27", f"a second backward over one graph gives a wrong gradient {wrong}")
                return
    yield from verdict(ctx, "P27", None)


class _Midway(Exception):
    """Raised by the hook of P28."""


@check("P28")
def exception_midway_leaves_no_gradient(ctx: Context) -> Iterator[Finding]:
    if not rarely(ctx, "P28"):
        return

    def fail(_: Any) -> None:
        raise _Midway

    xs, early = leaves(ctx), ad.tensor(np.ones(2))
    with np.errstate(all="ignore"):
        inner = [x * 1.0 for x in xs]
        total = weighed(ctx, run(ctx, inner))
        if total is None:
            return
        hooked = [t for t in inner if t.node is not None]
        hooked[0].register_hook(fail)
        try:
            (total + (early * 1.0).sum()).backward()
        except _Midway:
            pass
        else:
            ctx.tally.add("P28", "skip")  # no gradient flows through the first argument
            return
    partial = [i for i, x in enumerate((*xs, early)) if x.grad is not None]
    yield from verdict(ctx, "P28", f"after an exception leaves {partial} hold gradients" if partial else None)

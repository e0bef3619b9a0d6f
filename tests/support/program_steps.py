"""How a random program grows by one statement: one builder for each kind of statement, all driven by small integers.

A builder takes operands and arguments by the next integers of its step and proposes a line of code, away from kinks, to
the `Draft`, which runs it in NumPy and keeps it if the result is finite and small. A step is a few integers, each taken
modulo the number of options, so any step fits any draft: Hypothesis may delete, reorder and lower steps, and there is
always a program. Never here: a Tensor, or the engine's values, because the program is made to check the engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from program_draft import Draft, is_scalar

import autodiff as ad

__all__ = ["FORMS", "KINDS"]

_MARGIN = 2.0**-5  # from kinks and from the borders of a domain: numerical steps must not cross them


# ---- keeping operands in range
def _within(draft: Draft, name: str, domain: tuple[float, float] = (-math.inf, math.inf)) -> str:
    """Return the name itself where its values lie well inside a domain, else an expression that does."""
    low, high = domain
    v = draft.env[name]
    if np.min(v) >= max(low + 0.125, -3.0) and np.max(v) <= min(high - 0.125, 6.0 if low > -3 else 3.0):
        return name
    if math.isinf(low) and math.isinf(high):
        inside = f"np.sin({name})"  # and not tanh: its slope far from 0 is a difference of nearly equal numbers
    elif math.isinf(low):
        inside = f"({high - 0.5} - np.square(np.sin({name})))"
    else:
        half, middle = 0.375 * (high - low), 0.5 * (low + high)
        bounded = f"np.sin({name}) * {half}" + (f" + {middle}" if middle else "")
        inside = f"(np.square(np.sin({name})) + {low + 0.5})" if math.isinf(high) else f"({bounded})"
    if is_scalar(name) and draft.add(inside, scalar=True):  # a statement of its own, whose model is a Python float:
        return next(reversed(draft.env))  # within an expression, NumPy's would promote float32
    return inside


def _value(draft: Draft, expression: str) -> Any:
    return eval(expression, {"np": np, "ad": ad, **draft.env})


def _smooth(draft: Draft, row: Any, operands: Sequence[str], **static: Any) -> bool:
    """Return whether a row has no kink near these operands."""
    if row.kink is None:
        return True
    gap = row.kink(*[np.asarray(_value(draft, o)) for o in operands], **static)
    return bool(np.size(gap) == 0 or np.min(gap) >= _MARGIN)


def _call(row: Any) -> str | None:
    """Return the public name of a row; None for a row that only rules use."""
    if getattr(np, row.name, None) is row.fn:
        return f"np.{row.name}"
    if row.name in ad.__all__:
        return f"ad.{row.name}"
    return f"ad.special.{row.name}" if getattr(ad.special, row.name, None) is row else None


def _rows(inputs: int) -> list[Any]:
    skip = ("positive", "where", "ldexp", "copysign", "remainder", "fmod", "heaviside", "clip", "degrees")
    return [
        r
        for r in ad.ops.OPS.values()
        if r.elementwise
        and not r.variadic
        and len(r.inputs) == inputs
        and all(r.vjps)
        and not r.shown.flat
        and r.name not in skip
        and _call(r)
    ]


_SIMPLE = ("multiply", "add", "tanh", "sin", "exp", "subtract")
UNARY = sorted(_rows(1), key=lambda r: r.name not in _SIMPLE)
BINARY = sorted(_rows(2), key=lambda r: r.name not in _SIMPLE)
_SYMBOLS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**"}


# ---- one value at a time
def _unary_code(draft: Draft, name: str) -> str | None:
    row = draft.pick(UNARY)
    x = _within(draft, name, row.domain[0])
    return f"{_call(row)}({x})" if _smooth(draft, row, [x]) else None


def unary(draft: Draft) -> bool:
    name = draft.operand(draft.names(scalar=None))
    code = _unary_code(draft, name)
    return code is not None and draft.add(code, scalar=is_scalar(name))


def binary(draft: Draft) -> bool:
    """Add an operation of two values that broadcast, or of a value and a constant on either side."""
    row, style = draft.pick(BINARY), draft.pick(range(6))
    a = draft.operand(draft.names(scalar=None))
    fits = [n for n in draft.names(scalar=None) if _broadcast(draft.shape(a), draft.shape(n))]
    x = _within(draft, a, row.domain[0])
    y = _within(draft, draft.operand(fits), row.domain[1])
    scalar = is_scalar(a) and all(is_scalar(n) for n in fits if n in y)
    if style == 4:
        constant = abs(draft.number()) + 0.125
        x, y, scalar = (x, str(constant), is_scalar(a))
    elif style == 5 and draft.shape(a):
        x, y, scalar = f"np.array({_constants(draft, draft.shape(a)[-1])})", _within(draft, a, row.domain[1]), False
    if not _smooth(draft, row, [x, y]):
        return False
    symbol, call = _SYMBOLS.get(row.name), f"{_call(row)}({x}, {y})"
    model = f"float({call})" if scalar else None  # NumPy's: a displaced s ** s of Python's floats may be complex
    return draft.add(f"{x} {symbol} {y}" if symbol else call, model, scalar=scalar)


def _broadcast(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    try:
        np.broadcast_shapes(a, b)
    except ValueError:
        return False
    return True


def _constants(draft: Draft, n: int) -> list[float]:
    first = abs(draft.number())
    return [first + 0.25 * i for i in range(n)]


def choose(draft: Draft) -> bool:
    """Add where on a comparison of the values themselves, or clip; both away from the border."""
    a = draft.tensor(dims=1)
    if a is None:
        return False
    bound = draft.number()
    if np.min(np.abs(draft.env[a] - bound)) < _MARGIN:
        return False
    if draft.pick(range(3)) == 0:
        return (
            draft.add(f"np.clip({a}, {bound}, {bound + 1})")
            if _smooth(draft, ad.ops.OPS["clip"], [a, str(bound), str(bound + 1)])
            else False
        )
    b = draft.operand([n for n in draft.names(scalar=None) if _broadcast(draft.shape(a), draft.shape(n))])
    return draft.add(f"np.where({a} > {bound}, {a}, {b})")


# ---- along axes
def _axis(draft: Draft, dims: int, several: bool = True) -> Any:
    pairs = [(0, -1)] if dims >= 2 and several else []
    return draft.pick([None, *range(-dims, dims), *pairs]) if several else draft.pick(range(-dims, dims))


def reduce(draft: Draft) -> bool:
    row = ad.ops.OPS[draft.pick(("sum", "mean", "max", "min", "var", "std", "median", "prod", "logsumexp"))]
    a = draft.tensor()
    if a is None:
        return False
    axis, keep = _axis(draft, len(draft.shape(a))), draft.pick((False, True))
    x = _within(draft, a) if row.name in ("prod", "logsumexp") else a
    static = {"axis": axis, **({"keepdims": True} if keep else {})}
    if row.kink is not None and not _smooth(draft, row, [x], **static):
        return False
    if row.name == "std" and np.min(np.var(draft.env[a], axis=axis)) < _MARGIN:
        return False
    arguments = ", ".join(f"{k}={v}" for k, v in static.items())
    if row.name in ("sum", "mean", "max", "var") and x == a and draft.pick((False, True)):
        return draft.add(f"{a}.{row.name}({arguments})")
    return draft.add(
        f"{'ad' if row.name == 'logsumexp' else 'np'}.{row.name}({x}, {arguments})", _model_of(row, x, static)
    )


def _model_of(row: Any, x: str, static: dict[str, Any]) -> str | None:
    """Return the same in plain NumPy, where NumPy has no such function."""
    if row.name != "logsumexp":
        return None
    return f"np.log(np.sum(np.exp({x}), axis={static['axis']}, keepdims={static.get('keepdims', False)}))"


def normalise(draft: Draft) -> bool:
    """Add softmax, log_softmax or cumsum along one axis."""
    a = draft.tensor(dims=1)
    if a is None:
        return False
    axis, x = _axis(draft, len(draft.shape(a)), several=False), _within(draft, a)
    total = f"np.sum(np.exp({x}), axis={axis}, keepdims=True)"
    name = draft.pick(("softmax", "log_softmax", "cumsum"))
    if name == "cumsum":
        return draft.add(f"np.cumsum({x}, axis={axis})")
    model = f"np.exp({x}) / {total}" if name == "softmax" else f"{x} - np.log({total})"
    return draft.add(f"ad.{name}({x}, axis={axis})", model)


# ---- moving values
def move(draft: Draft) -> bool:
    a = draft.tensor()
    if a is None:
        return False
    shape = draft.shape(a)
    n, dims = math.prod(shape), len(shape)
    forms = [
        "{a}.reshape(-1)",
        "np.expand_dims({a}, -1)",
        "{a}.T",
        f"{{a}}.reshape({(1, n)})",
        "np.ravel({a})",
        f"np.broadcast_to({{a}}, {(2, *shape)})",
        "np.tile({a}, 2)",
        "np.atleast_1d({a})",
        "{a}[None]",
        "{a}[...]",
    ]
    if dims:
        axis = _axis(draft, dims, several=False)
        forms += [
            f"np.flip({{a}}, {axis})",
            f"np.roll({{a}}, 1, axis={axis})",
            f"np.repeat({{a}}, 2, axis={axis})",
            f"np.moveaxis({{a}}, {axis}, 0)",
            f"np.swapaxes({{a}}, 0, {axis})",
            "np.pad({a}, 1)",
            "np.diff({a})",
            "np.pad({a}, 1, mode='wrap')",
            "np.copy({a})",
            "np.hstack([{a}, {a}])",
            "np.tile({a}, 1)",
        ]
    if dims >= 2:
        forms += [
            "np.tril({a})",
            "np.triu({a}, 1)",
            "np.diagonal({a})",
            "np.rot90({a})",
            "np.squeeze({a})",
            "np.rot90({a}, 2)",
            "np.trace({a})",
            "np.vstack([{a}, {a}])",
            "{a}.mT",
        ]
    return draft.add(draft.pick(forms).format(a=a))


def index(draft: Draft) -> bool:
    a = draft.tensor(dims=1)
    return a is not None and draft.add(f"{a}[{_index(draft, draft.shape(a))}]")


def _index(draft: Draft, shape: tuple[int, ...], writing: bool = False) -> str:
    """Return an index as code: integers, slices, lists with repeats (not for writing), boolean masks, newaxis."""
    n, last = shape[0], shape[-1]
    mask = [bool((draft.pick(range(64)) >> i) % 2) for i in range(last)]
    forms = [
        "0",
        "-1",
        "1:",
        "::2",
        "::-1",
        f"..., {last - 1}",
        ":, None",
        f"[{n - 1}, 0]",
        f"..., np.array({mask})",
        f"np.arange({n}) % 2 == 0",
        "..., -1:",
    ]
    if not writing:
        forms += [f"[0, 0, {n - 1}]", f"np.array([[0, {n - 1}], [0, 0]])", "..., [0, 0]"]
    if len(shape) >= 2:
        forms += [":, 0", "0, ...", "1:, :1", f"np.arange({min(n, shape[1])}), np.arange({min(n, shape[1])})"]
    return draft.pick(forms)  # type: ignore[no-any-return]


_ORDERED = (  # the result jumps where two values change their order
    "np.sort({a})",
    "np.take_along_axis({a}, np.argsort({a}), -1)",
    "np.ptp({a})",
    "np.sort({a}, axis=None)",
    "np.median({a}, axis=0)",
    "np.quantile({a}, 0.3)",
    "np.maximum.accumulate({a}, axis=-1)",
    "np.pad({a}, 1, mode='maximum')",
    "np.partition({a}, 0)",
    "np.nanmax({a}, axis=-1)",
    "np.nanmin({a})",
    "np.nanquantile({a}, 0.4)",
)
_SMOOTH = (
    "np.take({a}, [0, 0], axis=0)",
    "np.cumprod({a}, axis=-1)",
    "np.add.accumulate({a})",
    "np.diff({a}, prepend=0.5)",
    "np.gradient(np.ravel({a}))",
    "np.trapezoid({a})",
    "np.convolve(np.ravel({a}), [1.0, -0.5])",
    "np.pad({a}, 1, mode='reflect', reflect_type='odd')",
    "np.pad({a}, 1, mode='linear_ramp')",
    "np.insert({a}, 0, 0.5, axis=-1)",
    "np.append({a}, {a})",
    "np.resize({a}, 5)",
    "np.kron({a}, [1.0, 0.5])",
    "np.sum({a}, axis=0, where=np.arange({n}) % 2 == 0)",
    "np.nanmean({a}, axis=-1)",
    "np.multiply.outer({a}, {a})",
    "np.polyval(np.ravel({a}), 0.5)",
    "np.transpose({a})",
)


def arrange(draft: Draft) -> bool:
    """Add a function of whole arrays; where the result depends on the order of values, these must not be close."""
    a = draft.tensor(dims=1)
    if a is None:
        return False
    form = draft.pick((*_ORDERED[:2] * 8, *_ORDERED, *_SMOOTH))  # the first two often: their rules place elements
    if form in _ORDERED and np.min(np.diff(np.sort(np.ravel(draft.env[a]))), initial=1.0) < _MARGIN:
        return False
    return draft.add(form.format(a=a, n=draft.shape(a)[-1]))


# ---- several operands
def multiply_matrices(draft: Draft) -> bool:
    a = draft.tensor(dims=1)
    if a is None:
        return False
    k = draft.shape(a)[-1]
    right = [n for n in draft.names(dims=1) if draft.shape(n)[-2 if np.ndim(draft.env[n]) > 1 else -1] == k]
    if right and draft.pick((True, True, False)):
        b = draft.operand(right)
        return draft.add(draft.pick(("{a} @ {b}", "np.matmul({a}, {b})", "np.dot({a}, {b})")).format(a=a, b=b))
    return draft.add(
        draft.pick(
            (
                "np.einsum('...i,...i->...', {a}, {a})",
                "{a} @ np.swapaxes(np.atleast_2d({a}), -1, -2)",
                "np.outer({a}, {a})",
                "np.einsum('...i,j->...ij', {a}, {a}[..., 0].reshape(-1))",
            )
        ).format(a=a)
    )


def join(draft: Draft) -> bool:
    a = draft.tensor()
    if a is None:
        return False
    same = [n for n in draft.names() if draft.shape(n) == draft.shape(a)]
    b, dims = draft.operand(same), len(draft.shape(a))
    axis = draft.pick(range(-dims - 1, dims + 1))
    if dims and draft.pick((True, False)):
        return draft.add(f"np.concatenate([{a}, {b}, {a}], axis={axis % dims})")
    return draft.add(f"np.stack([{a}, {b}], axis={axis})")


# ---- matrices, spectra, complex numbers, special functions: real values to real values
# Symmetric, and by interlacing with eigenvalues at least 1 apart, between 2 and 3 + 2n; and its triangle. Both are well
# conditioned wherever a numerical step may go.
_SYMMETRIC = "(np.diag(np.arange(2.0, {n} * 2 + 1, 2.0)) + np.einsum('...i,...j->...ij', {u}, {u}) / {n})"
_TRIANGLE = f"np.triu{_SYMMETRIC}"
_OF_MATRICES = (
    "np.linalg.det({m}) / 8**{n}",
    "np.linalg.slogdet({m})[1]",
    "np.linalg.inv({m})",
    "np.linalg.solve({m}, {u}[..., None])",
    "np.linalg.solve({t}, {m})",
    "np.linalg.cholesky({m})",
    "np.linalg.eigvalsh({m})",
    "np.linalg.eigh({m})[1] ** 2",
    "np.linalg.eigvals({t}).sum()",
    "np.linalg.eig({t})[0].prod() / 8**{n}",
    "np.linalg.svdvals({m})",
    "np.linalg.svd({m})[1]",
    "np.linalg.pinv({m})",
    "np.abs(np.linalg.qr({t})[1])",
    "np.linalg.lstsq(np.reshape({m}, (-1, {n}))[:{n}], np.arange({n} * 1.0))[0]",
    "np.linalg.norm({m}, axis=(-2, -1))",
    "np.linalg.vector_norm({m}, ord=3)",
    "np.linalg.matrix_power({m} / 8, 3)",
    "np.linalg.multi_dot([np.reshape({m}, (-1, {n}))[:{n}] / 8, np.eye({n})])",
    "ad.linalg.expm({m} / 8)",
    "ad.linalg.sqrtm({m})",
    "ad.linalg.logm({m})",
    "ad.linalg.lu_factor({m})[0]",
    "ad.linalg.lu({m})[2]",
    "ad.linalg.solve_triangular({t}, {u}[..., None])",
    "ad.linalg.solve_sylvester({m}, {t}, {m})",
)
_SPECTRA = (
    "np.real(np.fft.fft({a}))",
    "np.imag(np.fft.fft({a}, norm='ortho')) * {a}",
    "np.real(np.fft.ifft({a}, {n} + 1))",
    "np.real(np.fft.rfft({a}, axis=0))",
    "np.imag(np.fft.rfft({a}, {n} + 2)) ** 2",
    "np.fft.irfft({a}, 5, norm='ortho')",
    "np.fft.irfft(np.fft.rfft({a}, 4) * np.fft.rfft({a}, 4))",
    "np.fft.hfft({a}, 4, norm='forward')",
    "np.real(np.fft.ihfft({a}))",
    "np.real(np.fft.fftn({a}, norm='ortho') ** 2)",
    "np.fft.fftshift({a})",
)
_COMPLEX = (
    "np.real(np.exp(1j * {a}))",
    "np.abs({a} + 1j * (np.square({a}) + 0.5))",
    "np.imag(np.sin({a} + 0.5j) * np.conj({a} + 1j))",
    "np.angle(2 + np.exp(1j * {a}))",
    "np.real(np.log(np.square({a}) + 0.5 + 1j))",
    "np.real(np.sqrt(np.square({a}) + 1j * {a} + 0.5))",
    "np.real(1 / ({a} + 1j))",
    "np.real(np.vdot({a} + 1j, {a} * 1j + 2))",
    "np.real(np.prod({u} + 1j, axis=-1))",
    "np.var({a} + 1j * {u}, where=np.array(True), axis=-1)",
    "np.real(np.convolve(np.ravel({u}) + 1j, 1j * np.ravel({a})))",
    "np.abs(np.cov(np.tile(np.ravel({u}), 2) + 1j * np.tile(np.ravel({a}), 2)) + 2)",
    *(["np.imag(np.vecmat({u} + 1j, {m}))"] if hasattr(np, "vecmat") else []),  # NumPy 2.2
    "np.sum(np.lib.stride_tricks.sliding_window_view({u}, 1, axis=-1), axis=-1)",
    "np.imag(np.cumsum({a} * (1 + 2j), axis=0))",
    "np.real(np.linalg.det({m} + 1j * {t})) / 32**{n}",
    "np.imag(np.linalg.inv({m} + 1j * np.eye({n})))",
)
_SPECIAL = (
    "ad.special.polygamma(1, {p})",
    "ad.special.multigammaln({p} + 1, 2)",
    "ad.special.gammainc(2.5, {p})",
    "ad.special.gammaincc(1.5, {p})",
    "ad.special.betainc(2.5, 1.5, {p} / 2)",
    "ad.special.betainc({p}, 1.5, {p} / 2)",
    "ad.special.betaincinv(2.5, 1.5, {p} / 2)",
    "ad.special.betainccinv(1.5, 2.5, {p} / 2)",
    "ad.special.stdtr({p}, {u})",
    "ad.special.spherical_jn(2, {p} + 0.5)",
    "ad.special.spherical_yn(1, {p} + 0.5)",
    "ad.special.iv(1.3, {p})",
    "ad.special.ive(2.0, {p})",
    "ad.special.airy({u})[2]",
    "ad.special.dawsn({u})",
    "ad.special.ellipk({u} / 2)",
    "ad.special.fresnel({a})[0]",
    "ad.special.owens_t({u}, {p})",
    "ad.special.poch({p}, {p})",
    "ad.special.rgamma({u})",
    "ad.stats.f.cdf({p}, 3.0, 4.0)",
    "ad.special.betaln({p}, 1.5)",
    "ad.special.xlog1py({u}, {p})",
    "ad.special.jn(2, {u})",
    "ad.special.yn(2, {p})",
    "ad.special.kv(1.5, {p})",
    "ad.special.jv(0.7, {p})",
    "ad.special.yv(1.3, {p} + 0.5)",
    "ad.special.hyp0f1(1.5, {a})",
    "ad.special.hyp1f1({p}, 2.5, {u})",
    "ad.special.hyp2f1({p}, 0.5, 2.5, {u} / 2)",
    "ad.signal.lfilter([1.0, 0.5], [1.0, -0.3], np.ravel({a}))",
    "ad.special.expn(2, {p})",
    "ad.special.stdtr(3.0, {u})",
    "ad.special.huber(9.0, {u})",
    "ad.special.pseudo_huber(0.5, {u})",
    "ad.special.zeta(2.5, {p})",
    "ad.special.logcumsumexp({u}, axis=-1)",
    "ad.special.softmax({u})",
    "ad.prelu({u} + 1.5, 0.25)",
    "ad.linear({a}, np.ones((2, {n})))",
    "ad.weighted_sum([{u}, 2.0], [{a}, {p}], 0.5)",
    "ad.cross_entropy(np.reshape({u}, (1, -1)), [0])",
    "ad.glu(np.tile({u}, 2))",
    "ad.stats.norm.logpdf({a}, 0.5, 2.0)",
    "ad.stats.gamma.logpdf({p}, 2.5)",
    "ad.convolution(np.reshape({u}, (1, 1, -1)), np.array([[[0.5]]]))",
)


def _forms(forms: Sequence[str]) -> Callable[[Draft], bool]:
    """Return a builder of expressions of a tensor a: u is a within ±1, p positive, m and t matrices of u."""

    def build(draft: Draft) -> bool:
        a = draft.tensor(dims=1)
        if a is None:
            return False
        n, u = draft.shape(a)[-1], f"np.sin({a})"
        words = {"a": a, "n": n, "u": u, "p": f"(np.square({u}) + 0.5)"}
        words |= {"m": _SYMMETRIC.format(u=u, n=n), "t": _TRIANGLE.format(u=u, n=n)}
        return draft.add(draft.pick(forms).format(**words))

    return build


FORMS = {_forms(forms): forms for forms in (_OF_MATRICES, _SPECTRA, _COMPLEX, _SPECIAL)}


# ---- scalars, names and writes
def to_scalar(draft: Draft) -> bool:
    a = draft.tensor()
    if a is None:
        return False
    code = f"{a}[{', '.join('0' for _ in draft.shape(a))}]" if draft.shape(a) else a
    code = draft.pick((code, f"np.mean({a})"))
    return draft.add(f"ad.scalar({code})", f"float({code})", scalar=True)


def stack_scalars(draft: Draft) -> bool:
    found = draft.names(scalar=True)
    if not found:
        return False
    chosen = [draft.operand(found) for _ in range(draft.pick((2, 1, 3)))]
    return draft.add(f"ad.stack([{', '.join(chosen)}])", f"np.stack([{', '.join(chosen)}])")


def rename(draft: Draft) -> bool:
    """Add a second name of the same value: a write through one changes the other."""
    a = draft.tensor(dims=1)
    return a is not None and draft.add(a)


def detach(draft: Draft) -> bool:
    a = draft.tensor(dims=1)
    return a is not None and draft.add_constant(a, f"{{target}} = {a}.detach()")


def unrecorded(draft: Draft) -> bool:
    a = draft.tensor(dims=1)
    code = _unary_code(draft, a) if a is not None else None
    return code is not None and draft.add_constant(code, f"with ad.no_grad():\n    {{target}} = {code}")


def overwrite(draft: Draft) -> bool:
    """Add ``t[i] = v``, ``t += v`` or a similar write, into a value that is neither an input nor a view."""
    own = [n for n in draft.names(dims=1) if n not in draft.inputs and n not in draft.base]
    own = [n for n in own if draft.env[n].flags.writeable]
    if not own:
        return False
    a = draft.operand(own)
    style = draft.pick(("[]", "+=", "[]", "*=", "-="))
    if style != "[]":
        fits = [n for n in draft.names(scalar=None) if _broadcast(draft.shape(a), draft.shape(n))]
        return draft.write(a, f"{a} {style} {draft.operand([*fits, '0.5'])}")
    where = _index(draft, draft.shape(a), writing=True)
    try:
        slot = np.shape(_value(draft, f"{a}[{where}]"))
    except IndexError:
        return False
    fits = [n for n in draft.names(scalar=None) if _broadcast(slot, draft.shape(n))]
    return draft.write(a, f"{a}[{where}] = {draft.operand([*fits, '0.5'])}")


KINDS: tuple[Callable[[Draft], bool], ...] = (
    unary, binary, binary, reduce, move, index, overwrite, binary, join, multiply_matrices, choose, normalise,
    to_scalar, stack_scalars, arrange, rename, detach, unrecorded, overwrite, index, *FORMS,
)  # fmt: skip

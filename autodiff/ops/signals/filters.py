"""Filters: one row for the recursive part of a digital filter, and what is made of it. Signatures are SciPy's."""

from __future__ import annotations

import math
from operator import mul
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ...batching.handle import all_examples
from ...batching.ways import aligned
from ...other_arrays import beside, is_foreign, numbers
from ...registry import op
from ..shape import operand

FEW = 8  # signals at once, up to which Python's numbers are quicker than NumPy's calls


def _recursive(a: Any, u: Any) -> Any:
    if is_foreign(a) or is_foreign(u):
        return _recursive_by_slices(a, u)
    a, u = np.asarray(a), np.asarray(u)
    dtype = np.result_type(a, u, np.float16)
    lead, n, length = np.broadcast_shapes(a.shape[:-1], u.shape[:-1]), a.shape[-1], u.shape[-1]
    rows = np.broadcast_to(u, (*lead, length)).reshape(-1, length)
    weights = np.broadcast_to(-a[..., ::-1], (*lead, n)).reshape(-1, n)  # the oldest first
    if len(rows) <= FEW:
        kind = complex if dtype.kind == "c" else float
        found = [_one_by_one(w, row) for w, row in zip(weights.astype(kind).tolist(), rows.astype(kind).tolist())]
        return np.array(found, dtype).reshape(*lead, length)
    y = np.zeros((n + length, len(rows)), np.result_type(dtype, np.float64))
    y[n:], weights = rows.T, weights.T.copy()
    for i in range(length):
        y[n + i] += np.einsum("ij,ij->j", weights, y[i : n + i])
    return np.ascontiguousarray(y[n:].T).astype(dtype).reshape(*lead, length)


def _recursive_by_slices(a: Any, u: Any) -> Any:
    """Return the same for arrays of another library: an array for each place in time, put together at the end."""
    dtype = np.result_type(a.dtype, u.dtype, np.float16)
    a, u = (x.astype(np.result_type(dtype, np.float64)) for x in (beside(a, u), beside(u, a)))
    y: list[Any] = []
    for i in range(u.shape[-1]):
        y.append(sum([-a[..., k] * y[i - 1 - k] for k in range(min(a.shape[-1], i))], start=u[..., i]))
    return np.stack(np.broadcast_arrays(*y), axis=-1).astype(dtype)


def _one_by_one(weights: list[Any], row: list[Any]) -> list[Any]:
    n = len(weights)
    past: list[Any] = [0.0] * n
    for i, x in enumerate(row):
        past.append(x + sum(map(mul, weights, past[i:])))
    return past[n:]


def _backwards(a: Any, g: Any) -> Any:
    return np.flip(_recursive_row(a, np.flip(g, -1)), -1)


def _recursive_vjp_a(g: Any, y: Any, a: Any) -> Any:
    """Return minus the sum of w[n] y[n - k] for each k, w being the cotangent filtered backwards."""
    w, length = _backwards(a, g), np.shape(y)[-1]
    lags = range(1, np.shape(a)[-1] + 1)
    return np.stack([-np.sum(w[..., k:] * y[..., : max(length - k, 0)], axis=-1) for k in lags], axis=-1)


_recursive_row: Any = op(
    _recursive,
    name="recursive_filter",
    inputs="a u",
    vjp=(_recursive_vjp_a, lambda g, a: _backwards(a, g)),
    public=False,
    complex=True,
    batch=aligned,
    draw=lambda rng, a, u: (rng.uniform(-0.4, 0.4, a), rng.normal(size=u)),
    samples=((((2,), (6,)), {}), (((1,), (2, 4)), {}), (((2, 3), (5,)), {}), (((1,), (10, 2)), {})),
    doc="Solve y[n] + a[0] y[n - 1] + a[1] y[n - 2] + ... = u[n] along the last axis.",
)


def _convolved(b: Any, x: Any) -> Any:
    """Return b[0] x[n] + b[1] x[n - 1] + ... along the last axis."""
    n, length = np.shape(b)[0], np.shape(x)[-1]
    x = np.pad(x, [(0, 0)] * (np.ndim(x) - 1) + [(n - 1, 0)])
    terms = [b[k] * x[..., n - 1 - k : n - 1 - k + length] for k in range(n)]
    return sum(terms[1:], start=terms[0])


def _coefficients(name: str, b: Any, a: Any) -> tuple[Any, Any]:
    """Return numerator and denominator of one length, divided by a[0]."""
    b, a = (np.reshape(operand(v), -1) if np.ndim(v) == 0 else operand(v) for v in (b, a))
    if np.ndim(b) != 1 or np.ndim(a) != 1 or not np.size(a) or not np.size(b):
        raise ValueError(f"{name}: b and a must be sequences of coefficients; got shapes {np.shape(b)}, {np.shape(a)}.")
    zero = all_examples(a)[..., 0] == 0
    if not is_foreign(zero) and np.any(zero):
        raise ValueError(f"{name}: a[0] is 0; the first coefficient of the denominator scales all others.")
    lead, n = a[0], max(np.size(a), np.size(b))
    return tuple([np.pad(v, (0, n - np.size(v))) / lead for v in (b, a)])


def lfilter(b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """Filter a signal along an axis by a rational transfer function (``scipy.signal.lfilter``).

    a[0] y[n] = b[0] x[n] + b[1] x[n - 1] + ... - a[1] y[n - 1] - ... b, a: (n,) and (m,). x: any shape. zi: the state
    before, as x with max(n, m) - 1 for the axis; with it the result is (y, zf), zf being the state after. All are
    differentiated; the derivative in x is the filter run backwards in time. One loop over time serves all signals.

    >>> import autodiff as ad
    >>> x, pole = ad.tensor([1.0, 0.0, 0.0]), ad.tensor(0.5)
    >>> y = ad.signal.lfilter([1.0], ad.array([1.0, -pole]), x)
    >>> y.data, ad.grad(lambda p: ad.signal.lfilter([1.0], ad.array([1.0, -p]), x.data)[2])(0.5)
    (array([1.  , 0.5 , 0.25]), 1.0)
    """
    b, a = _coefficients("lfilter", b, a)
    x = operand(x)
    if np.ndim(x) == 0:
        raise ValueError("lfilter needs a signal of at least one axis; got a number.")
    axis, order = normalize_axis_index(axis, np.ndim(x)), np.size(a) - 1
    x = np.moveaxis(x, axis, -1)
    u, length = _convolved(b, x), np.shape(x)[-1]
    if zi is not None:
        if np.ndim(zi) != np.ndim(x):
            raise ValueError(f"lfilter: zi of shape {np.shape(zi)} must have as many axes as x, {np.ndim(x)}.")
        zi = np.broadcast_to(np.moveaxis(operand(zi), axis, -1), (*np.shape(x)[:-1], order))
        kept = min(order, length)
        u = u + np.pad(zi[..., :kept], [(0, 0)] * (np.ndim(x) - 1) + [(0, length - kept)])
    y = _recursive_row(a[1:], u) if order else u
    out = np.moveaxis(y, -1, axis)
    return out if zi is None else (out, np.moveaxis(_last_state(b, a, x, y, zi), -1, axis))


def _last_state(b: Any, a: Any, x: Any, y: Any, zi: Any) -> Any:
    """Return the share of the past in the next samples, in the transposed direct form."""
    order, length = np.size(a) - 1, np.shape(x)[-1]
    state = [zi[..., m + length] if m + length < order else 0.0 for m in range(order)]
    for m in range(order):
        for i in range(m + 1, min(order, m + length) + 1):
            state[m] = state[m] + b[i] * x[..., length + m - i] - a[i] * y[..., length + m - i]
    zeros = np.zeros(np.shape(x)[:-1], x.dtype)
    return np.stack([s + zeros for s in state], axis=-1) if order else zi


def lfilter_zi(b: Any, a: Any) -> Any:
    """Return the state in which the result of ``lfilter`` for a constant 1 is constant (``scipy.signal.lfilter_zi``).

    >>> import autodiff as ad
    >>> ad.signal.lfilter_zi([0.5, 0.5], [1.0])
    array([0.5])
    """
    b, a = _coefficients("lfilter_zi", b, a)
    n, dtype = np.size(a) - 1, np.result_type(b, a, np.float32)
    zeros = np.zeros((n, n - 1), dtype)
    turned = np.eye(n, k=1, dtype=dtype) - np.concatenate([np.reshape(a[1:], (n, 1)), zeros], axis=1)
    return np.linalg.solve(np.eye(n, dtype=dtype) - turned, b[1:] - a[1:] * b[0])


def filtfilt(
    b: Any, a: Any, x: Any, axis: int = -1, padtype: str | None = "odd", padlen: int | None = None,
    method: str = "pad", irlen: int | None = None,
) -> Any:  # fmt: skip
    """Filter a signal forwards and backwards, without a delay (``scipy.signal.filtfilt``).

    b, a, x: as in ``lfilter``. method: "pad" continues the ends, by padlen samples (by default three times the longer
    of b and a) of padtype "odd", "even", "constant" or None. "gust" needs none: it begins each pass in the state for
    which both orders of the two passes agree best (Gustafsson (1996), "Determining the initial states in
    forward-backward filtering"); irlen: the length of the impulse response, for a shorter system of equations.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor(np.ones(12))
    >>> ad.signal.filtfilt([0.5, 0.5], [1.0], x).sum().backward(); round(x.grad.sum().item(), 4)
    12.0
    """
    if method not in ("pad", "gust"):
        raise ValueError(f"filtfilt: method must be 'pad' or 'gust'; got {method!r}.")
    axis, taps = normalize_axis_index(axis, np.ndim(x)), max(np.size(b), np.size(a))
    x = np.moveaxis(operand(x), axis, -1)
    if method == "gust":
        return np.moveaxis(_both_orders_agree(b, a, x, irlen), -1, axis)
    x, edge = _continued("filtfilt", x, padtype, padlen, 3 * taps)
    zi = lfilter_zi(b, a) if taps > 1 else np.zeros(0)
    for _ in range(2):
        x = np.flip(lfilter(b, a, x, zi=zi * x[..., :1])[0], -1)
    return np.moveaxis(x[..., edge : np.shape(x)[-1] - edge], -1, axis)


def _continued(who: str, x: Any, padtype: str | None, padlen: int | None, default: int) -> tuple[Any, int]:
    """Return x continued at both ends of the last axis, and by how many samples."""
    if padtype not in ("odd", "even", "constant", None):
        raise ValueError(f"{who}: padtype must be 'odd', 'even', 'constant' or None; got {padtype!r}.")
    edge = 0 if padtype is None else default if padlen is None else padlen
    if np.shape(x)[-1] <= edge:
        raise ValueError(f"{who}: a signal of {np.shape(x)[-1]} samples is not longer than padlen, {edge}.")
    widths = [(0, 0)] * (np.ndim(x) - 1) + [(edge, edge)]
    if edge and padtype == "constant":
        x = np.pad(x, widths, mode="edge")
    elif edge:
        kind: Any = padtype
        x = np.pad(x, widths, mode="reflect", reflect_type=kind)
    return x, edge


def _both_orders_agree(b: Any, a: Any, x: Any, irlen: int | None) -> Any:
    """Return x filtered in both directions, with the initial states of Gustafsson's method."""
    b, a = _coefficients("filtfilt", b, a)
    order, n = np.size(a) - 1, np.shape(x)[-1]
    if order == 0:
        return b[0] ** 2 * x

    def run(v: Any) -> Any:
        return lfilter(b, a, v)

    def back(v: Any) -> Any:
        return np.flip(run(np.flip(v, -1)), -1)

    m = n if irlen is None or n <= 2 * irlen else irlen
    # rows: the output of the state i alone, forwards; then that output filtered backwards
    first = lfilter(b, a, np.zeros(m), zi=np.eye(order)[0])[0]
    free = np.stack([np.pad(first[: m - k], (k, 0)) for k in range(min(order, m))])
    turned = np.flip(free, -1)
    passed = run(turned)
    middle = back(run(x))
    apart = run(back(x)) - middle
    left, right = np.flip(passed, -1) - free, turned - passed
    if m == n:
        system, rows = np.concatenate([left, right]), np.concatenate([np.flip(passed, -1), turned])
        states = np.moveaxis(apart, -1, 0)
    else:
        zeros = np.zeros((order, m))
        system = np.block([[left, zeros], [zeros, right]])
        rows = np.block([[np.flip(passed, -1), zeros], [zeros, turned]])
        states = np.moveaxis(np.concatenate([apart[..., :m], apart[..., n - m :]], axis=-1), -1, 0)
    found = np.linalg.lstsq(system.T, np.reshape(states, (np.shape(states)[0], -1)), rcond=None)[0]
    change = np.reshape((rows.T @ found).T, (*np.shape(x)[:-1], -1))
    if m < n:
        gap = np.zeros((*np.shape(x)[:-1], n - 2 * m))
        change = np.concatenate([change[..., :m], gap, change[..., m:]], axis=-1)
    return middle + np.astype(change, middle.dtype)


# ---- sections of second order
def _sections(who: str, sos: Any) -> list[tuple[Any, Any]]:
    """Return numerator and denominator of every section."""
    sos = operand(sos)
    if np.ndim(sos) != 2 or np.shape(sos)[1] != 6:
        raise ValueError(f"{who}: sos must have shape (sections, 6); got {np.shape(sos)}.")
    return [(sos[i, :3], sos[i, 3:]) for i in range(np.shape(sos)[0])]


def sosfilt(sos: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """Filter a signal by sections of second order, one after the other (``scipy.signal.sosfilt``); sos: (n, 6).

    zi: the states before, as (n, ...) with 2 for the axis of x; with them the result is (y, zf).

    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, 2.0, 3.0])
    >>> ad.signal.sosfilt([[1.0, 0.0, 0.0, 1.0, -0.5, 0.0]], x).data
    array([1.  , 2.5 , 4.25])
    """
    sections = _sections("sosfilt", sos)
    if zi is None:
        for b, a in sections:
            x = lfilter(b, a, x, axis)
        return x
    if np.shape(zi)[0] != len(sections) or np.ndim(zi) != np.ndim(x) + 1:
        raise ValueError(
            f"sosfilt: zi of shape {np.shape(zi)} does not fit {len(sections)} sections and x of shape {np.shape(x)}."
        )
    after = []
    for (b, a), state in zip(sections, operand(zi), strict=True):
        x, state = lfilter(b, a, x, axis, state)
        after.append(state)
    return x, np.stack(after)


def sosfilt_zi(sos: Any) -> Any:
    """Return the states (n, 2) in which the result of ``sosfilt`` for a constant 1 is constant
    (``scipy.signal.sosfilt_zi``).

    >>> import autodiff as ad
    >>> ad.signal.sosfilt_zi([[1.0, 0.0, 0.0, 1.0, -0.5, 0.0]])
    array([[1., 0.]])
    """
    gain, states = 1.0, []
    for b, a in _sections("sosfilt_zi", sos):
        states.append(gain * lfilter_zi(b, a))
        gain = gain * np.sum(b) / np.sum(a)
    return np.stack(states)


def sosfiltfilt(sos: Any, x: Any, axis: int = -1, padtype: str | None = "odd", padlen: int | None = None) -> Any:
    """Filter a signal by sections forwards and backwards, without a delay (``scipy.signal.sosfiltfilt``).

    sos: (n, 6). padtype, padlen: as in ``filtfilt``.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor(np.ones(12))
    >>> ad.signal.sosfiltfilt([[0.5, 0.5, 0.0, 1.0, 0.0, 0.0]], x).data.round(6)[:3]
    array([1., 1., 1.])
    """
    sections = _sections("sosfiltfilt", sos)
    plain_sections = [[numbers(all_examples(v), "sosfilt", "sos") for v in section] for section in sections]
    ends = np.array([[np.all(v[..., 2] == 0) for v in section] for section in plain_sections])
    taps = 2 * len(sections) + 1 - int(ends.sum(0).min())
    axis = normalize_axis_index(axis, np.ndim(x))
    x, edge = _continued("sosfiltfilt", np.moveaxis(operand(x), axis, -1), padtype, padlen, 3 * taps)
    zi = np.reshape(sosfilt_zi(sos), (len(sections), *(1,) * (np.ndim(x) - 1), 2))
    for _ in range(2):
        x = np.flip(sosfilt(sos, x, zi=zi * x[..., :1])[0], -1)
    return np.moveaxis(x[..., edge : np.shape(x)[-1] - edge], -1, axis)


# ---- responses
def freqz(
    b: Any, a: Any = 1.0, worN: Any = 512, whole: bool = False, *, fs: float = 2.0 * math.pi,
    include_nyquist: bool = False,
) -> tuple[Any, Any]:  # fmt: skip
    """Return frequencies and the response of a filter at them (``scipy.signal.freqz``), differentiated in b and a.

    worN: the number of frequencies from 0 up to half of fs (up to fs with whole), or the frequencies.

    >>> import autodiff as ad, numpy as np
    >>> b = ad.tensor([0.5, 0.5])
    >>> w, h = ad.signal.freqz(b, worN=2)
    >>> np.abs(h).data.round(4)
    array([1.    , 0.7071])
    """
    b = np.reshape(operand(b), -1)
    a = np.reshape(np.asarray(a, b.dtype) if a.__class__ in (int, float) else operand(a), -1)
    if worN is None or isinstance(worN, int | np.integer):
        n = 512 if worN is None else worN
        end = 2.0 * math.pi if whole else math.pi
        turns = np.linspace(0.0, end, n, endpoint=bool(include_nyquist and not whole))
        w = turns * fs / (2.0 * math.pi)
    else:
        w = np.atleast_1d(operand(worN))
        turns = w * (2.0 * math.pi / fs)
    back = np.exp(-1j * turns)[..., None]
    above, below = (np.sum(v * back ** np.arange(np.size(v)), axis=-1) for v in (b, a))
    small = np.result_type(b, a, np.complex64) == np.complex64
    return (np.astype(w, np.float32), np.astype(above / below, np.complex64)) if small else (w, above / below)


def freqz_sos(sos: Any, worN: Any = 512, whole: bool = False, fs: float = 2.0 * math.pi) -> tuple[Any, Any]:
    """Return frequencies and the response of sections of second order at them (``scipy.signal.freqz_sos``).

    >>> import autodiff as ad
    >>> ad.signal.freqz_sos([[0.5, 0.5, 0.0, 1.0, 0.0, 0.0]], worN=2)[1].round(4)
    array([1. +0.j , 0.5-0.5j])
    """
    found = [freqz(b, a, worN, whole, fs=fs) for b, a in _sections("freqz_sos", sos)]
    h = found[0][1]
    for _, response in found[1:]:
        h = h * response
    return found[0][0], h

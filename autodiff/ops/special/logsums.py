"""Sums of exponentials under a logarithm along an axis, with SciPy's signatures, and the running one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...batching.ways import along
from ...other_arrays import as_array, beside, is_foreign
from ...registry import op
from ...variable import Variable, plain
from ..activations import log_softmax as _log_softmax
from ..activations import softmax as _softmax
from ..arrays.runs import running
from ..reduce import logsumexp as _logsumexp

Axis = int | tuple[int, ...] | None


def _axes(x: Any, axis: Axis) -> int | tuple[int, ...]:
    return tuple(range(np.ndim(x))) if axis is None else axis


def logsumexp(a: Any, axis: Axis = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """Evaluate log(sum(b exp(a))) over axes, without overflow (``scipy.special.logsumexp``).

    a: any shape. b: weights that broadcast with a, or None. A negative sum gives NaN, or with ``return_sign`` the
    logarithm of its size, and its sign, a plain array, as the second result.

    >>> import autodiff as ad
    >>> x = ad.tensor([0.0, 0.0])
    >>> ad.special.logsumexp(x).backward(); x.grad
    array([0.5, 0.5])
    """
    if b is None and not return_sign:
        return _logsumexp(a, axis=axis, keepdims=keepdims)
    b = 1.0 if b is None else b if isinstance(b, Variable) else beside(as_array(b), plain(a))
    unused = np.equal(plain(b), 0)
    top = np.max(np.where(unused, -np.inf, plain(a)), axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)  # a constant: the result does not depend on it
    if not isinstance(b, Variable):
        a = np.where(unused, top, a)  # an element of weight 0 may be so large that its exponential is infinite
    total = np.sum(b * np.exp(a - top), axis=axis, keepdims=True)
    sign = np.sign(plain(total))
    y = np.log(total * sign if return_sign else total) + top
    if not keepdims:
        shape = np.shape(np.sum(np.empty(np.shape(y)), axis=axis))
        y, sign = np.reshape(y, shape), np.reshape(sign, shape)
    return (y, sign) if return_sign else y


def softmax(x: Any, axis: Axis = None) -> Any:
    """Evaluate exp(x) / sum(exp(x)) over axes, all of them for None (``scipy.special.softmax``).

    >>> import autodiff as ad
    >>> ad.special.softmax(ad.tensor([[0.0, 0.0]])).data
    array([[0.5, 0.5]])
    """
    return _softmax(x, axis=_axes(x, axis))


def log_softmax(x: Any, axis: Axis = None) -> Any:
    """Evaluate log(softmax(x)) over axes, all of them for None (``scipy.special.log_softmax``).

    >>> import autodiff as ad
    >>> ad.special.log_softmax(ad.tensor([0.0, 0.0])).data.round(4)
    array([-0.6931, -0.6931])
    """
    return _log_softmax(x, axis=_axes(x, axis))


def _logcumsumexp(x: Any, axis: int = -1) -> Any:
    return running(np.logaddexp, x, axis) if is_foreign(x) else np.logaddexp.accumulate(x, axis=axis)


def _logcumsumexp_vjp(g: Any, y: Any, x: Any, axis: int) -> Any:
    """exp(x_j - y_j) times the sum over i >= j of g_i exp(y_j - y_i): y never falls, so that nothing overflows. The sum
    doubles its reach at each step.
    """
    total, level = np.moveaxis(g, axis, -1), np.moveaxis(y, axis, -1)
    level = np.where(np.equal(level, -np.inf), np.finfo(np.float64).min if level.dtype.itemsize == 8 else -1e30, level)
    n, step = np.shape(total)[-1], 1
    while step < n:
        fall = np.exp(level[..., :-step] - level[..., step:])
        total = np.concatenate([total[..., :-step] + fall * total[..., step:], total[..., -step:]], axis=-1)
        step *= 2
    return np.exp(x - y) * np.moveaxis(total, -1, axis)


logcumsumexp = op(
    _logcumsumexp,
    name="logcumsumexp",
    batch=along,
    vjp=_logcumsumexp_vjp,
    samples=((((3, 4),), {}), (((3, 4),), {"axis": 0}), (((1,),), {})),
    public=False,
    reference=lambda x, axis=-1: np.log(np.cumsum(np.exp(x), axis=axis)),
    doc="Return the running logsumexp along an axis, without overflow (``torch.logcumsumexp``).",
)

"""Statistics of observations: cov and corrcoef. Means, variances and quantiles are in ``reduce`` and ``order``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import kind_of
from ...other_arrays import numbers
from ...registry import composite
from ...variable import plain
from ..complex_numbers import conj
from ..shape import operand


def _weights(fweights: Any, aweights: Any, n: int, dtype: Any) -> Any:
    """Return the product of both kinds of weights that were given, checked; None for neither."""
    for name, given in (("fweights", fweights), ("aweights", aweights)):
        if given is not None and np.shape(given) != (n,):
            raise ValueError(f"cov: {name} of shape {np.shape(given)} do not fit {n} observations.")
        if given is not None and (np.asarray(numbers(plain(given), "cov", name)) < 0).any():
            raise ValueError(f"cov: {name} must not be negative.")
    if fweights is not None:
        fweights = np.asarray(plain(fweights))
        if (fweights != np.rint(fweights)).any():
            raise TypeError("cov: fweights must be integers.")
        fweights = fweights.astype(dtype)
    if aweights is None:
        return fweights
    aweights = operand(aweights)
    return aweights if fweights is None else fweights * aweights


def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    """Return the covariance matrix of variables (``np.cov``): one a row, or a column with rowvar=False.

    m, y: (variables, observations) or (observations,). fweights: integers, how often each observation occurred;
    aweights: its relative weight, which may be recorded.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0, 6.0])
    >>> np.cov(x).backward(); x.grad
    array([-2., -1.,  3.])
    """
    if ddof is not None and ddof != int(ddof):
        raise ValueError(f"cov: ddof must be an integer; got {ddof}.")
    m, y = operand(m), None if y is None else operand(y)
    kind = dtype or np.result_type(np.float64, *[v for v in (m, y) if v is not None])
    rows = _variables(m, rowvar, kind)
    if y is not None:
        rows = np.concatenate([rows, _variables(y, rowvar, kind)])
    n = np.shape(rows)[1]
    ddof = (0 if bias else 1) if ddof is None else int(ddof)
    w = _weights(fweights, aweights, n, rows.dtype)
    if w is None:
        off = weighted = rows - np.mean(rows, axis=1, keepdims=True)
        divisor: Any = rows.dtype.type(n - ddof)
    else:
        total = np.sum(w)
        off = rows - np.expand_dims(np.sum(rows * w, axis=1) / total, 1)
        weighted = off * w
        divisor = total - ddof * (1.0 if aweights is None else np.sum(w * aweights) / total)
    if not plain(divisor) > 0:
        divisor = rows.dtype.type(0)  # as in NumPy: nothing is left to divide by
    return np.squeeze(np.matmul(off, conj(np.transpose(weighted))) / divisor)


def _variables(m: Any, rowvar: bool, dtype: Any) -> Any:
    if np.ndim(m) > 2:
        raise ValueError(f"cov needs one or two axes; got {kind_of(m)}.")
    rows = np.atleast_2d(m)
    if not rowvar and np.ndim(m) == 2 and np.shape(rows)[0] != 1:
        rows = np.transpose(rows)
    return rows if np.result_type(rows) == dtype else np.astype(rows, dtype)


def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """Return the correlation matrix of variables (``np.corrcoef``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0, 6.0])
    >>> np.corrcoef(x, [1.0, 2.0, 3.0]).shape
    (2, 2)
    """
    c = cov(x, y, rowvar, dtype=dtype)
    if np.ndim(c) == 0:
        return c / c  # 1, or NaN
    deviation = np.sqrt(np.real(np.diagonal(c)))
    c = c / np.expand_dims(deviation, 1) / np.expand_dims(deviation, 0)
    if c.dtype.kind == "c":
        return np.clip(np.real(c), -1.0, 1.0) + 1j * np.clip(np.imag(c), -1.0, 1.0)
    return np.clip(c, -1.0, 1.0)


for _fn in (cov, corrcoef):
    composite(_fn, numpy=(getattr(np, _fn.__name__),))

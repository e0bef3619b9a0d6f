"""Distribution functions under the short names of ``scipy.special``, and further short forms: of the incomplete gamma
and beta functions, of Dawson's integral, of powers. Composites, differentiated in every argument that is no count.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...variable import plain
from .gamma import gammainc, gammaincc, weak
from .incomplete_beta import betainc, betaincc
from .normal import dawsn, exp_square
from .quantiles import gammainccinv


def _count(k: Any) -> Any:
    """Return k rounded down: no derivative flows to a count."""
    return np.floor(plain(weak(k)))


def bdtr(k: Any, n: Any, p: Any) -> Any:
    """Return the probability of at most k successes in n trials, k < n (``scipy.special.bdtr``).

    k: rounded down, not differentiated. n, and p, the probability of a success, are.

    >>> import autodiff as ad
    >>> p = ad.tensor(0.5)
    >>> ad.special.bdtr(1, 3, p).backward(); p.grad.item()
    -1.5
    """
    k = _count(k)
    return betaincc(k + 1.0, n - k, p)


def bdtrc(k: Any, n: Any, p: Any) -> Any:
    """Return the probability of more than k successes in n trials (``scipy.special.bdtrc``), as ``bdtr``.

    >>> import autodiff as ad
    >>> p = ad.tensor(0.5)
    >>> ad.special.bdtrc(1, 3, p).backward(); p.grad.item()
    1.5
    """
    k = _count(k)
    return betainc(k + 1.0, n - k, p)


def nbdtr(k: Any, n: Any, p: Any) -> Any:
    """Return the probability of at most k failures before the n-th success (``scipy.special.nbdtr``), as ``bdtr``.

    >>> import autodiff as ad
    >>> p = ad.tensor(0.5)
    >>> ad.special.nbdtr(1, 2, p).backward(); p.grad.item()
    1.5
    """
    return betainc(n, _count(k) + 1.0, p)


def nbdtrc(k: Any, n: Any, p: Any) -> Any:
    """Return the probability of more than k failures before the n-th success (``scipy.special.nbdtrc``).

    >>> import autodiff as ad
    >>> p = ad.tensor(0.5)
    >>> ad.special.nbdtrc(1, 2, p).backward(); p.grad.item()
    -1.5
    """
    return betaincc(n, _count(k) + 1.0, p)


def pdtr(k: Any, m: Any) -> Any:
    """Return the probability of at most k events where m are expected (``scipy.special.pdtr``), as ``bdtr``.

    >>> import autodiff as ad
    >>> m = ad.tensor(2.0)
    >>> ad.special.pdtr(1, m).backward(); round(m.grad.item(), 4)
    -0.2707
    """
    return gammaincc(_count(k) + 1.0, m)


def pdtrc(k: Any, m: Any) -> Any:
    """Return the probability of more than k events where m are expected (``scipy.special.pdtrc``).

    >>> import autodiff as ad
    >>> m = ad.tensor(2.0)
    >>> ad.special.pdtrc(1, m).backward(); round(m.grad.item(), 4)
    0.2707
    """
    return gammainc(_count(k) + 1.0, m)


def _rate_times(a: Any, x: Any) -> Any:
    """Return a x; NaN for x below 0, where a negative rate would look like a distribution."""
    return np.where(np.less(x, 0), np.nan, weak(a) * x)


def gdtr(a: Any, b: Any, x: Any) -> Any:
    """Return the gamma distribution of rate a and shape b up to x (``scipy.special.gdtr``).

    >>> import autodiff as ad
    >>> a = ad.tensor(2.0)
    >>> ad.special.gdtr(a, 1.0, 0.5).backward(); round(a.grad.item(), 4)
    0.1839
    """
    return gammainc(b, _rate_times(a, x))


def gdtrc(a: Any, b: Any, x: Any) -> Any:
    """Return the gamma distribution of rate a and shape b beyond x (``scipy.special.gdtrc``).

    >>> import autodiff as ad
    >>> a = ad.tensor(2.0)
    >>> ad.special.gdtrc(a, 1.0, 0.5).backward(); round(a.grad.item(), 4)
    -0.1839
    """
    return gammaincc(b, _rate_times(a, x))


def chdtr(v: Any, x: Any) -> Any:
    """Return the chi square distribution of v degrees of freedom up to x (``scipy.special.chdtr``).

    >>> import autodiff as ad
    >>> x = ad.tensor(2.0)
    >>> ad.special.chdtr(2.0, x).backward(); round(x.grad.item(), 4)
    0.1839
    """
    return gammainc(0.5 * weak(v), 0.5 * weak(x))


def chdtrc(v: Any, x: Any) -> Any:
    """Return the chi square distribution of v degrees of freedom beyond x (``scipy.special.chdtrc``).

    >>> import autodiff as ad
    >>> x = ad.tensor(2.0)
    >>> ad.special.chdtrc(2.0, x).backward(); round(x.grad.item(), 4)
    -0.1839
    """
    return gammaincc(0.5 * weak(v), 0.5 * weak(x))


def chdtri(v: Any, p: Any) -> Any:
    """Return x at which ``chdtrc(v, x)`` is p (``scipy.special.chdtri``).

    >>> import autodiff as ad
    >>> p = ad.tensor(0.5)
    >>> ad.special.chdtri(2.0, p).backward(); round(p.grad.item(), 4)
    -4.0
    """
    return 2.0 * gammainccinv(0.5 * weak(v), p)


def fdtr(dfn: Any, dfd: Any, x: Any) -> Any:
    """Return Fisher's F distribution up to x (``scipy.special.fdtr``).

    >>> import autodiff as ad
    >>> x = ad.tensor(1.0)
    >>> ad.special.fdtr(2.0, 2.0, x).backward(); round(x.grad.item(), 4)
    0.25
    """
    part = weak(dfn) * x
    return betainc(0.5 * weak(dfn), 0.5 * weak(dfd), part / (dfd + part))


def fdtrc(dfn: Any, dfd: Any, x: Any) -> Any:
    """Return Fisher's F distribution beyond x (``scipy.special.fdtrc``).

    >>> import autodiff as ad
    >>> x = ad.tensor(1.0)
    >>> ad.special.fdtrc(2.0, 2.0, x).backward(); round(x.grad.item(), 4)
    -0.25
    """
    return betainc(0.5 * weak(dfd), 0.5 * weak(dfn), dfd / (dfd + weak(dfn) * x))


# ---- short forms
def erfi(x: Any) -> Any:
    """Return the imaginary error function, 2/sqrt(pi) ∫ exp(t²), within 8 ulp (``scipy.special.erfi``).

    >>> import autodiff as ad
    >>> x = ad.tensor(0.0)
    >>> ad.special.erfi(x).backward(); round(x.grad.item(), 4)
    1.1284
    """
    return (2.0 / math.sqrt(math.pi)) * exp_square(x, factor=1.0) * dawsn(x)


def cosm1(x: Any) -> Any:
    """Return cos(x) - 1 without the cancellation near 0 (``scipy.special.cosm1``).

    >>> import autodiff as ad
    >>> x = ad.tensor(1e-9)
    >>> ad.special.cosm1(x).backward(); x.grad.item()
    -1e-09
    """
    half = np.sin(0.5 * weak(x))
    return -2.0 * half * half


def powm1(x: Any, y: Any) -> Any:
    """Return x**y - 1 without the cancellation near 1, for x > 0 (``scipy.special.powm1``).

    >>> import autodiff as ad
    >>> x = ad.tensor(1.0)
    >>> ad.special.powm1(x, 1e-9).backward(); x.grad.item()
    1e-09
    """
    return np.expm1(weak(y) * np.log(x))


def exp10(x: Any) -> Any:
    """Return 10**x (``scipy.special.exp10``).

    >>> import autodiff as ad
    >>> x = ad.tensor(2.0)
    >>> ad.special.exp10(x).backward(); round(x.grad.item(), 4)
    230.2585
    """
    return 10.0 ** weak(x)

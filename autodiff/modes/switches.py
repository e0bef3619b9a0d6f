"""The modes that a user turns on: ``no_grad``, ``record``, ``detect_anomaly``, ``strict``."""

from __future__ import annotations

from .blocks import mode
from .states import OFF, state


def no_grad() -> mode:
    """Record nothing in this block (also usable as a decorator).

    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, 2.0])
    >>> with ad.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """
    return mode(floor=OFF)


def enable_grad() -> mode:
    """Record again inside a ``no_grad()`` block.

    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, 2.0])
    >>> with ad.no_grad(), ad.enable_grad():
    ...     y = x * 2
    >>> y.requires_grad
    True
    """
    return mode(floor=0)


def is_recording() -> bool:
    """Return whether operations are recorded here.

    >>> import autodiff as ad, numpy as np
    >>> ad.is_recording()
    True
    >>> with ad.no_grad():
    ...     print(ad.is_recording())
    False
    """
    return state().floor != OFF


def keeps_record(what: str = "stats") -> bool:
    """Return whether ``record()`` is on for a kind of record: an optimizer keeps its step under "updates".

    >>> from autodiff import extend
    >>> extend.keeps_record("updates")
    False
    """
    return what in state().record


def record(grads: bool = True, source: bool = True, stats: bool = True, updates: bool = True) -> mode:
    """Record what pictures show of the graph made in this block; outside the block this costs nothing.

    grads: gradients of interior values, in their ``.grad``. source: file and line of each operation. stats: values and
    constant operands, for statistics. updates: how far an optimizer's step moves each parameter.

    >>> import autodiff as ad
    >>> with ad.record():
    ...     x = ad.tensor([1.0, 2.0])
    ...     h = x * x
    ...     h.sum().backward()
    >>> h.grad
    array([1., 1.])
    """
    if not all(isinstance(on, bool) for on in (grads, source, stats, updates)):
        raise TypeError("record takes booleans: ad.record(grads=True, source=True, stats=True, updates=True).")
    chosen = {"grads": grads, "source": source, "stats": stats, "updates": updates}
    return mode(record=frozenset(name for name, on in chosen.items() if on))


def detect_anomaly() -> mode:
    """Raise AnomalyError at the first operation that makes a NaN or an infinity from finite inputs.

    Forward operations inside the block are checked at once, backward rules when ``backward()`` runs inside it.

    >>> import autodiff as ad, numpy as np
    >>> with ad.detect_anomaly(), np.errstate(all="ignore"):
    ...     np.log(ad.tensor([1.0, 0.0]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    autodiff.errors.AnomalyError: log made 1 infinity (first at index (1,)) from finite inputs...
    """
    return mode(anomaly=True)


def strict() -> mode:
    """Check saved arrays and singular points: raise where a result would rest on a convention or a changed array.

    SingularPointError where a derivative is a convention (abs at 0) or a computed 0 meets an infinite derivative;
    StaleValueError where an array that a rule saved was changed. Arrays are recorded by reference. Writes through the
    library are noticed always; a raw write into a NumPy array is noticed only here, where each saved array is hashed.

    >>> import autodiff as ad, numpy as np
    >>> x, factor = ad.tensor([1.0, 2.0]), np.array([3.0, 4.0])
    >>> with ad.strict():
    ...     y = (x * factor).sum()
    ...     factor[0] = 0.0
    ...     y.backward()
    Traceback (most recent call last):
    autodiff.errors.StaleValueError: an array of shape (2,) that multiply ... had saved was changed since. ...
    """
    return mode(strict=True)

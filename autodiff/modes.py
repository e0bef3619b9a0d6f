"""The modes under which operations run: recording, picture records, anomaly detection, and the module we are in.

They live in one context variable, so that threads and tasks never see each other's. The fast paths ask a single
question of it: is the state ``plain``? Never here: the graph itself.
"""

from __future__ import annotations

import contextlib
import sys
import weakref
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any


class Scope:
    """The module that is running: its name under its parent, and a weak reference to it."""

    __slots__ = ("parent", "name", "path", "_owner", "state")
    ELSEWHERE = object()

    def __init__(self, parent: Scope | None, name: str, owner: Any = None) -> None:
        self.parent, self.name = parent, name
        self.path: str = (
            f"{parent.path}.{name}"
            if parent is not None and parent.path and name
            else (name or (parent.path if parent is not None else ""))
        )
        self._owner = weakref.ref(owner) if owner is not None else None
        self.state = State(scope=self)  # made once: entering a module costs one set of the context variable

    def run(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """``function(*args, **kwargs)`` inside this scope: what ``with scope(self)`` does, in one call. Where another
        scope than the parent is in force it does nothing, and returns ELSEWHERE."""
        now = state()
        if now.scope is not self.parent:
            return self.ELSEWHERE
        token = _state.set(self.state if now.plain else now.but(scope=self))
        try:
            return function(*args, **kwargs) if kwargs else function(*args)
        finally:
            _state.reset(token)

    def owner(self) -> Any:
        """The object that opened the scope, or None when it is gone or none was given."""
        return self._owner() if self._owner is not None else None

    def __repr__(self) -> str:
        return f"Scope({self.path!r})"


class State:
    """The modes in force. ``floor``: parents with a smaller serial count as constants (0 records all)."""

    __slots__ = ("floor", "scope", "record", "anomaly", "strict", "plain")

    def __init__(
        self,
        floor: float = 0,
        scope: Scope | None = None,
        record: frozenset[str] = frozenset(),
        anomaly: bool = False,
        strict: bool = False,
    ) -> None:
        self.floor, self.scope, self.record, self.anomaly, self.strict = floor, scope, record, anomaly, strict
        self.plain = not (floor or record or anomaly or strict)  # the fast paths ask only this

    def but(self, **changes: Any) -> State:
        """A copy with some modes changed."""
        now = {
            "floor": self.floor,
            "scope": self.scope,
            "record": self.record,
            "anomaly": self.anomaly,
            "strict": self.strict,
        }
        return State(**{**now, **changes})


OFF = float("inf")
_state: ContextVar[State] = ContextVar("autodiff_state", default=State())  # noqa: B039 (a State never changes)
state = _state.get


class mode(contextlib.ContextDecorator):
    """Run a block, or each call of a function, with some modes changed; restored on every way out. May be used again
    and inside itself, but by one thread: each has a state of its own."""

    def __init__(self, **changes: Any) -> None:
        self._changes = changes
        self._tokens: list[Token[State]] = []

    def _recreate_cm(self) -> mode:  # what ContextDecorator asks for at each call: threads may share a function
        return mode(**self._changes)

    def __enter__(self) -> None:
        self._tokens.append(_state.set(state().but(**self._changes)))

    def __exit__(self, *exc: object) -> None:
        _state.reset(self._tokens.pop())


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
    """Whether operations are recorded here."""
    return state().floor != OFF


def keeps_record(what: str = "stats") -> bool:
    """Whether ``record()`` asks for something here: an optimizer keeps its step when "updates" are asked for."""
    return what in state().record


def record(grads: bool = True, source: bool = True, stats: bool = True, updates: bool = True) -> mode:
    """Keep what a picture shows of the graph made in this block; outside it, nothing of this costs anything.

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
    asked = {"grads": grads, "source": source, "stats": stats, "updates": updates}
    return mode(record=frozenset(name for name, on in asked.items() if on))


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
    """Fingerprint every array a rule saves, and refuse in ``backward()`` one that was changed since.

    Arrays are recorded by reference. Writes through the library are noticed always; a raw write into a NumPy
    array (``a[:] = 0`` on a constant) is noticed only under ``strict()``, which hashes each saved array.
    """
    return mode(strict=True)


class scope:
    """Name the operations of a block: pictures group them, errors name them. ``owner``: the module, kept weakly.

    >>> import autodiff as ad
    >>> with ad.scope("encoder"):
    ...     y = ad.tensor([1.0]) * 2
    >>> y.node.scope.path
    'encoder'
    """

    __slots__ = ("_make", "_token", "_owner")

    def __init__(self, name: str | Scope, owner: Any = None) -> None:
        self._make, self._owner = name, owner

    def __enter__(self) -> Scope:
        now = state()
        made = self._make
        here = made if isinstance(made, Scope) else Scope(now.scope, made, self._owner)
        self._token = _state.set(here.state if now.plain else now.but(scope=here))
        return here

    def __exit__(self, *exc: object) -> None:
        _state.reset(self._token)


def current_scope() -> Scope | None:
    """The innermost scope in force."""
    return state().scope


_HERE = __file__.rsplit("modes.py", 1)[0]


def source_line() -> str:
    """``file.py:12`` of the nearest caller outside this package and outside ``nn``. No frame is kept."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if not name.startswith(_HERE) and package != "nn" and not name.startswith("<"):
            return f"{name.replace(chr(92), '/')}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return "?"

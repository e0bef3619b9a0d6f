"""The modes in force: recording, picture records, anomaly detection, and the module that is running.

They are in one context variable, so that threads and tasks have their own. The fast paths test one attribute of
it: ``plain``. Never here: the graph itself.
"""

from __future__ import annotations

import inspect
import sys
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any


class Scope:
    """The module that is running: its name under its parent, its class, and a weak reference to it.

    once: made for one call of the module, under ``record()``, so that pictures can separate its calls; otherwise all
    calls share it.
    """

    __slots__ = ("parent", "name", "path", "kind", "_owner", "once", "state", "outside")
    ELSEWHERE = object()

    def __init__(self, parent: Scope | None, name: str, owner: Any = None, once: bool = False) -> None:
        self.parent, self.name, self.once = parent, name, once
        self.path: str = (
            f"{parent.path}.{name}"
            if parent is not None and parent.path and name
            else (name or (parent.path if parent is not None else ""))
        )
        self.kind = type(owner) if owner is not None else None
        self._owner = weakref.ref(owner) if owner is not None else None
        self.state = State(scope=self)  # made once: entering a module costs one set of the context variable
        # The state in which it is entered most often: its parent's, or the one without any mode.
        self.outside = None if once else _DEFAULT if parent is None else parent.state

    def run(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return ``function(*args, **kwargs)``, called inside this scope as by ``with scope(self)``; where another
        scope than the parent is in force, do nothing and return ELSEWHERE."""
        now, inside = state(), self.state
        if now is not self.outside:
            if now.scope is not self.parent or self.once or now.record:
                return self.ELSEWHERE
            if now.__class__ is not State:  # a generator holds modes: their order matters
                with scope(self):
                    return function(*args, **kwargs)
            inside = inside if now.plain else now.but(scope=self)
        after = inside
        try:
            _state.set(inside)
            return function(*args, **kwargs) if kwargs else function(*args)
        finally:
            try:  # a signal handler may raise after each call here, and the scope must end all the same
                after = state()
            finally:  # a generator may have been resumed inside, and hold a mode
                _state.set(now if after.__class__ is State else Layered(now, after.layers))  # type: ignore[attr-defined]

    def owner(self) -> Any:
        """Return the object that opened the scope, or None when it is gone or none was given."""
        return self._owner() if self._owner is not None else None

    def __repr__(self) -> str:
        return f"Scope({self.path!r})"


class State:
    """The modes in force. ``floor``: parents with a smaller serial count as constants (0 records all). ``trace``: the
    trace of ``ad.compile`` that takes down the operations, or None."""

    __slots__ = ("floor", "scope", "record", "anomaly", "strict", "trace", "plain", "outer", "maker")

    def __init__(
        self,
        floor: float = 0,
        scope: Scope | None = None,
        record: frozenset[str] = frozenset(),
        anomaly: bool = False,
        strict: bool = False,
        trace: Any = None,
    ) -> None:
        self.floor, self.scope, self.record, self.anomaly, self.strict = floor, scope, record, anomaly, strict
        self.trace = trace
        self.plain = not (floor or record or anomaly or strict or trace)  # the one test of the fast paths
        self.outer: State | None = None  # the state in force before, and the ``mode`` that changed it
        self.maker: Any = None

    def but(self, **changes: Any) -> State:
        """Return a copy with some modes changed."""
        now = {
            "floor": self.floor,
            "scope": self.scope,
            "record": self.record,
            "anomaly": self.anomaly,
            "strict": self.strict,
            "trace": self.trace,
        }
        return State(**{**now, **changes})


class Layer:
    """A mode that a generator holds: in force while the generator runs, not while it is paused."""

    __slots__ = ("maker", "changes", "frame")

    def __init__(self, maker: Any, changes: dict[str, Any], frame: Any) -> None:
        self.maker, self.changes, self.frame = maker, changes, frame

    def holds(self) -> bool:
        """Return whether the generator is running: the frame of a paused one has no caller."""
        return self.frame is not None and self.frame.f_back is not None


class Layered(State):
    """The state while generators hold modes: worked out at each reading, since one may have been paused or resumed.

    base      the state outside all of them
    layers    the modes they hold, in the order of entering
    """

    __slots__ = ("base", "layers")

    def __init__(self, base: State, layers: tuple[Layer, ...]) -> None:
        self.base, self.layers = base, layers

    def running(self) -> list[Layer]:
        """Return the layers in force here, innermost generator last."""
        held = [x for x in self.layers if x.holds()]
        if len({id(x.frame) for x in held}) > 1:  # the deeper in the stack, the later
            depth: dict[Any, int] = {}
            frame: Any = sys._getframe(1)
            while frame is not None:
                depth[frame] = -len(depth)
                frame = frame.f_back
            held.sort(key=lambda x: depth.get(x.frame, -len(depth)))
        return held

    def now(self) -> State:
        """Return the modes in force at this moment."""
        state = self.base
        for layer in self.running():
            state = state.but(**layer.changes)
        if state is self.base and _state.get() is self and not any([x.frame is not None for x in self.layers]):
            _state.set(state)  # all of them have ended, in another thread: reading is cheap again
        return state

    def but(self, **changes: Any) -> State:
        return self.now().but(**changes)


def _worked_out(name: str) -> Any:
    return property(lambda self: getattr(self.now(), name))


for _name in ("floor", "scope", "record", "anomaly", "strict", "trace", "plain"):
    setattr(Layered, _name, _worked_out(_name))

OFF = float("inf")
_DEFAULT = State()
_state: ContextVar[State] = ContextVar("autodiff_state", default=_DEFAULT)
state = _state.get


_held: dict[int, list[Layer]] = {}  # by the id of their maker: a generator may be closed in another thread


def _layer(maker: Any, changes: dict[str, Any], frame: Any) -> Layer:
    layer = Layer(maker, changes, frame)
    _held.setdefault(id(maker), []).append(layer)
    return layer


def _end(layer: Layer) -> None:
    layer.frame = None
    left = [x for x in _held.pop(id(layer.maker), ()) if x is not layer]
    if left:
        _held[id(layer.maker)] = left


def enter_mode(maker: Any, changes: dict[str, Any], caller: Any) -> None:
    """Change some modes. The exit undoes changes of a generator, and they do not hold while it is paused."""
    now = _state.get()
    if now.__class__ is State:
        frame = _paused_with(caller)
        if frame is None:
            new = now.but(**changes)
            new.outer, new.maker = now, maker
            try:
                _state.set(new)
            except BaseException:  # of a signal handler: there is no block yet that would undo it
                _state.set(now)
                raise
        else:
            _state.set(Layered(now, (_layer(maker, changes, frame),)))
        return
    running = now.running()  # type: ignore[attr-defined]
    frame = _paused_with(caller) or (running[-1].frame if running else None)
    base, layers = now.base, tuple([x for x in now.layers if x.frame is not None])  # type: ignore[attr-defined]
    if frame is None:
        new = base.but(**changes)
        new.outer, new.maker = base, maker
        _state.set(Layered(new, layers) if layers else new)
    else:
        _state.set(Layered(base, (*layers, _layer(maker, changes, frame))))


def exit_mode(maker: Any) -> None:
    """Undo the latest change of this maker, and no other: generators may close in any order."""
    now = _state.get()
    base, layers = (now.base, now.layers) if isinstance(now, Layered) else (now, ())
    own = [x for x in layers if x.maker is maker]
    last = next((x for x in reversed(own) if x.holds()), None)
    before = base if last is not None else _without(base, maker)
    if before is base and last is None:  # a generator that ends with no frame below it, or that began in another thread
        last = next(reversed(own or _held.get(id(maker), [])), None)
    if last is not None:
        _end(last)
    left = tuple([x for x in layers if x is not last and x.frame is not None])
    _state.set(Layered(before, left) if left else before)


def _without(now: State, maker: Any) -> State:
    """Return the state without the latest change of this maker; as it is when the change was made in another
    context."""
    if now.maker is maker:
        return now.outer  # type: ignore[return-value]
    above, here = [], now
    while here.maker is not None and here.maker is not maker:
        above.append(here)
        here = here.outer  # type: ignore[assignment]
    if here.maker is None:
        return now
    state: State = here.outer  # type: ignore[assignment]
    for changed in reversed(above):
        new = state.but(**changed.maker._changes)
        new.outer, new.maker = state, changed.maker
        state = new
    return state


_GENERATOR = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE
# Classes that run a body while a generator is paused for them: the generator's modes hold in that body.
_FOR_A_BODY = ("contextlib", "_pytest", "pluggy")
# Event loops give every task a context of its own; a coroutine driven by hand has none.
_LOOPS = ("asyncio", "trio", "curio", "anyio", "uvloop")


def _paused_with(frame: Any) -> Any:
    """Return the frame of the generator or coroutine whose pauses a mode entered here must not outlast; None for
    none."""
    while frame is not None:
        kind, below = frame.f_code.co_flags, frame.f_back
        if kind & _GENERATOR:
            if below is None or not _is_of(below, _FOR_A_BODY):
                return frame
        elif kind & inspect.CO_COROUTINE:
            while below is not None and below.f_code.co_flags & (inspect.CO_COROUTINE | _GENERATOR):
                below = below.f_back
            if below is None or not _is_of(below, (*_LOOPS, *_FOR_A_BODY)):
                return frame
            return None
        elif not (_is_of(frame, _FOR_A_BODY) or frame.f_code.co_name in ("__enter__", "__aenter__")):
            return None  # an ordinary function: its block ends before anything below it can pause
        frame = below
    return None


def _is_of(frame: Any, packages: tuple[str, ...]) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] in packages


class scope:
    """Name the operations of a block: pictures group them, errors name them. ``owner``: the module, kept weakly.

    >>> import autodiff as ad
    >>> with ad.scope("encoder"):
    ...     y = ad.tensor([1.0]) * 2
    >>> y.node.scope.path
    'encoder'
    """

    __slots__ = ("_make", "_owner", "_changes")

    def __init__(self, name: str | Scope, owner: Any = None) -> None:
        if not isinstance(name, str | Scope):
            raise TypeError(f"scope needs a name, such as ad.scope('encoder'); got {type(name).__name__}.")
        self._make, self._owner = name, owner

    def __enter__(self) -> Scope:
        made = self._make
        now = state()
        once = self._owner is not None and bool(now.record)
        here = made if isinstance(made, Scope) else Scope(now.scope, made, self._owner, once)
        self._changes = {"scope": here}
        enter_mode(self, self._changes, sys._getframe(1))
        return here

    def __exit__(self, *exc: object) -> None:
        exit_mode(self)


def current_scope() -> Scope | None:
    """Return the innermost scope in force.

    >>> import autodiff as ad
    >>> with ad.scope("encoder"):
    ...     ad.extend.current_scope().path
    'encoder'
    """
    return state().scope

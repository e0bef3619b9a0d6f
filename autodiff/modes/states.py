"""The modes under which operations run: recording, picture records, anomaly detection, and the module we are in.

They are in one context variable, so that threads and tasks have their own. The fast paths test one attribute of
it: ``plain``. Never here: the graph itself.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
import weakref
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import wraps
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
        if now.__class__ is not State:  # a generator holds modes: their order matters
            with scope(self):
                return function(*args, **kwargs)
        inside = self.state if now.plain else now.but(scope=self)
        token = _state.set(inside)
        try:
            return function(*args, **kwargs) if kwargs else function(*args)
        finally:
            after = _state.get()
            if after is inside:
                _state.reset(token)
            else:  # a generator was resumed inside, and holds a mode
                _state.set(Layered(now, after.layers) if isinstance(after, Layered) else now)

    def owner(self) -> Any:
        """Return the object that opened the scope, or None when it is gone or none was given."""
        return self._owner() if self._owner is not None else None

    def __repr__(self) -> str:
        return f"Scope({self.path!r})"


class State:
    """The modes in force. ``floor``: parents with a smaller serial count as constants (0 records all). ``trace``: what
    writes down the operations for ``ad.compile``, or None."""

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
        return state

    def but(self, **changes: Any) -> State:
        return self.now().but(**changes)


def _worked_out(name: str) -> Any:
    return property(lambda self: getattr(self.now(), name))


for _name in ("floor", "scope", "record", "anomaly", "strict", "trace", "plain"):
    setattr(Layered, _name, _worked_out(_name))

OFF = float("inf")
_state: ContextVar[State] = ContextVar("autodiff_state", default=State())  # noqa: B039 (a State never changes)
state = _state.get


def _enter(maker: Any, changes: dict[str, Any], caller: Any) -> None:
    """Change some modes. The exit undoes changes of a generator, and they do not hold while it is paused."""
    now = _state.get()
    if now.__class__ is State:
        frame = _paused_with(caller)
        if frame is None:
            new = now.but(**changes)
            new.outer, new.maker = now, maker
            _state.set(new)
        else:
            _state.set(Layered(now, (Layer(maker, changes, frame),)))
        return
    running = now.running()  # type: ignore[attr-defined]
    frame = _paused_with(caller) or (running[-1].frame if running else None)
    base, layers = now.base, tuple([x for x in now.layers if x.frame is not None])  # type: ignore[attr-defined]
    if frame is None:
        new = base.but(**changes)
        new.outer, new.maker = base, maker
        _state.set(Layered(new, layers) if layers else new)
    else:
        _state.set(Layered(base, (*layers, Layer(maker, changes, frame))))


def _exit(maker: Any) -> None:
    """Undo the latest change of this maker, and no other: generators may close in any order."""
    now = _state.get()
    if now.__class__ is State:
        _state.set(_without(now, maker))
        return
    own = [x for x in now.layers if x.maker is maker]  # type: ignore[attr-defined]
    last = next((x for x in reversed(own) if x.holds()), None)
    base = now.base if last is not None else _without(now.base, maker)  # type: ignore[attr-defined]
    if base is now.base and last is None and own:  # type: ignore[attr-defined]
        last = own[-1]  # a generator that ends with no frame below it
    layers = tuple([x for x in now.layers if x is not last and x.frame is not None])  # type: ignore[attr-defined]
    if last is not None:
        last.frame = None
    _state.set(Layered(base, layers) if layers else base)


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


class mode:
    """Run a block, or each call of a function, with some modes changed; restored on every way out. May be used again,
    inside itself, and by several threads and tasks. In a generator the modes hold while it runs, not while it is
    paused; as a decorator of a generator function or an ``async`` function, while its body runs."""

    def __init__(self, **changes: Any) -> None:
        self._changes = changes

    def __enter__(self) -> None:
        _enter(self, self._changes, sys._getframe(1))

    def __exit__(self, *exc: object) -> None:
        _exit(self)

    def __call__(self, function: Any) -> Any:
        if inspect.isclass(function):
            raise TypeError(
                f"a mode decorates functions; {function.__name__} is a class. Decorate its methods, forward for one."
            )
        changes = self._changes
        if inspect.isasyncgenfunction(function):
            return _async_generator(function, changes)
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def run_task(*args: Any, **kwargs: Any) -> Any:
                return await _Steps(function(*args, **kwargs), changes)

            return run_task
        if inspect.isgeneratorfunction(function):

            @wraps(function)
            def run_generator(*args: Any, **kwargs: Any) -> Any:
                return (yield from _Steps(function(*args, **kwargs), changes))

            return run_generator

        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with mode(**changes):
                return function(*args, **kwargs)

        return run


class _Steps:
    """A generator or coroutine each of whose steps runs with some modes changed."""

    def __init__(self, body: Any, changes: dict[str, Any]) -> None:
        self.body, self.changes = body, changes

    def _step(self, step: Callable[..., Any], *given: Any) -> Any:
        with mode(**self.changes):
            return step(*given)

    def __iter__(self) -> _Steps:
        return self

    __await__ = __iter__

    def __next__(self) -> Any:
        return self._step(self.body.send, None)

    def send(self, value: Any) -> Any:
        """Resume the body with a value."""
        return self._step(self.body.send, value)

    def throw(self, *error: Any) -> Any:
        """Resume the body with an exception."""
        return self._step(self.body.throw, *error)

    def close(self) -> None:
        """End the body where it is paused."""
        self._step(self.body.close)


def _async_generator(function: Any, changes: dict[str, Any]) -> Any:
    @wraps(function)
    async def run(*args: Any, **kwargs: Any) -> Any:
        body = function(*args, **kwargs)
        step, given = body.asend, None
        while True:
            try:
                value = await _Steps(step(given), changes)
            except StopAsyncIteration:
                return
            try:
                step, given = body.asend, (yield value)
            except GeneratorExit:
                await _Steps(body.aclose(), changes)
                raise
            except BaseException as error:
                step, given = body.athrow, error

    return run


def number(x: Any) -> Any:
    """Return ``float(x)``, the value of a Scalar; in a trace (``ad.compile``) a traced number."""
    trace = state().trace
    return float(x) if trace is None else trace.number(x)


def current_trace() -> Any:
    """Return the trace of ``ad.compile`` that runs, or None. For state that is no Tensor, as optimizers have.

    ``place(key, read, write, name, of)``  state that ``read()`` gives: its ``value`` is an array to be written into, or
                                           a number, to be set; ``write(new)`` gives the calls that put it back
    ``fact_readers.append(read)``          the program is right as long as ``read()`` gives what it gives now
    ``with_writes.append(calls)``          ``calls()`` gives what is called together with the writes of a run
    ``after.append(function)``             called when those are over
    """
    return state().trace


def adopt(x: Any) -> None:
    """In a trace, let a handle hold a traced value: it is about to be read or written."""
    trace = state().trace
    if trace is not None:
        trace.adopt(x)


def refuse_trace(what: str, instead: str) -> None:
    """Raise TraceError in a trace of ``ad.compile``, for work that cannot be part of a program.

    what, instead: clauses for the message, without a full stop.

    >>> import autodiff as ad, numpy as np
    >>> def saved(x):
    ...     ad.extend.refuse_trace("a file is written", "Save outside the compiled function")
    >>> ad.compile(saved)(np.ones(2))
    Traceback (most recent call last):
    autodiff.errors.TraceError: compile: a file is written... Save outside the compiled function.
    """
    trace = state().trace
    if trace is not None:
        raise trace.refusal(what, instead)


def draw_random(source: Any, method: str, *args: Any, **kwargs: Any) -> Any:
    """Draw random numbers: ``getattr(generator, method)(*args, **kwargs)``. In a compiled function they are drawn anew
    at every call, in the same order as without ``ad.compile``.

    source: a ``numpy.random.Generator``, or a function that returns one: the default generator of a context, or a new
    one of a seed (``functools.partial(np.random.default_rng, 0)``).

    >>> import autodiff as ad, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> fast = ad.compile(lambda x: x + ad.extend.draw_random(rng, "integers", 10, size=2))
    >>> fast(np.zeros(2)), fast(np.zeros(2))
    (array([8., 6.]), array([5., 2.]))
    """
    trace = state().trace
    if trace is not None and not trace.busy:
        return trace.draw(source, method, args, kwargs)
    return getattr(source() if callable(source) else source, method)(*args, **kwargs)


def one_call(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a function of plain arrays that looks at values as it goes, or works in memory of its own: in a trace (``ad.
    compile``) it is one instruction. It must not write into its arguments, nor draw random numbers."""

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        trace = state().trace
        return function(*args, **kwargs) if trace is None else trace.call(function, args, kwargs)

    return run


@contextlib.contextmanager
def in_state(then: State) -> Iterator[None]:
    """Run a block in the modes of an earlier moment."""
    now = then.now() if isinstance(then, Layered) else then
    with mode(floor=now.floor, scope=now.scope, record=now.record, anomaly=now.anomaly, strict=now.strict):
        yield


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
        here = made if isinstance(made, Scope) else Scope(state().scope, made, self._owner)
        self._changes = {"scope": here}
        _enter(self, self._changes, sys._getframe(1))
        return here

    def __exit__(self, *exc: object) -> None:
        _exit(self)


def current_scope() -> Scope | None:
    """Return the innermost scope in force.

    >>> import autodiff as ad
    >>> with ad.scope("encoder"):
    ...     ad.extend.current_scope().path
    'encoder'
    """
    return state().scope


_HERE = __file__.rsplit("modes", 1)[0]  # the package autodiff


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

"""``compile``: a function that is traced at its first call, and whose program runs from then on."""

from __future__ import annotations

import inspect
import traceback
import types
import warnings
from collections import Counter
from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from ..batching.handle import open_frames
from ..errors import TraceError, Untraced, kind_of
from ..modes import OFF, state
from .entry import Entry, Miss
from .listing import Listing
from .tracing.signature import signature, without_numbers
from .tracing.surroundings import PACKAGES
from .tracing.twice import no_garbage_collection, traced_twice

LIMIT = 16  # programs for arguments of the same shapes
NUMBERS = 64  # programs for arguments that differ in Python numbers alone


class Compiled:
    """A compiled function; made by ``compile``.

    programs  the programs so far, as text when printed: one for each shape, dtype and fixed argument, and for each
              result of Python's control flow (``if x > 0``)
    """

    def __init__(self, function: Callable[..., Any], verbose: bool = False, optimise: bool = True) -> None:
        self.function, self.verbose, self.optimise = function, verbose, optimise
        self.name = str(getattr(function, "__name__", None) or type(function).__name__)
        self._entries: dict[Any, list[Entry]] = {}
        self._latest: Entry | None = None
        self._warned: set[Any] = set()
        self._alike: Counter[Any] = Counter()  # programs for each signature without its numbers
        update_wrapper(self, function, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        now = state()
        if now.trace is not None or now.record or now.anomaly or now.strict or open_frames():
            return self.function(*args, **kwargs)  # in another trace, in vmap, or where a mode checks each operation
        inputs: list[Any] = []
        key = (now.floor == OFF, signature((args, kwargs), inputs, now.floor, {}))
        entries = self._entries.get(key)
        why = "the first call with such arguments"
        for entry in entries or ():
            values = entry.states_for(now.floor, inputs)
            if values is None:
                why = "another state: a parameter's shape, a gradient, an attribute of a module, or what is captured"
                continue
            try:
                result = entry(inputs, (args, kwargs), values)
            except Exception as failure:  # a guard fails, or the trace will raise the same error
                why = f"its program fails: {failure}"
                continue
            if not isinstance(result, Miss):
                self._latest = entry
                return result
            why = f"a guard has failed: {result.why}"
        if entries is not None and len(entries) >= LIMIT:
            if key not in self._warned:  # once: the reason differs at every call, and Python would print them all
                self._warned.add(key)
                self._warn_of_too_many(why)
            return self.function(*args, **kwargs)
        shapes = without_numbers(key)
        if entries is None and self._alike[shapes] >= NUMBERS:
            if shapes not in self._warned:
                self._warned.add(shapes)
                self._warn_of_numbers()
            return self.function(*args, **kwargs)
        self._alike[shapes] += entries is None
        return self._trace(key, inputs, args, kwargs, why)

    def _trace(self, key: Any, inputs: list[Any], args: Any, kwargs: Any, why: str) -> Any:
        names = _names(self.function, args, kwargs, inputs)
        entry, failure = None, None
        with no_garbage_collection():
            try:
                traced = traced_twice(self.function, (args, kwargs), inputs, names)
            except TraceError:
                raise
            except Exception as error:  # the user's own, too: writes until then stay
                failure = error
                if "<traced " in str(error):
                    raise TraceError(
                        f"compile: {self.name} makes text of a traced value, and reads it{_user_line(error)}: {error}. "
                        "Compute with the value itself."
                    ) from error
            else:
                entry = Entry(self.name, self.function, traced, inputs, (args, kwargs), self.optimise)
        if isinstance(failure, Untraced):
            if self.verbose:
                print(f"compile: {self.name}: this call runs uncompiled: {failure}")
            return self.function(*args, **kwargs)
        if entry is None:
            return self._failed(failure, args, kwargs)
        if self.verbose:
            print(f"compile: {self.name}: {why}; traced, {len(entry.forward.instructions)} calls")
        self._entries.setdefault(key, []).insert(0, entry)
        try:
            result = entry(inputs, (args, kwargs), entry.states.now())
        except Exception as error:
            return self._failed(error, args, kwargs)
        if isinstance(result, Miss):
            raise RuntimeError(f"compile: a guard of {self.name} fails for the values it was traced with: {result.why}")
        self._latest = entry
        return result

    def _failed(self, error: Any, args: Any, kwargs: Any) -> Any:
        """Run the function itself, as nothing was written yet: its error names the operation and the user's line."""
        self.function(*args, **kwargs)
        error.add_note(f"{self.name} itself runs without this error; only its program fails.")
        raise error

    def _warn_of_too_many(self, why: str) -> None:
        warnings.warn(
            f"compile: {self.name} has {LIMIT} programs for arguments of these shapes, and needs one more: {why}. From "
            "now on such calls run uncompiled. Each number that Python reads inside (.item(), float(), an index) makes "
            "a program of its own: return the array (return loss), and write .item() on the result.",
            RuntimeWarning,
            stacklevel=3,
        )

    def _warn_of_numbers(self) -> None:
        warnings.warn(
            f"compile: {self.name} has {NUMBERS} programs whose arguments differ in Python numbers alone. From now on "
            "calls with other numbers run uncompiled. Pass a number that changes from call to call as an array: "
            "np.asarray(step).",
            RuntimeWarning,
            stacklevel=3,
        )

    def __reduce__(self) -> Any:
        return Compiled, (self.function, self.verbose, self.optimise)  # a copy has no programs yet

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __repr__(self) -> str:
        count = len(self.programs)
        return f"<compiled {self.name}, {count} program{'s' * (count != 1)}>"

    @property
    def programs(self) -> list[Any]:
        """Every program, newest first: forward ones, each followed by its backward programs."""
        return [p for group in self._entries.values() for e in group for p in (e.forward, *e.backward.values())]

    def _executable(self) -> Any:
        if self._latest is None:
            raise ValueError(f"{self.name} has no program yet: call it first.")
        return self._latest.run_forward

    @property
    def source(self) -> str:
        """The source of the program that ran last; of the plain interpreter, its listing."""
        run = self._executable()
        return str(getattr(run, "source", None) or self._latest.forward)  # type: ignore[union-attr]

    @property
    def memory(self) -> Any:
        """Bytes that the program which ran last holds at its peak, as planned."""
        return getattr(self._executable(), "memory", None)

    @property
    def flops(self) -> Any:
        """Floating-point operations of the program which ran last."""
        return getattr(self._executable(), "flops", None)

    def draw(self) -> Listing:
        """Return the program that ran last, after all passes, as a graph of calls in frames of modules, and as text."""
        run = self._executable()
        program = getattr(run, "program", None) or self._latest.forward  # type: ignore[union-attr]
        return Listing(program, self.name)


def compile(function: Callable[..., Any] | None = None, *, verbose: bool = False, optimise: bool = True) -> Any:
    """Return the function, traced at its first call; its program of NumPy calls runs from then on.

    verbose prints why a call is traced. optimise=False leaves the program as it was traced. Results are equal to those
    of the function itself; those of Scalars within rounding.

    A program holds for the shapes and dtypes of the arguments, for the values of fixed arguments (Python numbers,
    strings, None, functions), and for the values that decided Python's control flow (``if x > 0``, ``.item()``).
    For others the function is traced again. It is traced again, too, when something has changed that the function,
    or one that it calls, reads from outside: a captured number, array, list or object, a default argument, an
    attribute, an environment variable. Files, the working directory and the settings of the interpreter are not
    compared; nor is a captured array that cannot be written to (``a.flags.writeable = False``, not a view).
    Parameters and other Tensors that the function captures are read at every call, and their new values are written
    back. So are an optimizer's moments and counts. Pass a number that changes at every call, such as the step, as an
    array: after 64 programs that differ in numbers alone, others run uncompiled, with a warning.

    A trace runs the function twice. Prints and other effects on Python objects happen only there, not in later calls.
    So return a loss as an array, and write ``.item()`` on the result: inside, each number needs another program.

    Raises TraceError for anything that a trace cannot follow: writes into plain arrays; draws from a generator of
    NumPy, of Python's ``random`` or of ``nn`` (draw with ``ad.extend.draw_random``); steps of an iterator; a number
    outside that the function reads and changes; a state in memory that another value shares; tests of memory (whether
    arguments share it, ``is`` of an argument that is captured, too); results inside an object that is no tuple, list
    or dict; and anything else that makes the two runs differ, such as the time. Some changing values are not noticed
    where they only decide a branch, and both runs took the same one: the time, ``os.urandom``, ``uuid``,
    ``random.SystemRandom``, ``id``, the length of a list that the function extends, the next value of an iterator of
    the user's own class.

    >>> import autodiff as ad, numpy as np
    >>> fast = ad.compile(lambda x: np.tanh(x) * 2.0)
    >>> fast(np.array([0.0, 1.0]))
    array([0.        , 1.52318831])
    >>> gradient = ad.compile(ad.grad(lambda x: (x**3).sum()))
    >>> gradient(np.array([1.0, 2.0]))
    array([ 3., 12.])
    """
    if function is None:
        return lambda f: compile(f, verbose=verbose, optimise=optimise)
    if not callable(function):
        raise TypeError(f"compile needs a function; got {kind_of(function)}. Write ad.compile(f)(x).")
    return Compiled(function, verbose, optimise)


def _user_line(error: BaseException) -> str:
    """Return the last line of an error's traceback that is neither in this package nor in NumPy."""
    places = [
        f" at {frame.f_code.co_filename}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] not in PACKAGES
    ]
    return places[-1] if places else ""


def _names(function: Any, args: Any, kwargs: Any, inputs: list[Any]) -> list[str]:
    """Return the name of each input: that of the parameter which it is, or which holds it."""
    try:
        given = inspect.signature(function).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):  # no signature, or arguments that do not fit: the function itself will raise
        given = {}
    named: dict[int, str] = {}
    parts = [*kwargs.items(), *given.items()]
    while parts:
        name, x = parts.pop()
        named.setdefault(id(x), name)
        inside = x.items() if isinstance(x, dict) else enumerate(x) if isinstance(x, list | tuple) else ()
        parts += [(f"{name}_{key}", part) for key, part in inside]
    return [named.get(id(x), "") for x in inputs]

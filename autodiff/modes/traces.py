"""Functions with which other parts of the package take part in a trace of ``ad.compile``; plain outside of one."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from .states import state


def number(x: Any) -> Any:
    """Return ``float(x)``, the value of a Scalar; in a trace (``ad.compile``) a traced number."""
    trace = state().trace
    return float(x) if trace is None else trace.number(x)


def current_trace() -> Any:
    """Return the trace of ``ad.compile`` that is under way, or None. For state that is no Tensor, as of optimizers.

    ``place(key, read, write, name, of)``  state that ``read()`` gives: its ``value`` is an array to be written into, or
                                           a number, to be set; ``write(new)`` gives the calls that put it back
    ``fact_readers.append(read)``          the program is valid as long as ``read()`` returns the same as now
    ``with_writes.append(calls)``          ``calls()`` returns calls to be made together with the writes of a run
    ``after.append(function)``             called when those are over
    """
    return state().trace


def adopt(x: Any) -> None:
    """Replace, in a trace, the value of a handle that is about to be read or written by a traced value."""
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


def draw_once(source: Any, method: str, *args: Any, **kwargs: Any) -> Any:
    """Return ``draw_random`` for one example."""
    trace = state().trace
    if trace is not None and not trace.busy:
        return trace.draw(source, method, args, kwargs)
    return getattr(source() if callable(source) else source, method)(*args, **kwargs)


def one_call(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a function of plain arrays that branches on values, or works in memory of its own: in a trace of
    ``ad.compile`` it is one instruction. It must not write into its arguments, nor draw random numbers."""

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        trace = state().trace
        return function(*args, **kwargs) if trace is None else trace.call(function, args, kwargs)

    return run

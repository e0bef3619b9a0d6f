"""Blocks and functions that run with some modes changed: ``mode``, also of generators and of ``async`` functions."""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from .states import Layered, State, enter_mode, exit_mode, state


class mode:
    """Run a block, or each call of a function, with some modes changed; restored on every way out. May be used again,
    inside itself, and by several threads and tasks. In a generator the modes hold while it runs, not while it is
    paused; as a decorator of a generator function or an ``async`` function, while its body runs."""

    def __init__(self, **changes: Any) -> None:
        self._changes = changes

    def __enter__(self) -> None:
        enter_mode(self, self._changes, sys._getframe(1))

    def __exit__(self, *exc: object) -> None:
        before = None
        try:
            before = state()
            exit_mode(self)
        except BaseException:  # of a signal handler, before the modes were restored
            if before is None or state() is before:
                exit_mode(self)
            raise

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


@contextlib.contextmanager
def in_state(then: State) -> Iterator[None]:
    """Run a block in the modes of an earlier moment."""
    now = then.now() if isinstance(then, Layered) else then
    with mode(floor=now.floor, scope=now.scope, record=now.record, anomaly=now.anomaly, strict=now.strict):
        yield

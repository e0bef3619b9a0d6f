"""One program of a compiled function, which runs in place of the function."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from ..backward import collect, pull
from ..errors import GraphError, TraceError
from ..graph import leaf
from ..registry import OPS
from ..transforms.containers import flatten
from ..transforms.custom_rules import with_rule
from ..variable import Scalar, Variable, is_live, wrap
from .lowering import build
from .program import Program, described, run
from .state_values import States
from .tracing.pieces import pieces
from .tracing.signature import layout, rebuilt, value_of
from .tracing.states import in_order_now
from .tracing.twice import Traced


class Miss:
    """A guard has failed: the program is not right for these values."""

    def __init__(self, why: str) -> None:
        self.why = why


class Entry:
    """A traced function with its programs: ``forward``, and a backward program for each live output."""

    def __init__(
        self, name: str, function: Callable[..., Any], traced: Traced, inputs: list[Any], arguments: Any, optimise: bool
    ) -> None:
        self.name, self.function, self.traced = name, function, traced
        given = traced.given
        self.read_gradients = [k for k, g in enumerate(given) if g.gradient is not None]
        self.forward, *backwards = pieces(traced)
        in_place = in_order_now(traced.held)
        self.states = States(traced.held)
        self.backward = dict(zip(traced.pullbacks, backwards, strict=True))
        self.run_forward = executable(self.forward, optimise, name, self._arrays(inputs, self.states.now()), in_place)
        self.optimise = optimise
        self.run_backward: dict[Any, Any] = {}  # built for each order in memory that cotangents come in
        traced.forget()
        self.states.floats = self.run_forward.takes_floats
        self.draws = any(not i.pure for i in self.forward.instructions)
        self.made = {i for i, a in self.forward.constants.items() if not a.flags.writeable}
        self.written_gradients = [k for k, g in enumerate(given) if g.new_grad is not None]
        self.cleared_gradients = [k for k, g in enumerate(given) if g.cleared]
        self.writes = any(h.new is not None or h.new_grad is not None or h.cleared for h in traced.held)
        self.writes = self.writes or bool(traced.with_writes)

    def states_for(self, floor: float, inputs: list[Any]) -> Any:
        """Return the values of the states; None where they or the surroundings are not those of the trace."""
        values = self.states.read(floor)
        return values if values is not None and self.traced.fits(inputs) else None

    def __call__(self, inputs: list[Any], arguments: Any, values: Any) -> Any:
        """Run on these inputs and values of the states; return the result of the function, or a ``Miss``."""
        traced = self.traced
        arrays, count = self._arrays(inputs, values), len(inputs) + len(self.read_gradients)
        if self.writes and not traced.apart.holds(arrays[:count], arrays[count:]):
            return Miss("a state shares memory with another value")
        before = [g.bit_generator.state for g in traced.generators] if self.draws else []
        with np.errstate(all="ignore"):
            try:
                made, step = self.run_forward.begin(arrays)
                (values, grads, own_grads, residuals), writes, results, *update = made
                why = failed_guard(self.forward, results) if results else None
            except Exception:
                self._draw_again(before)
                raise
            if why is not None:
                self._draw_again(before)
                return Miss(why)
            if self.writes:
                self.states.write(writes, grads, update[0] if update else [], traced.with_writes)
        for function in traced.after:
            function()
        self.run_forward.end(step)
        for k, grad in zip(self.written_gradients, own_grads, strict=True):
            inputs[k].node.grad = float(grad) if isinstance(inputs[k], Scalar) else np.asarray(grad)
        for k in self.cleared_gradients:
            inputs[k].grad = None
        return self._returned(inputs, arguments, values, residuals, before)

    def _arrays(self, inputs: list[Any], states: Any) -> list[Any]:
        """Return the arrays that the program takes: the inputs, and then the values of the states."""
        arrays = [value_of(x) for x in inputs]
        for k in reversed(self.read_gradients):  # the gradient of an argument stands behind it
            arrays.insert(k + 1, np.asarray(getattr(inputs[k].grad, "_data", inputs[k].grad)))
        arrays += states
        return arrays

    def _draw_again(self, before: list[Any]) -> None:
        """Put the generators back where they were before the run."""
        for generator, then in zip(self.traced.generators, before, strict=False):
            generator.bit_generator.state = then

    def _returned(self, inputs: list[Any], arguments: Any, values: list[Any], residuals: Any, before: Any) -> Any:
        back = dict(zip(self.backward, residuals, strict=True)) if residuals else {}
        leaves: list[Any] = []
        for k, (y, value) in enumerate(zip(self.traced.outputs, values, strict=True)):
            if y.kind == "argument":
                made = inputs[y.value]
            elif y.kind in ("handle", "fixed"):
                made = y.value.copy() if isinstance(y.value, set | bytearray | deque) else y.value
            elif y.kind == "scalar":
                made = float(value)
            elif y.kind == "python":
                made = np.asarray(value).item()
            elif y.kind == "number":
                made = np.asarray(value)[()]
            else:
                made = np.asarray(value)
                if y.value.index in self.made:
                    made = made.copy()
            if k in back:
                made = self._recorded(k, made, y.kind == "scalar", inputs, arguments, back[k], before)
            elif y.kind in ("scalar", "tensor"):
                made = wrap(made, None)
            leaves.append(made)
        return self.traced.rebuild(leaves)

    # ---- as one node of a graph outside
    def _recorded(
        self, k: int, y: Any, scalar: bool, inputs: list[Any], arguments: Any, residuals: list[Any], before: Any
    ) -> Any:
        traced, pullback = self.traced, self.traced.pullbacks[k]
        operands = [x for g, x in zip(traced.given, inputs, strict=True) if g.live]
        operands += [h.handle for h in traced.held if h.live]
        reached = [i for i, share in enumerate(pullback.shares) if share is not None] or range(len(operands))

        def rule(g: Any, xs: tuple[Any, ...]) -> list[Any]:
            if pullback.error:
                raise GraphError(pullback.error)
            if not any(isinstance(x, Variable) for x in (g, *xs)):
                with np.errstate(all="ignore"):
                    shares, _, results = self._backward(k, [*residuals, np.asarray(g)])
                if failed_guard(self.backward[k], results) is None:
                    return [np.asarray(shares[i]) for i in reached]
            whole = dict(enumerate(operands)) | dict(zip(reached, xs, strict=True))
            found = self._pulled_eagerly(k, g, tuple(whole.values()), inputs, arguments, before)
            return [found[i] for i in reached]

        made = with_rule(self.name, y, [operands[i] for i in reached], rule)
        return OPS["to_scalar"](made) if scalar and not isinstance(made, Scalar) else made

    def _backward(self, k: int, arrays: list[Any]) -> Any:
        """Run the backward program of an output: sums are made in the order of memory, so it is one for each."""
        key = (k, *[layout(a) for a in arrays if isinstance(a, np.ndarray) and a.ndim])
        run = self.run_backward.get(key)
        if run is None:
            run = executable(self.backward[k], self.optimise, f"{self.name}_backward", arrays)
            self.run_backward[key] = run
        return run(arrays)

    def _pulled_eagerly(
        self, k: int, g: Any, xs: tuple[Any, ...], inputs: list[Any], arguments: Any, before: Any
    ) -> Any:
        """Return the cotangents by the function itself, for a derivative of the derivative, and where a guard of the
        backward program fails.
        """
        traced = self.traced
        if self.forward.writes:
            raise TraceError(
                f"compile: {self.name} writes into a value, and would write again when it is run again for a higher "
                "derivative. Compile the derivative itself: ad.compile(ad.grad(f))."
            )
        recorded = any(isinstance(x, Variable) for x in (g, *xs))
        live = iter(xs)
        own = [
            self._lifted(next(live), recorded) if given.live else x
            for given, x in zip(traced.given, inputs, strict=True)
        ]
        now = [generator.bit_generator.state for generator in traced.generators]
        for generator, then in zip(traced.generators, before, strict=False):
            generator.bit_generator.state = then
        try:
            args, kwargs = rebuilt(arguments, iter(own))
            out = flatten(self.function(*args, **kwargs))[0][k]
        finally:
            for generator, then in zip(traced.generators, now, strict=True):
                generator.bit_generator.state = then
        wanted = [x.node for given, x in zip(traced.given, own, strict=True) if given.live]
        wanted += [h.handle.node for h in traced.held if h.live]
        if recorded and not isinstance(g, Variable):
            g = wrap(g, None)
        found = pull({out.node: g}, collect([out.node], stop=wanted), wanted=wanted, recorded=recorded, inner=True)
        return [found.get(n) for n in wanted]

    @staticmethod
    def _lifted(x: Any, recorded: bool) -> Any:
        if isinstance(x, Variable) and is_live(x):
            return OPS["positive"](x)
        x = x._data if isinstance(x, Variable) else x
        return wrap(x, leaf(x))


class Interpreted:
    """A program run call by call: the plain interpreter in place of an ``Executable``."""

    takes_floats = False

    def __init__(self, program: Program) -> None:
        self._program = program

    def __call__(self, arrays: list[Any]) -> tuple[Any, list[Any], list[Any]]:
        return run(self._program, arrays)

    def begin(self, arrays: list[Any]) -> tuple[Any, None]:
        """Run; return (outputs, writes, guards), and None for the buffers."""
        return run(self._program, arrays), None

    def end(self, step: None) -> None:
        """Do nothing: there are no buffers to give back."""


def executable(
    program: Program, optimise: bool, name: str, arrays: list[Any] | None = None, in_place: set[int] | None = None
) -> Any:
    """Return a callable that runs a program: the source written for it, or the plain interpreter."""
    if optimise:
        return build(program, name if name.isidentifier() else "program", arrays, in_place=in_place)
    program.check()
    return Interpreted(program)


def failed_guard(program: Program, results: list[Any]) -> str | None:
    """Return which guard does not hold, as words; None where all hold."""
    for (ref, expected), value in zip(program.guards, results, strict=True):
        if not _holds(value, expected):
            call = next((i for i in program.instructions if ref.index in i.results), None)
            return f"{_as_guarded(value, expected)!r} where it was {expected!r}" + (
                f" ({described(call)})" if call else ""
            )
    return None


def _as_guarded(value: Any, expected: Any) -> Any:
    if type(expected) in (bool, int, float, complex):
        return type(expected)(value)
    return value.tolist() if hasattr(value, "tolist") else value


def _holds(value: Any, expected: Any) -> bool:
    found = _as_guarded(value, expected)
    return bool(found == expected) or (found != found and expected != expected)

"""Rows that run a recurrent layer over all its steps in one node: `lstm_scan`, `gru_scan`, `rnn_scan`.

A row takes x (T, N, I), the initial states (N, H) and the four weights, and returns one array (T + S, N, H): the T
outputs, zero where a sequence has ended, and then its S last states. Inside, the axis of features is before that of
sequences: gates are (G H, N), so that each gate is one block of memory and the product with the weights is fast for few
sequences. A step multiplies the weights of x and h, side by side, by x and h one below the other.

The forward pass saves the local derivatives of each step. With these the backward pass takes a few products a step,
because a step's derivative is linear in the cotangent of the next. Where the pass itself is recorded (higher orders,
forward mode), the derivative is that of the steps in recorded operations: `reference`.

One file: a pass, its steps forward and its steps backward.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import autodiff as ad
from autodiff import extend

from ..layers.inputs import beside
from .steps import gru_step, lstm_step, rnn_step
from .traced_scans import TracedPass

__all__ = ["gru_scan", "lstm_scan", "rnn_scan", "written_out_steps"]

Array = NDArray[Any]
Sizes = tuple[int, ...] | None  # at each step the number of sequences that have it, not increasing; None: all


def _order(steps: int, reverse: bool) -> range:
    """Return the steps in the order in which they are taken."""
    return range(steps - 1, -1, -1) if reverse else range(steps)


def _logistic(negated: Array, out: Array, largest: Array) -> None:
    """Write σ into `out`, and 1 - σ over -x, both without cancellation."""
    np.minimum(negated, largest, out=negated)  # with a number instead of an array: three times as long
    np.exp(negated, out=negated)
    np.add(negated, 1.0, out=out)
    np.divide(1.0, out, out=out)
    negated *= out


class _Pass:
    """One forward pass, and the arrays of all steps that it saves for the backward pass, in order of time.

    `kept` is False where nothing is recorded. A subclass defines `step` and `back`.
    """

    gates, states = 1, 1
    negated: tuple[int, ...] = ()  # gates that are sigmoids: their weights are negated, which saves a pass a step
    order: tuple[int, ...] = (0,)  # gates as they are computed: the sigmoids side by side
    left: tuple[str, ...] = ("h",)  # arrays that the backward pass reads

    def __init__(self, operands: tuple[Array, ...], sizes: Sizes, reverse: bool) -> None:
        self.begin(operands, sizes, reverse)
        x, *states, w_ih, w_hh, b_ih, b_hh = self.operands
        weights, bias = self.joined(*(self._arranged(a) for a in (w_ih, w_hh, b_ih, b_hh)))
        bias = np.repeat(bias[:, None], self.count, axis=1)
        both = np.empty((self.steps + 1, weights.shape[1], self.count), self.dtype)  # x and h before the k-th step
        both[:-1, : x.shape[2]] = (x[::-1] if reverse else x).transpose(0, 2, 1)
        both[-1, : x.shape[2]] = 0.0
        self.h = both[:, x.shape[2] :]
        self.h[0] = states[0].T
        self.prepare(states)
        gates = np.empty(bias.shape, self.dtype)
        with np.errstate(over="ignore", under="ignore"):
            for k, t in enumerate(_order(self.steps, reverse)):
                np.matmul(weights, both[k], out=gates)
                gates += bias
                self.step(k, t, gates)
                if sizes is not None and sizes[t] < self.count:
                    self.freeze(k, t, np.s_[:, sizes[t] :])

    def begin(self, operands: tuple[Array, ...], sizes: Sizes, reverse: bool) -> None:
        """Set everything that depends on the operands alone."""
        self.operands = _of_one_dtype(operands)
        self.sizes, self.reverse = sizes, reverse
        self.steps, self.count = self.operands[0].shape[:2]
        self.hidden, self.dtype = self.operands[-3].shape[1], self.operands[0].dtype
        exponent = math.floor(math.log(np.finfo(self.dtype).max))
        self.largest = np.full((len(self.negated) * self.hidden, self.count), exponent, self.dtype)
        self.found: tuple[Any, set[int], Any] = (None, set(), None)  # a cotangent, operands returned so far, the result

    def __repr__(self) -> str:  # `checkpoint` compares it; all other attributes depend on values it compares as well
        return f"<{self.steps} steps>"

    def _arranged(self, a: Array) -> Array:
        blocks = a.reshape(self.gates, -1, *a.shape[1:])
        return np.concatenate([-blocks[i] if i in self.negated else blocks[i] for i in self.order])

    def joined(self, w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array) -> tuple[Array, Array]:
        """Return the weights (G H, I + H) and the bias of the gates."""
        return np.concatenate([w_ih, w_hh], axis=1), b_ih + b_hh

    def prepare(self, states: list[Array]) -> None:
        """Make the arrays that the steps fill."""

    def step(self, k: int, t: int, gates: Array) -> None:
        """Fill h[k + 1] and the local derivatives of step t, from the gates before their nonlinearity."""
        raise NotImplementedError

    def freeze(self, k: int, t: int, ended: Any) -> None:
        """Copy the states of sequences without this step from the step before."""
        self.h[k + 1][ended] = self.h[k][ended]

    def last(self) -> list[Array]:
        """Return the states after the last step."""
        return [self.h[-1]]

    def output(self) -> Array:
        """Return the outputs and the last states, (T + S, N, H)."""
        y = np.empty((self.steps + self.states, self.count, self.hidden), self.dtype)
        y[: self.steps] = (self.h[:0:-1] if self.reverse else self.h[1:]).transpose(0, 2, 1)
        if self.sizes is not None:
            for t, size in enumerate(self.sizes):
                y[t, size:] = 0.0
        for i, state in enumerate(self.last()):
            y[self.steps + i] = state.T
        return y

    # The backward pass.

    def cotangent(self, g: Array, i: int) -> Array:
        """Return the cotangent of operand i. The steps are computed once for all operands."""
        before, served, shared = self.found
        if before is not g or i in served:
            served, shared = set(), self.through_the_steps(g)
        served.add(i)
        self.found = (g, served, shared)
        of_x, of_h, states = shared
        if 0 < i <= self.states:
            return states[i - 1].T
        x, *_, w_ih, _, _, _ = self.operands
        if i == 0:
            return (of_x.T @ w_ih).reshape(x.shape)
        which = i - self.states
        if which == 1:
            return of_x @ x.reshape(-1, x.shape[2])
        if which == 2:
            h = self.h[-2::-1] if self.reverse else self.h[:-1]
            return of_h @ h.transpose(0, 2, 1).reshape(-1, self.hidden)
        return (of_x if which == 3 else of_h) @ np.ones(self.steps * self.count, self.dtype)

    def through_the_steps(self, g: Array) -> tuple[Array, Array, list[Array]]:
        """Return cotangents of the gates at all steps, of x and of h, each (G H, T N); and of the initial states."""
        outputs = np.ascontiguousarray(g[: self.steps].transpose(0, 2, 1), self.dtype)
        states = [np.array(s.T, self.dtype, order="C") for s in g[self.steps :]]
        back = np.ascontiguousarray(self.operands[-3].T)
        of_x = np.empty((back.shape[1], self.steps, self.count), self.dtype)
        of_h = self.gates_of_h(of_x)
        dh = states[0]
        for t in reversed(_order(self.steps, self.reverse)):
            size = self.count if self.sizes is None else self.sizes[t]
            ended = None if size == self.count else dh[:, size:].copy()
            dh += outputs[t]
            self.back(t, dh, states, of_x[:, t], of_h[:, t])
            self.into(dh, back, of_h[:, t], t)
            if ended is not None:
                dh[:, size:] = ended
        return of_x.reshape(len(of_x), -1), of_h.reshape(len(of_h), -1), states

    def gates_of_h(self, gates: Array) -> Array:
        """Return the array for the cotangents of w_hh h + b_hh: that of w_ih x + b_ih, where the two are only added."""
        return gates

    def back(self, t: int, dh: Array, states: list[Array], of_x: Array, of_h: Array) -> None:
        """Write the cotangents of the gates of step t, from that of its h."""
        raise NotImplementedError

    def into(self, dh: Array, back: Array, gates: Array, t: int) -> None:
        """Write the cotangent of the h before the step."""
        np.matmul(back, gates, out=dh)


def _of_one_dtype(operands: tuple[Array, ...]) -> tuple[Array, ...]:
    dtype = np.result_type(*operands)
    return tuple(np.asarray(a, dtype) for a in operands)


class _Rnn(_Pass):
    left = ("h", "slope")

    def prepare(self, states: list[Array]) -> None:
        self.slope = np.empty((self.steps, self.hidden, self.count), self.dtype)

    def step(self, k: int, t: int, gates: Array) -> None:
        slope = self.slope[t]
        np.tanh(gates, out=self.h[k + 1])
        np.divide(1.0, np.cosh(gates, out=gates), out=slope)
        slope *= slope

    def freeze(self, k: int, t: int, ended: Any) -> None:
        super().freeze(k, t, ended)
        self.slope[t][ended] = 0.0

    def back(self, t: int, dh: Array, states: list[Array], of_x: Array, of_h: Array) -> None:
        np.multiply(dh, self.slope[t], out=of_x)


class _ReluRnn(_Rnn):
    def step(self, k: int, t: int, gates: Array) -> None:
        np.maximum(gates, 0.0, out=self.h[k + 1])
        self.slope[t] = gates > 0


class _Gru(_Pass):
    left = ("h", "local", "local_n", "through")
    gates, negated, order = 3, (0, 1), (0, 1, 2)

    def joined(self, w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array) -> tuple[Array, Array]:
        n = 2 * self.hidden
        self.w_hn, self.b_hn = w_hh[n:].copy(), b_hh[n:, None].copy()
        w_hh[n:] = b_hh[n:] = 0.0  # the reset gate multiplies these
        return super().joined(w_ih, w_hh, b_ih, b_hh)

    def prepare(self, states: list[Array]) -> None:
        self.local = np.empty((self.steps, 3 * self.hidden, self.count), self.dtype)  # of r, z, n by h'
        self.local_n = np.empty((self.steps, self.hidden, self.count), self.dtype)  # of w_hh h + b_hh in n
        self.through = np.empty_like(self.local_n)  # of the h before
        self.difference, self.cosh, self.of_h = (np.empty_like(self.local_n[0]) for _ in range(3))

    def step(self, k: int, t: int, gates: Array) -> None:
        n = self.hidden
        local, before, after = self.local[t], self.h[k], self.h[k + 1]
        complements, new = gates[: 2 * n], gates[2 * n :]  # 1 - r, 1 - z
        rz, of_n = local[: 2 * n], local[2 * n :]  # r and z are later replaced by their derivatives
        _logistic(complements, rz, self.largest)
        r, z, of_h, difference = rz[:n], rz[n:], np.matmul(self.w_hn, before, out=self.of_h), self.difference
        of_h += self.b_hn
        new += np.multiply(r, of_h, out=difference)
        np.cosh(new, out=self.cosh)
        np.tanh(new, out=new)
        np.subtract(before, new, out=difference)
        np.multiply(z, difference, out=after)
        after += new
        self.through[t] = z
        np.divide(complements[n:], self.cosh, out=of_n)
        of_n /= self.cosh
        np.multiply(of_n, r, out=self.local_n[t])
        rz *= complements
        r *= of_h
        r *= of_n
        z *= difference

    def freeze(self, k: int, t: int, ended: Any) -> None:
        super().freeze(k, t, ended)
        self.local[t][ended] = self.local_n[t][ended] = self.through[t][ended] = 0.0

    def gates_of_h(self, gates: Array) -> Array:
        return np.empty_like(gates)

    def back(self, t: int, dh: Array, states: list[Array], of_x: Array, of_h: Array) -> None:
        n = self.hidden
        for gate in range(3):
            part = slice(gate * n, (gate + 1) * n)
            np.multiply(self.local[t, part], dh, out=of_x[part])
        of_h[: 2 * n] = of_x[: 2 * n]
        np.multiply(self.local_n[t], dh, out=of_h[2 * n :])

    def into(self, dh: Array, back: Array, gates: Array, t: int) -> None:
        dh *= self.through[t]
        dh += back @ gates


class _Lstm(_Pass):
    left = ("h", "local", "through_tanh", "forget")
    gates, states, negated, order = 4, 2, (0, 1, 3), (0, 1, 3, 2)

    def prepare(self, states: list[Array]) -> None:
        shape = (self.steps, self.hidden, self.count)
        self.local = np.empty((self.steps, 4 * self.hidden, self.count), self.dtype)  # of i, f, g by c', of o by h'
        self.through_tanh = np.empty(shape, self.dtype)  # of c' by h'
        self.forget = np.empty(shape, self.dtype)  # of the c before by c'
        self.c = np.empty((self.steps + 1, self.hidden, self.count), self.dtype)
        self.c[0] = states[1].T
        self.sigmoids = np.empty((3 * self.hidden, self.count), self.dtype)
        self.cosh = np.empty(shape[1:], self.dtype)

    def step(self, k: int, t: int, gates: Array) -> None:
        n = self.hidden
        s, local = self.sigmoids, self.local[t]
        slopes, g = gates[: 3 * n], gates[3 * n :]
        _logistic(slopes, s, self.largest)
        slopes *= s
        i, o, before, c, h = s[:n], s[2 * n :], self.c[k], self.c[k + 1], self.h[k + 1]
        of_g, cosh = local[2 * n : 3 * n], np.cosh(g, out=self.cosh)
        np.divide(i, cosh, out=of_g)
        of_g /= cosh
        np.tanh(g, out=g)
        self.forget[t] = s[n : 2 * n]
        np.multiply(s[n : 2 * n], before, out=c)
        np.multiply(i, g, out=h)
        c += h
        squashed = local[3 * n :]
        np.tanh(c, out=squashed)
        np.multiply(o, squashed, out=h)
        through = self.through_tanh[t]
        np.divide(o, np.cosh(c, out=cosh), out=through)
        through /= cosh
        squashed *= slopes[2 * n :]
        np.multiply(g, slopes[:n], out=local[:n])
        np.multiply(before, slopes[n : 2 * n], out=local[n : 2 * n])

    def freeze(self, k: int, t: int, ended: Any) -> None:
        super().freeze(k, t, ended)
        self.c[k + 1][ended] = self.c[k][ended]
        self.local[t][ended] = self.through_tanh[t][ended] = 0.0
        self.forget[t][ended] = 1.0

    def last(self) -> list[Array]:
        return [self.h[-1], self.c[-1]]

    def back(self, t: int, dh: Array, states: list[Array], of_x: Array, of_h: Array) -> None:
        n, dc, local = self.hidden, states[1], self.local[t]
        dc += dh * self.through_tanh[t]
        for gate, d in enumerate((dc, dc, dc, dh)):
            part = slice(gate * n, (gate + 1) * n)
            np.multiply(local[part], d, out=of_x[part])
        dc *= self.forget[t]


# The same in recorded operations.


def _written_out(step: Callable[..., Any], states: int) -> Callable[..., Any]:
    """Return the composite of a row; `step(x, *states, *weights)` returns the next states."""

    def reference(*operands: Any, sizes: Sizes = None, reverse: bool = False, **options: Any) -> Any:
        now, weights = operands[1 : 1 + states], operands[1 + states :]
        outputs, last = written_out_steps(step, operands[0], now, weights, sizes, reverse, **options)
        return np.stack([*outputs, *last])

    return reference


def written_out_steps(
    step: Callable[..., Any], x: Any, now: tuple[Any, ...], weights: Any, sizes: Sizes, reverse: bool, **options: Any
) -> tuple[list[Any], tuple[Any, ...]]:
    """Return the outputs of all steps, and the last states; `now` holds the states before the first."""
    outputs: list[Any] = [None] * x.shape[0]
    for t in _order(x.shape[0], reverse):
        new = step(x[t], *now, *weights, **options)
        new = new if isinstance(new, tuple) else (new,)
        outputs[t] = new[0]
        if sizes is not None and sizes[t] < x.shape[1]:
            there = beside((np.arange(x.shape[1]) < sizes[t])[:, None], x)
            new = tuple(np.where(there, a, b) for a, b in zip(new, now, strict=True))
            outputs[t] = np.where(there, outputs[t], 0.0)
        now = new
    return outputs, now


def _row(name: str, kinds: dict[str, type[_Pass]], gates: int, step: Callable[..., Any], doc: str) -> Any:
    """Return the row of a cell. kinds: the class of its passes, by nonlinearity."""
    states = next(iter(kinds.values())).states
    reference = _written_out(step, states)
    rnn = len(kinds) > 1

    def keep(*operands: Any, sizes: Sizes = None, reverse: bool = False, nonlinearity: str = "tanh") -> Any:
        kind = kinds[nonlinearity]
        traced = extend.current_trace() is not None
        made: Any = TracedPass(kind, operands, sizes, reverse) if traced else kind(operands, sizes, reverse)
        return made.output(), made

    def scan(*operands: Any, sizes: Sizes = None, reverse: bool = False, nonlinearity: str = "tanh") -> Any:
        if any([extend.as_array(x).__class__ is not np.ndarray for x in operands]):  # of another library
            return written_out(*operands, sizes=sizes, reverse=reverse, nonlinearity=nonlinearity)
        return keep(*operands, sizes=sizes, reverse=reverse, nonlinearity=nonlinearity)[0]

    def written_out(*operands: Any, sizes: Sizes = None, reverse: bool = False, nonlinearity: str = "tanh") -> Any:
        options = {"nonlinearity": nonlinearity} if rnn else {}
        return reference(*operands, sizes=sizes, reverse=reverse, **options)

    def rule(g: Any, i: int, xs: Any, kept: Any, sizes: Sizes, reverse: bool, nonlinearity: str) -> Any:
        if kept is not None and isinstance(g, np.ndarray):
            return kept.cotangent(g, i)

        def of_one(x: Any) -> Any:
            return written_out(*xs[:i], x, *xs[i + 1 :], sizes=sizes, reverse=reverse, nonlinearity=nonlinearity)

        return ad.vjp(of_one, xs[i])[1](g)[0]

    def shapes(steps: int, count: int, inputs: int, hidden: int) -> tuple[Any, ...]:
        rows = gates * hidden
        weights = (rows, inputs), (rows, hidden), (rows,), (rows,)
        return (steps, count, inputs), *[(count, hidden)] * states, *weights

    samples = [
        (shapes(2, 2, 1, 2), {}),
        (shapes(3, 2, 2, 1), {"sizes": (2, 2, 1)}),
        (shapes(3, 2, 1, 1), {"sizes": (2, 1, 1), "reverse": True}),
    ]
    return extend.op(
        scan,
        name=name,
        inputs="*xs",
        public=False,
        opaque=True,
        vjp=rule,
        keep=keep,
        samples=tuple(samples),
        reference=written_out,
        doc=doc,
    )


lstm_scan = _row("lstm_scan", {"tanh": _Lstm}, 4, lstm_step, "An LSTM over all steps.")
gru_scan = _row("gru_scan", {"tanh": _Gru}, 3, gru_step, "A GRU over all steps.")
rnn_scan = _row("rnn_scan", {"tanh": _Rnn, "relu": _ReluRnn}, 1, rnn_step, "An Elman network over all steps.")

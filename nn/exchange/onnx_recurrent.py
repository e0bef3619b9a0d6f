"""How the rows that run a recurrent layer over all its steps become the operators LSTM, GRU and RNN of ONNX.

A row is one layer in one direction. ONNX has the gates in another order, and an axis of directions.
"""

from __future__ import annotations

from .onnx_shapes import flipped
from .onnx_writer import Entry, Writer, integers
from .steps import Step

__all__ = ["gru", "lstm", "rnn"]


def _layer(operator: str, order: tuple[int, ...], states: int, **attributes: int) -> Entry:
    """Return the entry of a layer. order: our gate at each position of ONNX's; states: arrays in the state."""

    def entry(to: Writer, step: Step) -> str:
        if step.static["nonlinearity"] != "tanh":
            return _relu_step_by_step(to, step)
        hidden, first = step.operands[2 + states].shape[1], integers(to, 0)
        rows = integers(to, *(k * hidden + i for k in order for i in range(hidden)))

        def arranged(k: int) -> str:
            return to.emit("Gather", to.operand(step, k), rows, axis=0)

        weights = [to.emit("Unsqueeze", arranged(1 + states + k), first) for k in range(2)]
        bias = to.emit("Concat", *(arranged(3 + states + k) for k in range(2)), axis=0)
        start = [_start(to, step, 1 + k) for k in range(states)]
        y, *last = to.emit_several(
            operator, 1 + states, _forward_in_time(to, step, to.operand(step, 0)), *weights,
            to.emit("Unsqueeze", bias, first), "", *start, hidden_size=hidden, **attributes,
        )  # fmt: skip
        y = _forward_in_time(to, step, to.emit("Squeeze", y, integers(to, 1)))
        return to.emit("Concat", y, *last, axis=0)

    return entry


def _start(to: Writer, step: Step, k: int) -> str:
    """Return the name of an initial state (1, N, H), or "" for zeros."""
    return "" if step.operands[k] is None else to.emit("Unsqueeze", to.operand(step, k), integers(to, 0))


def _forward_in_time(to: Writer, step: Step, x: str) -> str:
    """Return x, reversed in time for a layer that runs backwards: the operator itself always runs forwards."""
    return flipped(to, x, [0]) if step.static["reverse"] else x


def _relu_step_by_step(to: Writer, step: Step) -> str:
    """Write an Elman network with relu step by step: ONNX's evaluator, which compares the file, has no relu in RNN."""
    x = _forward_in_time(to, step, to.operand(step, 0))
    of_x, of_h = (to.emit("Transpose", to.operand(step, k), perm=[1, 0]) for k in (2, 3))
    bias = to.emit("Add", to.operand(step, 4), to.operand(step, 5))
    inputs, h = to.emit("Add", to.emit("MatMul", x, of_x), bias), _start(to, step, 1)
    outputs = []
    for t in range(int(step.operands[0].shape[0])):
        z = to.emit("Slice", inputs, integers(to, t), integers(to, t + 1), integers(to, 0))
        h = to.emit("Relu", to.emit("Add", z, to.emit("MatMul", h, of_h)) if h else z)
        outputs.append(h)
    y = _forward_in_time(to, step, outputs[0] if len(outputs) == 1 else to.emit("Concat", *outputs, axis=0))
    return to.emit("Concat", y, h, axis=0)


lstm = _layer("LSTM", (0, 3, 1, 2), 2)
gru = _layer("GRU", (1, 0, 2), 1, linear_before_reset=1)
rnn = _layer("RNN", (0,), 1)

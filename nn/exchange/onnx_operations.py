"""How each row becomes operators of ONNX: one table, `OPERATIONS`.

An entry is the name of an operator that means the same, or a function of the writer and the step that emits some and
returns the name of the result. Operators are those of opset 20. A row that is not in the table cannot be exported, and
an argument that an entry does not read must have its default.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import onnx_recurrent as recurrent
from . import onnx_shapes as shapes
from .onnx_writer import Entry, Writer, axes_of, fixed, integers, refuse
from .steps import Step, Varies

__all__ = ["OPERATIONS", "emit"]


def _with(operator: str, **attributes: Any) -> Entry:
    return lambda to, step: to.emit(operator, to.operand(step, 0), **attributes)


def _reading(operator: str, **names: str) -> Entry:
    """Return an operator whose attributes are static arguments of the row: attribute=argument."""
    return lambda to, step: to.emit(
        operator, to.operand(step, 0), **{ours: step.static[theirs] for ours, theirs in names.items()}
    )


# Reductions.


def _reduced(operator: str) -> Entry:
    def entry(to: Writer, step: Step) -> str:
        axes = axes_of(step)
        return to.emit(operator, to.operand(step, 0), integers(to, *axes), keepdims=int(bool(step.static["keepdims"])))

    return entry


def _norm_of_any_power(to: Writer, step: Step) -> str:
    dtype, power = step.result.array.dtype, float(step.static["ord"])
    raised = to.emit("Pow", to.emit("Abs", to.operand(step, 0)), to.raw(power, dtype))
    keepdims = int(bool(step.static["keepdims"]))
    total = to.emit("ReduceSum", raised, integers(to, *axes_of(step)), keepdims=keepdims)
    return to.emit("Pow", total, to.raw(1 / power, dtype))


def _along(operator: str) -> Entry:
    def entry(to: Writer, step: Step) -> str:
        axes = axes_of(step)
        if len(axes) != 1:
            raise refuse(step, f"over the axes {axes} together cannot be exported")
        return to.emit(operator, to.operand(step, 0), axis=axes[0])

    return entry


def _standardize(to: Writer, step: Step) -> str:
    x, axes = to.operand(step, 0), integers(to, *axes_of(step))
    away = to.emit("Sub", x, to.emit("ReduceMean", x, axes, keepdims=1))
    variance = to.emit("ReduceMean", to.emit("Mul", away, away), axes, keepdims=1)
    spread = to.emit("Sqrt", to.emit("Add", variance, to.raw(step.static["eps"], step.result.array.dtype)))
    return to.emit("Div", away, spread)


# Layers.


def _linear(to: Writer, step: Step) -> str:
    y = to.emit("MatMul", to.operand(step, 0), to.emit("Transpose", to.operand(step, 1), perm=[1, 0]))
    return y if step.operands[2] is None else to.emit("Add", y, to.operand(step, 2))


def _pads(step: Step) -> list[int]:
    padding = step.static["padding"]
    return [a for a, _ in padding] + [b for _, b in padding]


def _windows(step: Step, **more: Any) -> dict[str, Any]:
    return {"strides": step.static["stride"], "pads": _pads(step), "dilations": step.static["dilation"], **more}


def _convolution(to: Writer, step: Step) -> str:
    operands = [to.operand(step, k) for k in range(3) if step.operands[k] is not None]
    return to.emit("Conv", *operands, **_windows(step, group=step.static["groups"]))


def _convolution_input(to: Writer, step: Step) -> str:
    """Write a transposed convolution for each group. `output_padding` fixes the size, which strides leave open; it
    takes the place of negative padding at the end, which ONNX does not have."""
    lengths, kernel = (fixed(step, x.shape[2:]) for x in step.operands)
    more = []
    for n, size, k, stride, (a, b), dilation in zip(
        lengths, step.static["size"], kernel, step.static["stride"], step.static["padding"], step.static["dilation"],
        strict=True,
    ):  # fmt: skip
        more.append(size - ((n - 1) * stride - a - max(b, 0) + dilation * (k - 1) + 1))
    options, groups = _windows(step, output_padding=more), step.static["groups"]
    options["pads"] = [max(n, 0) for n in options["pads"]]
    x, weight = to.operand(step, 0), to.operand(step, 1)
    if groups == 1:
        return to.emit("ConvTranspose", x, weight, **options)
    width, parts = step.operands[1].shape[0] // groups, []  # onnx.reference cannot compute several groups in one node
    for k in range(groups):
        ends = integers(to, k * width), integers(to, (k + 1) * width)
        part = to.emit("Slice", x, *ends, integers(to, 1))
        parts.append(to.emit("ConvTranspose", part, to.emit("Slice", weight, *ends, integers(to, 0)), **options))
    return to.emit("Concat", *parts, axis=1)


def _max_pool(to: Writer, step: Step) -> str:
    x, kernel, pads = to.operand(step, 0), step.static["kernel"], _pads(step)
    n = len(kernel)
    unused = {axis: end for axis, end in enumerate(pads[n:], 2) if end < 0}
    if unused:  # ONNX has no negative padding
        x = to.emit("Slice", x, integers(to, *[0] * len(unused)), integers(to, *unused.values()), integers(to, *unused))
        pads = [max(p, 0) for p in pads]
    if any(p >= k for p, k in zip(pads, kernel * 2, strict=True)):  # onnxruntime has no longer padding in a MaxPool
        ends = integers(to, 0, 0, *pads[:n], 0, 0, *pads[n:])
        x, pads = to.emit("Pad", x, ends, to.raw(-np.inf, step.result.array.dtype)), [0] * len(pads)
    return to.emit("MaxPool", x, **_windows(step, kernel_shape=kernel) | {"pads": pads})


def _im2col(to: Writer, step: Step) -> str:
    """x (N, C, *spatial) -> (N, C, *kernel, *places): one slice for each place in the kernel."""
    kernel, pads, n = step.static["kernel"], _pads(step), len(step.static["kernel"])
    out = fixed(step, step.result.shape[-n:])
    x = to.emit("Pad", to.operand(step, 0), integers(to, 0, 0, *pads[:n], 0, 0, *pads[n:]))
    axes, stride = integers(to, *range(2, 2 + n)), step.static["stride"]
    parts = []
    for place in np.ndindex(*kernel):
        starts = [p * d for p, d in zip(place, step.static["dilation"], strict=True)]
        stops = [a + (m - 1) * s + 1 for a, m, s in zip(starts, out, stride, strict=True)]
        part = to.emit("Slice", x, integers(to, *starts), integers(to, *stops), axes, integers(to, *stride))
        parts.append(to.emit("Unsqueeze", part, integers(to, 2)))
    together = parts[0] if len(parts) == 1 else to.emit("Concat", *parts, axis=2)
    return to.emit("Reshape", together, integers(to, 0, 0, *kernel, *out))  # 0: the length as it is


# Elementwise.


def _square(to: Writer, step: Step) -> str:
    return to.emit("Mul", to.operand(step, 0), to.operand(step, 0))


def _silu(to: Writer, step: Step) -> str:
    return to.emit("Mul", to.operand(step, 0), to.emit("Sigmoid", to.operand(step, 0)))


def _logsigmoid(to: Writer, step: Step) -> str:
    return to.emit("Neg", to.emit("Softplus", to.emit("Neg", to.operand(step, 0))))


def _tanhshrink(to: Writer, step: Step) -> str:
    return to.emit("Sub", to.operand(step, 0), to.emit("Tanh", to.operand(step, 0)))


def _selu(to: Writer, step: Step) -> str:
    # the constants of Klambauer et al. 2017; ONNX's own defaults are these, rounded to float32
    return to.emit("Selu", to.operand(step, 0), alpha=1.6732632423543772, gamma=1.0507009873554805)


def _shrink(soft: bool) -> Entry:
    def entry(to: Writer, step: Step) -> str:
        edge = float(step.static["lambd"])
        return to.emit("Shrink", to.operand(step, 0), lambd=edge, bias=edge if soft else 0.0)

    return entry


def _between(to: Writer, step: Step) -> str:
    low, high = (step.static[name] for name in ("min_val", "max_val"))
    dtype = step.result.array.dtype
    return to.emit("Clip", to.operand(step, 0), to.raw(low, dtype), to.raw(high, dtype))


def _relu6(to: Writer, step: Step) -> str:
    dtype = step.result.array.dtype
    return to.emit("Clip", to.operand(step, 0), to.raw(0.0, dtype), to.raw(6.0, dtype))


def _clip(to: Writer, step: Step) -> str:
    """Write Max and Min, because the bounds may be arrays, which ONNX's Clip does not accept."""
    x = to.operand(step, 0)
    x = x if step.operands[1] is None else to.emit("Max", x, to.operand(step, 1))
    return x if step.operands[2] is None else to.emit("Min", x, to.operand(step, 2))


def _where(to: Writer, step: Step) -> str:
    condition = to.emit("Cast", to.raw(step.operands[0], np.bool_), to=np.dtype(bool))
    return to.emit("Where", condition, to.operand(step, 1), to.operand(step, 2))


OPERATIONS: dict[str, Entry] = {
    # elementwise: the operator of the same meaning
    "absolute": "Abs", "add": "Add", "arccos": "Acos", "arccosh": "Acosh", "arcsin": "Asin", "arcsinh": "Asinh",
    "arctan": "Atan", "arctanh": "Atanh", "ceil": "Ceil", "cos": "Cos", "cosh": "Cosh", "divide": "Div", "erf": "Erf",
    "exp": "Exp", "floor": "Floor", "log": "Log", "maximum": "Max", "minimum": "Min", "mish": "Mish",
    "multiply": "Mul", "negative": "Neg", "positive": "Identity", "power": "Pow", "prelu": "PRelu",
    "reciprocal": "Reciprocal", "relu": "Relu", "rint": "Round", "sigmoid": "Sigmoid", "sign": "Sign", "sin": "Sin",
    "sinh": "Sinh", "softplus": "Softplus", "softsign": "Softsign", "sqrt": "Sqrt", "subtract": "Sub", "tan": "Tan",
    "tanh": "Tanh", "hardswish": "HardSwish", "matmul": "MatMul",
    # elementwise, with arguments or made of several
    "hardsigmoid": _with("HardSigmoid", alpha=1 / 6, beta=0.5), "elu": _reading("Elu", alpha="alpha"),
    "celu": _reading("Celu", alpha="alpha"), "leaky_relu": _reading("LeakyRelu", alpha="negative_slope"),
    "gelu": _reading("Gelu", approximate="approximate"), "selu": _selu, "silu": _silu, "square": _square,
    "logsigmoid": _logsigmoid, "tanhshrink": _tanhshrink, "hardshrink": _shrink(False), "softshrink": _shrink(True),
    "hardtanh": _between, "relu6": _relu6, "clip": _clip, "where": _where,
    "astype": lambda to, step: to.operand(step, 0),
    # over axes
    "sum": _reduced("ReduceSum"), "mean": _reduced("ReduceMean"), "max": _reduced("ReduceMax"),
    "min": _reduced("ReduceMin"), "prod": _reduced("ReduceProd"), "logsumexp": _reduced("ReduceLogSumExp"),
    "softmax": _along("Softmax"), "log_softmax": _along("LogSoftmax"),
    "standardize": _standardize, "norm2": _reduced("ReduceL2"), "normp": _norm_of_any_power,
    # shapes
    "reshape": shapes.reshape, "broadcast_to": shapes.broadcast_to, "transpose": shapes.transpose,
    "swapaxes": shapes.swapaxes, "expand_dims": shapes.expand_dims, "squeeze": shapes.squeeze,
    "concatenate": shapes.concatenate, "stack": shapes.stack, "flip": shapes.flip, "getitem": shapes.getitem,
    "scatter": shapes.scatter,
    # layers
    "linear": _linear, "convolution": _convolution, "convolution_input": _convolution_input, "max_pool": _max_pool,
    "im2col": _im2col, "lstm_scan": recurrent.lstm, "gru_scan": recurrent.gru, "rnn_scan": recurrent.rnn,
}  # fmt: skip
# Arguments that the entries read, or that change no number; any other must have its default.
READ = frozenset(
    "axis keepdims shape order copy axes axis1 axis2 index stride padding dilation groups kernel size eps alpha "
    "negative_slope approximate lambd min_val max_val casting".split()
)
SCANS = frozenset({"lstm_scan", "gru_scan", "rnn_scan"})
READ_TOO = {  # of these rows alone
    "astype": {"dtype"},
    "normp": {"ord"},
    "scatter": {"dtype"},
    **{scan: {"reverse", "nonlinearity"} for scan in SCANS},
}
ZEROS_OF_EXAMPLES = SCANS  # rows for which zeros, one for each example, may be left out: they start there
LENGTHS_VARY = {"reshape", "broadcast_to", "getitem", "scatter"}  # rows whose arguments may depend on how many examples


def emit(to: Writer, step: Step) -> str:
    """Write one step and return the name of its result. Raise ExportError for an argument without a form."""
    entry = OPERATIONS[step.row.name]
    for name, value in step.static.items():
        if name not in READ | READ_TOO.get(step.row.name, set()) and value != step.row.defaults[name]:
            raise refuse(step, f"with {name}={value!r} cannot be exported")
        if step.row.name not in LENGTHS_VARY and _varies(value):
            raise refuse(step, f"with {name} made of the number of examples cannot be exported")
    if isinstance(entry, str):
        return to.emit(entry, *(to.operand(step, k) for k in range(len(step.operands))))
    return entry(to, step)


def _varies(value: Any) -> bool:
    return isinstance(value, Varies) or (isinstance(value, tuple) and any(map(_varies, value)))

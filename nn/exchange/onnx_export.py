"""`export_onnx`: a model as an ONNX file, from the operations that it runs.

The model is run twice (`steps`), each operation is looked up in one table (`onnx_operations`), and the graph is
compared with the model's second run by ONNX's own evaluator before anything is written.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import autodiff as ad

from ..module import Module
from ..serialization import replacing
from .onnx_operations import OPERATIONS, ZEROS_OF_EXAMPLES, emit
from .steps import BATCH, ExportError, Program, Step, Value, Varies, follow

__all__ = ["export_onnx"]

OPSET, IR_VERSION = 20, 10  # Gelu came with opset 20; runtimes since 2024 read both


def export_onnx(model: Module, example_input: Any, path: str | os.PathLike[str], *, batch_axis: int = 0) -> None:
    """Write a model in evaluation mode to an ONNX file. `torch.onnx.export`, with the number of examples free.

    Operations are taken from two runs with inputs like the example, so `forward` may be any program of recorded
    operations. The graph is compared with the model on another input before the file is written.

    Args:
        model: a Module; it runs in evaluation mode, and is in its own mode afterwards.
        example_input: an array (N, ...), or a tuple of arrays where `forward` takes several. Floats become the
            model's dtype. All lengths but N are fixed in the file.
        path: the file, usually `.onnx`.
        batch_axis: which axis the examples are along; 1 for sequences (T, N, E).

    Raises:
        ImportError: onnx is not installed.
        ExportError: (a ValueError) an operation without a form in ONNX, or plain NumPy on values of the input; it
            names the module. Nothing is written.
        FileNotFoundError: the folder is missing.

    >>> import nn, numpy as np, tempfile, os
    >>> net = nn.Sequential(nn.Linear(4, 3, rng=0), nn.GELU())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "net.onnx")
    ...     nn.export_onnx(net, np.ones((1, 4)), path)
    ...     import onnx
    ...     [node.op_type for node in onnx.load(path).graph.node]
    ['Transpose', 'MatMul', 'Add', 'Gelu', 'Identity']
    """
    try:
        import onnx
        import onnx.reference
    except ImportError:
        raise ImportError("nn.export_onnx needs onnx: pip install 'backflow[onnx]'") from None
    if not isinstance(model, Module):
        raise TypeError(f"nn.export_onnx needs a Module, got a {type(model).__name__}")
    example = example_input if isinstance(example_input, tuple) else (example_input,)
    dtype = next((p.dtype for p in model.parameters() if isinstance(p, ad.Tensor)), None)
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        program = follow(model, [_array(x, dtype) for x in example], batch_axis, OPERATIONS, ZEROS_OF_EXAMPLES)
    finally:
        for module, training in modes:
            module.training = training
    made = _Graph(onnx, program, type(model).__name__).model()
    onnx.checker.check_model(made, full_check=True)
    _compare(onnx.reference.ReferenceEvaluator(made), program)
    with replacing(Path(path), "nn.export_onnx") as file:
        file.write(made.SerializeToString())


class _Graph:
    """An ONNX graph that is being written; the writer that the table's entries use."""

    def __init__(self, onnx: Any, program: Program, name: str) -> None:
        self.onnx, self.program, self.name = onnx, program, name
        self.nodes: list[Any] = []
        self.initializers: dict[str, Any] = {}
        self.names: dict[int, str] = {id(v): v.name for v in program.inputs}
        self.taken = set(self.names.values())
        self.constants: dict[tuple[Any, ...], str] = {}

    def model(self) -> Any:
        helper = self.onnx.helper
        for step in self.program.steps:
            first = len(self.nodes)
            result = emit(self, step)
            self.names[id(step.result)] = result
            for node in self.nodes[first:]:
                node.doc_string = step.place
        single, outputs = len(self.program.outputs) == 1, []
        for k, value in enumerate(self.program.outputs):
            name = self.unused("output" if single else f"output_{k}")
            self.nodes.append(helper.make_node("Identity", [self.names[id(value)]], [name]))
            outputs.append(self.described(name, value))
        inputs = [self.described(v.name, v) for v in self.program.inputs]
        graph = helper.make_graph(self.nodes, self.name, inputs, outputs, list(self.initializers.values()))
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="backflow",
        )

    def described(self, name: str, value: Value) -> Any:
        """Return an input or an output: its dtype and shape; lengths of the examples have a name."""
        shape = [
            ("N" if n == BATCH else f"{name}_{k}") if isinstance(n, Varies) else n for k, n in enumerate(value.shape)
        ]
        return self.onnx.helper.make_tensor_value_info(name, self.code(value.array.dtype), shape)

    def code(self, dtype: Any) -> int:
        try:
            return int(self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
        except (KeyError, ValueError):
            raise ExportError(f"ONNX has no dtype {dtype}") from None

    def unused(self, wanted: str) -> str:
        name, k = wanted, 1
        while name in self.taken:
            name, k = f"{wanted}_{k}", k + 1
        self.taken.add(name)
        return name

    # Methods that the entries of the table call.

    def emit(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one result, and return the result's name."""
        return self.emit_several(operator, 1, *inputs, **attributes)[0]

    def emit_several(self, operator: str, results: int, *inputs: str, **attributes: Any) -> list[str]:
        """Add a node with several results, and return their names; "" is an input that is left out."""
        names = [self.unused(f"{operator.lower()}_{len(self.nodes)}") for _ in range(results)]
        if "to" in attributes:
            attributes["to"] = self.code(attributes["to"])
        self.nodes.append(self.onnx.helper.make_node(operator, list(inputs), names, **attributes))
        return names

    def operand(self, step: Step, k: int) -> str:
        """Return the name of an operand, converted to the dtype of the result."""
        value, dtype = step.operands[k], step.result.array.dtype
        name = self.raw(value, dtype)
        if isinstance(value, Value) and value.array.dtype != dtype:
            return self.emit("Cast", name, to=dtype)
        return name

    def raw(self, value: Any, dtype: Any = None) -> str:
        """Return the name of a Value, or of a number of that dtype, not converted."""
        if not isinstance(value, Value):
            return self.constant(np.asarray(value, dtype))
        if id(value) not in self.names:
            self.names[id(value)] = self.constant(value.array, value.name)
        return self.names[id(value)]

    def constant(self, array: NDArray[Any], name: str = "") -> str:
        """Return the name of a constant; equal ones without a name are one."""
        array = np.array(array, order="C")
        key = (array.dtype.str, array.shape, array.tobytes())
        if not name and key in self.constants:
            return self.constants[key]
        self.code(array.dtype)
        made = self.unused(name or f"constant_{len(self.initializers)}")
        self.initializers[made] = self.onnx.numpy_helper.from_array(array, made)
        if not name:
            self.constants[key] = made
        return made


def _array(x: Any, dtype: Any) -> NDArray[Any]:
    array = np.asarray(x.data if isinstance(x, ad.Variable) else x)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"nn.export_onnx: an input holds numbers or booleans, got {array.dtype}")
    return array.astype(dtype) if array.dtype.kind == "f" and dtype is not None else array


def _compare(evaluator: Any, program: Program) -> None:
    """Raise ExportError unless the graph gives the model's outputs for the second input."""
    feed = {v.name: x for v, x in zip(program.inputs, program.second_inputs, strict=True)}
    with np.errstate(all="ignore"):
        found = evaluator.run(None, feed)
    for k, (got, wanted) in enumerate(zip(found, program.second_outputs, strict=True)):
        wanted = np.asarray(wanted)
        finite = np.abs(wanted[np.isfinite(wanted)], dtype=float)
        # sums in another order: a thousand roundings of the largest number
        close = 1024 * (np.finfo(wanted.dtype).eps if wanted.dtype.kind == "f" else 0) * finite.max(initial=0)
        same = got.shape == wanted.shape and got.dtype == wanted.dtype
        if not same or not np.allclose(got, wanted, rtol=0, atol=close, equal_nan=True):
            raise ExportError(
                f"output {k} of the ONNX graph is not the model's for another input: "
                + (f"{got.dtype} {got.shape} for {wanted.dtype} {wanted.shape}" if not same else "other numbers")
                + ". Part of the model is computed outside of recorded operations"
            )

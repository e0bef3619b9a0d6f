"""Write ``variable.pyi``, ``__init__.pyi``, ``linalg.pyi``, ``fft.pyi`` and ``special.pyi`` of ``autodiff``: the types
of the rows, for editors and type checkers.

At import, a row adds methods to the handles and a function to ``ad`` or one of its modules. The stubs list them, so
that a misspelt name is an error in an editor, and a function of a Tensor gives a Tensor. Run
``python tools/write_stub.py`` after adding a row; a test compares.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import autodiff as ad  # noqa: E402
from autodiff import array_api, variable  # noqa: E402
from autodiff.methods.interchange import MEMBERS  # noqa: E402
from autodiff.methods.operators import COMPARISONS, OPERATORS  # noqa: E402
from autodiff.registry import METHODS, Op  # noqa: E402

TARGET = ROOT / "autodiff" / "variable.pyi"
PAGES = {ROOT / "autodiff" / f"{module.__name__.removeprefix('autodiff.')}.pyi": module
         for module in (ad.linalg, ad.fft, ad.special)} | {ROOT / "autodiff" / "__init__.pyi": ad}  # fmt: skip
PROPERTIES = {"shape": "tuple[int, ...]", "ndim": "int", "size": "int", "dtype": "np.dtype[Any]", "is_leaf": "bool",
              "T": "Tensor", "mT": "Tensor", "real": "Tensor", "imag": "Tensor", "nbytes": "int"}  # fmt: skip
HEAD = '''"""Types of the handles. Written by ``python tools/write_stub.py`` from variable.py and the registry."""
# fmt: off
# ruff: noqa: E501

import weakref
from collections.abc import Callable, Iterator
from typing import Any, Self, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .graph import Node

Operand: TypeAlias = Variable | ArrayLike
Number: TypeAlias = float | np.number[Any]
Array: TypeAlias = Tensor | NDArray[Any] | list[Any] | tuple[Any, ...]
'''
SETTER = "    @data.setter\n    def data(self, value: Operand) -> None: ..."


def stub() -> str:
    """Return the whole text of the stub."""
    lines = [HEAD]
    for node in ast.parse(inspect.getsource(variable)).body:
        if isinstance(node, ast.ClassDef):
            lines += ["", f"class {node.name}{_bases(node)}:", *_members(node), *INSTALLED.get(node.name, list)(), ""]
        elif isinstance(node, ast.FunctionDef):
            lines.append(_signature(node))
        elif isinstance(node, ast.AnnAssign):
            lines.append(f"{ast.unparse(node.target)}: {ast.unparse(node.annotation)}")
    return "\n".join(lines).replace("\n\n\n\n", "\n\n\n").rstrip() + "\n"


def _bases(node: ast.ClassDef) -> str:
    return f"({', '.join(ast.unparse(b) for b in node.bases)})" if node.bases else ""


def _members(node: ast.ClassDef) -> Iterator[str]:
    """Yield the definitions in the source of a class, without bodies."""
    for item in node.body:
        if isinstance(item, ast.FunctionDef):
            for decorator in item.decorator_list:
                yield f"    @{ast.unparse(decorator)}"
            yield "    " + _signature(item)
            if item.name == "data":  # ``writing`` gives the property its setter
                yield SETTER
        elif isinstance(item, ast.AnnAssign):
            yield f"    {ast.unparse(item.target)}: {ast.unparse(item.annotation)}"
        elif (
            isinstance(item, ast.Assign) and isinstance(item.targets[0], ast.Name) and item.targets[0].id in PROPERTIES
        ):
            yield from ("    @property", f"    def {item.targets[0].id}(self) -> {PROPERTIES[item.targets[0].id]}: ...")


def _signature(node: ast.FunctionDef) -> str:
    returns = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
    return f"def {node.name}({ast.unparse(node.args)}){returns}: ..."


def _on_variable() -> Iterator[str]:
    yield "    def backward("
    yield "        self, gradient: Any = None, retain_graph: bool = False, create_graph: bool = False"
    yield "    ) -> None: ..."
    for name in ("__divmod__", "__rdivmod__"):
        yield f"    def {name}(self, other: Operand) -> tuple[Any, Any]: ..."
    for dunder in COMPARISONS:
        yield f"    def __{dunder}__(self, other: {'object' if dunder in ('eq', 'ne') else 'Operand'}) -> Any: ..."


def _on_tensor() -> Iterator[str]:
    yield "    def detach(self) -> Tensor: ..."
    yield "    def __setitem__(self, index: Any, value: Operand) -> None: ..."
    for dunder in OPERATORS:
        yield f"    def __{dunder}__(self, other: Operand) -> Tensor: ..."
        yield f"    def __r{dunder}__(self, other: Operand) -> Tensor: ..."
        yield f"    def __i{dunder}__(self, other: Operand) -> Self: ..."
    for dunder in ("neg", "pos", "abs"):
        yield f"    def __{dunder}__(self) -> Tensor: ..."
    for name, member in MEMBERS.items():
        if isinstance(member, property):
            yield f"    @property\n    def {name}(self) -> Any: ..."
        else:
            yield f"    def {name}({_of_any(member)}) -> Any: ..."
    for name, function in sorted(METHODS.items()):
        plain = getattr(np, name, None) in variable.PLAIN
        yield f"    def {name}({_parameters(function)}) -> {'Any' if plain else 'Tensor'}: ..."


def _on_scalar() -> Iterator[str]:
    yield "    def detach(self) -> Scalar: ..."
    yield from ("    @property", "    def data(self) -> float: ...", SETTER)
    for dunder in OPERATORS:
        if dunder == "matmul":
            continue
        for name, numbers in ((f"__{dunder}__", "Scalar | Number"), (f"__r{dunder}__", "Number")):
            yield "    @overload"
            yield f"    def {name}(self, other: {numbers}) -> Scalar: ..."
            yield "    @overload"
            yield f"    def {name}(self, other: Array) -> Tensor: ..."
    for dunder in ("neg", "pos", "abs"):
        yield f"    def __{dunder}__(self) -> Scalar: ..."
    for name, function in sorted(METHODS.items()):
        if isinstance(function, Op) and function.elementwise:
            yield f"    def {name}({_parameters(function)}) -> Scalar: ..."


INSTALLED: dict[str, Callable[[], Any]] = {"Variable": _on_variable, "Tensor": _on_tensor, "Scalar": _on_scalar}


def _parameters(function: Callable[..., Any]) -> str:
    """Return the parameters of a method: those of its function, with the handle itself as the first."""
    fn = function.fn if isinstance(function, Op) else function
    if isinstance(fn, np.ufunc):
        return "self" if fn.nin == 1 else "self, other: Operand"
    found = ["self"]
    for p in list(inspect.signature(fn).parameters.values())[1:]:
        if p.kind is p.VAR_POSITIONAL:
            found.append(f"*{p.name}: Any")
        elif p.kind is p.VAR_KEYWORD:
            found.append(f"**{p.name}: Any")
        else:
            if p.kind is p.KEYWORD_ONLY and not any(f.startswith("*") for f in found):
                found.append("*")
            kind = "None" if p.name == "out" else _annotation(p, fn)
            found.append(f"{p.name}: {kind}" + ("" if p.default is p.empty else " = ..."))
    return ", ".join(found)


def _annotation(p: inspect.Parameter, fn: Callable[..., Any]) -> str:
    """Return a parameter's type, with the aliases of its own file written out."""
    if p.annotation is p.empty:
        return "Any"
    kind = eval(p.annotation, fn.__globals__) if isinstance(p.annotation, str) else p.annotation
    return (
        "None"
        if kind is None
        else kind.__name__
        if isinstance(kind, type) and not hasattr(kind, "__args__")
        else str(kind).replace("typing.", "")
    )


# ---- the public page
PAGE_HEAD = '''"""Types of the public names. Written by ``python tools/write_stub.py`` from the registry."""
# fmt: off
'''


def page(of: Any) -> str:
    """Return the whole stub of ``autodiff`` or one of its modules: rows as functions, other names imported from their
    files."""
    imports, rows = [], []
    for name in sorted(of.__all__):
        value = getattr(of, name)
        if isinstance(value, Op):
            rows += _row(name, value)
        elif value is array_api.PUBLIC.get(name) if of is ad else _made_at_import(value, of):
            rows.append(f"def {name}({_of_any(value)}) -> Any: ...")
        elif inspect.ismodule(value):
            imports.append(f"from . import {name} as {name}")
        else:
            module = value.__module__.removeprefix("autodiff")
            imports.append(f"from {module or '.'} import {value.__name__} as {name}")
    versions = ["__version__: str", "def __dir__() -> list[str]: ...", ""] if of is ad else []
    versions += [f"{name}: Any" for name in sorted({**array_api.CONSTANTS, **array_api.DTYPES}) if of is ad]
    text = "\n".join(rows)
    head = PAGE_HEAD + ("# ruff: noqa: E501\n" if any(len(row) > 120 for row in rows) else "") + "\n"
    head += "from collections.abc import Sequence\n" if "Sequence[" in text else ""
    if of is not ad:
        kinds = [kind for kind in ("Scalar", "Tensor", "Variable") if re.search(rf"\b{kind}\b", text)]
        imports.append(f"from .variable import {', '.join(kinds)}")
    return f"{head}from typing import Any, overload\n\n" + "\n".join([*sorted(imports), "", *versions, text]) + "\n"


def _made_at_import(value: Any, of: Any) -> bool:
    """Return whether a function is not defined by its name in a file of its own, from which the stub could import."""
    module = inspect.getmodule(value)
    assert module is not None
    return module is of or f"def {value.__name__}(" not in inspect.getsource(module)


def _of_any(f: Callable[..., Any]) -> str:
    """Return the parameters of a function with the type Any: the stub does not import the types that it names."""
    given = inspect.signature(f).parameters.values()
    of_any = [p.replace(annotation=p.empty if p.name == "self" else Any) for p in given]
    return str(inspect.Signature(of_any))[1:-1]


def _row(name: str, op: Op) -> Iterator[str]:
    """Yield a row as overloaded functions: Scalars and numbers give a Scalar, a Tensor a Tensor, plain values plain
    ones."""
    parameters = _row_parameters(op)
    kinds = [(("Sequence[Variable]" if op.variadic else "Tensor",), "Tensor"), (("Any",), "Any")]
    if op.elementwise and len(op.inputs) == 1:
        kinds.insert(0, (("Scalar",), "Scalar"))
    if op.elementwise and len(op.inputs) == 2:
        kinds[:0] = [(("Scalar", "Scalar | float"), "Scalar"), (("float", "Scalar"), "Scalar")]
        kinds.insert(-1, (("Any", "Tensor"), "Tensor"))
    for given, result in kinds:
        typed = [f"{p.partition(':')[0]}: {kind}" for p, kind in zip(parameters, given, strict=False)]
        typed[1:] = [t if "=" not in p else f"{t} = ..." for t, p in zip(typed[1:], parameters[1:], strict=False)]
        yield "@overload"
        yield f"def {name}({', '.join([*typed, *parameters[len(typed) :]])}) -> {result}: ..."


def _row_parameters(op: Op) -> list[str]:
    if op.variadic:
        return [op.inputs[0], *[f"{name}: Any = ..." for name in op.statics]]
    if isinstance(op.fn, np.ufunc):
        return [op.inputs[0], *[f"{name}: Any" for name in op.inputs[1:]]]
    first, *rest = inspect.signature(op.fn).parameters.values()
    found = [first.name]
    if first.kind is first.VAR_POSITIONAL:
        found = [op.inputs[0], *[f"{name}: Any" for name in op.inputs[1:]]]
    for p in rest:
        if p.kind is p.KEYWORD_ONLY and "*" not in found:
            found.append("*")
        found.append(f"{p.name}: Any" + ("" if p.default is p.empty else " = ..."))
    return found


if __name__ == "__main__":
    TARGET.write_text(stub(), encoding="utf-8")
    for path, module in PAGES.items():
        path.write_text(page(module), encoding="utf-8")

"""Write a failing call as Python that fails in the same way in a fresh interpreter.

`Source` collects the imports that its texts need. A value that cannot be written down, such as a function of a running
session that depends on its surroundings, raises `Unwritable`: then no line is printed that would not work.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import math
import site
import sys
import sysconfig
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from autodiff.testing.subjects.other_libraries import Adapted

__all__ = ["Source", "Unwritable", "array_text"]

MOST = 64  # numbers in an array that a line still holds


class Unwritable(ValueError):
    """A value has no short text from which Python makes it again. The message names the value and the reason."""


class Source:
    """Texts of values, and the import lines that they need."""

    def __init__(self) -> None:
        self.imports: list[str] = []

    def need(self, line: str) -> None:
        """Add an import line once."""
        if line not in self.imports:
            self.imports.append(line)

    def value(self, x: Any) -> str:
        """Return the text of an argument.

        Raises:
            Unwritable: there is none.
        """
        if isinstance(x, np.ndarray):
            if x.size > MOST and _short_text(x) is None:
                raise Unwritable(f"an array of shape {x.shape} is too large to write down")
            self.need("import numpy as np")
            return array_text(x, MOST)
        if isinstance(x, np.generic):
            self.need("import numpy as np")
            return f"np.{x.dtype.name}({_number(x)})"
        if isinstance(x, float):
            if not math.isfinite(x):
                self.need("import numpy as np")
            return _number(x)
        if x is None or x is Ellipsis or isinstance(x, (bool, int, complex, str, bytes)):
            return repr(x)
        if isinstance(x, slice):
            return f"slice({', '.join(self.value(p) for p in (x.start, x.stop, x.step))})"
        if type(x) in (tuple, list):
            inner = ", ".join(self.value(p) for p in x) + ("," if type(x) is tuple and len(x) == 1 else "")
            return f"({inner})" if type(x) is tuple else f"[{inner}]"
        if type(x) is dict:
            return "{" + ", ".join(f"{self.value(k)}: {self.value(v)}" for k, v in x.items()) + "}"
        if isinstance(x, np.dtype) or (isinstance(x, type) and issubclass(x, np.generic)):
            self.need("import numpy as np")
            return f"np.{np.dtype(x).name}"
        if isinstance(x, Adapted) and x.made_by:
            maker, *parts = x.made_by
            self.need(f"from autodiff.testing import {maker}")
            return f"{maker}({', '.join(map(self.value, parts))})"
        if callable(x):
            return self.function(x)
        raise Unwritable(f"a {type(x).__name__} cannot be written down")

    def function(self, f: Callable[..., Any]) -> str:
        """Return the text of a function: its name, which is imported, or a lambda without names from outside.

        Raises:
            Unwritable: it is neither.
        """
        for shorthand, module in (("np", np), ("ad", sys.modules["autodiff"])):
            name = getattr(f, "__name__", None) or getattr(f, "name", None)
            if isinstance(name, str) and getattr(module, name, None) is f:
                self.need("import numpy as np" if shorthand == "np" else "import autodiff as ad")
                return f"{shorthand}.{name}"
        return self._imported(f) or self._lambda(f)

    def _imported(self, f: Any) -> str | None:
        module, name = getattr(f, "__module__", None), getattr(f, "__qualname__", None)
        if not isinstance(module, str) or not isinstance(name, str) or module == "__main__" or "<" in name:
            return None
        found: Any = sys.modules.get(module)
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is not f:
            if getattr(found, "function", None) is not f:  # under @derivative_test the name is the test
                return None
            name += ".function"
        root = _outside_the_path(module)
        if root is not None:
            self.need("import sys")
            self.need(f"sys.path.insert(0, {str(root)!r})")
        self.need(f"from {module} import {name.partition('.')[0]}")
        return name

    def _lambda(self, f: Any) -> str:
        who = getattr(f, "__name__", type(f).__name__)
        if not isinstance(f, types.FunctionType):
            raise Unwritable(f"{who} cannot be imported by a fresh interpreter")
        where = f"{Path(f.__code__.co_filename).name}:{f.__code__.co_firstlineno}"
        node = _lambda_node(f)
        if node is None:
            raise Unwritable(f"{who} ({where}) cannot be imported by a fresh interpreter")
        around = inspect.getclosurevars(f)
        if around.unbound - {"self"} - _attributes(node):
            raise Unwritable(f"{who} ({where}) uses names that are not defined")
        values: dict[str, str] = {}
        for name, value in {**around.globals, **around.nonlocals}.items():
            if isinstance(value, types.ModuleType):
                self.need(f"import {value.__name__} as {name}" if value.__name__ != name else f"import {name}")
            else:
                values[name] = self.value(value)
        text = ast.unparse(_Inlined(values).visit(node))
        return text if text.startswith("(") else f"({text})" if "\n" in text else text


class _Inlined(ast.NodeTransformer):
    """Names replaced by the texts of their values."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.parse(self.values[node.id], mode="eval").body if node.id in self.values else node


def _attributes(node: ast.AST) -> set[str]:
    """Return the names that follow a dot: `inspect` lists them among the unbound ones."""
    return {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}


def _lambda_node(f: types.FunctionType) -> ast.Lambda | None:
    """Return the lambda in the file of a function whose compiled form is the function's, or None."""
    if f.__name__ != "<lambda>" or f.__defaults__ or f.__kwdefaults__:
        return None
    try:
        tree = ast.parse("".join(inspect.findsource(f)[0]))
    except (OSError, SyntaxError, TypeError):
        return None
    found = [n for n in ast.walk(tree) if isinstance(n, ast.Lambda) and n.lineno == f.__code__.co_firstlineno]
    same = []
    for node in found:
        code = compile(ast.Expression(node), "<lambda>", "eval").co_consts[0]
        if _instructions(code) == _instructions(f.__code__):
            same.append(node)
    return same[0] if len({ast.dump(n) for n in same}) == 1 else None


def _instructions(code: types.CodeType) -> list[tuple[str, Any]]:
    """Return a key for the effect of code, whether its outer names are global or belong to a function around it."""
    import dis

    kinds = {"LOAD_DEREF": "LOAD_OUTER", "LOAD_GLOBAL": "LOAD_OUTER", "LOAD_METHOD": "LOAD_ATTR"}
    skipped = {"COPY_FREE_VARS", "MAKE_CELL", "RESUME", "PUSH_NULL", "CACHE", "PRECALL"}
    made = []
    for i in dis.get_instructions(code):
        if i.opname not in skipped:
            inner = isinstance(i.argval, types.CodeType)
            made.append((kinds.get(i.opname, i.opname), _instructions(i.argval) if inner else repr(i.argval)))
    return made


def _outside_the_path(module: str) -> Path | None:
    """Return the folder that must join sys.path before a module can be imported, or None when any interpreter finds it.
    """
    spec = getattr(sys.modules.get(module), "__spec__", None) or importlib.util.find_spec(module)
    origin = getattr(spec, "origin", None)
    if not origin or origin in ("built-in", "frozen"):
        return None
    root = Path(origin).resolve()
    root = root.parent if root.name == "__init__.py" else root
    for _ in module.split("."):
        root = root.parent
    usual = [sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    usual += [*site.getsitepackages(), site.getusersitepackages()]
    if any(p and Path(p).resolve() in (root, *root.parents) for p in usual):
        return None
    return root


def _number(x: Any) -> str:
    """Return a number as Python that needs only `np`."""
    if isinstance(x, (complex, np.complexfloating)):
        return f"complex({_number(x.real)}, {_number(x.imag)})"
    if isinstance(x, (float, np.floating)):
        if math.isnan(x):
            return "np.nan"
        if math.isinf(x):
            return "np.inf" if x > 0 else "-np.inf"
        return str(x) if isinstance(x, np.floating) and x.dtype.itemsize < 8 else repr(float(x))
    return repr(x.item() if isinstance(x, np.generic) else x)


def _nested(a: np.ndarray) -> str:
    return _number(a[()]) if a.ndim == 0 else "[" + ", ".join(_nested(part) for part in a) + "]"


def array_text(a: Any, most: int = MOST) -> str:
    """Return an array as one line of Python, or its shape in angle brackets when it has more than `most` different
    entries.
    """
    if not isinstance(a, np.ndarray):
        return _number(a) if isinstance(a, float) else repr(a)
    if a.size > 8 and (short := _short_text(a)):
        return short
    if a.size > most:
        return f"<{a.dtype} array of shape {a.shape}>"
    kind = "" if a.dtype in (np.float64, np.int64, np.bool_, np.complex128) else f", dtype=np.{a.dtype.name}"
    if a.size == 0:
        return f"np.zeros({a.shape}{kind})"
    return f"np.array({_nested(a)}{kind})"


def _short_text(a: np.ndarray) -> str | None:
    """Return an array with one value everywhere, or in one place only, as Python; None for any other array."""
    if a.dtype.kind not in "fiu" or not a.size:
        return None
    kind = "" if a.dtype == np.float64 else f", dtype=np.{a.dtype.name}"
    first = a.reshape(-1)[0]
    if (a == first).all() and not (a.dtype.kind == "f" and np.signbit(a[a == 0]).any()):
        made = {0.0: "zeros", 1.0: "ones"}.get(float(first))
        return f"np.{made}({a.shape}{kind})" if made else f"np.full({a.shape}, {_number(first)}{kind})"
    places = np.flatnonzero(a)
    if len(places) != 1 or (a.dtype.kind == "f" and np.signbit(a[a == 0]).any()):
        return None
    value = a.reshape(-1)[places[0]]
    times = "" if value == 1 else f"{_number(value)} * "
    return f"{times}np.eye(1, {a.size}, {places[0]}{kind}).reshape({a.shape})"

"""Replacements that are active only in a trace: of NumPy's functions that make arrays without a protocol, and of the
value and gradient of a handle.

``np.zeros`` and ``np.asarray`` call no protocol, so that a trace would not notice them. During a trace the name ``np``
of Python modules refers to a copy of NumPy's namespace with replacements for them, which in every other thread call
NumPy's own. NumPy itself and compiled modules, which need true arrays, keep NumPy's namespace.
"""

from __future__ import annotations

import inspect
import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib.machinery import EXTENSION_SUFFIXES
from typing import Any

import numpy as np

from ...modes import adopt, state
from ...variable import Scalar, Variable
from .traced_array import COMPARISONS, TracedArray

MAKERS = (
    "array asarray asanyarray ascontiguousarray asfortranarray zeros ones empty full zeros_like ones_like empty_like "
    "full_like"
).split()
ITERATORS = ("nditer", "nested_iters")


def _door(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def make(*args: Any, **keywords: Any) -> Any:
        trace = state().trace
        if trace is None or trace.busy or "like" in keywords:
            return original(*args, **keywords)
        return trace.create(original, args, keywords)

    return make


@wraps(np.errstate)
def _errstate(*args: Any, **keywords: Any) -> Any:
    trace = state().trace
    if trace is not None and any(value in ("raise", "call") for value in keywords.values()):
        raise trace.refusal(
            "np.errstate(...) makes errors of warnings, and a program gives no warnings", "Test with if instead"
        )
    return np.errstate(*args, **keywords)


def _setting(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def read(*args: Any, **keywords: Any) -> Any:
        trace = state().trace
        if trace is not None and not trace.busy:
            raise trace.refusal(f"np.{original.__name__}() may give something else at the next call", "Pass it")
        return original(*args, **keywords)

    return read


def _iterator(original: Any) -> Callable[..., Any]:
    """Return a class of NumPy that reads plain memory, refused for traced arrays: its own errors name its flags."""

    @wraps(original, updated=())
    def make(*args: Any, **keywords: Any) -> Any:
        trace = state().trace
        given = [x for a in args for x in (a if isinstance(a, (list, tuple)) else (a,))]
        if trace is not None and any(isinstance(x, TracedArray | Variable) for x in given):
            raise trace.refusal(
                f"np.{original.__name__} reads plain memory, and a program would keep the numbers of this call",
                "Write a loop over x.ravel(), or NumPy's functions of whole arrays",
            )
        return original(*args, **keywords)

    return make


class _Numpy(types.ModuleType):
    """NumPy's namespace, with doors."""

    def __init__(self) -> None:
        super().__init__("numpy", np.__doc__)
        self.__dict__.update(np.__dict__)
        self.__dict__.update({name: _door(getattr(np, name)) for name in MAKERS})
        self.__dict__.update({name: _setting(getattr(np, name)) for name in ("geterr", "get_printoptions")})
        self.__dict__.update({name: _iterator(getattr(np, name)) for name in ITERATORS})
        self.__dict__["errstate"] = _errstate

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)  # names that NumPy loads late


_numpy = _Numpy()
_COMPILED = tuple(EXTENSION_SUFFIXES)


def _namespaces(function: Any) -> Iterator[dict[str, Any]]:
    """Yield the namespaces in which NumPy has a name: of Python modules, and of the traced function."""
    yield getattr(inspect.unwrap(function), "__globals__", {})
    for name, module in list(sys.modules.items()):
        if not name.startswith("numpy") and name != __name__ and not name.startswith(_OWN):
            file = getattr(module, "__file__", None)
            if isinstance(module, types.ModuleType) and not (isinstance(file, str) and file.endswith(_COMPILED)):
                yield module.__dict__


_OWN = __name__.rpartition(".tracing")[0]
_data: Any = Variable.data
_grad: Any = Variable.grad
_is_leaf: Any = Variable.is_leaf


def _traced_data(x: Any) -> Any:
    trace = state().trace
    if trace is not None:
        trace.adopt(x)
    return _data.fget(x)


def _traced_grad(x: Any) -> Any:
    trace = state().trace
    if trace is not None and x.node is not None:
        trace.adopt(x)
        if id(x) in trace.held:
            trace.held[id(x)].looked = True
    grad = _grad.fget(x)
    return grad.as_number() if isinstance(x, Scalar) and type(grad) is TracedArray else grad


def _set_traced_grad(x: Any, value: Any) -> None:
    trace = state().trace
    if trace is not None and x.node is not None:
        trace.adopt(x)  # or the gradient outside would change
        if id(x) in trace.held:
            trace.held[id(x)].gradient_set(value)
    _grad.fset(x, value)


def _traced_is_leaf(x: Any) -> bool:
    trace = state().trace
    return bool(_is_leaf.fget(x)) and (trace is None or id(x) not in trace.recorded)


def _compare_traced(compare: Callable[..., Any]) -> Callable[..., Any]:
    def run(x: Any, o: Any) -> Any:
        adopt(x)
        return compare(x, o)

    return run


_HANDLES: dict[str, Any] = {  # members of handles in a trace
    "data": property(_traced_data, _data.fset, doc=_data.__doc__),
    "grad": property(_traced_grad, _set_traced_grad, doc=_grad.__doc__),
    "is_leaf": property(_traced_is_leaf, doc=_is_leaf.__doc__),
    **{f"__{name}__": _compare_traced(getattr(Variable, f"__{name}__")) for name in COMPARISONS},
}
_OWN_HANDLES = {name: getattr(Variable, name) for name in _HANDLES}
_lock = threading.Lock()
_open: list[tuple[dict[str, Any], str]] = []  # namespaces whose name for NumPy refers to the copy
_count = 0


@contextmanager
def open_doors(function: Any) -> Iterator[None]:
    """Activate the replacements, for the traces of this process."""
    global _count
    with _lock:
        _count += 1
        for namespace in _namespaces(function):
            for name in ("np", "numpy", "_np"):
                if namespace.get(name) is np:
                    namespace[name] = _numpy
                    _open.append((namespace, name))
        if _count == 1:
            for name, member in _HANDLES.items():
                setattr(Variable, name, member)
    try:
        yield
    finally:
        with _lock:
            _count -= 1
            if _count == 0:
                for namespace, name in _open:
                    if namespace.get(name) is _numpy:
                        namespace[name] = np
                _open.clear()
                for name, member in _OWN_HANDLES.items():
                    setattr(Variable, name, member)

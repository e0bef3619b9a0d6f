"""Errors for a recorded value that would leave the graph: the function that would take it out, found in the frames of
the call (SciPy, pandas, matplotlib, ``math``, or the user's own line), and the form to write instead.
"""

from __future__ import annotations

import linecache
import math
import re
import sys
from collections.abc import Mapping
from types import FrameType
from typing import Any

import numpy as np

from ..errors import GraphError, LeavesGraphError, leaves_graph
from .diagnostics import whose

_FILL = "z[i] = x with z = ad.tensor(np.zeros(n), requires_grad=False)"
_PLAIN = {  # libraries whose functions take plain values, and the advice for each
    "matplotlib": "a picture shows plain values: write plt.plot(x.data)",
    "seaborn": "a picture shows plain values: write x.data",
    "sklearn": "scikit-learn computes with plain arrays, and no derivative flows through it: write x.data",
    "pandas": "pandas holds plain values: write frame.to_numpy() to compute with x, or x.data to store it in a frame",
}
_NAMES = {"pow": "np.power", "fabs": "np.abs", "dist": "np.linalg.norm", "gamma": "ad.special.gamma"}
_NAMES |= {"lgamma": "ad.special.gammaln", "erf": "ad.erf", "erfc": "ad.erfc", "fsum": "np.sum"}

# what to write for functions of SciPy's and NumPy's that are not here
_LINEAR = "{0}(np.eye(len(x)), ..., axis=0) @ x: it is linear, and its matrix is constant"
_POINTS = "np.linalg.norm(a[:, None] - b, axis=-1)"
_SERIES = "np.tensordot(c, ad.special.{0}(np.arange(len(c))[:, None], x), 1)"
_INSTEAD = {
    **{name: _LINEAR.format(f"scipy.fft.{name}") for name in ("dct", "idct", "dst", "idst")},
    **{
        name: _LINEAR.format(f"scipy.ndimage.{name}")
        for name in ("gaussian_filter1d", "uniform_filter1d", "convolve1d")
    },
    "gaussian_filter": "g @ image @ g.T with g = scipy.ndimage.gaussian_filter1d(np.eye(n), sigma, axis=0)",
    "simpson": "w @ y with the weights w = scipy.integrate.simpson(np.eye(len(y)), x=x)",
    "CubicSpline": "scipy.interpolate.CubicSpline(x, np.eye(len(x)))(t) @ y: it is linear in y",
    "interp1d": "np.interp(t, x, y)",
    "cdist": _POINTS,
    "pdist": f"{_POINTS}[np.triu_indices(n, 1)] with b = a",
    "convolve2d": "ad.signal.fftconvolve(a, b, mode)",
    "mapdomain": "np.polyval(p.convert().coef[::-1], x) for the polynomial p",
    "polyval": "np.polyval(c[::-1], x)",
    "chebval": _SERIES.format("eval_chebyt"),
    "legval": _SERIES.format("eval_legendre"),
    "lagval": _SERIES.format("eval_laguerre"),
    "hermval": _SERIES.format("eval_hermite"),
    "hermeval": _SERIES.format("eval_hermitenorm"),
    "full": "np.broadcast_to(x, shape), or np.full_like(a, x)",
    "masked_array": "np.where(mask, x, 0), or where=mask in np.sum, np.mean, np.max",
    "MaskedArray": "np.where(mask, x, 0), or where=mask in np.sum, np.mean, np.max",
    **{
        name: f"np.{name}(ad.array([...])) for a list of values" for name in ("mean", "sum", "max", "min", "std", "var")
    },
}
_MADE = {  # classes and modules of NumPy whose methods have no name that a user wrote
    "RClass": ("np.r_", "np.concatenate([...])"),
    "CClass": ("np.c_", "np.column_stack([...])"),
    "MGridClass": ("np.mgrid", "np.linspace and np.meshgrid"),
    "OGridClass": ("np.ogrid", "np.linspace and np.meshgrid"),
    "defmatrix": ("np.matrix", "x itself, with @ for the product of matrices"),
}


def of_array() -> TypeError | ValueError:
    """Return the error of ``np.asarray(x)`` and of functions that call it."""
    found = library_call()
    if found is None:
        if called_here({"nditer": np.nditer}):  # it replaces every TypeError by one about its flags
            error = leaves_graph("np.nditer", ".data", "a loop over x.ravel(), or functions of whole arrays")
            return GraphError(str(error))
        recorded = f"ad.array([...]) for a list of them, or {_FILL}"
        return leaves_graph("np.array, np.asarray or storing it in an array", ".data", recorded)
    return _of_library(*found, door=".data")


def of_number() -> LeavesGraphError:
    """Return the error of ``float(x)`` and of functions that call it."""
    found = library_call()
    if found is not None:
        return _of_library(*found, door=".item()")
    name = called_here(vars(math))
    if name:
        instead = _NAMES.get(name) or _in_numpy(name)
        return leaves_graph(f"math.{name}", ".item()", f"{instead}(x)" if instead else "it in functions of np or ad")
    return leaves_graph("float(), which math functions call,", ".item()", f"np.exp(x) for math.exp(x), or {_FILL}")


def of_copy() -> LeavesGraphError:
    """Return the error of ``copy`` and ``pickle`` of a value that is no leaf."""
    found = library_call()
    if found is not None and found[0] in _PLAIN:
        return LeavesGraphError(f"{_PLAIN[found[0]]}.")
    return LeavesGraphError(
        "only leaves can be copied or pickled: a recorded value would lose its graph. Write np.copy(x) for a recorded "
        "copy, x.detach() for a constant, or x.data for the plain value."
    )


def called_by(package: str) -> bool:
    """Return whether the user's line called this library."""
    found = library_call()
    return found is not None and found[0] == package


def library_call() -> tuple[str, str, str, Any] | None:
    """Return the package, module and public function of the library that a user's line called, and its ``self``; None
    where the line itself makes the conversion."""
    frame: FrameType | None = sys._getframe(1)
    found = None
    while frame is not None and (kind := whose(frame)) != "user":
        module, name = _called(frame)
        package = module.partition(".")[0]
        if (kind == "library" or package == "numpy") and package not in ("copy", "pickle", "copyreg"):
            private = found is None or package != found[0] or found[2].startswith(("_", "<"))
            if private or not name.startswith(("_", "<")):
                found = package, module, name, frame.f_locals.get("self")
        frame = frame.f_back
    return found if frame is not None else None


def _called(frame: FrameType) -> tuple[str, str]:
    """Return the module and the name of a call: of the function inside a wrapper, of the class that is made."""
    module, name, held = frame.f_globals.get("__name__", ""), frame.f_code.co_name, frame.f_locals
    if name == "wrapper":
        inner = next((held[key] for key in ("f", "func", "fun") if hasattr(held.get(key), "__name__")), None)
        return (module, name) if inner is None else (inner.__module__, inner.__name__)
    if name in ("__init__", "__new__") and ("self" in held or "cls" in held):
        made = held["cls"] if "cls" in held else type(held["self"])
        return module, getattr(made, "__name__", name)
    return module, name


def _of_library(package: str, module: str, name: str, owner: Any, door: str) -> LeavesGraphError:
    if package in _PLAIN:
        return LeavesGraphError(f"{_PLAIN[package]}. The gradient would be lost there.")
    area = module.split(".")[1] if "." in module else ""
    if package == "numpy":
        if area == "testing":
            return LeavesGraphError(f"np.testing.{name} compares plain values: write x.data.")
        if type(owner).__name__ == "vectorize":
            return leaves_graph("np.vectorize", door, "the function for whole arrays, or ad.vmap(f)(x)")
        if area == "ma":
            return leaves_graph("np.ma", door, _INSTEAD["MaskedArray"])
        made = _MADE.get(type(owner).__name__) or _MADE.get(module.rpartition(".")[2])
        if made is not None:
            return leaves_graph(made[0], door, made[1])
        return leaves_graph(f"np.{name}", door, _INSTEAD.get(name, "the formula in NumPy functions that record"))
    if package == "scipy" and area == "sparse":
        return leaves_graph("a sparse matrix", door, "A.toarray() @ x")
    if package == "scipy":
        instead = _in_scipys_place(area, name, owner)
        instead = instead or _INSTEAD.get(name, "the formula in functions of np, ad or ad.special")
        return leaves_graph(f"scipy.{area}.{name}", door, instead)
    return leaves_graph(f"{module}.{name}", door, "the formula in functions of np and ad")


def _in_scipys_place(area: str, name: str, owner: Any) -> str:
    """Return the function of this package that has the name of one of SciPy's, or ""."""
    ad = sys.modules[__package__.partition(".")[0]]
    if area == "stats":
        law = getattr(owner, "name", "")
        known = isinstance(law, str) and law in ad.stats.__all__ and hasattr(getattr(ad.stats, law), name)
        return f"ad.stats.{law}.{name}" if known else ""
    if area not in ("special", "linalg", "fft", "integrate", "optimize", "signal"):  # others mean something else by it
        return ""
    places = ["", area] if area == "special" else [area, ""]
    for place in places:
        home = getattr(ad, place, None) if place else ad
        if name in getattr(home, "__all__", ()):
            return f"ad.{place + '.' if place else ''}{name}"
    return ""


def _in_numpy(name: str) -> str:
    """Return NumPy's function of a name of ``math``, or ""."""
    name = {"acos": "arccos", "asin": "arcsin", "atan": "arctan", "atan2": "arctan2"}.get(name, name)
    name = {"acosh": "arccosh", "asinh": "arcsinh", "atanh": "arctanh"}.get(name, name)
    return f"np.{name}" if hasattr(np, name) else ""


def called_here(functions: Mapping[str, Any]) -> str:
    """Return the name of the one of these functions that the user's line calls, or "": read off its source."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and whose(frame) != "user":
        frame = frame.f_back
    if frame is None:
        return ""
    code, line, start, end = frame.f_code, frame.f_lineno, None, None
    if hasattr(code, "co_positions"):  # of the call itself, from Python 3.11 on
        line, last, start, end = list(code.co_positions())[frame.f_lasti // 2]
        start, end = (start, end) if line == last else (None, None)
    text = linecache.getline(code.co_filename, line or frame.f_lineno).encode()[start:end].decode(errors="replace")
    scope = {**frame.f_globals, **frame.f_locals}
    for owner, name in re.findall(r"(?:(\w+)\.)?(\w+)\(", text):
        function = getattr(scope.get(owner), name, None) if owner else scope.get(name)
        if function is not None and function is functions.get(name):
            return str(name)
    return ""

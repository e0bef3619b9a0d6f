"""Weights in safetensors files: written for PyTorch and others, and read from them, by name and shape.

The format is the safetensors library's, an extra; nothing here reads or writes its bytes. Loading compares the names,
shapes and dtypes of the file's header with the model before it reads any number.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import autodiff as ad

from ..module import Module, saved_variables
from ..serialization import FileFormatError, replacing

__all__ = ["LoadReport", "load_safetensors", "save_safetensors"]

Rename = Callable[[str], str | None] | Mapping[str, str | None]

DTYPES = {  # the format's name -> NumPy's; bfloat16 is widened to float32, which is exact
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "U32": "uint32", "I32": "int32",
    "U64": "uint64", "I64": "int64", "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64",
    "C64": "complex64",
}  # fmt: skip


class LoadReport(NamedTuple):
    """The result of `load_safetensors`: names of the model without a value in the file, names of the file that the
    model does not have, values that do not fit, and converted dtypes. All but `missing` are the file's names.

    >>> LoadReport([], ["pooler.bias"], {}, {"weight": "float16 to float32"}).unexpected
    ['pooler.bias']
    """

    missing: list[str]
    unexpected: list[str]
    mismatched: dict[str, str]
    converted: dict[str, str]


def save_safetensors(
    model_or_state: Module | Mapping[str, Any], path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None
) -> None:
    """Write parameters and buffers to a safetensors file, under their names.

    `safetensors.torch.save_file(model.state_dict(), path)`; a parameter with several names is written under each.
    An old file is replaced only after the new one is complete.

    Args:
        model_or_state: a Module, or name -> array, Tensor or number.
        path: the file, usually `.safetensors`.
        metadata: strings by name, kept in the header.

    Raises:
        ImportError: safetensors is not installed.
        TypeError: a name or metadata that are no strings, or a dtype that the format does not have.
        FileNotFoundError: the folder is missing.

    >>> import nn, tempfile, os
    >>> net, other = nn.Linear(2, 1, rng=0), nn.Linear(2, 1, rng=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "net.safetensors")
    ...     nn.save_safetensors(net, path)
    ...     nn.load_safetensors(other, path)
    LoadReport(missing=[], unexpected=[], mismatched={}, converted={})
    >>> bool((net.weight.data == other.weight.data).all())
    True
    """
    library = _safetensors("save_safetensors")
    state = model_or_state.state_dict() if isinstance(model_or_state, Module) else model_or_state
    if not isinstance(state, Mapping):
        raise TypeError(f"nn.save_safetensors needs a Module or a dict of arrays by name, got {state!r:.60}")
    arrays: dict[str, NDArray[Any]] = {}
    for name, value in state.items():
        if not isinstance(name, str) or name == "__metadata__":
            raise TypeError(f"nn.save_safetensors: {name!r} cannot be the name of an array")
        # C order: the library writes the memory as it lies
        array = np.array(value.data if isinstance(value, ad.Variable) else value, order="C")
        if array.dtype.name not in DTYPES.values():
            raise TypeError(f"nn.save_safetensors: {name!r} has dtype {array.dtype}, which the format does not have")
        arrays[name] = array
    strings = dict(metadata or {})
    if not all(isinstance(x, str) for pair in strings.items() for x in pair):
        raise TypeError(f"nn.save_safetensors: metadata holds strings by name, got {strings!r:.80}")
    content = library.numpy.save(arrays, strings or None)
    with replacing(Path(path), "nn.save_safetensors") as file:
        file.write(content)


def load_safetensors(
    model: Module, path: str | os.PathLike[str], strict: bool = True, rename: Rename | None = None
) -> LoadReport:
    """Copy the numbers of a safetensors file into a model, by name and shape. All or nothing.

    `safetensors.torch.load_model`. The parameters keep their dtypes: numbers are converted where no kind is lost
    (float64, float16 and bfloat16 to float32), and the report names them.

    Args:
        model: its parameters and buffers take the values.
        path: the file.
        strict: whether missing, unexpected and mismatched names are errors; otherwise the rest is loaded.
        rename: the model's name for a name of the file, as a function or a dict; None leaves that one out. A dict
            leaves the names it does not have as they are.

    Returns:
        A `LoadReport`.

    Raises:
        ImportError: safetensors is not installed.
        FileNotFoundError: there is no such file.
        FileFormatError: the file is damaged or of another kind.
        ValueError: names or shapes do not fit (with `strict`), or two names of the file become one.

    >>> import nn, tempfile, os
    >>> net = nn.Sequential(nn.Linear(2, 1))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "net.safetensors")
    ...     nn.save_safetensors({"fc.weight": [[1.0, 2.0]], "fc.bias": [3.0], "step": 7}, path)
    ...     report = nn.load_safetensors(net, path, strict=False, rename=lambda name: name.replace("fc", "0"))
    >>> report.unexpected, report.converted["fc.bias"]
    (['step'], 'float64 to float32')
    >>> float(net(np.ones(2)).data[0])
    6.0
    """
    library = _safetensors("load_safetensors")
    if not isinstance(model, Module):
        raise TypeError(f"nn.load_safetensors needs a Module, got a {type(model).__name__}")
    if not Path(path).is_file():
        raise FileNotFoundError(f"nn.load_safetensors: there is no file {path}")
    own = dict(saved_variables(model))
    try:
        with library.safe_open(os.fspath(path), framework="np") as file:
            facts = {
                name: (s.get_dtype(), tuple(s.get_shape())) for name in file.keys() for s in [file.get_slice(name)]
            }
            names = _renamed(facts, rename)
            report = _compared(own, names, facts)
            if strict and (report.missing or report.unexpected or report.mismatched):
                raise ValueError(_does_not_fit(type(model).__name__, str(path), report))
            fit = [name for name, own_name in names.items() if own_name in own and name not in report.mismatched]
            halves = dict(library.deserialize(Path(path).read_bytes())) if "BF16" in {facts[n][0] for n in fit} else {}
            state = {
                names[name]: _widened(halves[name]) if facts[name][0] == "BF16" else file.get_tensor(name)
                for name in fit
            }
    except library.SafetensorError as error:
        raise FileFormatError(f"{path} is not a whole safetensors file: {error}") from error
    model.load_state_dict(state, strict=False)
    return report


def _safetensors(who: str) -> ModuleType:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError:
        raise ImportError(f"nn.{who} needs safetensors: pip install 'backflow[safetensors]'") from None
    return safetensors


def _renamed(facts: Mapping[str, Any], rename: Rename | None) -> dict[str, str]:
    """Return the model's name for each of the file's names, without those that are left out."""
    names: dict[str, str] = {}
    taken: dict[str, str] = {}
    for name in facts:
        new = name if rename is None else rename(name) if callable(rename) else rename.get(name, name)
        if new is None:
            continue
        if not isinstance(new, str):
            raise TypeError(f"nn.load_safetensors: rename gave {new!r} for {name!r}; a name or None is needed")
        if new in taken:
            raise ValueError(f"nn.load_safetensors: {taken[new]!r} and {name!r} of the file both become {new!r}")
        names[name] = taken[new] = new
        taken[new] = name
    return names


def _compared(own: Mapping[str, ad.Variable], names: Mapping[str, str], facts: Mapping[str, Any]) -> LoadReport:
    """Compare the header with the model. A shared parameter needs a value under one of its names."""
    mismatched, converted = {}, {}
    for name, own_name in names.items():
        if own_name not in own:
            continue
        (code, shape), variable = facts[name], own[own_name]
        dtype = DTYPES.get(code, code)
        if shape != variable.shape:
            mismatched[name] = f"shape {shape} for {own_name!r} of shape {variable.shape}"
        elif code not in DTYPES:
            mismatched[name] = f"dtype {code}, which NumPy does not have"
        elif not np.can_cast("float32" if dtype == "bfloat16" else dtype, variable.dtype, "same_kind"):
            mismatched[name] = f"dtype {dtype} for {own_name!r} of dtype {variable.dtype}"
        elif dtype != variable.dtype.name:
            converted[name] = f"{dtype} to {variable.dtype}"
    given = {id(own[o]) for n, o in names.items() if o in own and n not in mismatched}
    tried = {names[n] for n in mismatched}
    missing = [o for o, v in own.items() if id(v) not in given and o not in tried]
    return LoadReport(missing, [n for n, o in names.items() if o not in own], mismatched, converted)


def _widened(found: Mapping[str, Any]) -> NDArray[np.float32]:
    """Return the numbers of a bfloat16 array, each the upper half of a float32. NumPy, and so the library's reader for
    it, has no such dtype.
    """
    words = np.frombuffer(found["data"], "<u2").astype("<u4") << 16
    return words.view("<f4").astype(np.float32).reshape(found["shape"])


def _does_not_fit(who: str, path: str, report: LoadReport) -> str:
    parts = []
    for what in ("missing", "unexpected", "mismatched"):
        found = getattr(report, what)
        texts = [f"{n!r} ({found[n]})" if isinstance(found, dict) else repr(n) for n in found]
        if texts:
            rest = f" and {len(texts) - 5} more" if len(texts) > 5 else ""
            parts.append(f"{what}: {', '.join(texts[:5])}{rest}")
    return (
        f"nn.load_safetensors: {path} does not fit this {who}. {'; '.join(parts)}. Nothing was loaded. "
        "rename= gives other names, strict=False loads what fits"
    )

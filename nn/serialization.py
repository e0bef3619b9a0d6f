"""Saving and loading without pickle: a file holds arrays and plain data, never code.

A file is a zip archive: one `.npy` entry an array (NumPy's own format; `np.load` opens the whole file) and one entry
`backflow.json` that names the format, its version, every array's shape and dtype, and the tree they belong to.
Saving writes a new file beside the target and renames it into place, so that a crash leaves the old file or the new
one, never a part of one. Loading reads and checks everything before it returns anything: for a file that is damaged,
of another kind or newer, the error names the reason.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import autodiff as ad

if TYPE_CHECKING:
    import zipfile  # loaded by the functions that need it: `import nn` should be quick

__all__ = ["FileFormatError", "load", "save"]

FORMAT, VERSION, HEADER = "backflow", 1, "backflow.json"
ARRAY, TUPLE, NUMBER_KEYS = "array", "tuple", "number keys"  # names in the tree for objects that JSON does not have


class FileFormatError(ValueError):
    """Raised by `load` for a file that `save` did not write: damaged, cut short, of another kind or newer.

    >>> issubclass(FileFormatError, ValueError)
    True
    """


def save(obj: Any, path: str | os.PathLike[str]) -> None:
    """Write a model, an optimizer, or a tree of them and of plain data to one file, atomically.

    Args:
        obj: anything with `state_dict()`, arrays, Tensors, numbers, strings, booleans, None, and lists, tuples and
            dicts (keys: strings or integers) of all these.
        path: the file; an existing one is replaced only after everything is written. Any suffix is allowed; `.npz`
            is usual.

    Raises:
        TypeError: an object that would need pickle, named by its path in the tree; or no path.
        FileNotFoundError: the folder is missing.
        IsADirectoryError: the path is that of a folder.

    >>> import nn, tempfile, os
    >>> net = nn.Linear(2, 1, rng=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "net.npz")
    ...     nn.save({"model": net, "epoch": 3}, path)
    ...     saved = nn.load(path)
    >>> saved["epoch"], net.load_state_dict(saved["model"])
    (3, LoadResult(missing=[], unexpected=[]))
    """
    import zipfile

    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"nn.save needs a path, got {type(path).__name__}; write nn.save(obj, path)")
    arrays: dict[str, NDArray[Any]] = {}
    tree = _to_tree(obj, "", arrays)
    facts = {name: {"shape": list(a.shape), "dtype": a.dtype.str} for name, a in arrays.items()}
    header = {"format": FORMAT, "version": VERSION, "arrays": facts, "tree": tree}
    with replacing(Path(path)) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_entry(HEADER), json.dumps(header, ensure_ascii=False, allow_nan=True))
        for name, array in arrays.items():
            with archive.open(_entry(name + ".npy"), "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)


def load(path: str | os.PathLike[str]) -> Any:
    """Read a file that `save` wrote: state dicts for models and optimizers, arrays, numbers, lists, tuples and dicts.

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: the file is damaged, cut short, of another kind, or written by a newer version.

    >>> import tempfile, os
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save({"epoch": 3}, os.path.join(folder, "run.npz"))
    ...     load(os.path.join(folder, "run.npz"))
    {'epoch': 3}
    """
    import zipfile
    import zlib

    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"nn.load: there is no file {path}. Pass the path that nn.save was given.")
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                header = _read_header(archive, path)
                arrays = {name: _read_array(archive, name, facts) for name, facts in header["arrays"].items()}
                return _from_tree(header["tree"], arrays)
        except FileFormatError:
            raise
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
            hint = ". Write nn.load_safetensors(model, path)" if path.suffix == ".safetensors" else ""
            raise FileFormatError(f"{path} is not a whole {FORMAT} file: {error}{hint}") from error
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
            raise FileFormatError(f"{path} is damaged: {type(error).__name__}: {error}") from error


# Writing.


def _to_tree(obj: Any, at: str, arrays: dict[str, NDArray[Any]]) -> Any:
    """Return the JSON form of `obj`; arrays go to `arrays` under the path to them."""
    if hasattr(obj, "state_dict"):
        obj = obj.state_dict()
    if isinstance(obj, ad.Variable):
        obj = obj.data
    if isinstance(obj, np.generic) and isinstance(obj.item(), (bool, str, int, float)):
        obj = obj.item()  # a NumPy scalar is loaded as a Python number
    if obj is None or isinstance(obj, (bool, str, int, float)):
        return obj
    if isinstance(obj, (np.ndarray, np.generic)):
        array = np.asarray(obj)
        if array.dtype.hasobject or array.dtype.kind == "V":
            raise TypeError(f"cannot save {at or 'this'}: an array of dtype {array.dtype} would need pickle")
        name = re.sub(r"[^\w./ -]", "_", at) or "array"  # zip archives cut names at a NUL
        if name in arrays:  # {"a": {"b": x}, "a/b": y}
            name = f"{name}~{len(arrays)}"
        arrays[name] = array
        return {ARRAY: name}
    if isinstance(obj, Mapping):
        return _mapping_to_tree(obj, at, arrays)
    if isinstance(obj, (list, tuple)):
        items = [_to_tree(item, f"{at}/{i}" if at else str(i), arrays) for i, item in enumerate(obj)]
        return items if isinstance(obj, list) else {TUPLE: items}
    raise TypeError(
        f"cannot save {at or 'this'}: a {type(obj).__name__} is neither an array nor plain data, "
        "and has no state_dict()"
    )


def _mapping_to_tree(obj: Mapping[Any, Any], at: str, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    numbers = all(isinstance(key, int) and not isinstance(key, bool) for key in obj) and len(obj) > 0
    if not numbers and not all(isinstance(key, str) for key in obj):
        raise TypeError(f"cannot save {at or 'this'}: the keys of a dict must be all strings or all integers")
    return {
        NUMBER_KEYS if numbers else "dict": {
            str(key): _to_tree(value, f"{at}/{key}" if at else str(key), arrays) for key, value in obj.items()
        }
    }


def _entry(name: str) -> zipfile.ZipInfo:
    """Return an entry without the time of day, so that equal content gives equal bytes."""
    import zipfile

    return zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))


@contextlib.contextmanager
def replacing(path: Path, who: str = "nn.save") -> Iterator[io.BufferedWriter]:
    """Yield a new file that replaces `path` when the block ends, and is deleted when the block raises."""
    path = path.resolve()  # through a symbolic link, to its target
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{who}: there is no folder {path.parent}; make it, or give another path")
    if path.is_dir():
        raise IsADirectoryError(f"{who}: {path} is a folder; give the path of a file in it")
    part = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            part.chmod(path.stat().st_mode & 0o7777)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


# Reading.


def _read_header(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    if HEADER not in archive.namelist():
        if any(name.endswith("/data.pkl") for name in archive.namelist()):
            raise FileFormatError(
                f"{path} is a file of torch.save, which holds a pickle. In PyTorch write "
                "safetensors.torch.save_file(model.state_dict(), path), and here nn.load_safetensors(model, path)."
            )
        raise FileFormatError(f"{path} is a zip file without {HEADER}: nn.save did not write it (np.load may read it)")
    header = json.loads(archive.read(HEADER))
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise FileFormatError(f"{path} is not a {FORMAT} file: its header names another format")
    if header["version"] != VERSION:
        raise FileFormatError(f"{path} has format version {header['version']!r}; this program reads version {VERSION}")
    return header


def _read_array(archive: zipfile.ZipFile, name: str, facts: Mapping[str, Any]) -> NDArray[Any]:
    dtype, shape = np.dtype(facts["dtype"]), tuple(facts["shape"])
    promised = dtype.itemsize * math.prod(shape)
    info = archive.getinfo(name + ".npy")
    if not promised <= info.file_size <= promised + 4096:  # a .npy header is shorter than 4 KiB
        raise ValueError(f"{name!r} holds {info.file_size} bytes, not {promised} and a header")
    with archive.open(info) as entry:
        array = np.lib.format.read_array(entry, allow_pickle=False)
        if entry.read(1):
            raise ValueError(f"{name!r} has more bytes after its array")
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(f"{name!r} is {array.dtype} of shape {array.shape}; the header has {dtype} of shape {shape}")
    return np.array(array)


def _from_tree(tree: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    if isinstance(tree, list):
        return [_from_tree(item, arrays) for item in tree]
    if not isinstance(tree, dict):
        return tree
    ((kind, content),) = tree.items()
    if kind == ARRAY:
        return arrays[content]
    if kind == TUPLE:
        return tuple(_from_tree(item, arrays) for item in content)
    if kind == NUMBER_KEYS:
        return {int(key): _from_tree(value, arrays) for key, value in content.items()}
    if kind == "dict":
        return {key: _from_tree(value, arrays) for key, value in content.items()}
    raise ValueError(f"unknown kind {kind!r} in the header")

"""CIFAR-10 from its published files, in their binary or their Python form.

The binary form is records of 3,073 bytes: the label 0..9, then the red, the green and the blue plane of 32x32 pixels
(https://www.cs.toronto.edu/~kriz/cifar.html). The Python form is a pickle of a dict with the same arrays. A pickle can
run any code when it is loaded; here only what these files need is rebuilt, and everything else is refused.
"""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["CIFAR10_CLASSES", "load_cifar10"]

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

PIXELS = 3 * 32 * 32
RECORD = 1 + PIXELS
TRAINING, TEST = [f"data_batch_{i}" for i in range(1, 6)], "test_batch"
FOLDERS = {".bin": "cifar-10-batches-bin", "": "cifar-10-batches-py"}
WHERE = "The files are at https://www.cs.toronto.edu/~kriz/cifar.html (the binary or the python version, unpacked)."


def load_cifar10(
    directory: str | os.PathLike[str], *, raw: bool = False
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Read CIFAR-10 from a directory: (x_train, y_train), (x_test, y_test).

    x: (N, 3, 32, 32), float32 between 0 and 1, or with `raw=True` uint8 0..255 as stored. y: (N,), int64 0..9, named
    by `nn.data.CIFAR10_CLASSES`. directory: holds `data_batch_1` to `data_batch_5` and `test_batch` (Krizhevsky 2009),
    with `.bin` in the binary version; or holds the folder that the published archive unpacks to.

    Raises FileNotFoundError when the directory or a file is missing, and ValueError, naming the file, for one that is
    damaged or holds something else.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in (*TRAINING, TEST):  # one image of label 3 in each
    ...         _ = pathlib.Path(folder, name + ".bin").write_bytes(bytes([3]) + bytes(3072))
    ...     (x_train, y_train), (x_test, y_test) = load_cifar10(folder)
    >>> x_train.shape, y_train, CIFAR10_CLASSES[y_test[0]]
    ((5, 3, 32, 32), array([3, 3, 3, 3, 3]), 'cat')
    """
    folder, suffix = _folder(Path(directory))
    read = _read_binary if suffix else _read_python
    parts = [read(folder / (name + suffix)) for name in (*TRAINING, TEST)]
    x_train, y_train = (np.concatenate([part[i] for part in parts[:-1]]) for i in (0, 1))
    x_test, y_test = parts[-1]
    if not raw:
        x_train, x_test = x_train / np.float32(255), x_test / np.float32(255)
    return (x_train, y_train.astype(np.int64)), (x_test, y_test.astype(np.int64))


def _folder(directory: Path) -> tuple[Path, str]:
    """Return the folder that holds the files, and the suffix of their names: ".bin", or "" for the Python form."""
    if not directory.is_dir():
        what = "is a file, not a directory" if directory.exists() else "does not exist"
        raise FileNotFoundError(f"load_cifar10: {directory} {what}. {WHERE}")
    missing: dict[Path, list[str]] = {}
    for suffix, name in FOLDERS.items():
        for folder in (directory, directory / name):
            missing[folder / suffix] = [n + suffix for n in (*TRAINING, TEST) if not (folder / (n + suffix)).is_file()]
            if not missing[folder / suffix]:
                return folder, suffix
    fewest = min(missing.values(), key=len)
    held = sorted(path.name for path in directory.iterdir())
    archive = next((name for name in held if name.endswith((".tar.gz", ".tgz"))), None)
    hint = f"unpack {archive} first" if archive else WHERE
    shown = ", ".join(held[:6]) + (f" and {len(held) - 6} more" if len(held) > 6 else "")
    raise FileNotFoundError(f"load_cifar10: no {fewest[0]} in {directory} (it holds {shown or 'nothing'}). {hint}")


def _read_binary(path: Path) -> tuple[np.ndarray, np.ndarray]:
    data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    if not data.size or data.size % RECORD:
        raise ValueError(
            f"load_cifar10: {path} has {data.size} bytes, and a file of CIFAR-10 a multiple of {RECORD} (a label and "
            f"{PIXELS} pixels for each image): it is truncated or another file; fetch it again"
        )
    rows = data.reshape(-1, RECORD)
    return _checked(path, rows[:, 1:], rows[:, 0])


def _read_python(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        found = _Plain(io.BytesIO(path.read_bytes()), encoding="bytes").load()
    except Exception as error:  # damaged pickles raise errors of every kind
        what = str(error) or type(error).__name__
        raise ValueError(f"load_cifar10: {path} is damaged or no file of CIFAR-10's python version: {what}") from None
    if not isinstance(found, dict):
        raise ValueError(f"load_cifar10: {path} holds a {type(found).__name__}, not CIFAR-10's dict of data and labels")
    data, labels = (found.get(name.encode(), found.get(name)) for name in ("data", "labels"))
    images = data.array if isinstance(data, _Bytes) else None
    if images is None or images.shape[1:] != (PIXELS,):
        held = f"a {type(data).__name__}" if images is None else f"an array of shape {images.shape}"
        raise ValueError(f"load_cifar10: {path} must hold 'data', an array of bytes (N, {PIXELS}), it has {held}")
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        hint = "; it has 'fine_labels': this is CIFAR-100" if b"fine_labels" in found else ""
        raise ValueError(f"load_cifar10: {path} must hold 'labels', a list of integers{hint}")
    return _checked(path, images, np.array(labels, dtype=np.int64))


def _checked(path: Path, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(images) != len(labels) or not len(labels):
        raise ValueError(f"load_cifar10: {path} has {len(images)} images and {len(labels)} labels; fetch it again")
    wrong = np.flatnonzero((labels < 0) | (labels > 9))
    if len(wrong):
        raise ValueError(
            f"load_cifar10: {path} has the label {labels[wrong[0]]} at image {wrong[0]}, and CIFAR-10 has 0..9: it is "
            "damaged or another file"
        )
    return np.array(images.reshape(-1, 3, 32, 32)), labels


class _Plain(pickle.Unpickler):
    """Rebuilds dicts, lists, numbers, strings and arrays of bytes. No class or function of any module is called: the
    names that the files use stand for the classes below."""

    def find_class(self, module: str, name: str) -> Any:
        """Return our stand-in for one of the names that the files use."""
        known = {
            ("numpy.core.multiarray", "_reconstruct"): _Bytes,
            ("numpy._core.multiarray", "_reconstruct"): _Bytes,
            ("numpy", "ndarray"): "ndarray",  # an argument of _reconstruct
            ("numpy", "dtype"): _Type,
            ("_codecs", "encode"): _encoded,  # how Python 3 writes bytes into an old pickle
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which these files do not use")
        return known[module, name]


class _Type:
    """A stand-in for numpy.dtype that holds only the name."""

    def __init__(self, name: bytes | str, *options: Any) -> None:
        self.name = name.decode("ascii") if isinstance(name, bytes) else name

    def __setstate__(self, state: Any) -> None:
        """Leave out the byte order and fields: bytes have none."""


class _Bytes:
    """A stand-in for an array of bytes while it is read."""

    array: np.ndarray | None = None

    def __init__(self, *options: Any) -> None:
        pass

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take (version, shape, dtype, column order, contents)."""
        _, shape, dtype, columns, contents = state
        if not isinstance(dtype, _Type) or dtype.name not in ("u1", "uint8") or columns or type(contents) is not bytes:
            raise pickle.UnpicklingError(f"it has an array of {getattr(dtype, 'name', 'no dtype')}, not of bytes")
        self.array = np.frombuffer(contents, dtype=np.uint8).reshape(shape)


def _encoded(text: str, encoding: str | bytes) -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", b"latin1"):
        raise pickle.UnpicklingError(f"it encodes text as {encoding!r}")
    return text.encode("latin1")

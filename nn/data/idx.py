"""IDX files, the format of MNIST, and MNIST and Fashion-MNIST from a directory.

An IDX file is a header and an array in C order, big-endian: two zero bytes, one byte for the type, one for the number
of axes, four bytes for each axis, then the data (http://yann.lecun.com/exdb/mnist, "the IDX file format"). Here the
header is accepted only when the length of the file agrees with it. Every error names the file and gives advice.
"""

from __future__ import annotations

import math
import os
import re
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
IMAGES_MAGIC, LABELS_MAGIC = b"\0\0\x08\x03", b"\0\0\x08\x01"
GZIP_MAGIC = b"\x1f\x8b"


class Published(NamedTuple):
    """A set in four IDX files: the function that reads it, and a sentence on where the files are."""

    who: str
    where: str


MNIST = Published(
    "load_mnist", "The four files are at https://ossci-datasets.s3.amazonaws.com/mnist/ (plain or .gz will do)."
)
FASHION_MNIST = Published(
    "load_fashion_mnist",
    "The four files are in data/fashion of https://github.com/zalandoresearch/fashion-mnist (plain or .gz will do).",
)
FASHION_MNIST_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"
)  # fmt: skip


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """Read one IDX file, plain or gzip (told apart by content, not by name), as an array in native byte order.

    The array is new and writable; its shape and dtype are the header's (uint8, int8, int16, int32, float32, float64).

    Raises FileNotFoundError for a missing file, and ValueError, naming the file, for one that is not IDX, is truncated
    or damaged, or is longer than its header states.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "labels-idx1-ubyte")
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))   # magic, one axis of 3, three labels
    ...     read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    return _parse(Path(path), _read_bytes(Path(path)))


def load_mnist(
    directory: str | os.PathLike[str], *, raw: bool = False
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Read MNIST, or any set in its four files, from a directory: (x_train, y_train), (x_test, y_test).

    x: (N, 28, 28), float32 between 0 and 1, or with `raw=True` uint8 0..255 as stored. y: (N,), int64. The files are
    MNIST's own (`train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`,
    `t10k-labels-idx1-ubyte`), plain or with `.gz`, and any number and size of images. A file may hold only the first
    images when its name has their number (`t10k-first1000-images-idx3-ubyte`). Then the first 1,000 labels are read,
    even from a file with more.

    Raises FileNotFoundError when the directory or one of the files is missing (naming it, and where to get it), and
    ValueError when a file is damaged or when images and labels do not belong together.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for part in ("train", "t10k"):                # two images of 1 x 1 pixel each, and their labels
    ...         images = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 255])
    ...         _ = pathlib.Path(folder, f"{part}-images-idx3-ubyte").write_bytes(images)
    ...         labels = bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 3])
    ...         _ = pathlib.Path(folder, f"{part}-labels-idx1-ubyte").write_bytes(labels)
    ...     (x_train, y_train), (x_test, y_test) = load_mnist(folder)
    >>> x_train.shape, y_train
    ((2, 1, 1), array([7, 3]))
    """
    return _load(MNIST, directory, raw)


def load_fashion_mnist(
    directory: str | os.PathLike[str], *, raw: bool = False
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Read Fashion-MNIST from a directory: (x_train, y_train), (x_test, y_test).

    Files, shapes, dtypes and errors as in `load_mnist`: the published set (Xiao et al. 2017, 28x28 pictures of clothes)
    has MNIST's file names and format. `nn.data.FASHION_MNIST_CLASSES` names the ten labels.

    >>> FASHION_MNIST_CLASSES[9]
    'Ankle boot'
    """
    return _load(FASHION_MNIST, directory, raw)


def _load(
    published: Published, directory: str | os.PathLike[str], raw: bool
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    folder, (who, where) = Path(directory), published
    if not folder.is_dir():
        what = "is a file, not a directory" if folder.exists() else "does not exist"
        raise FileNotFoundError(f"{who}: {folder} {what}. Pass the directory that holds the files. {where}")
    (x_train, y_train), (x_test, y_test) = _read_pair(published, folder, "train"), _read_pair(published, folder, "t10k")
    if x_train.shape[1:] != x_test.shape[1:]:
        raise ValueError(
            f"{who}: the training images in {folder} are {x_train.shape[1]}x{x_train.shape[2]}, the test images "
            f"{x_test.shape[1]}x{x_test.shape[2]}: they are from two different sets; leave one in the directory"
        )
    if not raw:
        x_train, x_test = x_train / np.float32(255), x_test / np.float32(255)
    return (x_train, y_train.astype(np.int64)), (x_test, y_test.astype(np.int64))


def _read_pair(published: Published, folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    image_path, label_path = _find(published, folder, part, "images", 3), _find(published, folder, part, "labels", 1)
    images = _parse(image_path, _read_bytes(image_path), published, IMAGES_MAGIC, "images of unsigned bytes")
    labels = _parse(label_path, _read_bytes(label_path), published, LABELS_MAGIC, "labels of unsigned bytes")
    images, labels = _announced_part(published, image_path, images), _announced_part(published, label_path, labels)
    if len(images) != len(labels):
        raise ValueError(
            f"{published.who}: {image_path} holds {len(images)} images and {label_path} {len(labels)} labels: "
            f"they are not a pair; fetch both from one place. {published.where}"
        )
    return images, labels


def _announced_part(published: Published, path: Path, array: np.ndarray) -> np.ndarray:
    """Return the first N rows where the file's name has `firstN`, and otherwise all."""
    name = re.search(r"-first(\d+)-", path.name)
    if name is None:
        return array
    if len(array) < int(name[1]):
        raise ValueError(
            f"{published.who}: {path} has {name[1]} items by its name and holds {len(array)}; fetch it again"
        )
    return array[: int(name[1])]


def _find(published: Published, folder: Path, part: str, kind: str, axes: int) -> Path:
    """Return the one file of this part and kind: the standard name before others, a plain file before its .gz twin."""
    standard = f"{part}-{kind}-idx{axes}-ubyte"
    found = sorted(path for path in folder.glob(f"{part}*{kind}*idx{axes}*") if path.is_file())
    exact = [path for path in found if path.name.removesuffix(".gz").replace(".", "-") == standard]
    candidates = exact or found
    if not candidates:
        raise FileNotFoundError(
            f"{published.who}: no {standard} or {standard}.gz in {folder}"
            f" (it holds {_listing(folder)}). {published.where}"
        )
    if len({path.name.removesuffix(".gz") for path in candidates}) > 1:
        names = ", ".join(path.name for path in candidates)
        raise ValueError(
            f"{published.who}: {folder} holds several files for {standard}: {names}; leave one of them there"
        )
    return candidates[0]


def _listing(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir())
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "") if names else "nothing"


def _read_bytes(path: Path) -> bytes:
    if not path.is_file():
        what = "is a directory, not a file" if path.is_dir() else "does not exist"
        raise FileNotFoundError(f"read_idx: {path} {what}")
    data = path.read_bytes()
    if not data.startswith(GZIP_MAGIC):
        return data
    try:
        import gzip  # only here: `import nn` should be quick

        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"read_idx: {path} is a damaged gzip file ({error}); fetch it again") from error


def _parse(
    path: Path, data: bytes, published: Published = MNIST, magic: bytes | None = None, expected: str = ""
) -> np.ndarray:
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in TYPES or data[3] == 0:
        raise ValueError(
            f"read_idx: {path} is not an IDX file: it begins with {data[:4].hex(' ') or 'nothing at all'}, and an IDX "
            "file with 00 00, a type (08 09 0b 0c 0d 0e) and the number of axes; fetch it again"
        )
    if magic is not None and data[:4] != magic:
        raise ValueError(
            f"{published.who}: {path} begins with {data[:4].hex(' ')}, and a file of {expected} with {magic.hex(' ')}; "
            f"it is another kind of file under this name. {published.where}"
        )
    dtype, axes = np.dtype(TYPES[data[2]]), data[3]
    start = 4 + 4 * axes
    if len(data) < start:
        raise ValueError(f"read_idx: {path} is truncated within its header of {start} bytes: it has {len(data)}")
    shape = struct.unpack(f">{axes}I", data[4:start])
    wanted, came = math.prod(shape) * dtype.itemsize, len(data) - start
    if wanted != came:
        raise ValueError(
            f"read_idx: {path} is {'truncated' if came < wanted else 'longer than its header states'}: the header "
            f"states an array of shape {shape}, {wanted} bytes, and {came} follow it; fetch it again"
        )
    try:
        array = np.frombuffer(data, dtype, offset=start).reshape(shape)
    except ValueError as error:  # more axes than NumPy has, or an empty array with sizes it cannot hold
        raise ValueError(f"read_idx: {path} states the shape {shape}, which no array can have") from error
    return array.astype(dtype.newbyteorder("="))

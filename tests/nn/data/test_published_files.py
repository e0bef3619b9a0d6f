"""CIFAR-10 in both forms and Fashion-MNIST: whole files, damaged ones, and pickles that would run code."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nn.data import CIFAR10_CLASSES, FASHION_MNIST_CLASSES, load_cifar10, load_fashion_mnist

NAMES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
RNG = np.random.default_rng(0)
IMAGES = {name: RNG.integers(0, 256, (i + 2, 3072), dtype=np.uint8) for i, name in enumerate(NAMES)}
LABELS = {name: RNG.integers(0, 10, i + 2, dtype=np.uint8) for i, name in enumerate(NAMES)}


def short(text: bytes) -> bytes:
    return b"U" + bytes([len(text)]) + text


def python2_pickle(images: np.ndarray, labels: np.ndarray) -> bytes:
    """What Python 2 and its NumPy wrote: byte strings, and numpy.core.multiarray by its old name."""
    shape = b"(K\x01" + b"K" + bytes([len(images)]) + b"M" + struct.pack("<H", images.shape[1]) + b"\x86"
    dtype = b"cnumpy\ndtype\n" + short(b"u1") + b"K\x00K\x01\x87R(K\x03" + short(b"|")
    dtype += b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    raw = b"T" + struct.pack("<i", images.size) + images.tobytes()
    start = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + short(b"b") + b"\x87R"
    numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    batch = short(b"batch_label") + short(b"training batch 1 of 5")
    return (
        b"\x80\x02}("
        + short(b"data")
        + start
        + shape
        + dtype
        + b"\x89"
        + raw
        + b"tb"
        + batch
        + short(b"labels")
        + numbers
        + b"u."
    )


FORMS = {
    "binary": lambda x, y: np.concatenate([y[:, None], x], axis=1).tobytes(),
    "python 2": python2_pickle,
    "python 3": lambda x, y: pickle.dumps({b"data": x, b"labels": y.tolist(), b"filenames": [b"a.png"]}, protocol=2),
}


def write(folder: Path, form: str, inside: str = "") -> Path:
    (folder / inside).mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        file = folder / inside / (name + (".bin" if form == "binary" else ""))
        file.write_bytes(FORMS[form](IMAGES[name], LABELS[name]))
    return folder


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("packed", [False, True])
def test_every_form_gives_the_images_and_labels_that_were_written(form, packed, tmp_path):
    inside = "" if not packed else "cifar-10-batches-bin" if form == "binary" else "cifar-10-batches-py"
    (x, y), (x_test, y_test) = load_cifar10(write(tmp_path, form, inside), raw=True)
    np.testing.assert_array_equal(x, np.concatenate([IMAGES[n] for n in NAMES[:5]]).reshape(-1, 3, 32, 32))
    np.testing.assert_array_equal(y, np.concatenate([LABELS[n] for n in NAMES[:5]]))
    np.testing.assert_array_equal(x_test, IMAGES["test_batch"].reshape(-1, 3, 32, 32))
    assert x.dtype == np.uint8 and y.dtype == y_test.dtype == np.int64 and x.flags.writeable
    (scaled, _), _ = load_cifar10(tmp_path)
    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(scaled, x / np.float32(255))
    assert CIFAR10_CLASSES[3] == "cat" and len(set(CIFAR10_CLASSES)) == 10


class Attack:
    """A pickle that would write a file when it is loaded."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))


def test_a_pickle_that_runs_code_is_refused_and_runs_nothing(tmp_path):
    write(tmp_path, "python 2")
    told = tmp_path / "was_here"
    for payload in ({b"data": Attack(told)}, Attack(told), {b"data": np.ones(3, dtype=object), b"labels": [1]}):
        (tmp_path / "data_batch_3").write_bytes(pickle.dumps(payload, protocol=2))
        with pytest.raises(ValueError, match=r"data_batch_3 is damaged or no file of CIFAR-10.*(io\.open|of O)"):
            load_cifar10(tmp_path)
    assert not told.exists()


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=30)
@given(cut=st.integers(0, 6144), flip=st.one_of(st.none(), st.tuples(st.integers(0, 200), st.integers(1, 255))))
def test_a_damaged_file_is_refused_by_its_name_or_read_as_images(form, cut, flip, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cifar")
    file = write(folder, form) / ("data_batch_1" + (".bin" if form == "binary" else ""))
    data = bytearray(file.read_bytes())
    if flip is None:
        data = data[: max(0, len(data) - 1 - cut)]
    else:
        data[flip[0]] ^= flip[1]
    file.write_bytes(bytes(data))
    try:
        (x, y), _ = load_cifar10(folder, raw=True)
    except ValueError as error:
        assert "data_batch_1" in str(error)
    else:
        assert x.shape == (len(y), 3, 32, 32) and set(y) <= set(range(10))


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (
            lambda f: (f / "data_batch_4.bin").unlink(),
            FileNotFoundError,
            r"no data_batch_4\.bin in .* \(it holds data_b",
        ),
        (lambda f: (f / "test_batch.bin").write_bytes(b""), ValueError, r"test_batch\.bin has 0 bytes"),
        (
            lambda f: (f / "test_batch.bin").write_bytes(bytes(3072)),
            ValueError,
            "3072 bytes, and a file of CIFAR-10 a mul",
        ),
        (lambda f: (f / "test_batch.bin").write_bytes(b"\x0a" * 3073), ValueError, "the label 10 at image 0"),
    ],
)
def test_files_that_do_not_fit_are_named(change, error, said, tmp_path):
    change(write(tmp_path, "binary"))
    with pytest.raises(error, match=said):
        load_cifar10(tmp_path)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([1], "holds a list"),
        ({b"labels": [1]}, "'data', an array of bytes .* it has a NoneType"),
        ({b"data": np.zeros((2, 5), np.uint8), b"labels": [1, 2]}, r"it has an array of shape \(2, 5\)"),
        ({b"data": np.zeros((1, 3072), np.uint8), b"fine_labels": [1]}, "this is CIFAR-100"),
        ({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1]}, "2 images and 1 labels"),
        ({b"data": np.zeros((1, 3072), np.uint8), b"labels": [-1]}, "the label -1 at image 0"),
    ],
)
def test_pickles_of_other_things_are_named(found, said, tmp_path):
    write(tmp_path, "python 3")
    (tmp_path / "data_batch_2").write_bytes(pickle.dumps(found, protocol=2))
    with pytest.raises(ValueError, match="data_batch_2 .*" + said):
        load_cifar10(tmp_path)


def test_an_archive_that_is_not_unpacked_is_told(tmp_path):
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=r"unpack cifar-10-python\.tar\.gz first"):
        load_cifar10(tmp_path)
    with pytest.raises(FileNotFoundError, match="is a file, not a directory"):
        load_cifar10(tmp_path / "cifar-10-python.tar.gz")


def test_fashion_mnist_has_the_files_of_mnist_and_errors_of_its_own(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"load_fashion_mnist: no train-images.*zalandoresearch/fashion-mnist"):
        load_fashion_mnist(tmp_path)
    for part, n in (("train", 3), ("t10k", 2)):
        images, labels = RNG.integers(0, 256, (n, 2, 2), dtype=np.uint8), RNG.integers(0, 10, n, dtype=np.uint8)
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 2051, n, 2, 2) + images.tobytes())
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, n) + labels.tobytes())
    (x, _), (_, y_test) = load_fashion_mnist(tmp_path)
    assert x.shape == (3, 2, 2) and x.dtype == np.float32
    np.testing.assert_array_equal(y_test, labels)
    assert len(set(FASHION_MNIST_CLASSES)) == 10
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, 2) + b"\0\0")
    with pytest.raises(ValueError, match=r"load_fashion_mnist: .* holds 3 images and .* 2 labels"):
        load_fashion_mnist(tmp_path)

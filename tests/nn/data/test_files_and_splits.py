"""Data: the packaged digits, IDX files whole and damaged, stratified splits, mini-batches, scaling."""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nn.data import batches, load_digits, load_mnist, read_idx, standardize, train_test_split

DTYPES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(array: np.ndarray) -> bytes:
    code = DTYPES[array.dtype.str[1:]]
    return (
        bytes([0, 0, code, array.ndim])
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.astype(array.dtype.newbyteorder(">")).tobytes()
    )


def mnist_files(count: int = 6, tests: int = 3, side: int = 4) -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    files = {}
    for part, n in (("train", count), ("t10k", tests)):
        files[f"{part}-images-idx3-ubyte"] = idx_bytes(rng.integers(0, 256, (n, side, side), dtype=np.uint8))
        files[f"{part}-labels-idx1-ubyte"] = idx_bytes(rng.integers(0, 10, n, dtype=np.uint8))
    return files


def write(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples of a property; each example writes what it needs."""
    return tmp_path_factory.mktemp("idx")


# The packaged digits


def test_digits_are_the_published_numbers():
    images, labels = load_digits(raw=True)
    digest = hashlib.sha256(images.tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()
    assert digest == "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"
    assert (images.shape, images.dtype, labels.dtype) == ((1797, 8, 8), np.uint8, np.int64)
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_digits_are_float32_between_0_and_1_by_default():
    images, _ = load_digits()
    assert images.dtype == np.float32
    assert (images.min(), images.max()) == (0, 1)
    np.testing.assert_array_equal(images * 16, load_digits(raw=True)[0])  # exact: 16 is a power of two


def test_each_call_gives_arrays_of_its_own():
    load_digits()[0][:] = -1
    assert load_digits()[0].min() == 0


# IDX files

arrays = st.sampled_from(sorted(DTYPES)).flatmap(
    lambda code: hnp.arrays(np.dtype(code), hnp.array_shapes(max_dims=4, min_side=0, max_side=4))
)


@given(array=arrays, packed=st.booleans())
def test_an_idx_file_gives_back_the_array_that_was_written(folder, array, packed):
    path = folder / "array"
    path.write_bytes(gzip.compress(idx_bytes(array)) if packed else idx_bytes(array))
    read = read_idx(path)
    assert (read.shape, read.dtype) == (array.shape, array.dtype)
    assert read.tobytes() == array.tobytes()
    assert read.flags.writeable
    assert read.flags.owndata


@given(array=arrays, packed=st.booleans(), data=st.data())
def test_every_truncation_is_an_error_that_names_the_file(folder, array, packed, data):
    whole = gzip.compress(idx_bytes(array)) if packed else idx_bytes(array)
    path = folder / "cut"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(ValueError, match=r"cut .*(truncated|damaged|not an IDX file)"):
        read_idx(path)


@given(array=arrays, tail=st.binary(min_size=1, max_size=20))
def test_bytes_after_the_data_are_an_error(folder, array, tail):
    path = folder / "long"
    path.write_bytes(idx_bytes(array) + tail)
    with pytest.raises(ValueError, match=r"long is longer than its header states"):
        read_idx(path)


@given(junk=st.binary(max_size=40))
def test_any_bytes_are_read_or_refused_with_the_file_named(folder, junk):
    path = folder / "junk"
    path.write_bytes(junk)
    try:
        read_idx(path)
    except ValueError as error:
        assert str(path) in str(error)


@given(data=st.data())
def test_a_damaged_gzip_file_is_refused_or_read_whole(folder, data):
    array = np.arange(200, dtype=np.uint8)
    packed = bytearray(gzip.compress(idx_bytes(array)))
    place = data.draw(st.integers(0, len(packed) - 1))
    packed[place] ^= data.draw(st.integers(1, 255))
    path = folder / "damaged"
    path.write_bytes(packed)
    try:
        np.testing.assert_array_equal(read_idx(path), array)  # time stamp or comment: the data are untouched
    except ValueError as error:
        assert str(path) in str(error)


def test_a_gzip_file_damaged_within_its_data_is_named(tmp_path):
    packed = bytearray(gzip.compress(idx_bytes(np.arange(200, dtype=np.uint8))))
    packed[10] |= 0b110  # the first block's type becomes 3, which deflate does not have
    path = tmp_path / "damaged"
    path.write_bytes(packed)
    with pytest.raises(ValueError, match="damaged is a damaged gzip file"):
        read_idx(path)


def test_an_array_without_axes_is_no_idx_file(tmp_path):
    path = tmp_path / "axisless"
    path.write_bytes(bytes([0, 0, 8, 0, 7]))
    with pytest.raises(ValueError, match="begins with 00 00 08 00, and an IDX file with"):
        read_idx(path)


def test_a_shape_no_array_can_have_is_an_error(tmp_path):
    path = tmp_path / "vast"
    path.write_bytes(bytes([0, 0, 8, 255]) + bytes(4 * 255))
    with pytest.raises(ValueError, match="vast states the shape"):
        read_idx(path)


def test_a_missing_file_and_a_directory_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        read_idx(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="is a directory, not a file"):
        read_idx(tmp_path)


# MNIST from a directory


@pytest.mark.parametrize("packed", [False, True])
def test_mnist_comes_from_plain_and_from_gzip_files(tmp_path, packed):
    files = mnist_files()
    if packed:
        files = {name + ".gz": gzip.compress(data) for name, data in files.items()}
    (x_train, y_train), (x_test, y_test) = load_mnist(write(tmp_path, files))
    assert (x_train.shape, y_train.shape, x_test.shape, y_test.shape) == ((6, 4, 4), (6,), (3, 4, 4), (3,))
    assert (x_train.dtype, x_test.dtype, y_train.dtype, y_test.dtype) == ("f4", "f4", "i8", "i8")
    raw = load_mnist(tmp_path, raw=True)[0][0]
    assert raw.dtype == np.uint8
    np.testing.assert_array_equal(x_train, raw / np.float32(255))


def test_a_plain_file_stands_before_its_gzip_twin(tmp_path):
    files = mnist_files()
    write(tmp_path, files | {name + ".gz": b"\x1f\x8b never read" for name in files})
    assert load_mnist(tmp_path)[0][0].shape == (6, 4, 4)


def test_the_standard_name_stands_before_others(tmp_path):
    files = mnist_files(tests=3)
    files["t10k-first1-images-idx3-ubyte"] = files["t10k-images-idx3-ubyte"]
    assert len(load_mnist(write(tmp_path, files))[1][0]) == 3


def test_another_kind_of_file_under_an_mnist_name_is_an_error(tmp_path):
    files = mnist_files()
    name = "train-labels-idx1-ubyte"
    with pytest.raises(ValueError, match=rf"{name} begins with 00 00 08 03, and a file of labels"):
        load_mnist(write(tmp_path, files | {name: files["train-images-idx3-ubyte"]}))
    with pytest.raises(ValueError, match=rf"{name} begins with 00 00 09 01, and a file of labels"):
        load_mnist(write(tmp_path, files | {name: idx_bytes(np.zeros(6, np.int8))}))


def test_names_with_a_dot_before_idx_are_found(tmp_path):
    write(tmp_path, {name.replace("-idx", ".idx"): data for name, data in mnist_files().items()})
    assert load_mnist(tmp_path)[1][0].shape == (3, 4, 4)


def test_a_part_announced_in_the_name_takes_the_first_of_both_files(tmp_path):
    files = mnist_files(tests=5)
    labels = np.frombuffer(files["t10k-labels-idx1-ubyte"][8:], np.uint8)
    images = np.frombuffer(files.pop("t10k-images-idx3-ubyte")[16:], np.uint8).reshape(5, 4, 4)[:2]
    files["t10k-first2-images-idx3-ubyte"] = idx_bytes(images)
    files["t10k-first2-labels-idx1-ubyte"] = files.pop("t10k-labels-idx1-ubyte")
    _, (x_test, y_test) = load_mnist(write(tmp_path, files), raw=True)
    np.testing.assert_array_equal(x_test, images)
    np.testing.assert_array_equal(y_test, labels[:2])
    files["t10k-first2-labels-idx1-ubyte"] = idx_bytes(labels[:1])
    with pytest.raises(ValueError, match=r"t10k-first2-labels-idx1-ubyte has 2 items by its name and holds 1"):
        load_mnist(write(tmp_path, files))


@given(name=st.sampled_from(sorted(mnist_files())), data=st.data())
def test_every_change_of_a_header_byte_is_an_error_that_names_the_file(folder, name, data):
    files = mnist_files()
    place = data.draw(st.integers(0, 15 if "images" in name else 7))
    changed = bytearray(files[name])
    changed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match=name):
        load_mnist(write(folder / "mnist", files | {name: bytes(changed)}))


@given(name=st.sampled_from(sorted(mnist_files())), data=st.data(), packed=st.booleans())
def test_every_truncation_of_an_mnist_file_is_an_error_that_names_it(folder, name, data, packed):
    files = mnist_files()
    whole = gzip.compress(files[name]) if packed else files[name]
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError, match=name):
        load_mnist(write(folder / "mnist", files | {name: whole[:cut]}))


@pytest.mark.parametrize("name", sorted(mnist_files()))
def test_a_missing_mnist_file_is_named_with_where_to_get_it(tmp_path, name):
    files = mnist_files()
    del files[name]
    with pytest.raises(FileNotFoundError, match=rf"no {name} or {name}\.gz in .*https://"):
        load_mnist(write(tmp_path, files))


def test_a_missing_directory_and_a_file_in_its_place_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        load_mnist(tmp_path / "nowhere")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match="is a file, not a directory"):
        load_mnist(tmp_path / "file")


def test_images_and_labels_of_different_numbers_are_an_error_that_names_both(tmp_path):
    files = mnist_files(count=6) | {"train-labels-idx1-ubyte": idx_bytes(np.zeros(5, np.uint8))}
    with pytest.raises(ValueError, match=r"train-images\S+ holds 6 images and \S+train-labels\S+ 5 labels"):
        load_mnist(write(tmp_path, files))


def test_two_sets_in_one_directory_are_an_error(tmp_path):
    files = mnist_files()
    files["t10k-images-idx3-ubyte"] = mnist_files(side=5)["t10k-images-idx3-ubyte"]
    with pytest.raises(ValueError, match="4x4, the test images 5x5"):
        load_mnist(write(tmp_path, files))
    files = mnist_files()
    extra = files.pop("t10k-images-idx3-ubyte")
    write(tmp_path, files | {"t10k-a-images-idx3-ubyte": extra, "t10k-b-images-idx3-ubyte": extra})
    with pytest.raises(ValueError, match="t10k-a-images-idx3-ubyte, t10k-b-images-idx3-ubyte; leave one"):
        load_mnist(tmp_path)


# Splits

labelled = st.lists(st.integers(0, 4), min_size=2, max_size=60)


@given(labels=labelled, size=st.floats(0.01, 0.99), stratify=st.booleans(), seed=st.integers(0, 2**32))
def test_a_split_loses_nothing_and_repeats_nothing(labels, size, stratify, seed):
    y = np.array(labels)
    if not 0 < math.ceil(round(size * len(y), 9)) < len(y):
        with pytest.raises(ValueError, match="both need at least one"):
            train_test_split(np.arange(len(y)), y, test_size=size, stratify=stratify, rng=seed)
        return
    x_train, x_test, y_train, y_test = train_test_split(
        np.arange(len(y)), y, test_size=size, stratify=stratify, rng=seed
    )
    assert sorted([*x_train, *x_test]) == list(range(len(y)))
    np.testing.assert_array_equal(y[x_train], y_train)
    np.testing.assert_array_equal(y[x_test], y_test)
    assert len(x_test) == math.ceil(round(size * len(y), 9))


@given(labels=labelled, data=st.data())
def test_every_class_has_its_share_to_within_one_example(labels, data):
    y = np.array(labels)
    tests = data.draw(st.integers(1, len(y) - 1))
    _, _, y_train, y_test = train_test_split(y, y, test_size=tests)
    assert (len(y_train), len(y_test)) == (len(y) - tests, tests)
    for label, count in zip(*np.unique(y, return_counts=True), strict=True):
        assert abs((y_test == label).sum() - count * tests / len(y)) < 1


def test_leftovers_of_the_quota_go_to_the_largest_remainders():
    y = np.repeat([0, 1, 2], [5, 3, 2])  # shares of 6 in 10: 3.0, 1.8, 1.2
    assert np.bincount(train_test_split(y, y, test_size=6)[3]).tolist() == [3, 2, 1]


def test_a_fraction_is_not_rounded_up_for_the_sake_of_its_last_digits():
    assert 0.07 * 100 > 7
    assert len(train_test_split(np.arange(100), np.zeros(100, int), test_size=0.07)[1]) == 7


def test_a_split_is_shuffled_and_its_seed_decides():
    x = np.arange(1000)
    y = x // 100  # in the order of their classes, as files often are
    first, again = train_test_split(x, y), train_test_split(x, y, rng=np.random.default_rng(0))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[1], train_test_split(x, y, rng=1)[1])
    for part in first[2:]:  # in sorted order 9 neighbours differ, in random order nine tenths of them
        assert (np.diff(part) != 0).mean() > 0.5


@pytest.mark.parametrize(("size", "stratify"), [(0.0, True), (1.0, True), (-1, False), (10, True), (1.5, False)])
def test_a_size_that_leaves_a_part_empty_is_an_error(size, stratify):
    with pytest.raises(ValueError, match=r"test_size="):
        train_test_split(np.arange(10), np.arange(10), test_size=size, stratify=stratify)


def test_labels_that_are_no_classes_are_an_error_that_names_stratify():
    with pytest.raises(TypeError, match="write stratify=True"):
        train_test_split(np.arange(4), np.arange(4), stratify=np.arange(4))
    assert train_test_split(np.arange(4.0), np.arange(4.0)[:, None])[3].shape == (1, 1)  # numbers, and no classes
    with pytest.raises(ValueError, match="stratify=False"):
        train_test_split(np.arange(4), np.linspace(0, 1, 4), stratify=True)
    assert len(train_test_split(np.arange(4), np.linspace(0, 1, 4), stratify=False)) == 4


def test_arrays_of_different_lengths_are_an_error():
    with pytest.raises(ValueError, match=r"shapes \(4, 2\), \(5,\)"):
        train_test_split(np.zeros((4, 2)), np.zeros(5, int))
    with pytest.raises(ValueError, match="different numbers of examples"):
        batches(np.zeros((4, 2)), np.zeros(5))
    with pytest.raises(ValueError, match="argument 2 is a single number"):
        batches(np.zeros(4), np.float64(1))


# Mini-batches


@given(count=st.integers(0, 40), size=st.integers(1, 12), shuffle=st.booleans(), drop=st.booleans())
def test_batches_give_every_example_once(count, size, shuffle, drop):
    x = np.arange(count)
    pieces = list(batches(x, x * 2.0, batch_size=size, shuffle=shuffle, rng=0, drop_last=drop))
    seen = np.concatenate([a for a, _ in pieces]) if pieces else x[:0]
    assert all(np.array_equal(a * 2, b) for a, b in pieces)
    assert [len(a) for a, _ in pieces[:-1]] == [size] * (len(pieces) - 1)
    assert len(set(seen)) == len(seen) == (count - count % size if drop else count)
    if not shuffle:
        np.testing.assert_array_equal(seen, x[: len(seen)])


def test_one_generator_gives_every_epoch_its_own_order_and_a_seed_repeats_one():
    x, rng = np.arange(100), np.random.default_rng(0)
    first, second = (np.concatenate(list(batches(x, rng=rng))) for _ in range(2))
    assert not np.array_equal(first, second)
    one, two = (np.concatenate(list(batches(x, rng=5))) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_batches_without_shuffling_are_views():
    x = np.arange(10)
    assert all(np.shares_memory(piece, x) for piece in batches(x, batch_size=3, shuffle=False))


@pytest.mark.parametrize("size", [0, -1, 2.5])
def test_a_batch_size_that_is_no_count_is_an_error_at_the_call(size):
    with pytest.raises(ValueError, match="batch_size="):
        batches(np.arange(4), batch_size=size)
    with pytest.raises(ValueError, match="batches got no arrays"):
        batches()


# Scaling


@given(
    hnp.arrays(np.float64, st.tuples(st.integers(1, 20), st.integers(1, 3)), elements=st.floats(-1e3, 1e3, width=32))
)
def test_the_training_part_has_mean_0_and_deviation_1_or_is_constant(x):
    (scaled,) = standardize(x)
    spread = x.std(axis=0)
    # Cancellation in x - mean: a spread of 1e-3 beside values of 1e3 leaves 1e-16 * 1e3 / 1e-3 = 1e-10.
    wide = spread > 1e-3
    np.testing.assert_allclose(scaled.mean(axis=0)[wide], 0, atol=1e-9)
    np.testing.assert_allclose(scaled.std(axis=0)[wide], 1, atol=1e-9)
    constant = np.ptp(x, axis=0) == 0
    np.testing.assert_allclose(scaled[:, constant], 0, atol=1e-12)


def test_a_constant_feature_is_not_scaled_by_the_rounding_of_its_mean():
    x = np.full((3, 1), 0.1)
    assert x.std() > 0
    assert np.abs(standardize(x)[0]).max() < 1e-15  # the rounding of the mean itself


def test_the_other_parts_are_scaled_as_the_training_part_is():
    train = np.array([[0.1, 1.0], [0.1, 3.0]], dtype=np.float32)
    scaled, other = standardize(train, np.array([[1.1, 2.0]], dtype=np.float32))
    assert scaled.dtype == other.dtype == np.float32
    np.testing.assert_array_equal(scaled, [[0, -1], [0, 1]])
    np.testing.assert_allclose(other, [[1, 0]], rtol=1e-6)  # float32's own rounding of 1.1 and 0.1


def test_features_that_do_not_match_are_an_error():
    with pytest.raises(ValueError, match=r"argument 2 has features of shape \(3,\)"):
        standardize(np.zeros((4, 2)), np.zeros((4, 3)))
    with pytest.raises(ValueError, match="nothing to measure"):
        standardize(np.zeros((0, 2)))

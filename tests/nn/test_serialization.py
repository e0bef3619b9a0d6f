"""Files: what is saved comes back, a damaged file is refused and changes nothing, a crash leaves the old file."""

import json
import os
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autodiff as ad
import nn
from nn import serialization

arrays = hnp.arrays(
    st.sampled_from(["f4", "f8", ">f8", "f2", "i8", "u1", "?", "c16"]),
    hnp.array_shapes(min_dims=0, min_side=0, max_side=3),
)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | arrays
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(), inner, max_size=3)
        | st.dictionaries(st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)
in_a_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # every example writes its own file


def same(a, b):
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return type(b) is dict and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or (a != a and b != b))


@in_a_folder
@given(tree=trees)
def test_every_tree_of_plain_data_and_arrays_comes_back(tmp_path, tree):
    path = tmp_path / "tree.npz"
    nn.save(tree, path)
    assert same(tree, nn.load(path))
    with np.load(path) as archive:  # the arrays are NumPy's own entries
        assert len(archive.files) >= 1


def test_names_that_a_zip_archive_cannot_hold_are_replaced(tmp_path):
    """A NUL ends a name in a zip archive: the array could not be found again."""
    tree = {"\x00": np.ones(1), "_": np.zeros(2), "权重": np.ones(3), "a": {"b": np.ones(4)}, "a/b": np.ones(5)}
    nn.save(tree, tmp_path / "names")
    assert same(tree, nn.load(tmp_path / "names"))


def test_a_checkpoint_of_model_optimizer_and_epoch_goes_on_where_it_was(tmp_path):
    x, y = np.random.default_rng(0).standard_normal((2, 20, 3))

    def model_and_optimizer():
        net = nn.Sequential(nn.Linear(3, 4, rng=0, dtype=float), nn.Tanh(), nn.Linear(4, 3, rng=1, dtype=float))
        return net, nn.Adam(net.parameters(), lr=0.1)

    def train(net, optimizer):
        nn.fit(net, x, y, loss=nn.MSELoss(), optimizer=optimizer, epochs=2, shuffle=False)

    whole, optimizer = model_and_optimizer()
    train(whole, optimizer)
    nn.save({"model": whole, "optimizer": optimizer, "epoch": 2}, tmp_path / "run.npz")
    train(whole, optimizer)

    resumed, optimizer = model_and_optimizer()
    saved = nn.load(tmp_path / "run.npz")
    resumed.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    train(resumed, optimizer)
    assert saved["epoch"] == 2
    for name, a in whole.state_dict().items():
        np.testing.assert_allclose(
            a, resumed.state_dict()[name], rtol=1e-12, err_msg=name
        )  # Adam's means are rounded once more


def test_tensors_and_scalars_are_saved_by_value(tmp_path):
    nn.save([ad.tensor([1.0, 2.0]), ad.scalar(3.0)], tmp_path / "a")
    array, number = nn.load(tmp_path / "a")
    np.testing.assert_array_equal(array, [1, 2])
    assert number == 3.0


def test_the_same_content_gives_the_same_bytes(tmp_path):
    net = nn.Linear(2, 2, rng=0)
    nn.save(net, tmp_path / "a")
    nn.save(net, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        ({"a": [1, object()]}, "cannot save a/1: a object is neither an array nor plain data"),
        (np.array([object()]), "cannot save this: an array of dtype object would need pickle"),
        ({1: 2, "a": 3}, "all strings or all integers"),
        ({"f": print}, "cannot save f"),
    ],
)
def test_what_would_need_pickle_is_refused_and_leaves_no_file(tmp_path, obj, words):
    with pytest.raises(TypeError, match=words):
        nn.save(obj, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def saved_model(tmp_path):
    path = tmp_path / "net.npz"
    nn.save({"model": nn.Linear(3, 2, rng=0), "note": "hello"}, path)
    return path


@in_a_folder
@given(data=st.data())
def test_a_file_cut_short_is_refused(tmp_path, data):
    path = saved_model(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(nn.FileFormatError, match=r"net\.npz"):
        nn.load(path)


@settings(parent=in_a_folder, max_examples=200)
@given(data=st.data())
def test_a_changed_byte_is_refused_or_changes_nothing_that_is_read(tmp_path, data):
    path = saved_model(tmp_path)
    expected = nn.load(path)
    damaged = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(damaged) - 1))
    damaged[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(damaged)
    try:
        found = nn.load(path)
    except nn.FileFormatError as error:
        assert "net.npz" in str(error)
    else:  # some bytes of a zip archive mean nothing: times, versions
        assert same(expected, found)


def rewrite(path, change):
    """The archive with its header changed by `change`."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    header = json.loads(entries[serialization.HEADER])
    change(header, entries)
    if serialization.HEADER in entries:
        entries[serialization.HEADER] = json.dumps(header).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda h, e: h.update(version=99), "format version 99; this program reads version 1"),
        (lambda h, e: h.update(format="other"), "names another format"),
        (lambda h, e: e.pop("backflow.json"), "without backflow.json"),
        (lambda h, e: e.pop("model/bias.npy"), "damaged"),
        (
            lambda h, e: h["arrays"]["model/bias"].update(shape=[1, 2]),
            r"'model/bias' is float32 of shape \(2,\); the header has",
        ),
        (lambda h, e: h["arrays"]["model/bias"].update(shape=[10**9]), "holds .* bytes, not 4000000000 and a header"),
        (lambda h, e: h["arrays"]["model/bias"].update(dtype="O"), "damaged"),
        (lambda h, e: h.update(tree={"code": "x"}), "unknown kind 'code'"),
        (lambda h, e: e.update({"model/bias.npy": e["model/bias.npy"] + b"more"}), "damaged"),
    ],
)
def test_wrong_contents_are_named(tmp_path, change, words):
    path = saved_model(tmp_path)
    rewrite(path, change)
    with pytest.raises(nn.FileFormatError, match=words):
        nn.load(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x04\x95", b"PK\x03\x04"])
def test_a_foreign_file_is_refused(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(nn.FileFormatError, match="not a whole backflow file"):
        nn.load(tmp_path / "x")


def test_a_file_of_another_library_says_how_to_bring_it(tmp_path):
    with zipfile.ZipFile(tmp_path / "m.pt", "w") as file:
        file.writestr("archive/data.pkl", b"")
    with pytest.raises(nn.FileFormatError, match=r"torch\.save.*safetensors.*nn\.load_safetensors\(model, path\)"):
        nn.load(tmp_path / "m.pt")
    nn.save_safetensors(nn.Linear(1, 1).state_dict(), tmp_path / "m.safetensors")
    with pytest.raises(nn.FileFormatError, match=r"Write nn\.load_safetensors\(model, path\)"):
        nn.load(tmp_path / "m.safetensors")


def test_a_pickle_inside_is_never_run(tmp_path):
    path = tmp_path / "evil.npz"
    np.savez(path, a=np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(nn.FileFormatError):
        nn.load(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nn.load.*nowhere.*nn.save"):
        nn.load(tmp_path / "nowhere.npz")


def test_a_failure_while_writing_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = saved_model(tmp_path)
    before = path.read_bytes()

    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="disk full"):
        nn.save(nn.Linear(5, 5, rng=0), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["net.npz"]


def test_permissions_and_symbolic_links_are_kept(tmp_path):
    path = saved_model(tmp_path)
    path.chmod(0o640)
    link = tmp_path / "link.npz"
    link.symlink_to(path)
    nn.save([1.0], link)
    assert link.is_symlink() and nn.load(path) == [1.0]
    assert path.stat().st_mode & 0o777 == 0o640


def test_numpy_scalars_come_back_as_numbers(tmp_path):
    """np.int64(3) came back as an array."""
    nn.save({"n": np.int64(3), "lr": np.float32(0.5), "on": np.bool_(True), "zero_d": np.array(2.0)}, tmp_path / "a")
    saved = nn.load(tmp_path / "a")
    assert [type(saved[k]) for k in ("n", "lr", "on", "zero_d")] == [int, float, bool, np.ndarray]
    assert saved["n"] == 3 and saved["lr"] == 0.5 and saved["on"] is True


def test_a_missing_folder_is_named(tmp_path):
    """The error named a file that nobody had asked for, which ends in .part."""
    with pytest.raises(FileNotFoundError, match=r"nn\.save: there is no folder .*nowhere; make it"):
        nn.save([1.0], tmp_path / "nowhere" / "net.npz")


def test_what_cannot_be_written_to_is_named_without_the_part_file(tmp_path):
    with pytest.raises(IsADirectoryError, match=r"is a folder; give the path of a file in it") as found:
        nn.save({"a": 1}, tmp_path)
    assert ".part" not in str(found.value)
    with pytest.raises(TypeError, match=r"write nn\.save\(obj, path\)"):
        nn.save("net.npz", {"a": 1})  # type: ignore[arg-type]

"""Event files hold every number of the run, and go on when the run is resumed."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import numpy as np
import pytest

import nn

X = np.random.default_rng(0).standard_normal((10, 2))


def train(folder: Path, epochs: int, net=None, **options):
    net = net or nn.Linear(2, 1, rng=0)
    board = nn.TensorBoard(folder / "board", **options.pop("board", {}))
    optimizer = nn.SGD(net.parameters(), lr=0.1)
    options = {"loss": nn.MSELoss(), "epochs": epochs, "batch_size": 4, "rng": 0, **options}
    return nn.fit(net, X, X[:, :1], optimizer=optimizer, callbacks=[board], **options)


def events(file: Path):
    """The events of a file, read by its format: length (8 bytes), its checksum (4), contents, their checksum (4)."""
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    data, found = file.read_bytes(), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        found.append(Event.FromString(data[12 : 12 + length]))
        data = data[16 + length :]
    return found


def numbers(folder: Path):
    """tag -> [(step, number)], and the tags of histograms, of all files in the order they were written."""
    scalars, histograms = {}, []
    for file in sorted((folder / "board").iterdir(), key=lambda file: file.stat().st_mtime_ns):
        for event in events(file):
            for value in event.summary.value:
                if value.HasField("histo"):
                    histograms.append((value.tag, event.step, value.histo.num))
                else:
                    scalars.setdefault(value.tag, []).append((event.step, value.simple_value))
    return scalars, histograms


def test_every_number_of_the_run_is_in_the_event_file(tmp_path):
    pytest.importorskip("tensorboardX")
    history = train(tmp_path, 4, validation=(X, X[:, :1]), board={"batches": True, "histograms": 2})
    scalars, histograms = numbers(tmp_path)
    for name, values in history.logs.items():
        assert [step for step, _ in scalars[name]] == [1, 2, 3, 4]
        np.testing.assert_allclose([number for _, number in scalars[name]], values, rtol=1e-6)  # float32 in the file
    np.testing.assert_allclose([n for _, n in scalars["batch_loss"]], history.batch_losses, rtol=1e-6)
    assert histograms == [("weight", 2, 2), ("bias", 2, 1), ("weight", 4, 2), ("bias", 4, 1)]


def test_a_resumed_run_goes_on_counting(tmp_path):
    pytest.importorskip("tensorboardX")
    train(tmp_path, 2, checkpoint=tmp_path / "run.npz", board={"batches": True})
    train(tmp_path, 3, checkpoint=tmp_path / "run.npz", resume=True, board={"batches": True})
    scalars, _ = numbers(tmp_path)
    assert [step for step, _ in scalars["loss"]] == [1, 2, 3]
    assert [step for step, _ in scalars["batch_loss"]] == list(range(1, 10))


def test_the_library_that_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"pip install 'backflow\[tensorboard\]'"):
        nn.TensorBoard(tmp_path)


def test_mistakes_are_named(tmp_path):
    for arguments, error, said in (
        ({"folder": 3}, TypeError, "a folder"),
        ({"folder": tmp_path, "histograms": -1}, ValueError, "histograms must be >= 0"),
        ({"folder": tmp_path, "histograms": 1.5}, TypeError, "histograms must be an integer"),
    ):
        with pytest.raises(error, match=said):
            nn.TensorBoard(**arguments)

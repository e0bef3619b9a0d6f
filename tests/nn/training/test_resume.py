"""Checkpoints: a run that goes on from any epoch gives, bit for bit, what the uninterrupted run gives."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import nn
from nn.data import DataLoader, TensorDataset, WeightedRandomSampler
from nn.optim import lr_scheduler

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((22, 4)), RNG.integers(0, 3, 22)
EPOCHS = 4


class Net(nn.Module):
    """Parameters, buffers (one that state_dict leaves out), and two generators: its own and the default one."""

    def __init__(self):
        self.a, self.norm = nn.Linear(4, 6, rng=0), nn.BatchNorm1d(6)
        self.own, self.default = nn.Dropout(0.3, rng=5), nn.Dropout(0.2)
        self.b = nn.Linear(6, 3, rng=1)
        self.register_buffer("calls", np.zeros(()), persistent=False)

    def forward(self, x):
        if self.training:
            self.calls.data = self.calls.data + 1
        return self.b(self.default(self.own(np.tanh(self.norm(self.a(x))))))


class Remembering(nn.Callback):
    """A callback with a memory of its own that steers the run."""

    def __init__(self):
        self.rng, self.sum = np.random.default_rng(9), 0.0

    def on_batch_end(self, batch, logs):
        self.sum += logs["loss"] * self.rng.random()

    def on_epoch_end(self, epoch, logs):
        for group in self.optimizer.param_groups if "weight_decay" in self.optimizer.defaults else ():
            group["weight_decay"] = min(0.1, self.sum / 1000)

    def state_dict(self):
        return {"sum": self.sum, "rng": self.rng.bit_generator.state}

    def load_state_dict(self, state):
        self.sum, self.rng.bit_generator.state = state["sum"], state["rng"]


OPTIMIZERS = {
    "SGD": lambda p: nn.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "Adam": lambda p: nn.Adam(p, lr=0.03),
    "AMSGrad": lambda p: nn.AdamW(p, lr=0.03, amsgrad=True),
}
for name in ("RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "Lion", "LAMB", "Rprop", "ASGD"):
    OPTIMIZERS[name] = partial(getattr(nn.optim, name), lr=0.02)
OPTIMIZERS["LBFGS"] = lambda p: nn.optim.LBFGS(p, lr=0.1, max_iter=3)
LOADER = lambda: DataLoader(
    TensorDataset(X, Y),
    5,
    sampler=WeightedRandomSampler(np.arange(1.0, 23.0), 22, generator=np.random.Generator(np.random.MT19937(4))),
    augment=lambda batch, rng: (batch[0] + 0.1 * rng.standard_normal(batch[0].shape), batch[1]),
    generator=6,
    num_workers=2,
)


def run(folder: Path, kind: str, optimizer: str = "Adam", epochs: int = EPOCHS, seed: int = 1, **options):
    """One run with everything that could be lost; different seeds show that a resumed run takes all from the file."""
    nn.seed(seed)
    net = Net()
    if seed != 1:
        net.own.rng = np.random.default_rng(seed)
    opt = OPTIMIZERS[optimizer](net.parameters())
    per_epoch = [lr_scheduler.ReduceLROnPlateau(opt, patience=0, factor=0.7)]
    per_batch = []
    if kind == "cycle":
        per_batch = lr_scheduler.OneCycleLR(opt, max_lr=0.05, total_steps=60)
    elif kind == "sequence":
        parts = [lr_scheduler.LinearLR(opt, total_iters=2), lr_scheduler.ExponentialLR(opt, 0.9)]
        per_epoch = lr_scheduler.SequentialLR(opt, parts, [2])
    data = (LOADER(), None) if kind == "loader" else (X, Y)
    held_out = {"validation": (X[:6], Y[:6])} if kind == "loader" else {"validation_split": 0.3}
    memory = Remembering()
    history = nn.fit(
        net,
        *data,
        loss=nn.CrossEntropyLoss(),
        optimizer=opt,
        epochs=epochs,
        batch_size=4,
        accumulate=2 if kind == "accumulate" else 1,
        metrics=["accuracy"],
        scheduler=per_epoch,
        batch_scheduler=per_batch,
        callbacks=[memory, lambda epoch, logs: None],
        early_stopping=nn.EarlyStopping("val_loss", patience=3),
        checkpoint=folder / "run-{epoch:02d}.npz",
        rng=np.random.default_rng(seed),
        **held_out,
        **options,
    )
    bits = {
        "model": net.state_dict(),
        "calls": net.calls.data,
        "optimizer": opt.state_dict(exact=True),
        "memory": memory.state_dict(),
        "default": nn.default_generator().bit_generator.state,
        "own": net.own.rng.bit_generator.state,
        "history": {k: v for k, v in vars(history).items() if k != "seconds"},
    }
    return bits


def assert_equal_bits(a, b, path=""):
    assert type(a) is type(b), path
    if isinstance(a, dict):
        assert a.keys() == b.keys(), path
        for key in a:
            assert_equal_bits(a[key], b[key], f"{path}/{key}")
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b), path
        for i, (u, v) in enumerate(zip(a, b, strict=True)):
            assert_equal_bits(u, v, f"{path}/{i}")
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes(), path
    else:
        assert a == b, path


@pytest.mark.parametrize(
    ("kind", "optimizer"),
    [("plain", name) for name in OPTIMIZERS]
    + [("cycle", "Adam"), ("cycle", "SGD"), ("sequence", "Adam"), ("loader", "Adam"), ("accumulate", "Adam")],
)
def test_a_run_interrupted_after_any_epoch_goes_on_bit_by_bit(kind, optimizer, tmp_path):
    whole = run(tmp_path, kind, optimizer)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == [f"run-0{i}.npz" for i in range(1, len(files) + 1)] and len(files) >= 3
    for i, file in enumerate(files, 1):
        folder = tmp_path / f"again{i}"
        folder.mkdir()
        resumed = run(folder, kind, optimizer, seed=100 + i, resume=file)
        assert_equal_bits(resumed, whole)
        assert len(list(folder.iterdir())) == len(files) - i  # the later epochs are saved again


def test_resume_goes_on_from_the_newest_file_and_trains_further_epochs(tmp_path):
    longer = run(tmp_path, "plain", epochs=4)
    short = tmp_path / "short"
    short.mkdir()
    run(short, "plain", epochs=2, resume=True)  # nothing to go on from: a new run
    assert_equal_bits(run(short, "plain", epochs=4, seed=7, resume=True), longer)


def fitted(path, epochs, **options):
    net = nn.Linear(4, 3, rng=0)
    options = {"optimizer": nn.Adam(net.parameters(), lr=0.1), "checkpoint": path, "rng": 0, **options}
    return net, nn.fit(net, X, Y, loss=nn.CrossEntropyLoss(), epochs=epochs, **options)


def test_a_run_that_was_stopped_early_is_not_trained_on(tmp_path):
    options = {"early_stopping": nn.EarlyStopping("quality", mode="max", patience=2)}
    left = iter([0.5, 0.9, 0.7, 0.8, 1.0])
    options |= {"batch_size": 99, "metrics": {"quality": lambda p, y: next(left)}}
    whole, history = fitted(tmp_path / "run.npz", 5, **options)
    assert history.epochs == 4 and history.stopped == "early stopping" and history.best_epoch == 2
    again, resumed = fitted(tmp_path / "run.npz", 5, resume=True, **options)
    np.testing.assert_array_equal(again.weight.data, whole.weight.data)  # the best ones
    assert resumed == history


def test_an_interrupt_within_an_epoch_loses_that_epoch_only(tmp_path):
    class Interrupting(nn.Callback):
        def on_batch_end(self, batch, logs):
            if self.history.epochs == 2 and batch == 2:
                raise KeyboardInterrupt

    whole, _ = fitted(tmp_path / "whole.npz", 4, batch_size=8, callbacks=[nn.Callback()])
    _, history = fitted(tmp_path / "run.npz", 4, batch_size=8, callbacks=[Interrupting()])
    assert history.stopped == "interrupted" and history.epochs == 2
    again, history = fitted(tmp_path / "run.npz", 4, batch_size=8, resume=True, callbacks=[nn.Callback()])
    assert history.epochs == 4 and history.stopped == "finished"
    np.testing.assert_array_equal(again.weight.data, whole.weight.data)


def test_a_crash_while_saving_leaves_the_last_checkpoint_whole(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    fitted(path, 1)
    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        fitted(path, 2)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_checkpoints_can_be_few_or_of_the_best_epoch(tmp_path):
    fitted(nn.Checkpoint(tmp_path / "{epoch}.npz", every=3), 7)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["3.npz", "6.npz", "7.npz"]
    numbers = iter([0.2, 0.6, 0.4, 0.6, 0.9])
    best = nn.Checkpoint(tmp_path / "best-{epoch}.npz", monitor="quality", mode="max")
    fitted(best, 5, metrics={"quality": lambda p, y: next(numbers)}, batch_size=99)
    assert sorted(p.name for p in tmp_path.glob("best*")) == ["best-1.npz", "best-2.npz", "best-5.npz"]


def test_a_checkpoint_of_another_run_is_refused_and_changes_nothing(tmp_path):
    path = tmp_path / "run.npz"
    fitted(path, 1)
    other = nn.Linear(4, 5, rng=0)
    before = other.state_dict()
    with pytest.raises(ValueError, match="has shape"):
        nn.fit(other, X, Y, loss=nn.CrossEntropyLoss(), optimizer=nn.Adam(other.parameters()), resume=path)
    net = nn.Linear(4, 3, rng=3)
    for options, said in (
        ({"optimizer": nn.SGD(net.parameters())}, "another kind of optimizer"),
        (
            {"optimizer": nn.Adam(net.parameters()), "callbacks": [nn.Callback()]},
            "saved with 0 callbacks; this run has 1",
        ),
        (
            {"optimizer": nn.Adam(net.parameters()), "rng": np.random.Generator(np.random.MT19937(0))},
            "a PCG64, this run",
        ),
    ):
        weight, state = net.weight.data.copy(), options["optimizer"].state_dict()
        with pytest.raises(ValueError, match=said):
            nn.fit(net, X, Y, loss=nn.CrossEntropyLoss(), resume=path, **options)
        assert (net.weight.data == weight).all() and options["optimizer"].state_dict() == state
    assert_equal_bits(other.state_dict(), before)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"checkpoint": 3}, TypeError, r"such as 'run\.npz', got 3"),
        ({"checkpoint": "nowhere/run.npz"}, FileNotFoundError, "no folder nowhere"),
        ({"checkpoint": "run-{step}.npz"}, ValueError, r"may have \{epoch\}"),
        ({"resume": True}, TypeError, "give checkpoint="),
        ({"resume": 3}, TypeError, "True, False or the path"),
        ({"resume": "nowhere.npz"}, FileNotFoundError, r"no file nowhere\.npz"),
        ({"checkpoint": nn.Checkpoint("x.npz", monitor="val_loss")}, ValueError, "checkpoint watches 'val_loss'"),
    ],
)
def test_mistakes_are_named_before_the_first_epoch(options, error, said):
    with pytest.raises(error, match=said):
        fitted(options.pop("checkpoint", None), 1, **options)


def test_other_files_and_numbers_are_no_checkpoints(tmp_path):
    nn.save({"a": 1}, tmp_path / "a.npz")
    with pytest.raises(ValueError, match=r"no checkpoint of nn\.fit"):
        fitted(None, 1, resume=tmp_path / "a.npz")
    for every, error in ((0, ValueError), (1.5, TypeError), (True, TypeError)):
        with pytest.raises(error, match="every"):
            nn.Checkpoint("x.npz", every=every)

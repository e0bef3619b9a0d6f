"""Callbacks and schedulers: when they are called, with what, and what they may do."""

from __future__ import annotations

import numpy as np
import pytest

import nn
from nn.optim import lr_scheduler

X = np.random.default_rng(0).standard_normal((10, 2))
Y = X[:, :1]


def train(net=None, optimizer=None, **options):
    net = net or nn.Linear(2, 1, rng=0)
    optimizer = optimizer or nn.SGD(net.parameters(), lr=0.1)
    options = {"batch_size": 4, "epochs": 2, "rng": 0, **options}
    return nn.fit(net, X, Y, loss=nn.MSELoss(), optimizer=optimizer, **options)


class Noting(nn.Callback):
    def __init__(self, **answers):
        self.calls, self.answers = [], answers

    def note(self, name, *args):
        self.calls.append((name, *args[:-1], sorted(args[-1])))
        return self.answers.get(name)


for _name in ("train_begin", "epoch_begin", "batch_end", "epoch_end", "train_end"):
    setattr(Noting, f"on_{_name}", lambda self, *args, name=_name: self.note(name, *args))


def test_callbacks_are_called_in_order_with_their_numbers():
    noting = Noting()
    train(callbacks=[noting], validation=(X, Y))
    batch, epoch = ["loss", "size"], ["loss", "val_loss"]
    one = lambda n: [("epoch_begin", n, []), *[("batch_end", i, batch) for i in (1, 2, 3)], ("epoch_end", n, epoch)]
    assert noting.calls == [("train_begin", []), *one(1), *one(2), ("train_end", epoch)]
    assert noting.model.weight.shape == (1, 2) and noting.history.epochs == 2 and noting.optimizer.steps == 6


def test_a_batch_that_asks_to_stop_ends_the_training_after_its_step():
    noting = Noting(batch_end=True)
    history = train(callbacks=[noting], accumulate=2, validation=(X, Y))
    assert [call[0] for call in noting.calls].count("batch_end") == 2  # the group of the batch is finished
    assert noting.optimizer.steps == 1 and history.stopped == "callback"
    assert history.epochs == 1 and "val_loss" in history


def test_the_end_is_told_however_the_training_ends():
    for error in (KeyboardInterrupt, ZeroDivisionError):
        noting = Noting()

        def failing(epoch, logs, error=error):
            raise error

        try:
            history = train(callbacks=[failing, noting])
        except ZeroDivisionError:
            assert error is ZeroDivisionError
        else:
            assert history.stopped == "interrupted"
        assert noting.calls[-1] == ("train_end", ["loss"])


def test_schedulers_are_stepped_after_epochs_and_after_steps():
    net = nn.Linear(2, 1, rng=0)
    optimizer = nn.SGD(net.parameters(), lr=0.1, momentum=0.9)
    rates = []

    class Rates(nn.Callback):
        def on_batch_end(self, batch, logs):
            rates.append(optimizer.param_groups[0]["lr"])

    history = train(net, optimizer, scheduler=lr_scheduler.StepLR(optimizer, 1, gamma=0.5), epochs=3)
    assert history["lr"] == [0.1, 0.05, 0.025]
    optimizer = nn.SGD(net.parameters(), lr=0.1, momentum=0.9)
    cycle = lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=4)
    train(net, optimizer, batch_scheduler=[cycle], accumulate=2, callbacks=[Rates()])
    assert cycle.last_epoch == 4 and len(set(rates)) > 3  # two steps in each of two epochs


def test_a_plateau_gets_the_validation_loss_or_the_number_that_is_named():
    given = []

    class Plateau(lr_scheduler.ReduceLROnPlateau):
        def step(self, metrics):
            given.append(metrics)
            super().step(metrics)

    for options, name in (({"validation": (X, Y)}, "val_loss"), ({}, "loss"), ({"monitor": "mse"}, "mse")):
        net = nn.Linear(2, 1, rng=0)
        optimizer = nn.SGD(net.parameters(), lr=0.1)
        metrics = {"mse": nn.metrics.mean_squared_error}
        history = train(net, optimizer, scheduler=Plateau(optimizer), metrics=metrics, **options)
        assert given == history[name]
        given.clear()


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"callbacks": lambda epoch, logs: None}, TypeError, "callbacks must be a list"),
        ({"callbacks": nn.Callback()}, TypeError, r"callbacks=\[callback\]"),
        ({"callbacks": [nn.Callback]}, TypeError, r"write Callback\(\)"),
        ({"callbacks": [3]}, TypeError, "got 3"),
        ({"scheduler": lr_scheduler.StepLR}, TypeError, "must be a scheduler such as"),
        ({"batch_scheduler": "cosine"}, TypeError, "batch_scheduler must be a scheduler"),
        ({"monitor": "val_loss"}, ValueError, "monitor watches 'val_loss'"),
    ],
)
def test_mistakes_are_named(options, error, said):
    with pytest.raises(error, match=said):
        train(**options)
    other = nn.SGD([nn.Parameter([1.0])], lr=0.1)
    with pytest.raises(ValueError, match="belongs to another optimizer"):
        train(scheduler=lr_scheduler.StepLR(other, 1))

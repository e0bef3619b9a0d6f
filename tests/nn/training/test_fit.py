"""fit, evaluate, predict: the plain loop and all that is around it."""

import io
import itertools
import re
import warnings
from collections import namedtuple
from functools import partial

import numpy as np
import pytest

import autodiff as ad
import nn
from nn.training import progress


def blobs(n=120, seed=0):
    """Three well separated clouds of points."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    centres = np.array([[0.0, 3.0], [3.0, 0.0], [-3.0, -1.0]])
    return centres[labels] + 0.5 * rng.standard_normal((n, 2)), labels


def classifier(seed=0, **options):
    return nn.Sequential(nn.Linear(2, 8, rng=seed, **options), nn.Tanh(), nn.Linear(8, 3, rng=seed + 1, **options))


def train(net, x, y, **options):
    options = {
        "loss": nn.CrossEntropyLoss(),
        "optimizer": nn.Adam(net.parameters(), lr=0.05),
        "epochs": 3,
        "rng": 0,
        **options,
    }
    return nn.fit(net, x, y, **options)


def test_fit_learns_and_reports_every_epoch():
    x, y = blobs()
    net = classifier()
    history = train(net, x, y, epochs=8, metrics=["accuracy"], validation_split=0.25)
    assert history.epochs == 8 and history.stopped == "finished"
    assert list(history.logs) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert all(len(values) == 8 for values in history.logs.values())
    assert history["val_accuracy"][-1] > 0.95
    assert history.last["loss"] == history["loss"][-1] < history["loss"][0]
    assert len(history.batch_losses) == 8 * 3


def test_fit_is_the_plain_loop():
    x, y = blobs(40)
    x = x.astype(np.float32)
    ours, by_hand = classifier(), classifier()
    history = train(ours, x, y, epochs=2, batch_size=16, shuffle=False)
    optimizer, loss, means = nn.Adam(by_hand.parameters(), lr=0.05), nn.CrossEntropyLoss(), []
    for _ in range(2):
        total = 0.0
        for start in range(0, 40, 16):
            xb, yb = x[start : start + 16], y[start : start + 16]
            value = loss(by_hand(xb), yb)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            total += value.item() * len(xb)
        means.append(total / 40)
    assert history["loss"] == pytest.approx(means, rel=1e-12)
    for name, a in ours.state_dict().items():
        np.testing.assert_array_equal(a, by_hand.state_dict()[name])


def test_the_same_seed_gives_the_same_run():
    x, y = blobs()
    runs = []
    for _ in range(2):
        net = classifier()
        runs.append((train(net, x, y, validation_split=0.2), net.state_dict()))
    assert runs[0][0].logs == runs[1][0].logs
    for name, a in runs[0][1].items():
        np.testing.assert_array_equal(a, runs[1][1][name])


def test_means_are_weighted_by_batch_size():
    x, y = np.arange(5.0).reshape(5, 1), np.zeros((5, 1))
    net = nn.Linear(1, 1, bias=False, dtype=float, rng=0)
    net.weight.data = [[1.0]]
    frozen = nn.SGD(net.parameters(), lr=0.0)
    history = nn.fit(net, x, y, loss=nn.MSELoss(), optimizer=frozen, batch_size=2)
    assert history["loss"] == [pytest.approx(6.0)]
    assert nn.evaluate(net, x, y, loss=nn.MSELoss(), batch_size=2)["loss"] == pytest.approx(6.0)


def test_modes_are_train_inside_eval_for_validation_and_restored_afterwards():
    seen = []

    class Spy(nn.Module):
        def forward(self, x):
            seen.append((self.training, ad.is_recording()))
            return x

    net = nn.Sequential(Spy(), nn.Linear(2, 3, rng=0))
    net[1].eval()
    x, y = blobs(20)
    train(net, x, y, epochs=1, batch_size=20, validation=(x, y))
    assert seen == [(True, True), (False, False)]
    assert net[0].training and not net[1].training
    nn.predict(net, x)
    assert seen[-1] == (False, False) and net[0].training


def test_early_stopping_stops_and_restores_the_best_weights():
    x, y = blobs()
    net = classifier()
    scores, states = iter([0.5, 0.9, 0.7, 0.6, 0.8, 0.9]), []  # what the metric says, whatever the model does
    history = train(
        net,
        x,
        y,
        epochs=9,
        batch_size=len(x),
        metrics={"quality_accuracy": lambda prediction, target: next(scores)},
        early_stopping=nn.EarlyStopping("quality_accuracy", patience=3),
        callbacks=[lambda epoch, logs: states.append(net.state_dict())],
    )
    assert history.epochs == 5 and history.stopped == "early stopping" and history.best_epoch == 2
    for name, a in net.state_dict().items():
        np.testing.assert_array_equal(a, states[1][name])


@pytest.mark.parametrize(("cumulative", "stops_after"), [(True, 7), (False, 4)])
def test_small_improvements_add_up_or_do_not(cumulative, stops_after):
    x, y = blobs(20)
    scores = iter([0.5, 0.54, 0.58, 0.62, 0.62, 0.62, 0.62, 0.62])
    rule = nn.EarlyStopping("quality_accuracy", patience=3, min_delta=0.1, cumulative_delta=cumulative)
    metrics = {"quality_accuracy": lambda prediction, target: next(scores)}
    history = train(classifier(), x, y, epochs=8, batch_size=20, metrics=metrics, early_stopping=rule)
    assert (history.epochs, history.best_epoch) == (stops_after, 4)  # 0.62 is 0.12 better than 0.5


def test_a_target_ends_the_training_as_soon_as_it_is_met():
    x, y = blobs()
    history = train(
        classifier(),
        x,
        y,
        epochs=50,
        metrics=["accuracy"],
        early_stopping=nn.EarlyStopping("accuracy", patience=50, target=0.9),
    )
    assert history.epochs < 50 and history["accuracy"][-1] >= 0.9


def test_a_callback_that_returns_true_ends_the_training():
    x, y = blobs(20)
    seen = []
    history = train(
        classifier(), x, y, epochs=9, callbacks=[lambda epoch, logs: seen.append((epoch, set(logs))) or epoch == 2]
    )
    assert seen == [(1, {"loss"}), (2, {"loss"})] and history.stopped == "callback"


@pytest.mark.parametrize("at", ["forward", "callback"])
def test_ctrl_c_leaves_a_usable_model_and_the_history_so_far(at):
    x, y = blobs(64)
    net, calls = classifier(), []

    class Interrupting(nn.Module):
        def forward(self, h):
            calls.append(1)
            if at == "forward" and len(calls) == 6:
                raise KeyboardInterrupt
            return h

    def callback(epoch, logs):
        if at == "callback" and epoch == 2:
            raise KeyboardInterrupt

    whole = nn.Sequential(net, Interrupting()).eval()
    history = train(whole, x, y, epochs=9, batch_size=16, callbacks=[callback])
    assert history.stopped == "interrupted" and 1 <= history.epochs <= 2
    assert not whole.training
    assert all(np.isfinite(p.data).all() and p.grad is None for p in whole.parameters())
    assert nn.predict(net, x).shape == (64, 3)
    assert train(net, x, y).stopped == "finished"


def test_a_loss_that_is_not_finite_stops_before_it_spoils_the_parameters():
    x, y = blobs(20)
    x[7] = np.nan
    net = classifier()
    with pytest.raises(FloatingPointError, match=r"the loss became nan in epoch 1, batch [1-5]; .*x\[7, 0\] is nan"):
        train(net, x, y, batch_size=4)
    assert all(np.isfinite(p.data).all() for p in net.parameters())


def test_data_are_cast_once_to_the_dtype_of_the_parameters():
    dtypes = set()

    class Spy(nn.Module):
        def forward(self, x):
            dtypes.add(x.dtype)
            return x

    x, y = blobs(20)
    train(nn.Sequential(Spy(), classifier()), x, y)
    assert dtypes == {np.dtype(np.float32)}


def test_a_model_of_two_inputs_gets_a_tuple():
    class Sum(nn.Module):
        def __init__(self):
            self.a, self.b = nn.Linear(2, 1, rng=0), nn.Linear(3, 1, rng=1)

        def forward(self, u, v):
            return self.a(u) + self.b(v)

    rng = np.random.default_rng(0)
    u, v = rng.standard_normal((30, 2)), rng.standard_normal((30, 3))
    target = u[:, :1] - v[:, 1:2]
    net = Sum()
    history = nn.fit(
        net,
        (u, v),
        target,
        loss=nn.MSELoss(),
        optimizer=nn.Adam(net.parameters(), lr=0.05),
        epochs=60,
        validation_split=0.2,
        rng=0,
    )
    assert history["val_loss"][-1] < 0.05
    assert nn.predict(net, (u, v)).shape == (30, 1)


def test_the_gradient_norm_is_limited():
    x, y = blobs(20)
    net = classifier()
    norms = []

    class Noting(nn.SGD):
        def step(self):
            norms.append(np.sqrt(sum((p.grad**2).sum() for p in net.parameters())))
            super().step()

    train(net, x, y, optimizer=Noting(net.parameters(), lr=0.1), clip_norm=0.01)
    assert max(norms) <= 0.01 * (1 + 1e-5)  # float32 norms


@pytest.mark.filterwarnings("ignore:SGD does not hold")
def test_the_norm_is_that_of_the_parameters_that_are_trained():
    """The gradients of the others were added up from step to step, and made every step smaller."""
    x, y = blobs(20)
    whole, head = classifier(), classifier()
    for p in whole[0].parameters():
        p.requires_grad = False
    for net in (whole, head):
        train(net, x, y, optimizer=nn.SGD(net[2].parameters(), lr=0.1), clip_norm=0.1, batch_size=5)
    np.testing.assert_array_equal(whole[2].weight.data, head[2].weight.data)
    assert all(p.grad is None for p in head.parameters())
    steps = [
        nn.training_step(n, nn.cross_entropy, nn.SGD(n[2].parameters(), lr=0.1), clip_norm=0.1) for n in (whole, head)
    ]
    assert [[step(x, y) for _ in range(3)] for step in steps[:1]] == [
        [step(x, y) for _ in range(3)] for step in steps[1:]
    ]


@pytest.mark.parametrize("as_data", [lambda x: (x, x), lambda x: (nn.data.TensorDataset(x, x), None)])
def test_without_shuffling_the_samples_that_a_split_keeps_stay_in_their_order(as_data):
    seen = []

    class Spy(nn.Module):
        def forward(self, x):
            if self.training:
                seen.extend(ad.plain(x).ravel().tolist())
            return x

    net = nn.Sequential(Spy(), nn.Linear(1, 1, rng=0))
    x, y = as_data(np.arange(12.0).reshape(12, 1))
    train(net, x, y, loss=nn.MSELoss(), epochs=1, shuffle=False, validation_split=0.25, batch_size=4)
    assert len(seen) == 9 and seen == sorted(seen)


def test_outputs_of_several_batches_are_joined_only_where_they_are_rows_of_samples():
    """Ten samples in batches of four gave three means, or the states of a recurrent layer one batch after the other."""

    class Mean(nn.Module):
        def forward(self, x):
            return x.mean(axis=0, keepdims=True)

    x = np.ones((10, 3))
    with pytest.raises(ValueError, match=r"returned shape \(1, 3\) for 4 samples"):
        nn.predict(Mean(), x, batch_size=4)
    with pytest.raises(ValueError, match=r"returned shape \(1, 4, 2\) for 4 samples"):
        nn.predict(nn.GRU(3, 2, batch_first=True, rng=0), np.ones((8, 5, 3)), batch_size=4)
    padded = nn.data.DataLoader([np.ones(n) for n in (3, 4)], batch_size=1)
    with pytest.raises(ValueError, match=r"shapes \(1, 3\) and \(1, 4\) cannot be joined: pad"):
        nn.predict(nn.Tanh(), padded)


def test_evaluate_and_predict_agree_and_record_nothing():
    x, y = blobs()
    net = classifier()
    result = nn.evaluate(net, x, y, loss=nn.CrossEntropyLoss(), metrics=["accuracy"], batch_size=7)
    scores = nn.predict(net, x, batch_size=11)
    assert type(scores) is np.ndarray
    assert result["accuracy"] == pytest.approx(nn.accuracy(scores, y))
    assert result["loss"] == pytest.approx(
        float(nn.cross_entropy(scores, y)), rel=1e-5
    )  # float32 means over other batches


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"metrics": ["acuracy"]}, ValueError, "no metric called 'acuracy'; there are accuracy"),
        ({"metrics": "accuracy"}, TypeError, r"metrics=\['accuracy'\]"),
        (
            {"early_stopping": 3},
            ValueError,
            "early stopping watches 'val_loss', but this run measures loss; give validation",
        ),
        ({"validation": (np.ones((2, 2)), [0, 1]), "validation_split": 0.5}, ValueError, "not both"),
        ({"validation_split": 1.0}, ValueError, "leaves one part empty"),
        ({"batch_size": 0}, ValueError, "batch_size >= 1"),
        ({"progress": "loud"}, ValueError, "progress must be"),
        ({"rng": "x"}, TypeError, "rng must be"),
    ],
)
def test_mistakes_in_options_are_named(options, error, words):
    x, y = blobs(20)
    with pytest.raises(error, match=words):
        train(classifier(), x, y, **options)


def test_mistakes_in_data_are_named():
    x, y = blobs(20)
    with pytest.raises(ValueError, match=r"equally long, got shapes \(20, 2\) and \(19,\)"):
        train(classifier(), x, y[:-1])
    with pytest.raises(ValueError, match="not empty"):
        train(classifier(), x[:0], y[:0])
    with pytest.raises(KeyError, match="no 'val_loss' in this history; it has loss"):
        train(classifier(), x, y)["val_loss"]


def test_history_prints_as_a_table():
    history = nn.History()
    history.add({"loss": 0.5, "accuracy": 0.75}, 1.25)
    history.stopped = "interrupted"
    assert str(history).splitlines() == [
        "epoch    loss  accuracy  seconds",
        "    1  0.5000    0.7500     1.25",
        "interrupted",
    ]
    assert repr(history) == "History(1 epochs, interrupted, loss=0.5, accuracy=0.75)"


@pytest.mark.parametrize(
    ("report", "kind", "said"),
    [
        (True, TypeError, r"report='run\.html'; got True"),
        ("run.pdf", ValueError, r"'run\.pdf' must end in \.html"),
        ("nowhere/run.html", FileNotFoundError, r"cannot write the report run\.html: there is no folder .*nowhere"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_before_the_first_epoch(tmp_path, report, kind, said):
    epochs, (x, y) = [], blobs()
    where = tmp_path / report if isinstance(report, str) else report
    with pytest.raises(kind, match=said):
        train(classifier(), x, y, report=where, callbacks=[lambda epoch, logs: epochs.append(epoch)])
    assert epochs == []


@pytest.mark.parametrize("lr", [1e30, 20.0])  # in the first epoch, and later
def test_a_run_that_diverges_leaves_its_report(tmp_path, lr):
    x = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    net, path = nn.Linear(3, 1, rng=0), tmp_path / "run.html"
    optimizer = nn.SGD(net.parameters(), lr=lr)
    with pytest.raises(FloatingPointError), np.errstate(all="ignore"):
        nn.fit(net, x, x[:, :1], loss=nn.MSELoss(), optimizer=optimizer, epochs=50, report=path, rng=0)
    assert "the loss is not finite" in path.read_text(encoding="utf-8")


def test_a_report_of_the_run_is_written_as_one_html_file(tmp_path):
    x, y = blobs(40)
    path = tmp_path / "run.html"
    history = train(classifier(), x, y, metrics=["accuracy"], validation_split=0.25, report=path)
    assert set(history.parameters) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    assert all(len(rows) == 3 and min(map(min, rows)) > 0 for rows in history.parameters.values())
    page = path.read_text(encoding="utf-8")
    assert "0.weight" in page and "val_accuracy" in page and "<script src" not in page


# Progress.


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_nothing_is_shown_where_nobody_watches(capsys):
    x, y = blobs(20)
    train(classifier(), x, y)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_a_log_file_gets_one_plain_line_an_epoch(capsys):
    x, y = blobs(20)
    train(classifier(), x, y, epochs=2, metrics=["accuracy"], progress=True)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert re.fullmatch(r"epoch 1/2  loss [\d.]+  accuracy [\d.]+ %  \([\d.]+ s\)", lines[0])


def test_the_live_line_is_redrawn_in_place_and_ends_in_the_epochs_numbers():
    stream = Terminal()
    shown = progress.display("line", stream)
    shown.epoch(1, 2, 4)
    for loss in (4.0, 3.0, 2.0, 1.0):
        shown.batch(loss)
    shown.done({"loss": 2.5}, 0.25)
    shown.close()
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert re.fullmatch(r"epoch 1/2  █{12}░{12}  loss 2\.5  [\d.]+ s\s*\n", text.split("\r")[-1])


def test_an_interrupted_live_line_leaves_the_cursor_on_a_new_line():
    stream = Terminal()
    shown = progress.display("line", stream)
    shown.epoch(1, 1, 2)
    shown.batch(1.0)
    shown.close()
    assert stream.getvalue().endswith("\n")


def test_a_terminal_that_knows_only_ascii_gets_ascii():
    class Ascii(Terminal):
        def write(self, text):
            text.encode("ascii")
            return super().write(text)

    stream = Ascii()
    shown = progress.display("line", stream)
    shown.epoch(1, 1, 2)
    shown.batch(1.0)
    shown.batch(1.0)
    assert "#" in stream.getvalue()


def test_tqdm_is_used_on_a_terminal_when_it_is_installed():
    pytest.importorskip("tqdm")
    stream = Terminal()
    shown = progress.display(True, stream)
    assert isinstance(shown, progress.Bar)
    shown.epoch(1, 1, 3)
    for _ in range(3):
        shown.batch(0.5)
    shown.done({"loss": 0.5, "accuracy": 1.0}, 0.1)
    shown.close()
    assert "loss 0.5  accuracy 100.00 %" in stream.getvalue()


def test_a_notebook_shows_a_bar_and_a_chart_that_grows(monkeypatch):
    pages = []

    def show(html):
        pages.append(html)
        return pages.append

    monkeypatch.setattr(progress, "_notebook", lambda: show)
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    x, y = blobs(40)
    history = train(classifier(), x, y, epochs=3, validation=(x, y), metrics={"a<b": lambda p, t: 0.5})
    assert re.match(r'<div[^>]*>epoch 1/3 <progress value="0" max="6"></progress>', pages[0])
    assert re.search(r'value="1" max="6"></progress> loss \d', pages[1])  # an epoch may take hours
    assert "epoch 3/3" in pages[-1] and 'value="6"' in pages[-1] and f"loss {history['loss'][-1]:.4g}" in pages[-1]
    charts = [page for page in pages if "<svg" in page]
    assert "val_loss" in charts[0] and len({re.findall("<svg.*", page)[0] for page in charts}) == 3
    assert "a&lt;b" in pages[-1] and "a<b" not in pages[-1]
    pages.clear()
    train(classifier(), x, y, progress=False)
    assert not pages


def test_fit_refuses_an_optimizer_that_trains_something_else() -> None:
    model, other = nn.Linear(2, 1, rng=0), nn.Linear(2, 1, rng=0)
    x, y = np.ones((4, 2)), np.ones((4, 1))
    with pytest.raises(ValueError, match="SGD holds no parameter of this Linear"):
        nn.fit(model, x, y, loss=nn.MSELoss(), optimizer=nn.SGD(other.parameters()))
    with pytest.raises(TypeError, match=r"nn\.Adam"):
        nn.fit(model, x, y, loss=nn.MSELoss(), optimizer=nn.SGD)  # type: ignore[arg-type]


def test_parameters_that_the_optimizer_does_not_hold_are_named_in_a_warning():
    """A layer that was replaced after the optimizer was made had gradients and was never trained, without a word."""
    x, y = blobs(40)
    net = classifier()
    optimizer = nn.Adam(net.parameters())
    net[2] = nn.Linear(8, 3, rng=5)
    said = r"Adam does not hold '2\.weight', '2\.bias' of this Sequential.*make the optimizer again"
    with pytest.warns(UserWarning, match=said) as found:
        train(net, x, y, optimizer=optimizer)
    assert len(found) == 1
    with pytest.warns(UserWarning, match=said) as found:
        nn.training_step(net, nn.CrossEntropyLoss(), optimizer)
    assert found[0].filename == __file__
    net[2].requires_grad_(False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.training_step(net, nn.CrossEntropyLoss(), optimizer)

    def grow(epoch, logs):
        if epoch == 2:
            net.append(nn.Linear(3, 3, rng=6))

    with pytest.warns(UserWarning, match=r"'3\.weight', '3\.bias'") as found:
        train(net, x, y, optimizer=optimizer, callbacks=[grow], epochs=4)
    assert len(found) == 1


@pytest.mark.parametrize(
    ("loss", "said"),
    [(nn.CrossEntropyLoss, r"write nn\.CrossEntropyLoss\(\)"), ("cross_entropy", r"such as nn\.CrossEntropyLoss\(\)")],
)
def test_a_loss_that_is_a_class_or_a_name_is_refused(loss, said):
    net, (x, y) = classifier(), blobs()
    with pytest.raises(TypeError, match=said):
        nn.fit(net, x, y, loss=loss, optimizer=nn.SGD(net.parameters(), lr=0.1))


@pytest.mark.parametrize("epochs", [1, 5, 20, 21, 40, 100])
def test_a_long_history_is_shown_in_even_steps_from_the_first_epoch_to_the_last(epochs):
    history = nn.History()
    for _ in range(epochs):
        history.add({"loss": 1.0}, 0.1)
    shown = [int(line.split()[0]) for line in str(history).splitlines()[1:]]
    steps = {b - a for a, b in itertools.pairwise(shown[:-1])}
    assert shown[0] == 1 and shown[-1] == epochs and len(shown) <= 20 and len(steps) <= 1


def test_the_batch_is_counted_in_its_epoch_and_the_remedy_is_one_that_was_not_tried() -> None:
    """An epoch of 4 batches had a batch 35, and clip_norm=1.0 was recommended to who had set it."""
    x, y = blobs(16)
    calls = []

    def loss(prediction, target):
        calls.append(1)
        return nn.cross_entropy(prediction, target) * (np.nan if len(calls) == 11 else 1.0)

    with pytest.raises(FloatingPointError, match=r"nan in epoch 3, batch 3; try a smaller lr or clip_norm=1\.0"):
        train(classifier(), x, y, batch_size=4, epochs=5, loss=loss)
    calls.clear()
    with pytest.raises(FloatingPointError, match=r"epoch 3, batch 3; try a smaller lr, or run"):
        train(classifier(), x, y, batch_size=4, epochs=5, loss=loss, clip_norm=1.0)


def test_an_infinite_gradient_is_refused_before_the_step() -> None:
    """Scaling made NaN of it, and the step made NaN of the weights."""
    net = nn.Sequential(nn.Linear(1, 1, rng=0, dtype=float), nn.Linear(1, 1, rng=1, dtype=float))
    before = net.state_dict()
    with pytest.raises(FloatingPointError, match=r"the gradient of '\S+' became infinite or NaN in epoch 1, batch 1"):
        nn.fit(
            net,
            np.ones((2, 1)),
            np.zeros((2, 1)),
            loss=lambda p, t: np.sqrt(((p - p.data) ** 2).sum()) + np.sqrt((p - p.data).sum() * 0 + 0.0 * p.sum()),
            optimizer=nn.Adam(net.parameters()),
            clip_norm=1.0,
        )
    for name, value in before.items():
        np.testing.assert_array_equal(net.state_dict()[name], value)


def test_partial_functions_are_metrics_with_names_of_their_own() -> None:
    """Both were called "partial", and one was lost."""
    x, y = blobs(20)
    top = nn.metrics.top_k_accuracy
    measured = nn.evaluate(classifier(), x, y, metrics=[partial(top, k=1), partial(top, k=3), "accuracy"])
    assert list(measured) == ["top_k_accuracy(k=1)", "top_k_accuracy(k=3)", "accuracy"]
    assert measured["top_k_accuracy(k=1)"] == measured["accuracy"] and measured["top_k_accuracy(k=3)"] == 1.0


def test_two_metrics_of_one_name_are_refused() -> None:
    def loss(prediction, target):
        return 0.0

    x, y = blobs(8)
    for metrics, said in (([loss], "cannot be called 'loss'"), ({"val_f1": len}, "'val_f1'"), ([len, len], "'len'")):
        with pytest.raises(ValueError, match=said):
            nn.evaluate(classifier(), x, y, metrics=metrics)


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weight": [0.1, 5.0, 1.0]},
        {"reduction": "sum"},
        {"ignore_index": 1},
        {"ignore_index": 1, "weight": [1, 0, 3]},
    ],
)
def test_evaluation_does_not_depend_on_the_batch_size(batch_size, options) -> None:
    x, y = blobs(20)
    net, loss = classifier(dtype=float), nn.CrossEntropyLoss(**options)
    measured = nn.evaluate(net, x, y, loss=loss, batch_size=batch_size)["loss"]
    assert measured == pytest.approx(loss(net(x), y).item(), rel=1e-12)


def test_a_metric_that_is_no_mean_is_measured_on_the_whole_set() -> None:
    x, y = blobs(20)
    largest = lambda prediction, target: float(target.max())
    assert nn.evaluate(classifier(), x, y, metrics={"largest": largest}, batch_size=4) == {"largest": y.max()}


@pytest.mark.parametrize(
    "as_pair", [tuple, list, namedtuple("Two", "a b")._make, lambda v: dict(zip("ab", v, strict=True))]
)
def test_predict_joins_the_outputs_of_a_model_that_returns_several(as_pair) -> None:
    """Ten rows gave an array of shape (4, 5, 2)."""

    class Two(nn.Module):
        def forward(self, x):
            return as_pair([x * 2, x[:, 0]])

    x = np.arange(20.0).reshape(10, 2)
    found = nn.predict(Two(), x, batch_size=4)
    assert type(found) is type(as_pair([1, 2]))
    a, b = found.values() if isinstance(found, dict) else found
    np.testing.assert_array_equal(a, x * 2)
    np.testing.assert_array_equal(b, x[:, 0])
    whole = nn.predict(Two(), x, batch_size=100)
    np.testing.assert_array_equal(whole["a"] if isinstance(whole, dict) else whole[0], x * 2)


def test_a_model_of_several_outputs_is_trained_and_evaluated() -> None:
    class Heads(nn.Module):
        def __init__(self):
            self.a, self.b = nn.Linear(2, 3, rng=0), nn.Linear(2, 3, rng=1)

        def forward(self, x):
            return self.a(x), self.b(x)

    x, y = blobs(40)
    loss = lambda prediction, target: nn.cross_entropy(prediction[0], target) + nn.cross_entropy(prediction[1], target)
    right = lambda prediction, target: nn.accuracy(prediction[0], target)
    history = train(Heads(), x, y, loss=loss, metrics={"a_accuracy": right}, validation=(x, y), epochs=20)
    assert history["loss"][-1] < history["loss"][0] and history["val_a_accuracy"][-1] > 0.8


def test_validation_data_of_another_form_are_refused_with_what_fits() -> None:
    x, y = blobs(8)
    for given in ((x, y, y), x, "xy"):
        with pytest.raises(ValueError, match=r"validation must be \(x, y\)"):
            train(classifier(), x, y, validation=given)


def test_early_stopping_wants_a_direction_and_numbers() -> None:
    """ "f1" was minimised, and the worst weights restored."""
    with pytest.raises(ValueError, match=r"larger 'f1' better\? Write mode='max'"):
        nn.EarlyStopping("f1")
    assert nn.EarlyStopping("f1", mode="max").improves(0.9, 0.8)
    assert nn.EarlyStopping("mean_squared_error").improves(0.8, 0.9)
    assert nn.EarlyStopping(patience=np.int64(2)).patience == 2
    for options in ({"patience": True}, {"patience": 2.5}, {"patience": "3"}, {"min_delta": None}, {"target": "x"}):
        with pytest.raises(TypeError, match=next(iter(options))):
            nn.EarlyStopping(**options)
    x, y = blobs(20)
    assert train(classifier(), x, y, early_stopping=np.int64(2), validation_split=0.5).epochs == 3
    with pytest.raises(TypeError, match="early_stopping must be"):
        train(classifier(), x, y, early_stopping=True, validation_split=0.5)
    with pytest.raises(TypeError, match=r"integer for epochs, got 2\.5"):
        train(classifier(), x, y, epochs=2.5)


class Frame:
    """As much of a data frame as is read."""

    def __init__(self, **columns):
        self.columns, self.values = list(columns), list(columns.values())
        self.iloc = self

    def __getitem__(self, key):
        return Column(self.values[key[1]])

    def __len__(self):
        return len(self.values[0])

    def to_numpy(self):
        return np.array(self.values, dtype=object).T


class Column(list):
    def to_numpy(self):
        return np.array(self)


@pytest.mark.parametrize(
    "x",
    [
        np.array([[1, 2.5], [3, True]], dtype=object),
        [[1, 2.5], [3, True]],
        np.ma.masked_array([[1, 2.5], [3, 1]]),
        Frame(a=[1, 3], b=[2.5, True]),
    ],
    ids=["objects", "lists", "masked", "frame"],
)
def test_numbers_in_other_clothes_are_converted(x) -> None:
    net = nn.Linear(2, 1, rng=0)
    expected = nn.predict(net, np.array([[1, 2.5], [3, 1]]))
    np.testing.assert_array_equal(nn.predict(net, x), expected)
    nn.fit(net, x, [[0.0], [1.0]], loss=nn.MSELoss(), optimizer=nn.SGD(net.parameters()))


@pytest.mark.parametrize(
    ("x", "error", "said"),
    [
        (
            np.array([[1, "a"], [2, "b"]], dtype=object),
            TypeError,
            r"x must hold numbers, got 'a' at index \(0, 1\) \(column 1\)",
        ),
        (np.array([["1", "2"]]), TypeError, r"x must hold numbers, got .*'1'.* dtype <U1"),
        (np.array([[1, None]], dtype=object), TypeError, r"got None at index \(0, 1\)"),
        (np.array([["2020-01-01"]], dtype="M8[D]"), TypeError, "x must hold numbers"),
        (
            np.ma.masked_array([[1.0, 2.0]], [[False, True]]),
            ValueError,
            r"1 masked values, the first at index \(0, 1\)",
        ),
        (Frame(a=[1, 3], b=["u", "v"]), TypeError, "x, column 'b' must hold numbers, got .*'u'.* at index 0"),
        ([[1.0], [1.0, 2.0]], ValueError, "rows of equal length"),
    ],
    ids=["objects", "text", "none", "dates", "masked", "frame", "ragged"],
)
def test_what_is_no_number_is_refused_with_its_column(x, error, said) -> None:
    net = nn.Linear(2, 1, rng=0)
    with pytest.raises(error, match=said):
        nn.predict(net, x)
    with pytest.raises(error, match="y" + said.removeprefix("x") if said.startswith(("x must", "x,")) else said):
        nn.fit(net, np.ones((len(x), 2)), x, loss=nn.MSELoss(), optimizer=nn.SGD(net.parameters()))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames_are_converted_column_by_column(library: str) -> None:
    pandas = pytest.importorskip(library)
    frame = pandas.DataFrame({"a": [1, 3], "b": [2.5, 1.0], "c": ["u", "v"]})
    net = nn.Linear(2, 1, rng=0)
    np.testing.assert_array_equal(nn.predict(net, frame[["a", "b"]]), nn.predict(net, [[1, 2.5], [3, 1]]))
    with pytest.raises(TypeError, match="column 'c'"):
        nn.predict(net, frame)


def test_a_loss_of_several_numbers_is_refused() -> None:
    x, y = blobs(8)
    with pytest.raises(ValueError, match=r"a loss must be one number, got shape \(8,\); use reduction="):
        nn.evaluate(classifier(), x, y, loss=nn.CrossEntropyLoss(reduction="none"))


def test_one_batch_of_ignored_labels_leaves_the_weights_finite() -> None:
    """Its gradients were NaN."""
    x, y = blobs(16)
    y[:4] = -100
    net = classifier()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(net, x, y, batch_size=4, shuffle=False)
    assert all(np.isfinite(p.data).all() for p in net.parameters())


@pytest.mark.parametrize("accumulate", [1, 3])
def test_lbfgs_is_given_the_loss_of_its_batches_as_a_function(accumulate) -> None:
    x, y = np.random.default_rng(0).standard_normal((17, 2)), np.zeros((17, 1))
    net = nn.Linear(2, 1, rng=0, dtype=float)
    optimizer = nn.optim.LBFGS(net.parameters(), line_search_fn="strong_wolfe")
    options = {"loss": nn.MSELoss(), "optimizer": optimizer, "batch_size": 17 // accumulate + 1}
    history = nn.fit(net, x, y + 3.0, accumulate=accumulate, epochs=2, **options)
    assert history["loss"][-1] < 1e-8 and net.bias.data == pytest.approx([3.0])  # a quadratic function, in two steps
    with pytest.raises(ValueError, match="leave out clip_norm"):
        nn.fit(net, x, y, clip_norm=1.0, **options)

"""Compiled layers, losses and steps of training give what they give uncompiled, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn

RNG = np.random.default_rng(0)


def floats(*shape: int) -> Any:
    return RNG.normal(size=shape).astype(np.float32)


def depends_on_place() -> bool:
    """Whether this BLAS gives a product other bits where the operands lie at another address: then so do layers."""

    def placed(a: Any, offset: int) -> Any:
        memory = np.empty(a.nbytes + 192, np.uint8)
        start = -memory.ctypes.data % 128 + offset
        there = memory[start : start + a.nbytes].view(a.dtype).reshape(a.shape)
        there[...] = a
        return there

    rng = np.random.default_rng(1)
    for n, k, m in ((4, 9, 6), (8, 27, 40), (12, 10, 3)):
        a, b = [rng.normal(size=shape).astype(np.float32) for shape in ((n, k), (k, m))]
        if len({(placed(a, i) @ placed(b, j)).tobytes() for i in range(0, 64, 4) for j in range(0, 64, 4)}) > 1:
            return True
    return False


# One unit in the last place per addition, where products themselves are not repeatable; elsewhere equal bits. With the
# BLAS of NumPy's wheels products are repeatable: of all offsets in 64 bytes, and with one thread as with two.
RTOL = 1e-5 if depends_on_place() else 0.0
LABELS = RNG.integers(0, 7, (3, 5))
SIGNS = np.sign(floats(4, 6))
LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[Any, ...]]] = {
    "linear": (lambda: nn.Linear(6, 3, rng=0), (floats(4, 6),)),
    "large linear": (lambda: nn.Linear(256, 160, rng=0), (floats(8, 256),)),
    "bilinear": (lambda: nn.Bilinear(6, 6, 3, rng=0), (floats(4, 6), floats(4, 6))),
    "prelu": (nn.PReLU, (floats(4, 6),)),
    "conv1d": (lambda: nn.Conv1d(3, 4, 3, rng=0), (floats(2, 3, 5),)),
    "conv2d": (lambda: nn.Conv2d(3, 4, 3, rng=0), (floats(2, 3, 5, 6),)),
    "conv3d": (lambda: nn.Conv3d(3, 4, 2, rng=0), (floats(2, 3, 3, 4, 5),)),
    "conv transpose": (lambda: nn.ConvTranspose2d(3, 4, 3, rng=0), (floats(2, 3, 5, 6),)),
    "max pool": (lambda: nn.Sequential(nn.Conv2d(3, 4, 3, rng=0), nn.MaxPool2d(2)), (floats(2, 3, 6, 6),)),
    "adaptive pools": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3, rng=0), nn.AdaptiveMaxPool2d(3), nn.AdaptiveAvgPool2d(2)),
        (floats(2, 3, 6, 6),),
    ),
    "batch norm": (lambda: nn.BatchNorm1d(3), (floats(4, 3, 5),)),
    "instance norm": (lambda: nn.InstanceNorm2d(3, affine=True, track_running_stats=True), (floats(4, 3, 5, 6),)),
    "layer norm": (lambda: nn.LayerNorm(6), (floats(4, 6),)),
    "rms norm": (lambda: nn.RMSNorm(6), (floats(4, 6),)),
    "group norm": (lambda: nn.GroupNorm(3, 6), (floats(2, 6, 5),)),
    "dropout": (lambda: nn.Sequential(nn.Linear(6, 3, rng=0), nn.Dropout(0.5)), (floats(4, 6),)),
    "dropout of its own": (lambda: nn.Sequential(nn.Linear(6, 3, rng=0), nn.Dropout(0.5, rng=3)), (floats(4, 6),)),
    "alpha dropout": (lambda: nn.Sequential(nn.Linear(6, 3, rng=0), nn.AlphaDropout(0.5)), (floats(4, 6),)),
    "random slopes": (lambda: nn.Sequential(nn.Linear(6, 3, rng=0), nn.RReLU()), (floats(4, 6),)),
    "norms of windows": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3, rng=0), nn.LPPool2d(2, 2), nn.LocalResponseNorm(3)),
        (floats(2, 3, 7, 7),),
    ),
    "channel dropout": (lambda: nn.Sequential(nn.Conv1d(3, 4, 3, rng=0), nn.Dropout1d(0.5)), (floats(2, 3, 5),)),
    "embedding": (lambda: nn.Embedding(7, 4, rng=0), (LABELS,)),
    "embedding bag": (lambda: nn.EmbeddingBag(7, 4, rng=0), (LABELS,)),
    "attention": (lambda: nn.MultiheadAttention(6, 2, dropout=0.2, rng=0), (floats(2, 3, 6),) * 3),
    "encoder": (lambda: nn.TransformerEncoderLayer(6, 2, 12, rng=0), (floats(2, 3, 6),)),
    "upsample": (lambda: nn.Sequential(nn.Conv2d(3, 4, 3, rng=0), nn.Upsample(scale_factor=2)), (floats(2, 3, 5, 5),)),
    "unfold": (lambda: nn.Sequential(nn.Conv2d(3, 4, 2, rng=0), nn.Unfold(2)), (floats(2, 3, 4, 4),)),
    "mlp of numbers": (lambda: nn.MLP(3, [4, 1]), (np.array([0.1, 0.2, 0.3]),)),
}
for _name in "CELU ELU GELU Hardswish LeakyReLU Mish ReLU6 SELU SiLU Sigmoid Softplus Softsign Tanhshrink".split():
    LAYERS[_name] = (lambda _n=_name: nn.Sequential(nn.Linear(6, 3, rng=0), getattr(nn, _n)()), (floats(4, 6),))
for _name in ("RNN", "GRU", "LSTM"):
    LAYERS[f"{_name} cell"] = (lambda _n=_name: getattr(nn, f"{_n}Cell")(6, 5, rng=0), (floats(2, 6),))
    LAYERS[_name] = (
        lambda _n=_name: getattr(nn, _n)(6, 5, num_layers=2, bidirectional=True, dropout=0.3, rng=0),
        (floats(3, 2, 6),),
    )
PAIR = floats(4, 6), floats(4, 6)
LOSSES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "mse": (nn.MSELoss(), PAIR),
    "l1": (nn.L1Loss(), PAIR),
    "huber": (nn.HuberLoss(), PAIR),
    "smooth l1": (nn.SmoothL1Loss(), PAIR),
    "cross entropy": (nn.CrossEntropyLoss(), (floats(4, 7), LABELS[0, :4])),
    "weighted cross entropy": (
        nn.CrossEntropyLoss(weight=np.arange(1.0, 8.0, dtype=np.float32), ignore_index=2, label_smoothing=0.1),
        (floats(4, 7), LABELS[0, :4]),
    ),
    "nll": (nn.NLLLoss(), (floats(4, 7), LABELS[0, :4])),
    "focal": (nn.FocalLoss(), (floats(4), (SIGNS[:, 0] > 0).astype(np.float32))),
    "bce of logits": (nn.BCEWithLogitsLoss(), (floats(4, 6), (SIGNS > 0).astype(np.float32))),
    "kl": (nn.KLDivLoss(reduction="batchmean"), (floats(4, 6), np.abs(floats(4, 6)))),
    "poisson": (nn.PoissonNLLLoss(), (floats(4, 6), np.abs(floats(4, 6)))),
    "gaussian": (nn.GaussianNLLLoss(), (*PAIR, np.abs(floats(4, 6)) + 0.1)),
    "hinge": (nn.HingeLoss(), (floats(4, 6), SIGNS)),
    "hinge embedding": (nn.HingeEmbeddingLoss(), (floats(4, 6), SIGNS)),
    "soft margin": (nn.SoftMarginLoss(), (floats(4, 6), SIGNS)),
    "multi margin": (nn.MultiMarginLoss(), (floats(4, 7), LABELS[0, :4])),
    "margin ranking": (nn.MarginRankingLoss(), (floats(4), floats(4), SIGNS[:, 0])),
    "cosine embedding": (nn.CosineEmbeddingLoss(), (*PAIR, SIGNS[:, 0])),
    "triplet": (nn.TripletMarginLoss(), (*PAIR, floats(4, 6))),
}


def leaves(y: Any) -> list[Any]:
    if isinstance(y, tuple | list):
        return [z for part in y for z in leaves(part)]
    return [y] if isinstance(y, ad.Variable | np.ndarray) else []


def stepper(function: Callable[..., Any]) -> Callable[..., Any]:
    """Forward and backward pass, returning every output."""

    def step(*xs: Any) -> Any:
        outputs = leaves(function(*xs))
        total: Any = 0.0
        for y in outputs:
            if isinstance(y, ad.Variable) and y.requires_grad:
                total = total + ((y * y).sum() if isinstance(y, ad.Tensor) else y * y)
        total.backward()
        return [ad.plain(y) for y in outputs]

    return step


def assert_same(got: Any, want: Any, rtol: float = 0.0) -> None:
    assert (got is None) == (want is None)
    if want is not None:
        assert np.asarray(got).dtype == np.asarray(want).dtype
        np.testing.assert_allclose(got, want, rtol=rtol)


def states_of(net: nn.Module) -> list[Any]:
    return [*[p.grad for p in net.parameters()], *[np.array(b.data) for b in net.buffers()]]


@pytest.mark.sampled
@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_in_both_modes(name: str) -> None:
    make, xs = LAYERS[name]
    nn.seed(0)
    one = make()
    nn.seed(0)
    two = make()
    plain, fast = stepper(one), ad.compile(stepper(two))
    with np.errstate(all="ignore"):
        for k in range(4):
            for net in (one, two):
                (net.train if k < 3 else net.eval)()
            given = [x + np.asarray(0.1 * k, x.dtype) if x.dtype.kind == "f" else (x + k) % 7 for x in xs]
            nn.seed(k)
            want = plain(*given)
            after = nn.default_generator().random()
            nn.seed(k)
            got = fast(*given)
            assert nn.default_generator().random() == after
            for a, b in zip([*got, *states_of(two)], [*want, *states_of(one)], strict=True):
                assert_same(a, b, 1e-13 if name == "mlp of numbers" else RTOL)  # np.tanh is not math.tanh


@pytest.mark.sampled
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss(name: str) -> None:
    loss, (first, *others) = LOSSES[name]

    def step(x: Any, *rest: Any) -> Any:
        t = ad.tensor(x)
        y = loss(t, *rest)
        y.backward()
        return y.data, t.grad

    fast = ad.compile(step)
    for k in range(2):
        for a, b in zip(fast(first + np.float32(k), *others), step(first + np.float32(k), *others), strict=True):
            assert_same(a, b)


OPTIMIZERS = [name for name in dir(nn.optim) if isinstance(getattr(nn.optim, name), type)]
OPTIMIZERS = [name for name in OPTIMIZERS if issubclass(getattr(nn.optim, name), nn.optim.Optimizer)]


def small_net() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 8, rng=0), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 7, rng=1))


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "Optimizer"])
def test_a_compiled_step_with_every_optimizer(name: str) -> None:
    found = []
    for compiled in (False, True):
        nn.seed(0)
        net = small_net()
        optimizer = getattr(nn.optim, name)(net.parameters(), lr=0.05)
        step = nn.training_step(net, nn.CrossEntropyLoss(), optimizer, compiled=compiled)
        losses = []
        for k in range(4):
            optimizer.param_groups[0]["lr"] = 0.05 / (k + 1)
            losses.append(step(floats_of(k), LABELS[0, :4]))
        found.append((losses, [p.data for p in net.parameters()], [b.data for b in net.buffers()]))
    assert found[0][0] == found[1][0]
    for a, b in zip([*found[1][1], *found[1][2]], [*found[0][1], *found[0][2]], strict=True):
        assert_same(a, b)


def floats_of(k: int) -> Any:
    return np.random.default_rng(k).normal(size=(4, 6)).astype(np.float32)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"accumulate": 2, "clip_norm": 1.0},
        {"class_weight": "balanced", "metrics": ["accuracy"]},
        {"validation_split": 0.2, "early_stopping": 2},
    ],
    ids=["plain", "accumulated", "weighted", "validated"],
)
def test_fit_compiled_trains_as_fit_does(options: dict[str, Any]) -> None:
    x = np.random.default_rng(1).normal(size=(30, 6))
    y = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)
    found = []
    for compiled in (False, True):
        nn.seed(0)
        net = small_net()
        optimizer = nn.Adam(net.parameters(), lr=0.01)
        loss = nn.CrossEntropyLoss()
        run = nn.fit(
            net, x, y, loss=loss, optimizer=optimizer, epochs=3, batch_size=7, rng=0, compiled=compiled, **options
        )
        found.append((dict(run.items()) if hasattr(run, "items") else run["loss"], net.state_dict()))
    assert found[0][0] == found[1][0]
    for name, value in found[0][1].items():
        assert_same(found[1][1][name], value)


@pytest.mark.parametrize("change", [lambda net: net.__setitem__(1, nn.ReLU()), lambda net: net.append(nn.Tanh())])
def test_a_compiled_run_follows_a_layer_that_is_replaced_or_added(change: Any) -> None:
    x = np.random.default_rng(1).normal(size=(12, 3))
    found = []
    for compiled in (False, True):
        net = nn.Sequential(nn.Linear(3, 3, rng=0), nn.Tanh(), nn.Linear(3, 3, rng=1))
        nn.fit(
            net,
            x,
            np.arange(12) % 3,
            loss=nn.CrossEntropyLoss(),
            optimizer=nn.SGD(net.parameters(), lr=0.1),
            epochs=2,
            rng=0,
            compiled=compiled,
            callbacks=[lambda epoch, logs, net=net: change(net)],
        )
        found.append(net[0].weight.data)
    assert_same(found[1], found[0])


def test_a_loss_that_is_not_finite_ends_a_compiled_run_with_the_parameters_before_it() -> None:
    net = nn.Linear(1, 1, rng=0)
    x = np.array([[1.0], [2.0], [np.nan]])
    with pytest.raises(FloatingPointError, match="the data are not finite"):
        nn.fit(
            net,
            x,
            x,
            loss=nn.MSELoss(),
            optimizer=nn.SGD(net.parameters(), lr=0.1),
            batch_size=1,
            shuffle=False,
            compiled=True,
        )
    assert np.isfinite(net.weight.data).all()


def test_a_compiled_step_shows_its_source_and_has_a_program_for_each_mode() -> None:
    net = small_net()
    step = nn.training_step(net, nn.CrossEntropyLoss(), nn.SGD(net.parameters()), compiled=True)
    for _ in range(2):  # the first makes the state of the optimizer
        step(floats_of(0), LABELS[0, :4])
    net.eval()
    step(floats_of(0), LABELS[0, :4])
    assert len(step.whole.programs) == 2
    assert "matmul" in step.whole.source
    with pytest.raises(TypeError, match=r"step\(x, y\)"):
        step(floats_of(0))


CONFIGURATIONS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"momentum": 0.9, "dampening": 0.1, "maximize": True}),
    ("Adam", {"amsgrad": True, "weight_decay": 0.1}),
    ("RMSprop", {"momentum": 0.9, "centered": True}),
    ("RAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("NAdam", {"weight_decay": 0.1}),
    ("Rprop", {}),
    ("ASGD", {"t0": 2.0, "lambd": 0.1}),
    ("Adagrad", {"lr_decay": 0.1, "initial_accumulator_value": 0.3}),
    ("LAMB", {}),
]


def bits(x: Any) -> tuple[Any, ...]:
    x = np.asarray(x)
    return x.dtype, x.shape, x.tobytes()


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
@pytest.mark.parametrize(("name", "options"), CONFIGURATIONS, ids=lambda x: x if isinstance(x, str) else "-".join(x))
def test_a_compiled_update_leaves_the_bits_of_the_update_as_it_is_written(
    name: str, options: dict[str, Any], dtype: Any
) -> None:
    found = []
    for compiled in (False, True):
        net = nn.Sequential(nn.Linear(6, 8, rng=0), nn.Tanh(), nn.Linear(8, 7, rng=1)).astype(dtype)
        first, *others = net.parameters()
        groups = [{"params": [first], "lr": 0.03}, {"params": others}]
        optimizer = getattr(nn.optim, name)(groups, **{"lr": 0.05, **options})
        step = nn.training_step(net, nn.CrossEntropyLoss(), optimizer, clip_norm=1e-3, compiled=compiled)
        losses = []
        for k in range(7):  # RAdam changes its formula at the sixth
            optimizer.param_groups[1]["lr"] = 0.05 / (k + 1)
            losses.append(step(floats_of(k).astype(dtype), LABELS[0, :4]))
        saved = optimizer.state_dict(exact=True)["state"]
        state = [bits(value) for entry in saved.values() for _, value in sorted(entry.items())]
        found.append((losses, [bits(a) for p in net.parameters() for a in (p.data, p.grad)], state, optimizer.steps))
    assert found[0] == found[1]
    assert len(step.whole.programs) == (2 if name == "RAdam" else 1)


def test_a_compiled_update_follows_a_state_that_is_loaded_and_a_parameter_that_is_frozen() -> None:
    found = []
    for compiled in (False, True):
        net = nn.Sequential(nn.Linear(6, 8, rng=0), nn.Tanh(), nn.Linear(8, 7, rng=1))
        optimizer = nn.Adam(net.parameters(), lr=0.05)
        step = nn.training_step(net, nn.CrossEntropyLoss(), optimizer, compiled=compiled)
        losses = [step(floats_of(k), LABELS[0, :4]) for k in range(3)]
        saved = optimizer.state_dict(exact=True)
        losses += [step(floats_of(k), LABELS[0, :4]) for k in range(2)]
        optimizer.load_state_dict(saved)
        losses += [step(floats_of(k), LABELS[0, :4]) for k in range(2)]
        net[0].weight.requires_grad = False
        losses += [step(floats_of(k), LABELS[0, :4]) for k in range(3)]
        found.append((losses, [bits(p.data) for p in net.parameters()]))
    assert found[0] == found[1]


def test_a_compiled_update_of_rows_and_of_scalars() -> None:
    for make in (lambda: nn.Sequential(nn.Linear(6, 50000, rng=0), nn.Linear(50000, 7, rng=1)), lambda: nn.MLP(6, [7])):
        found = []
        for compiled in (False, True):
            nn.seed(0)
            net = make()
            optimizer = nn.Adam(net.parameters(), lr=1e-3)

            def loss(y: Any, t: Any) -> Any:
                return ((ad.stack(y) if isinstance(y, list) else y) ** 2).sum()

            step = nn.training_step(net, loss, optimizer, compiled=compiled)
            x = floats_of(0) if isinstance(net, nn.Sequential) else floats_of(0)[0].astype(float)
            found.append(([step(x, 0.0) for _ in range(3)], [bits(p.data) for p in net.parameters()]))
        assert found[0] == found[1]


def test_the_source_of_a_compiled_step_shows_the_update_with_the_names_of_parameters_and_moments() -> None:
    net = nn.Sequential(nn.Linear(6, 700), nn.LayerNorm(700), nn.ReLU(), nn.Linear(700, 7))
    step = nn.training_step(net, nn.CrossEntropyLoss(), nn.Adam(net.parameters()), compiled=True)
    for _ in range(2):
        step(floats_of(0), LABELS[0, :4])
    for call in ("(sqrt, _0_weight_exp_avg_sq, sqrt", "(sqrt, exp_avg_sq, sqrt"):  # small parameters share their calls
        assert step.whole.source.count(call) == 1


def test_an_optimizer_of_the_users_own_inside_a_compiled_function() -> None:
    class SignDescent(nn.optim.Optimizer):
        def _direction(self, g: Any, state: Any, slot: Any, group: Any) -> Any:
            return group["lr"] * np.sign(g) / slot.step

    def trained(compiled: bool) -> Any:
        net = nn.Linear(6, 3, rng=0)
        optimizer = SignDescent(net.parameters(), {"lr": 0.5, "weight_decay": 0.0})

        def step(x: Any) -> None:
            optimizer.zero_grad()
            net(x).sum().backward()
            optimizer.step()

        run = ad.compile(step) if compiled else step
        for k in range(4):
            run(floats_of(k))
        return net.weight.data, len(run.programs) if compiled else 1

    want, _ = trained(False)
    got, programs = trained(True)
    np.testing.assert_array_equal(got, want)
    assert programs == 1  # that there are no gradients at the first call does not matter


def test_the_64th_compiled_step_flushes_what_is_about_to_become_subnormal() -> None:
    found = []
    for compiled in (False, True):
        net = nn.Linear(2, 1, rng=0)
        optimizer = nn.Adam(net.parameters(), lr=1e-3, betas=(0.25, 0.999))
        step = nn.training_step(net, nn.MSELoss(), optimizer, compiled=compiled)
        for k in range(70):
            step(np.array([[float(k < 2), 1.0]], np.float32), np.zeros((1, 1), np.float32))
        found.append([bits(a) for e in optimizer.state_dict(exact=True)["state"].values() for a in e.values()])
    assert found[0] == found[1]


def test_lbfgs_inside_a_compiled_function_is_refused_by_name() -> None:
    net = nn.Linear(6, 3, rng=0)
    optimizer = nn.LBFGS(net.parameters())
    before = net.weight.data.copy()
    with pytest.raises(ad.TraceError, match="LBFGS decides"):
        ad.compile(lambda x: optimizer.step(lambda: net(x).sum()))(floats(4, 6))
    np.testing.assert_array_equal(net.weight.data, before)


def test_what_a_compiled_function_cannot_do_with_an_optimizer_is_refused() -> None:
    net = nn.Linear(6, 3, rng=0)
    optimizer = nn.SGD(net.parameters(), lr=0.1)
    scheduler = nn.optim.lr_scheduler.StepLR(optimizer, 2)

    def update() -> None:
        optimizer.zero_grad()
        net(floats_of(0)).sum().backward()
        optimizer.step()

    def scheduled() -> None:
        update()
        scheduler.step()

    def twice() -> None:
        update()
        update()

    def faster() -> None:
        update()
        optimizer.param_groups[0]["lr"] *= 2

    for function, message in ((scheduled, "scheduler changes"), (twice, "called twice"), (faster, "changes 'lr'")):
        optimizer.param_groups[0]["lr"] = 0.1
        with pytest.raises(ad.TraceError, match=message):
            ad.compile(function)()


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_a_compiled_recurrent_layer_is_one_instruction_each_way_and_keeps_every_bit(kind: Any) -> None:
    net = kind(3, 4, bidirectional=True, rng=0)
    parameters = list(net.parameters())

    def step(x: Any) -> Any:
        net.zero_grad()
        t = ad.tensor(x)
        y, _ = net(t)
        (y * y).sum().backward()
        return [y.data, t.grad, *[p.grad for p in parameters]]

    fast = ad.compile(step)
    for k in range(2):
        x = np.random.default_rng(k).normal(size=(9, 2, 3)).astype(np.float32)
        assert [bits(a) for a in fast(x)] == [bits(a) for a in step(x)]
    assert len(fast.programs[0].instructions) < 100


@pytest.mark.parametrize("set_to_none", [True, False])
def test_zero_grad_inside_a_compiled_function_clears_at_every_call(set_to_none: bool) -> None:
    net, other = nn.Linear(2, 1, rng=0), nn.Parameter([1.0])
    optimizer = nn.SGD([*net.parameters(), other], lr=0.1)

    def gradients(x: Any) -> Any:
        optimizer.zero_grad(set_to_none)
        loss = net(x).sum()
        loss.backward()
        return loss.data

    def left(f: Any) -> list[Any]:
        for p in (*net.parameters(), other):
            p.grad = np.full(p.shape, 7.0, p.dtype)
        f(np.ones((3, 2), np.float32))
        return [p.grad if p.grad is None else p.grad.copy() for p in (*net.parameters(), other)]

    wanted, fast = left(gradients), ad.compile(gradients)
    for _ in range(3):
        for found, grad in zip(left(fast), wanted, strict=True):
            np.testing.assert_array_equal(found, grad)

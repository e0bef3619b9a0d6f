"""Optimizers and learning-rate schedules equal PyTorch's, step by step, over generated configurations."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff as ad
import nn
from nn.optim import lr_scheduler as ours
from nn.optim import slots

torch = pytest.importorskip("torch")
theirs = torch.optim.lr_scheduler

CLOSE = dict(rtol=1e-9, atol=1e-11)  # float64, 20 steps of the same formula in another order of operations
share = st.sampled_from([0.0, 0.5, 0.9, 0.99])
betas = st.tuples(share, share)
decay = st.sampled_from([0.0, 0.1])
eps = st.sampled_from([1e-8, 1e-3])
flags = st.booleans()
SPACES: dict[str, dict[str, Any]] = {
    "SGD": {"momentum": share, "weight_decay": decay},
    "Adam": {"betas": betas, "eps": eps, "weight_decay": decay, "amsgrad": flags},
    "AdamW": {"betas": betas, "eps": eps, "weight_decay": decay, "amsgrad": flags},
    # centered with alpha = 0 is the root of a rounded zero, on both sides
    "RMSprop": {
        "alpha": st.sampled_from([0.5, 0.9, 0.99]),
        "eps": eps,
        "weight_decay": decay,
        "momentum": share,
        "centered": flags,
    },
    "Adagrad": {"lr_decay": decay, "weight_decay": decay, "initial_accumulator_value": decay, "eps": eps},
    "Adadelta": {"rho": share, "eps": eps, "weight_decay": decay},
    "Adamax": {"betas": betas, "eps": eps, "weight_decay": decay},
    "NAdam": {"betas": betas, "eps": eps, "weight_decay": decay, "decoupled_weight_decay": flags},
    "RAdam": {"betas": betas, "eps": eps, "weight_decay": decay, "decoupled_weight_decay": flags},
    "Rprop": {
        "etas": st.sampled_from([(0.5, 1.2), (0.1, 2.0)]),
        "step_sizes": st.sampled_from([(1e-6, 50), (0.01, 0.2)]),
    },
    "ASGD": {
        "lambd": st.sampled_from([1e-4, 0.1]),
        "alpha": st.sampled_from([0.75, 1.0]),
        "t0": st.sampled_from([0.0, 3.0, 1e6]),
        "weight_decay": decay,
    },
}
SHAPES = [(3, 4), (), (9, 5)]


@pytest.fixture
def counts_in_float64() -> Iterator[None]:
    """PyTorch keeps NAdam's product of momenta and ASGD's step size in its default dtype, float32."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.mark.usefixtures("counts_in_float64")
@pytest.mark.parametrize("name", SPACES)
@settings(max_examples=10)
@given(data=st.data(), seed=st.integers(0, 2**32 - 1), block=st.sampled_from([slots.BLOCK, 20]))
def test_twenty_steps_equal_pytorchs_with_a_save_between(name: str, data: Any, seed: int, block: int) -> None:
    options = {"lr": data.draw(st.sampled_from([0.1, 0.01])), "maximize": data.draw(flags)}
    options |= {key: data.draw(space) for key, space in SPACES[name].items()}
    rng = np.random.default_rng(seed)
    start = [rng.standard_normal(shape) for shape in SHAPES]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slots, "BLOCK", block)
        mine = [nn.Parameter(a, dtype=None) for a in start] + [ad.scalar(0.5), ad.scalar(-0.5)]
        other = [torch.tensor(a, requires_grad=True) for a in [*start, np.array(0.5), np.array(-0.5)]]
        opt, reference = getattr(nn.optim, name)(mine, **options), getattr(torch.optim, name)(other, **options)
        for t in range(20):
            if t == 7:  # a new optimizer that takes over the state
                saved = opt.state_dict()
                opt = getattr(nn.optim, name)(mine, lr=5.0)
                opt.load_state_dict(saved)
            for p, q in zip(mine, other, strict=True):
                g = rng.standard_normal(tuple(q.shape))
                p.grad, q.grad = float(g) if isinstance(p, ad.Scalar) else g, torch.tensor(g, dtype=torch.float64)
            opt.step()
            reference.step()
    for p, q in zip(mine, other, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), **CLOSE)


@pytest.mark.usefixtures("counts_in_float64")
@pytest.mark.parametrize("name", [n for n in SPACES if n not in ("SGD", "Adam", "AdamW")])
def test_states_of_pytorch_are_taken_over(name: str) -> None:
    p, q = nn.Parameter([1.0, -2.0], dtype=float), torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    opt, reference = getattr(nn.optim, name)([p]), getattr(torch.optim, name)([q], lr=0.1)
    for t, g in enumerate([1.0, -3.0, 0.25, 0.5, -0.1, 0.3, 0.7]):
        q.grad = torch.tensor([g, g * g], dtype=torch.float64)
        reference.step()
        if t == 1:
            state = reference.state_dict()
            state["state"] = {i: {k: v.numpy() for k, v in s.items()} for i, s in state["state"].items()}
            opt.load_state_dict(state)
            p.data = q.detach().numpy()
        elif t > 1:
            p.grad = np.array([g, g * g])
            opt.step()
    np.testing.assert_allclose(p.data, q.detach().numpy(), **CLOSE)


def test_lion_is_the_papers_formula() -> None:
    rng = np.random.default_rng(0)
    w = nn.Parameter([1.0, -2.0, 0.5], dtype=float)
    p, m, lr, beta1, beta2, wd = w.data.copy(), np.zeros(3), 0.01, 0.9, 0.99, 0.1
    opt = nn.optim.Lion([w], lr=lr, weight_decay=wd)
    for _ in range(20):
        g = rng.standard_normal(3)
        c = beta1 * m + (1 - beta1) * g
        p = p - lr * (np.sign(c) + wd * p)
        m = beta2 * m + (1 - beta2) * g
        w.grad = g
        opt.step()
    np.testing.assert_allclose(w.data, p, **CLOSE)


SCHEDULES = [
    ("StepLR", {"step_size": 3, "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [2, 5, 5, 9], "gamma": 0.5}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("ConstantLR", {"factor": 0.5, "total_iters": 4}),
    ("LinearLR", {"start_factor": 0.25, "end_factor": 0.75, "total_iters": 6}),
    ("CosineAnnealingLR", {"T_max": 7, "eta_min": 0.01}),
    ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 2, "eta_min": 0.01}),
    ("CosineAnnealingWarmRestarts", {"T_0": 4}),
    ("LambdaLR", {"lr_lambda": lambda step: 0.9**step}),
    ("MultiplicativeLR", {"lr_lambda": lambda step: 1 - 0.5 / (step + 1)}),
    ("PolynomialLR", {"total_iters": 15, "power": 1.5}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": [0.5, 1.0], "step_size_up": 3, "step_size_down": 4}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.5, "step_size_up": 4, "mode": "triangular2"}),
    ("CyclicLR", {"base_lr": [0.1, 0.2], "max_lr": 0.5, "step_size_up": 4, "mode": "exp_range", "gamma": 0.9}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.5, "step_size_up": 2, "scale_fn": lambda cycle: 1 / cycle}),
]


def pair() -> tuple[Any, Any]:
    a, b = nn.Parameter([1.0]), nn.Parameter([1.0])
    p, q = (torch.tensor([1.0], requires_grad=True) for _ in range(2))
    groups = [{"lr": 0.5}, {"lr": 0.2}]
    mine = nn.SGD([{"params": [x], **g} for x, g in zip((a, b), groups, strict=True)])
    for x in (p, q):
        x.grad = torch.zeros(1)
    return mine, torch.optim.SGD([{"params": [x], **g} for x, g in zip((p, q), groups, strict=True)])


def rates(optimizer: Any) -> list[float]:
    return [group["lr"] for group in optimizer.param_groups]


@pytest.mark.parametrize(("name", "options"), SCHEDULES, ids=[name for name, _ in SCHEDULES])
def test_schedules_equal_pytorchs_and_resume(name: str, options: dict, tmp_path: Any) -> None:
    opt, reference = pair()
    mine, other = getattr(ours, name)(opt, **options), getattr(theirs, name)(reference, **options)
    for t in range(20):
        np.testing.assert_allclose(rates(opt), rates(reference), rtol=1e-12)
        reference.step()
        other.step()
        mine.step()
        if t == 8:
            nn.save({"opt": opt, "schedule": mine}, tmp_path / "run")
            saved = nn.load(tmp_path / "run")
            opt, _ = pair()
            mine = getattr(ours, name)(opt, **options)
            opt.load_state_dict(saved["opt"])
            mine.load_state_dict(saved["schedule"])


CHAIN = {
    "ConstantLR": {"factor": 0.1, "total_iters": 6},
    "ExponentialLR": {"gamma": 0.9},
    "MultiStepLR": {"milestones": [3, 9], "gamma": 0.5},
    "LinearLR": {"start_factor": 0.25, "total_iters": 8},
    "PolynomialLR": {"total_iters": 12},
    "CosineAnnealingLR": {"T_max": 5, "eta_min": 0.03},
    "CosineAnnealingWarmRestarts": {"T_0": 4},
}


@settings(max_examples=10)
@given(names=st.lists(st.sampled_from(list(CHAIN)), min_size=2, max_size=3, unique=True), chained=flags)
def test_schedules_that_are_all_stepped_multiply_as_pytorchs_do(names: list[str], chained: bool) -> None:
    opt, reference = pair()

    def made(module: Any, optimizer: Any) -> list[Any]:
        schedules = [getattr(module, name)(optimizer, **CHAIN[name]) for name in names]
        return [module.ChainedScheduler(schedules, optimizer)] if chained else schedules

    mine, other = made(ours, opt), made(theirs, reference)
    for t in range(16):
        np.testing.assert_allclose(rates(opt), rates(reference), rtol=1e-11, atol=1e-15)
        reference.step()
        for schedule in (*mine, *other):
            schedule.step()
        assert mine[-1].get_last_lr() == rates(opt)
        if t == 6:
            states, held = [schedule.state_dict() for schedule in mine], opt.state_dict()
            mine = made(ours, opt)
            for schedule, state in zip(mine, states, strict=True):
                schedule.load_state_dict(state)
            opt.load_state_dict(held)


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_cyclic_momentum_equals_pytorchs(name: str) -> None:
    p, q = nn.Parameter([1.0]), torch.tensor([1.0], requires_grad=True)
    q.grad = torch.zeros(1)
    options = {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 3, "step_size_down": 2, "base_momentum": 0.7}
    opt, reference = getattr(nn.optim, name)([p], lr=1.0), getattr(torch.optim, name)([q], lr=1.0)
    mine, other = ours.CyclicLR(opt, **options), theirs.CyclicLR(reference, **options)
    for _ in range(12):
        key = "betas" if name == "Adam" else "momentum"
        np.testing.assert_allclose(opt.param_groups[0][key], reference.param_groups[0][key], rtol=1e-12)
        reference.step()
        other.step()
        mine.step()


def test_a_rate_that_the_user_changes_stays_changed() -> None:
    opt, reference = pair()
    mine, other = ours.StepLR(opt, 4, gamma=0.5), theirs.StepLR(reference, 4, gamma=0.5)
    for t in range(10):
        if t == 2:
            opt.param_groups[0]["lr"] = reference.param_groups[0]["lr"] = 3.0
        reference.step()
        other.step()
        mine.step()
        np.testing.assert_allclose(rates(opt), rates(reference), rtol=1e-12)


def test_a_sequence_of_schedules_equals_pytorchs() -> None:
    opt, reference = pair()

    def sequence(module: Any, optimizer: Any) -> Any:
        parts = [
            module.MultiplicativeLR(optimizer, lambda step: 0.75),
            module.LinearLR(optimizer, start_factor=0.25, total_iters=4),
            module.ExponentialLR(optimizer, gamma=0.9),
            module.CosineAnnealingLR(optimizer, T_max=5),
            module.MultiplicativeLR(optimizer, lambda step: 0.5),
            module.CosineAnnealingWarmRestarts(optimizer, T_0=3),
        ]
        return module.SequentialLR(optimizer, parts, milestones=[2, 5, 9, 12, 15])

    mine, other = sequence(ours, opt), sequence(theirs, reference)
    for t in range(18):
        np.testing.assert_allclose(rates(opt), rates(reference), rtol=1e-12)
        reference.step()
        other.step()
        mine.step()
        if t == 5:
            saved = mine.state_dict()
            mine = sequence(ours, opt)
            mine.load_state_dict(saved)


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32 - 1),
    mode=st.sampled_from(["min", "max"]),
    threshold_mode=st.sampled_from(["rel", "abs"]),
    patience=st.integers(0, 3),
    cooldown=st.integers(0, 2),
)
def test_reduction_on_a_plateau_equals_pytorchs(seed, mode, threshold_mode, patience, cooldown) -> None:
    opt, reference = pair()
    options = {"mode": mode, "factor": 0.5, "patience": patience, "cooldown": cooldown, "threshold": 0.05}
    options |= {"threshold_mode": threshold_mode, "min_lr": [0.01, 0.02]}
    mine, other = ours.ReduceLROnPlateau(opt, **options), theirs.ReduceLROnPlateau(reference, **options)
    for number in np.random.default_rng(seed).random(40):
        mine.step(number)
        other.step(number)
        np.testing.assert_allclose(rates(opt), rates(reference), rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda o: ours.StepLR(o, 0), ValueError, "step_size must be an integer >= 1, got 0"),
        (lambda o: ours.ExponentialLR(o, "a"), TypeError, "gamma must be a number"),
        (lambda o: ours.LambdaLR(o, [abs]), ValueError, "1 functions for 2 groups"),
        (lambda o: ours.ReduceLROnPlateau(o, mode="up"), ValueError, "mode must be 'min' or 'max'"),
        (lambda o: ours.SequentialLR(o, [ours.ConstantLR(o)], [1]), ValueError, "need 0 milestones"),
        (lambda o: ours.ChainedScheduler([ours.ReduceLROnPlateau(o)]), TypeError, "step\\(\\) has no argument"),
        (lambda o: ours.ChainedScheduler([]), ValueError, "ChainedScheduler got no schedulers"),
        (lambda o: ours.CyclicLR(o, 0.1, [0.5]), ValueError, "1 numbers in max_lr for 2 groups"),
        (lambda o: ours.CyclicLR(o, 0.1, 0.5, mode="up"), ValueError, "mode must be 'triangular', 'triangular2' or"),
        (lambda o: ours.StepLR("adam", 1), TypeError, "StepLR needs an optimizer, got a str"),
        (
            lambda o: ours.StepLR(o, 1).load_state_dict({"best": 1}),
            ValueError,
            "state of another scheduler: it has best",
        ),
    ],
)
def test_mistakes_with_schedules_are_named(call: Any, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        call(pair()[0])


def test_the_state_of_other_groups_or_other_schedules_changes_nothing() -> None:
    """Rates and counts were those of the other schedule afterwards, and a plateau took the state without a word."""

    def of(groups: int, last: str, steps: int) -> tuple[Any, list[Any]]:
        opt = nn.optim.SGD([{"params": [nn.Parameter([1.0])]} for _ in range(groups)], lr=1.0)
        ends = [ours.ConstantLR(opt, 0.5, 2), getattr(ours, last)(opt, 2)]
        schedules = [ours.StepLR(opt, 2), ours.SequentialLR(opt, ends, [2]), ours.ReduceLROnPlateau(opt)]
        for _ in range(steps):
            schedules[1].step()
        return opt, schedules

    opt, schedules = of(1, "ExponentialLR", 0)
    wrong = [*of(2, "ExponentialLR", 3)[1], of(1, "StepLR", 3)[1][1]]
    before = rates(opt), [repr(s.state_dict()) for s in schedules]
    for mine, other in zip([*schedules, schedules[1]], wrong, strict=True):
        with pytest.raises(ValueError, match=r"with 2 groups; this one has 1|another scheduler"):
            mine.load_state_dict(other.state_dict())
        assert (rates(opt), [repr(s.state_dict()) for s in schedules]) == before


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
@pytest.mark.parametrize("three_phase", [False, True])
@pytest.mark.parametrize("anneal_strategy", ["cos", "linear"])
def test_one_cycle_equals_pytorchs_with_its_momentum(name: str, three_phase: bool, anneal_strategy: str) -> None:
    p, q = nn.Parameter([1.0]), torch.tensor([1.0], requires_grad=True)
    q.grad = torch.zeros(1)
    momentum = {} if name == "Adam" else {"momentum": 0.9}
    opt, reference = getattr(nn.optim, name)([p], **momentum), getattr(torch.optim, name)([q], **momentum)
    options = {"max_lr": 0.5, "epochs": 4, "steps_per_epoch": 5, "pct_start": 0.4}
    options |= {"three_phase": three_phase, "anneal_strategy": anneal_strategy}
    mine, other = ours.OneCycleLR(opt, **options), theirs.OneCycleLR(reference, **options)
    for t in range(20):
        a, b = opt.param_groups[0], reference.param_groups[0]
        np.testing.assert_allclose(a["lr"], b["lr"], rtol=1e-12)
        key = "betas" if name == "Adam" else "momentum"
        np.testing.assert_allclose(a[key], b[key], rtol=1e-12)
        if t < 19:
            reference.step()
            other.step()
            mine.step()
        if t == 9:
            saved = mine.state_dict()
            mine = ours.OneCycleLR(opt, **options)
            mine.load_state_dict(saved)
    mine.step()
    with pytest.raises(ValueError, match="step 21 of a cycle of 20 steps"):
        mine.step()


@pytest.mark.parametrize("block", [slots.BLOCK, 5])
def test_lamb_is_the_papers_formula_for_every_parameter(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "BLOCK", block)  # (3, 4) must not be cut into rows
    rng = np.random.default_rng(0)
    start = [rng.standard_normal((3, 4)), rng.standard_normal(2), np.array(0.5), np.array(-2.0)]
    ps = [nn.Parameter(a, dtype=None) for a in start[:2]] + [ad.scalar(float(a)) for a in start[2:]]
    lr, beta1, beta2, eps, wd = 0.01, 0.9, 0.99, 1e-6, 0.1
    opt = nn.optim.LAMB(ps, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=wd)
    by_hand, ms, vs = [a.copy() for a in start], [np.zeros_like(a) for a in start], [np.zeros_like(a) for a in start]
    for t in range(1, 11):
        for i, p in enumerate(ps):
            g = rng.standard_normal(start[i].shape)
            p.grad = float(g) if isinstance(p, ad.Scalar) else g
            ms[i] = beta1 * ms[i] + (1 - beta1) * g
            vs[i] = beta2 * vs[i] + (1 - beta2) * g * g
            r = ms[i] / (1 - beta1**t) / (np.sqrt(vs[i] / (1 - beta2**t)) + eps) + wd * by_hand[i]
            by_hand[i] = by_hand[i] - lr * np.sqrt((by_hand[i] ** 2).sum() / (r**2).sum()) * r
        opt.step()
    for p, expected in zip(ps, by_hand, strict=True):
        np.testing.assert_allclose(p.data, expected, **CLOSE)


@pytest.mark.parametrize("decay", [None, 0.9])
@pytest.mark.parametrize("buffers", [False, True])
def test_averaged_models(decay: float | None, buffers: bool) -> None:
    swa = torch.optim.swa_utils
    ours = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).astype(float)
    theirs = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3)).double()
    mine = nn.optim.AveragedModel(ours, decay and nn.optim.get_ema_avg_fn(decay), use_buffers=buffers)
    other = swa.AveragedModel(theirs, avg_fn=decay and swa.get_ema_avg_fn(decay), use_buffers=buffers)
    rng = np.random.default_rng(0)
    for _ in range(4):
        for p in ours.parameters():
            p.data = rng.standard_normal(p.shape)
        ours(rng.standard_normal((4, 2)))
        theirs.load_state_dict({name: torch.tensor(a) for name, a in ours.state_dict().items()})
        mine.update_parameters(ours)
        other.update_parameters(theirs)
    expected = other.state_dict()
    assert set(expected) == set(mine.state_dict())
    for name, a in mine.state_dict().items():
        if not name.endswith("num_batches_tracked"):  # a count: PyTorch averages it too, and cuts off
            np.testing.assert_allclose(a, expected[name].numpy(), rtol=1e-12, err_msg=name)


@pytest.mark.usefixtures("counts_in_float64")
def test_a_group_added_between_steps_trains_like_pytorchs() -> None:
    mine = [nn.Parameter([1.0, -2.0], dtype=float), nn.Parameter([0.5], dtype=float)]
    other = [torch.tensor(p.data.copy(), requires_grad=True) for p in mine]
    opt, reference = nn.optim.NAdam(mine[:1], lr=0.1), torch.optim.NAdam(other[:1], lr=0.1)
    for t in range(6):
        if t == 3:
            opt.add_param_group({"params": mine[1:], "lr": 0.5, "betas": (0.5, 0.9)})
            reference.add_param_group({"params": other[1:], "lr": 0.5, "betas": (0.5, 0.9)})
        for p, q in zip(mine, other, strict=True):
            p.grad, q.grad = np.sin(p.data + t), torch.sin(q.detach() + t)
        opt.step()
        reference.step()
    for p, q in zip(mine, other, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), **CLOSE)


def valley(x: Any, s: Any) -> Any:
    """Convex and curved: the iterations of both sides stay together, where Rosenbrock's valley multiplies roundings."""
    return ((x[1:] - 0.5 * x[:-1]) ** 2).sum() + ((x - 1) ** 4).sum() + (s - 2) ** 2 * (1 + s**2 / 8) + x[0] * s


@settings(max_examples=25)
@given(
    lr=st.sampled_from([1.0, 0.5, 1e-3, 30.0]),
    max_iter=st.sampled_from([1, 2, 5]),
    max_eval=st.sampled_from([None, 1, 3]),
    history_size=st.sampled_from([1, 2, 100]),
    line_search_fn=st.sampled_from([None, "strong_wolfe"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_lbfgs_goes_pytorchs_way_with_a_save_between(seed: int, **options: Any) -> None:
    if options["line_search_fn"] is None:
        options["lr"] = min(options["lr"], 0.5)  # longer steps diverge, on both sides
    start = np.random.default_rng(seed).standard_normal(5)
    x, s = ad.tensor(start), ad.scalar(0.5)
    y, r = torch.tensor(start, requires_grad=True), torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    opt, reference = nn.optim.LBFGS([x, s], **options), torch.optim.LBFGS([y, r], **options)
    calls = [0, 0]

    def closure(ours: bool) -> Any:
        calls[ours] += 1
        (opt if ours else reference).zero_grad()
        loss = valley(x, s) if ours else valley(y, r)
        loss.backward()
        return loss

    for t in range(4):
        if t == 2:
            saved = reference.state_dict()
            opt = nn.optim.LBFGS([x, s])
            opt.load_state_dict(saved)
        value, expected = opt.step(lambda: closure(True)), reference.step(lambda: closure(False))
        np.testing.assert_allclose(value.item(), expected.item(), rtol=1e-9)
        np.testing.assert_allclose(np.append(x.data, s.data), [*y.tolist(), r.item()], rtol=1e-6, atol=1e-8)
        assert calls[0] == calls[1]
    for name, kept in reference.state_dict()["state"].get(0, {}).items():
        if name in ("n_iter", "func_evals"):
            assert opt.state_dict()["state"][0][name] == kept

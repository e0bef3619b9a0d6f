"""Optimizers: each step equals the published formula and PyTorch's numbers, for tensors large and small and for
Scalars."""

import copy
import math
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autodiff as ad
import nn
from nn.optim import slots

CASES = [
    (nn.SGD, "SGD", {"lr": 0.1}),
    (nn.SGD, "SGD", {"lr": 0.1, "weight_decay": 0.3}),
    (nn.SGD, "SGD", {"lr": 0.1, "momentum": 0.9}),
    (nn.SGD, "SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1}),
    (nn.SGD, "SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    (nn.Adam, "Adam", {"lr": 0.1}),
    (nn.Adam, "Adam", {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.2}),
    (nn.Adam, "Adam", {"lr": 0.1, "betas": (0.0, 0.9)}),
    (nn.Adam, "Adam", {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1}),
    (nn.AdamW, "AdamW", {"lr": 0.1, "amsgrad": True, "maximize": True}),
    (nn.SGD, "SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1, "maximize": True}),
    (nn.AdamW, "AdamW", {"lr": 0.1}),
    (nn.AdamW, "AdamW", {"lr": 0.1, "weight_decay": 0.4}),
]
IDS = [f"{name}-{'-'.join(f'{k}={v}' for k, v in options.items())}" for _, name, options in CASES]
# float64; both sides do the same formula in another order of operations
CLOSE = dict(rtol=1e-10, atol=1e-12)
SHAPES = [(3, 4), (5,), (), (20, 7), (0, 2)]
BLOCKS = [slots.BLOCK, 40, 3]  # one slot for all shapes; (20, 7) by rows; by single rows, each longer than a block


@pytest.fixture(params=BLOCKS)
def block(request, monkeypatch):
    monkeypatch.setattr(slots, "BLOCK", request.param)


def gradients(seed, steps, shapes=SHAPES):
    rng = np.random.default_rng(seed)
    return [[rng.standard_normal(shape) for shape in shapes] for _ in range(steps)]


def run(make, grads, start, scalars=False):
    params = [ad.scalar(float(a)) if scalars else nn.Parameter(a, dtype=None) for a in start]
    optimizer = make(params)
    for step in grads:
        for p, g in zip(params, step, strict=True):
            p.grad = float(g) if scalars else np.array(g)
        optimizer.step()
    return [np.array(p.data) for p in params], optimizer


@pytest.mark.parametrize(("ours", "theirs", "options"), CASES, ids=IDS)
@given(seed=st.integers(0, 2**32 - 1), block=st.sampled_from(BLOCKS))
def test_steps_equal_pytorchs(ours, theirs, options, seed, block):
    torch = pytest.importorskip("torch")
    grads = gradients(seed, 4)
    start = gradients(seed + 1, 1)[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slots, "BLOCK", block)
        params, _ = run(lambda p: ours(p, **options), grads, start)
    torch_params = [torch.tensor(a, requires_grad=True) for a in start]
    optimizer = getattr(torch.optim, theirs)(torch_params, **options)
    for step in grads:
        for p, g in zip(torch_params, step, strict=True):
            p.grad = torch.tensor(g)
        optimizer.step()
    for mine, other in zip(params, torch_params, strict=True):
        np.testing.assert_allclose(mine, other.detach().numpy(), **CLOSE)


@pytest.mark.parametrize(("ours", "theirs", "options"), CASES, ids=IDS)
def test_scalars_and_tensors_get_the_same_steps(ours, theirs, options):
    shapes = [()] * 5
    grads, start = gradients(0, 4, shapes), gradients(1, 1, shapes)[0]
    as_scalars, _ = run(lambda p: ours(p, **options), grads, start, scalars=True)
    as_tensors, _ = run(lambda p: ours(p, **options), grads, start)
    np.testing.assert_array_equal(as_scalars, as_tensors)


def test_adam_equals_the_published_formula():
    lr, beta1, beta2, eps, p, m, v = 0.1, 0.9, 0.999, 1e-8, 1.0, 0.0, 0.0
    parameter = nn.Parameter(1.0, dtype=float)
    optimizer = nn.Adam([parameter], lr=lr)
    for t, g in enumerate([0.3, -0.7, 2.0], start=1):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        p -= lr * (m / (1 - beta1**t)) / (math.sqrt(v / (1 - beta2**t)) + eps)
        parameter.grad = np.array(g)
        optimizer.step()
    assert parameter.item() == pytest.approx(p, rel=1e-14)


def test_one_step_of_gradient_descent_by_hand():
    w = ad.tensor([1.0, -2.0])
    (w * w).sum().backward()
    nn.SGD([w], lr=0.25).step()
    np.testing.assert_array_equal(w.data, [0.5, -1.0])


def test_l2_in_the_gradient_and_decoupled_decay_differ_under_adam():
    def after(optimizer):
        p = nn.Parameter([1.0, 1.0], dtype=float)
        opt = optimizer([p], lr=0.1, weight_decay=0.5)
        p.grad = np.array([100.0, 1e-3])
        opt.step()
        return p.data

    coupled, decoupled = after(nn.Adam), after(nn.AdamW)
    np.testing.assert_allclose(coupled, [0.9, 0.9], rtol=1e-6)  # the first Adam step is lr, whatever is in the gradient
    np.testing.assert_allclose(decoupled, [0.85, 0.85], rtol=1e-3)


@pytest.mark.parametrize(("ours", "theirs", "options"), CASES, ids=IDS)
@pytest.mark.parametrize("scalars", [False, True])
def test_a_run_continues_from_its_saved_state(ours, theirs, options, scalars, block):
    shapes = [()] * 3 if scalars else SHAPES
    grads, start = gradients(2, 6, shapes), gradients(3, 1, shapes)[0]
    whole, _ = run(lambda p: ours(p, **options), grads, start, scalars)
    half, optimizer = run(lambda p: ours(p, **options), grads[:3], start, scalars)
    saved = optimizer.state_dict()

    def resumed(params):
        fresh = ours(params, lr=123.0)
        fresh.load_state_dict(saved)
        return fresh

    rest, _ = run(resumed, grads[3:], half, scalars)
    for a, b in zip(whole, rest, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)  # m and v are rounded once more on their way


def test_pytorch_reads_our_saved_state_and_we_read_pytorchs():
    torch = pytest.importorskip("torch")
    grads, start = gradients(4, 6), gradients(5, 1)[0]
    half, optimizer = run(lambda p: nn.Adam(p, lr=0.1), grads[:3], start)
    torch_params = [torch.tensor(a, requires_grad=True) for a in half]
    torch_optimizer = torch.optim.Adam(torch_params, lr=0.1)
    saved = optimizer.state_dict()
    torch_saved = torch_optimizer.state_dict()
    torch_saved["state"] = {
        i: {"step": torch.tensor(float(s["step"])), **{k: torch.tensor(s[k]) for k in ("exp_avg", "exp_avg_sq")}}
        for i, s in saved["state"].items()
    }
    torch_optimizer.load_state_dict(torch_saved)
    ours = [nn.Parameter(a, dtype=None) for a in half]
    again = nn.Adam(ours, lr=0.1)
    again.load_state_dict(
        {
            "state": {
                i: {k: np.asarray(a) for k, a in s.items()} for i, s in torch_optimizer.state_dict()["state"].items()
            },
            "param_groups": [{"lr": 0.1, "params": list(range(len(ours)))}],
        }
    )
    for step in grads[3:]:
        for p, q, g in zip(ours, torch_params, step, strict=True):
            p.grad, q.grad = np.array(g), torch.tensor(g)
        again.step()
        torch_optimizer.step()
    for p, q in zip(ours, torch_params, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), **CLOSE)


@pytest.mark.parametrize(
    "bad",
    [
        lambda s: {**s, "param_groups": [{"params": [0]}]},
        lambda s: {**s, "state": {0: {"step": 1, "exp_avg": np.zeros(7), "exp_avg_sq": np.zeros(7)}}},
        lambda s: {**s, "param_groups": [{"params": [0, 1], "lr": -1.0}]},
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(bad):
    params = [nn.Parameter(np.ones(3)), nn.Parameter(np.ones(2))]
    optimizer = nn.Adam(params, lr=0.1)
    for p in params:
        p.grad = np.ones_like(p.data)
    optimizer.step()
    before = optimizer.state_dict()
    with pytest.raises(ValueError, match="Adam"):
        optimizer.load_state_dict(bad(before))
    after = optimizer.state_dict()
    assert after["param_groups"] == before["param_groups"]
    np.testing.assert_array_equal(after["state"][0]["exp_avg"], before["state"][0]["exp_avg"])


@pytest.mark.parametrize("scalars", [False, True])
@pytest.mark.parametrize("missing", [0, 2])
def test_a_parameter_without_gradient_is_skipped_and_keeps_its_state(scalars, missing, block):
    """PyTorch's rule, for parameters that share a slot, and for rows."""
    torch = pytest.importorskip("torch")
    shapes = [()] * 4 if scalars else [(2,), (3,), (), (8, 8)]
    start, grads = gradients(6, 1, shapes)[0], gradients(7, 5, shapes)
    params = [ad.scalar(float(a)) if scalars else nn.Parameter(a, dtype=None) for a in start]
    others = [torch.tensor(a, requires_grad=True) for a in start]
    ours, theirs = nn.Adam(params, lr=0.1), torch.optim.Adam(others, lr=0.1)
    for t, step in enumerate(grads):
        for i, (p, q, g) in enumerate(zip(params, others, step, strict=True)):
            skip = i == missing and t in (1, 2)
            p.grad = None if skip else float(g) if scalars else np.array(g)
            q.grad = None if skip else torch.tensor(g)
        ours.step()
        theirs.step()
    for p, q in zip(params, others, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), **CLOSE)


def test_large_parameters_are_updated_in_blocks_like_small_ones(monkeypatch):
    grads, start = gradients(8, 3, [(90, 70)]), gradients(9, 1, [(90, 70)])[0]
    whole, _ = run(lambda p: nn.Adam(p, lr=0.1), grads, start)
    monkeypatch.setattr(slots, "BLOCK", 1000)
    blocks, _ = run(lambda p: nn.Adam(p, lr=0.1), grads, start)
    np.testing.assert_array_equal(whole[0], blocks[0])


def test_groups_have_their_own_hyperparameters_and_lr_can_be_changed():
    a, b = nn.Parameter([1.0]), nn.Parameter([1.0])
    optimizer = nn.SGD([{"params": [a]}, {"params": b, "lr": 1.0}], lr=0.5)
    a.grad = b.grad = np.ones(1, np.float32)
    optimizer.step()
    assert (a.item(), b.item()) == (0.5, 0.0)
    optimizer.param_groups[0]["lr"] = 0.0
    optimizer.step()
    assert (a.item(), b.item()) == (0.5, -1.0)


def test_momentum_goes_on_when_betas_are_changed():
    torch = pytest.importorskip("torch")
    p, q = nn.Parameter([1.0], dtype=float), torch.tensor([1.0], dtype=torch.float64, requires_grad=True)
    ours, theirs = nn.Adam([p], lr=0.1), torch.optim.Adam([q], lr=0.1)
    for t, g in enumerate([1.0, -0.5, 0.25]):
        if t == 2:
            ours.param_groups[0]["betas"] = theirs.param_groups[0]["betas"] = (0.5, 0.9)
        p.grad, q.grad = np.array([g]), torch.tensor([g], dtype=torch.float64)
        ours.step()
        theirs.step()
    np.testing.assert_allclose(p.data, q.detach().numpy(), **CLOSE)


def test_a_shared_parameter_is_updated_once():
    p = nn.Parameter([1.0])
    optimizer = nn.SGD([p, p], lr=0.25)
    p.grad = np.ones(1, np.float32)
    optimizer.step()
    assert p.item() == 0.75


def test_float32_stays_float32_and_memory_stays_in_place():
    p = nn.Parameter(np.ones((3, 2)))
    array = p.data
    optimizer = nn.Adam([p])
    p.grad = np.ones((3, 2), np.float32)
    optimizer.step()
    assert p.data is array and p.dtype == np.float32
    assert {
        a.dtype for s in optimizer.state_dict()["state"].values() for a in s.values() if isinstance(a, np.ndarray)
    } == {np.dtype("f4")}


@pytest.mark.parametrize("make", [lambda p: nn.Adam(p, lr=0.1), lambda p: nn.SGD(p, lr=0.1, momentum=0.9)])
@pytest.mark.parametrize("shape", [(3, 4), (70, 80)])
def test_a_parameter_in_column_order_is_updated_too(make, shape):
    value = np.asfortranarray(np.arange(float(math.prod(shape))).reshape(shape))
    columns, rows = ad.tensor(value, copy=False), ad.tensor(np.ascontiguousarray(value))
    for p in (columns, rows):
        optimizer = make([p])
        for _ in range(3):
            p.grad = np.arange(float(math.prod(shape))).reshape(shape) + 1
            optimizer.step()
    np.testing.assert_array_equal(columns.data, rows.data)


@pytest.mark.parametrize("make", [lambda p: nn.Adam(p, lr=0.1), lambda p: nn.SGD(p, lr=0.1, momentum=0.9)])
@pytest.mark.parametrize("converted", [(0, 1), (0,), (1,)])
def test_state_follows_a_change_of_dtype_in_all_parameters_or_in_some(make, converted):
    rng = np.random.default_rng(0)
    layers = [nn.Linear(3, 2, rng=0), nn.Linear(4, 2, rng=1)]
    doubles = [nn.Parameter(p.data, dtype=float) for layer in layers for p in layer.parameters()]
    optimizer, exact = make([p for layer in layers for p in layer.parameters()]), make(doubles)
    for step in range(6):
        if step == 3:
            for i in converted:
                layers[i].astype(float)
        for p, q in zip((p for layer in layers for p in layer.parameters()), doubles, strict=True):
            q.grad = rng.standard_normal(p.shape)
            p.grad = q.grad.astype(p.dtype)
        optimizer.step()
        exact.step()
    for p, q in zip((p for layer in layers for p in layer.parameters()), doubles, strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-5, atol=1e-6)  # float32 for the first steps at least


def test_float16_parameters_survive_gradients_whose_square_overflows():
    p = nn.Parameter([1.0], dtype=np.float16)
    optimizer = nn.Adam([p], lr=0.125)
    p.grad = np.array([1000.0], np.float16)
    optimizer.step()
    assert p.dtype == np.float16 and p.item() == 0.875


def test_a_decayed_running_mean_never_becomes_subnormal():
    """Subnormal numbers are a hundred times slower; 1.4e-45 * 0.9 rounds to itself, so without flushing they stay."""
    p = nn.Parameter(np.ones(5000))
    optimizer = nn.SGD([p], momentum=0.9)
    for step in range(1200):
        p.grad = np.zeros(5000, np.float32) if step else np.full(5000, 1e-3, np.float32)
        optimizer.step()
        if step == 500:  # 1e-3 * 0.9**500 is 1e-26: nowhere near, and kept
            assert optimizer.state_dict()["state"][0]["momentum_buffer"].all()
    assert not optimizer.state_dict()["state"][0]["momentum_buffer"].any()


@pytest.mark.parametrize("size", [1, 5000])
def test_a_graph_recorded_before_the_step_refuses_to_run_backward(size):
    w = nn.Parameter(np.full(size, 2.0))
    loss = (w * w).sum()
    w.grad = np.ones(size, np.float32)
    nn.SGD([w], lr=0.1).step()
    with pytest.raises(ValueError, match="overwritten"):
        loss.backward()


def test_under_record_the_relative_size_of_the_step_is_kept():
    w, s = nn.Parameter([3.0, 4.0]), ad.scalar(2.0)
    optimizer = nn.SGD([w, s], lr=0.5)
    w.grad, s.grad = np.array([0.0, 1.0], np.float32), 1.0
    with ad.record():
        optimizer.step()
    assert [(p is q, change, before) for (p, change, before), q in zip(optimizer.updates, (w, s), strict=True)] == [
        (True, 0.5, 5.0),
        (True, 0.5, 2.0),
    ]


@given(seed=st.integers(0, 2**32 - 1), limit=st.floats(0, 10), norm_type=st.sampled_from([1.0, 2.0, math.inf]))
def test_clipping_by_norm_limits_the_joint_norm_and_keeps_the_direction(seed, limit, norm_type):
    params = [nn.Parameter(a, dtype=None) for a in gradients(seed, 1)[0]] + [ad.scalar(1.0)]
    grads = [np.array(g) for g in gradients(seed + 1, 1)[0]] + [0.5]
    for p, g in zip(params, grads, strict=True):
        p.grad = g
    flat = np.concatenate([np.ravel(g) for g in grads])
    norm = np.linalg.norm(flat, norm_type)
    assert nn.clip_grad_norm_(params, limit, norm_type) == pytest.approx(norm)
    after = np.concatenate([np.ravel(p.grad) for p in params])
    np.testing.assert_allclose(after, flat * min(1, limit / norm), atol=1e-15)


def test_clipping_by_value_limits_each_entry():
    p, s, without = nn.Parameter([0.0, 0.0]), ad.scalar(1.0), nn.Parameter([1.0])
    p.grad, s.grad = np.array([3.0, -0.1], np.float32), -7.0
    nn.clip_grad_value_([p, s, without], 0.5)
    np.testing.assert_array_equal(p.grad, np.array([0.5, -0.1], np.float32))
    assert s.grad == -0.5 and without.grad is None


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda p: nn.Adam([]), ValueError, "no parameters"),
        (lambda p: nn.Adam(p), TypeError, r"Adam\(\[p\]\)"),
        (lambda p: nn.Adam([np.ones(2)]), TypeError, "parameter 0 is a ndarray"),
        (lambda p: nn.Adam(nn.Linear(2, 1)), TypeError, r"got a Linear: write net\.parameters\(\)"),
        (lambda p: nn.Adam([p * 2]), ValueError, "only leaves"),
        (lambda p: nn.SGD([p], lr=-1), ValueError, "lr must be"),
        (lambda p: nn.SGD([p], lr=math.nan), ValueError, "lr must be a finite number >= 0, got nan"),
        (lambda p: nn.SGD([p], lr="0.1"), TypeError, "lr must be a number, got '0.1'"),
        (lambda p: nn.SGD([p], weight_decay=None), TypeError, "weight_decay must be a number, got None"),
        (lambda p: nn.SGD([p], momentum=True), TypeError, "momentum must be a number, got True"),
        (lambda p: nn.SGD([p], maximize=1), TypeError, "maximize must be True or False, got 1"),
        (lambda p: nn.Adam([p], betas=0.9), ValueError, r"betas must be two numbers .*, such as .* got 0\.9"),
        (lambda p: nn.Adam([p], betas=(0.9, None)), ValueError, "betas must be two numbers"),
        (lambda p: nn.Adam([p], betas=(0.9, 0.9, 0.9)), ValueError, "betas must be two numbers"),
        (lambda p: nn.Adam([p], eps=-1), ValueError, "eps must be"),
        (lambda p: nn.SGD([p], nesterov=True), ValueError, "nesterov=True needs"),
        (lambda p: nn.Adam([p], betas=(0.9, 1.0)), ValueError, "betas must be"),
        (lambda p: nn.Adam([{"params": [p]}, {"params": [p]}]), ValueError, "already in another group"),
        (lambda p: nn.Adam([{"params": [p], "momentum": 1}]), TypeError, "'momentum'"),
        (lambda p: nn.clip_grad_norm_([p], -1), ValueError, "max_norm"),
        (lambda p: nn.clip_grad_value_([p], -1), ValueError, "clip_value"),
    ],
)
def test_mistakes_are_named(call, error, words):
    with pytest.raises(error, match=words):
        call(nn.Parameter([1.0]))


def test_a_step_without_any_gradient_says_so():
    p, q = nn.Parameter([1.0]), nn.Parameter([1.0])
    optimizer = nn.SGD([p, q], lr=1.0)
    with pytest.warns(UserWarning, match=r"SGD\.step\(\) changed nothing.*loss\.backward\(\)"):
        optimizer.step()
    p.grad = np.ones(1, np.float32)  # one is enough
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.step()


def test_a_nonfinite_norm_is_an_error_that_changes_nothing():
    p = nn.Parameter([1.0, 1.0])
    p.grad = np.array([np.inf, 1.0], np.float32)
    with pytest.raises(ValueError, match="nothing was changed"):
        nn.clip_grad_norm_([p], 1.0)
    assert p.grad[1] == 1.0
    assert nn.clip_grad_norm_([p], 1.0, error_if_nonfinite=False) == math.inf


def test_a_norm_is_finite_where_only_the_squares_overflow():
    p = nn.Parameter([1.0, 1.0], dtype=float)
    p.grad = np.array([3e200, 4e200])
    assert nn.clip_grad_norm_([p], 5.0) == pytest.approx(5e200)
    np.testing.assert_allclose(p.grad, [3.0, 4.0])


def test_state_of_another_kind_is_refused_and_changes_nothing() -> None:
    net = nn.Linear(2, 1, rng=0)
    adam, sgd = nn.Adam(net.parameters()), nn.SGD(net.parameters(), momentum=0.9)
    net(np.ones((1, 2))).sum().backward()
    sgd.step()
    before = repr(adam)
    with pytest.raises(
        ValueError, match=r"Adam: another kind .* was saved: it has dampening, .* and no amsgrad, betas"
    ):
        adam.load_state_dict(sgd.state_dict())
    with pytest.raises(ValueError, match="no optimizer's state_dict: it holds weight, bias"):
        adam.load_state_dict(net.state_dict())
    assert repr(adam) == before


def test_gradients_that_are_part_of_a_graph_can_be_clipped() -> None:
    w = ad.tensor([3.0, 4.0])
    (w * w * 0.5).sum().backward(create_graph=True)
    assert nn.clip_grad_norm_([w], 1.0) == 5.0
    assert isinstance(w.grad, ad.Tensor) and w.grad.requires_grad
    np.testing.assert_allclose(w.grad.data, [0.6, 0.8], rtol=1e-15)


def test_parameters_may_be_frozen_and_thawed_between_steps() -> None:
    """zero_grad() refused a frozen parameter."""
    net = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Linear(2, 1, rng=1))
    opt = nn.SGD(net.parameters(), lr=0.1, momentum=0.9)
    before = net[0].weight.data.copy()
    for frozen in (True, True, False):
        net[0].requires_grad_(not frozen)
        opt.zero_grad()
        net(np.ones((1, 2))).sum().backward()
        opt.step()
        assert np.array_equal(net[0].weight.data, before) == frozen


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
@pytest.mark.parametrize(("ours", "theirs", "options"), CASES, ids=IDS)
def test_a_copy_of_model_and_optimizer_trains_on_as_the_original_does(ours, theirs, options, duplicate, block) -> None:
    """In a copy the running means of Adam were no longer the arrays that the gradients were added to."""
    params = [*(nn.Parameter(a, dtype=None) for a in gradients(1, 1)[0]), ad.scalar(2.0)]
    pairs = [(params, ours(params, **options))]
    for step, grads in enumerate(gradients(0, 5)):
        if step == 2:
            pairs.append(duplicate(pairs[0]))
        for owned, optimizer in pairs:
            for p, g in zip(owned, [*grads, 0.5], strict=True):
                p.grad = g if isinstance(g, float) else g.copy()
            optimizer.step()
    (mine, _), (copied, optimizer) = pairs
    assert [id(p) for p in optimizer.param_groups[0]["params"]] == [id(p) for p in copied]
    for p, q in zip(mine, copied, strict=True):
        assert p is not q
        np.testing.assert_array_equal(p.data, q.data)


def test_the_first_parameter_may_be_empty() -> None:
    """An optimizer of nn.Linear(0, 3) raised KeyError."""
    net = nn.Linear(0, 3)
    optimizer = nn.SGD(net.parameters(), lr=0.5)
    net(np.ones((2, 0))).sum().backward()
    optimizer.step()
    assert net.bias.data.tolist() == [-1.0] * 3


def test_a_step_that_fails_changes_nothing() -> None:
    """The first parameter was updated, and the second could not be."""
    constant = np.ones(2)
    constant.flags.writeable = False
    a, b = ad.tensor([1.0, 2.0]), ad.tensor(constant, copy=False)
    loss = (a * a + b * b).sum()
    loss.backward(retain_graph=True)
    with pytest.raises(ValueError, match="read-only"):
        nn.SGD([a, b], lr=0.5).step()
    assert a.data.tolist() == [1.0, 2.0]
    loss.backward()
    assert a.grad.tolist() == [4.0, 8.0]


@pytest.mark.parametrize("given", [[1.0, 2.0], np.array([1, 2]), np.array([1.0, 2.0], ">f8"), ad.tensor([1.0, 2.0])])
def test_a_gradient_that_the_user_set_may_be_anything_real(given) -> None:
    p = nn.Parameter([1.0, 1.0])
    p.grad = given
    nn.SGD([p], lr=0.5).step()
    assert p.data.tolist() == [0.5, 0.0]
    p.grad = np.array([1j, 1j])
    with pytest.raises(TypeError, match="complex"):
        nn.SGD([p], lr=0.5).step()
    assert p.data.tolist() == [0.5, 0.0]


def test_parameters_join_by_a_group_only() -> None:
    """A parameter appended to a group's list was never updated, and nothing said so."""
    optimizer = nn.SGD([nn.Parameter([1.0])])
    with pytest.raises(AttributeError):
        optimizer.param_groups[0]["params"].append(nn.Parameter([1.0]))


def test_a_loaded_state_without_a_step_count_can_be_saved_again() -> None:
    """PyTorch's SGD counts no steps; the momentum it had saved was lost when it was saved a second time."""
    optimizer = nn.SGD([nn.Parameter([1.0])], momentum=0.9)
    saved = optimizer.state_dict() | {"state": {0: {"momentum_buffer": np.array([3.0], np.float32)}}}
    optimizer.load_state_dict(saved)
    assert optimizer.state_dict()["state"][0]["momentum_buffer"].tolist() == [3.0]
    scalars = nn.SGD([ad.scalar(1.0), ad.scalar(1.0)], momentum=0.9)
    scalars.load_state_dict(
        scalars.state_dict() | {"state": {0: {"momentum_buffer": 3.0}, 1: {"momentum_buffer": None}}}
    )  # None was read as NaN
    assert list(scalars.state_dict()["state"]) == [0]


def test_a_graph_refuses_after_a_step_on_another_array_of_the_parameter() -> None:
    """What marks the writes of a slot must follow when a parameter gets a new array."""
    net = nn.Linear(2, 1, dtype=np.float64)
    optimizer, x = nn.SGD(net.parameters(), lr=0.5), np.ones((1, 2))
    net(x).sum().backward()
    optimizer.step()
    old = net.weight.data
    before = (ad.tensor(old, copy=False) * 2.0).sum()
    net.weight._data, net.weight.node = (other := ad.tensor(old.copy()))._data, other.node  # as functional_call does
    loss = (net.weight * net.weight).sum()
    loss.backward(retain_graph=True)
    optimizer.step()
    with pytest.raises(ad.StaleValueError, match=r"leaf of shape \(1, 2\)"):
        loss.backward()
    before.backward()  # nobody wrote into the first array again


def test_an_interrupted_step_leaves_a_graph_that_can_run_backward(monkeypatch) -> None:
    w = ad.tensor([1.0, 2.0])
    loss = (w * w).sum()
    loss.backward(retain_graph=True)

    def interrupted(*_: object, **__: object) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(ad.extend, "write_all", interrupted)
    with pytest.raises(KeyboardInterrupt):
        nn.SGD([w], lr=0.5).step()
    assert w.data.tolist() == [1.0, 2.0]
    loss.backward()
    assert w.grad.tolist() == [4.0, 8.0]


@pytest.mark.parametrize(
    "options",
    [
        {"lr": np.float32(0.1)},
        {"lr": np.array(0.1)},
        {"lr": np.int64(1), "weight_decay": np.float64(0.5)},
        {"betas": np.array([0.5, 0.9])},
        {"betas": [np.float32(0.5), 0.9], "eps": np.float16(0.5), "amsgrad": np.bool_(True)},
    ],
)
def test_a_configuration_of_numpy_scalars_is_saved_and_loaded(options, tmp_path) -> None:
    """It trained, but its file could not be loaded."""
    p = nn.Parameter([1.0, 2.0])
    optimizer = nn.Adam([p], **options)
    p.grad = np.ones(2, np.float32)
    optimizer.step()
    nn.save(optimizer, tmp_path / "a")
    saved = nn.load(tmp_path / "a")
    again = nn.Adam([nn.Parameter(p.data)])
    again.load_state_dict(saved)
    assert repr(again) == repr(optimizer) and "array" not in repr(again) and "np." not in repr(again)


def as_arrays(state):
    """PyTorch's state with arrays for its tensors."""
    return {
        **state,
        "state": {
            i: {k: v.numpy() if hasattr(v, "numpy") else v for k, v in s.items()} for i, s in state["state"].items()
        },
    }


@pytest.mark.parametrize("options", [{"amsgrad": True}, {"maximize": True}, {"amsgrad": True, "weight_decay": 0.1}])
@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_pytorchs_amsgrad_and_maximize_are_honoured(name, options) -> None:
    """They were taken, printed and ignored."""
    torch = pytest.importorskip("torch")
    p, q = nn.Parameter([1.0, -2.0], dtype=float), torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    ours, theirs = getattr(nn, name)([p]), getattr(torch.optim, name)([q], lr=0.1, **options)
    for t, g in enumerate([1.0, -3.0, 0.25, 0.5, -0.1]):
        q.grad = torch.tensor([g, g * g], dtype=torch.float64)
        theirs.step()
        if t == 1:
            ours.load_state_dict(as_arrays(theirs.state_dict()))
            p.data = q.detach().numpy()
        elif t > 1:
            p.grad = np.array([g, g * g])
            ours.step()
    np.testing.assert_allclose(p.data, q.detach().numpy(), **CLOSE)


def test_a_state_of_adamw_is_refused_by_adam_and_the_other_way_round() -> None:
    torch = pytest.importorskip("torch")
    for mine, other in (("Adam", "AdamW"), ("AdamW", "Adam")):
        p, q = nn.Parameter([1.0]), torch.tensor([1.0], requires_grad=True)
        ours, strange = getattr(nn, mine)([p]), getattr(torch.optim, other)([q])
        for state in (as_arrays(strange.state_dict()), getattr(nn, other)([nn.Parameter([1.0])]).state_dict()):
            with pytest.raises(ValueError, match=rf"{mine}: decoupled_weight_decay=.* is {other}; use nn\.{other}"):
                ours.load_state_dict(state)


def test_hyperparameters_and_state_that_an_optimizer_does_not_have_are_refused_by_name() -> None:
    optimizer = nn.SGD([nn.Parameter([1.0])], momentum=0.9)
    saved = optimizer.state_dict()
    saved["param_groups"][0]["foreach"] = True  # PyTorch's choice of an implementation
    optimizer.load_state_dict(saved)
    assert "foreach" not in optimizer.param_groups[0]
    saved["param_groups"][0]["warp"] = 0.5
    with pytest.raises(ValueError, match="SGD: another kind of optimizer was saved: it has warp"):
        optimizer.load_state_dict(saved)
    saved = optimizer.state_dict() | {"state": {0: {"step": 1, "exp_avg": np.ones(1)}}}
    with pytest.raises(ValueError, match="the saved state has 'exp_avg'"):
        optimizer.load_state_dict(saved)


def test_setting_lr_on_the_optimizer_is_refused_with_what_to_write() -> None:
    """`opt.lr = 0.5` set an attribute that nobody reads."""
    optimizer = nn.Adam([nn.Parameter([1.0])])
    for name in ("lr", "betas", "weight_decay"):
        with pytest.raises(AttributeError, match=rf"for group in opt\.param_groups: group\['{name}'\] = 0\.5"):
            setattr(optimizer, name, 0.5)
    with pytest.raises(AttributeError, match=r"group\['lr'\] = 0\.5"):
        nn.SGD([ad.tensor([1.0])], lr=0.1).learning_rate = 0.5  # Keras' name


def test_a_step_calls_the_closure_and_returns_its_loss() -> None:
    w = nn.Parameter([3.0])
    optimizer = nn.SGD([w], lr=0.5)

    def closure() -> object:
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 9.0 and w.data == 0.0
    assert optimizer.step() is None


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ({"state": None}, "'state' must be a dict, got None"),
        ({"state": {0: 1.0}}, "state of parameter 0 must be a dict"),
        ({"state": {9: {}}}, "'state' has 9, which is no parameter"),
        ({"state": {0: {"step": -1}}}, "'step' of parameter 0 must be a whole number, got -1"),
        ({"state": {0: {"step": 2}}}, "state of step 2 has no 'exp_avg'"),
        ({"param_groups": None}, "'param_groups' must be a list of dicts, got None"),
        ({"param_groups": [{"params": [0, 0]}]}, "must number each parameter once"),
    ],
)
def test_a_malformed_state_is_refused_by_its_part_and_nothing_changes(part: dict[str, object], told: str) -> None:
    """{"state": None} was an AttributeError; a state without its means failed at the next step."""
    optimizer = nn.Adam([nn.Parameter([1.0]), nn.Parameter([2.0])])
    before = optimizer.state_dict()
    with pytest.raises((TypeError, ValueError), match=told):
        optimizer.load_state_dict({**before, **part})
    assert optimizer.state_dict() == before

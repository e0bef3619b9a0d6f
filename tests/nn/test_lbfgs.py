"""LBFGS minimises, saves, and leaves everything as it was when a step does not end."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autodiff as ad
import nn
from nn.optim.line_search import Point, strong_wolfe


def bowl(opt: Any, *ps: Any) -> Any:
    def closure() -> Any:
        opt.zero_grad()
        loss = sum(np.sum((p - 1.0) ** 2 * (1.0 + i)) for i, p in enumerate(ps))
        loss.backward()
        return loss

    return closure


@pytest.mark.parametrize("line_search_fn", [None, "strong_wolfe"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_the_minimum_of_a_bowl_is_found_in_a_few_steps(line_search_fn: Any, dtype: Any) -> None:
    p, s = ad.tensor(np.array([[3.0, -2.0]], dtype)), ad.scalar(4.0)
    opt = nn.optim.LBFGS([p, s], line_search_fn=line_search_fn)
    for _ in range(3):
        opt.step(bowl(opt, p, s))
    assert p.dtype == dtype
    # it ends where the loss, a square, changes by less than 1e-9; float16 cannot come nearer than its rounding
    np.testing.assert_allclose([*p.data.ravel(), s.data], 1.0, atol=max(1e-4, 4 * float(np.finfo(dtype).eps)))


def test_a_step_returns_the_loss_at_its_start() -> None:
    p = ad.tensor([3.0])
    opt = nn.optim.LBFGS([p])
    assert opt.step(bowl(opt, p)).item() == 4.0


def test_logistic_regression_is_solved_to_the_optimum() -> None:
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(60, 3)), rng.integers(0, 2, size=(60, 1)).astype(float)
    net = nn.Linear(3, 1, rng=0, dtype=np.float64)
    opt = nn.optim.LBFGS(net.parameters(), max_iter=100, tolerance_change=0, line_search_fn="strong_wolfe")

    def closure() -> Any:
        opt.zero_grad()
        loss = nn.binary_cross_entropy_with_logits(net(x), labels)
        loss.backward()
        return loss

    opt.step(closure)
    assert max(np.abs(p.grad).max() for p in net.parameters()) < 1e-6


class Refused(Exception):
    pass


@given(fails_at=st.integers(1, 12), search=st.sampled_from([None, "strong_wolfe"]))
def test_an_error_in_the_closure_leaves_parameters_and_state_as_they_were(fails_at: int, search: Any) -> None:
    p, s = ad.tensor([3.0, -2.0]), ad.scalar(0.5)
    opt = nn.optim.LBFGS([p, s], lr=0.3, max_iter=3, line_search_fn=search)
    whole, calls = bowl(opt, p, s), 0
    opt.step(whole)
    before = copy.deepcopy((p.data, s.data, opt.state_dict(), opt.steps))

    def closure() -> Any:
        nonlocal calls
        calls += 1
        if calls == fails_at:
            raise Refused
        return whole()

    try:
        while calls < fails_at:
            opt.step(closure)
            before = copy.deepcopy((p.data, s.data, opt.state_dict(), opt.steps))
            if calls == before[3]:  # it has arrived: a step evaluates once
                return
    except Refused:
        np.testing.assert_equal((p.data, s.data, opt.state_dict(), opt.steps), before)


def test_a_saved_run_goes_on_exactly(tmp_path: Path) -> None:
    p, q = ad.tensor([3.0, -2.0]), ad.tensor([3.0, -2.0])
    opt, other = (nn.optim.LBFGS([x], lr=0.1, max_iter=2, history_size=2) for x in (p, q))
    for _ in range(3):
        opt.step(bowl(opt, p))
    nn.save({"optimizer": opt}, tmp_path / "run.npz")
    q.data = p.data
    other.load_state_dict(nn.load(tmp_path / "run.npz")["optimizer"])
    opt.step(bowl(opt, p))
    other.step(bowl(other, q))
    assert np.array_equal(p.data, q.data)


def test_a_state_of_another_size_is_refused_whole() -> None:
    p, q = ad.tensor([3.0, -2.0]), ad.tensor([3.0])
    opt, other = nn.optim.LBFGS([p]), nn.optim.LBFGS([q])
    opt.step(bowl(opt, p))
    with pytest.raises(ValueError, match=r"'d' has shape \(2,\); the parameters hold 1 numbers"):
        other.load_state_dict(opt.state_dict())
    assert other.state_dict()["state"] == {}
    with pytest.raises(ValueError, match="another kind of optimizer"):
        other.load_state_dict(nn.Adam([q]).state_dict())


def test_wrong_arguments_say_what_to_write() -> None:
    p = ad.tensor([1.0])
    with pytest.raises(TypeError, match="def closure"):
        nn.optim.LBFGS([p]).step()
    with pytest.raises(ValueError, match="single number"):
        nn.optim.LBFGS([p]).step(lambda: p * np.ones(2))
    with pytest.raises(ValueError, match="one group"):
        nn.optim.LBFGS([p]).add_param_group({"params": [ad.tensor([2.0])]})
    with pytest.raises(ValueError, match="strong_wolfe"):
        nn.optim.LBFGS([p], line_search_fn="armijo")
    with pytest.raises(TypeError, match="max_iter must be an integer"):
        nn.optim.LBFGS([p], max_iter=2.5)
    with pytest.raises(ValueError, match="history_size must be at least 1"):
        nn.optim.LBFGS([p], history_size=0)


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_learning_rate_zero_moves_nothing(search: Any) -> None:
    p = ad.tensor([3.0])
    opt = nn.optim.LBFGS([p], lr=0.0, line_search_fn=search)
    for _ in range(3):
        opt.step(bowl(opt, p))
    assert p.data == 3.0


def test_a_linear_loss_and_a_loss_with_a_wall_keep_finite_parameters() -> None:
    """The cubic of a straight line has no minimum, and beyond the wall the loss is NaN: the step gets shorter."""
    p = ad.tensor([1.0])
    opt = nn.optim.LBFGS([p], max_iter=2, line_search_fn="strong_wolfe")

    def straight() -> Any:
        opt.zero_grad()
        loss = (p * 2.0).sum()
        loss.backward()
        return loss

    opt.step(straight)
    assert np.isfinite(p.data).all() and p.data[0] < 1.0

    w = ad.tensor([0.5])
    other = nn.optim.LBFGS([w], lr=100.0, max_iter=20, line_search_fn="strong_wolfe")

    def wall() -> Any:
        other.zero_grad()
        with np.errstate(invalid="ignore", divide="ignore"):
            loss = (3 * w - np.log(w)).sum()  # lowest at 1/3; NaN below 0
            loss.backward()
        return loss

    other.step(wall)
    np.testing.assert_allclose(w.data, 1 / 3, rtol=1e-4)  # where the loss, a square there, changes by less than 1e-9


@given(
    a=st.floats(0.1, 5), b=st.floats(-3, 3), c=st.floats(-2, 2), step=st.floats(1e-3, 50), power=st.sampled_from([2, 4])
)
def test_the_line_search_ends_where_the_strong_wolfe_conditions_hold(
    a: float, b: float, c: float, step: float, power: int
) -> None:
    def at(t: float) -> Point:
        value = a * (t - b) ** power + c * t
        slope = a * power * (t - b) ** (power - 1) + c
        return Point(t, value, np.array([slope]), slope)

    start = at(0.0)
    if start.slope > -1e-3:
        return
    found = strong_wolfe(at, start, step, 1.0, 25)
    assert found.value <= start.value + 1e-4 * found.step * start.slope
    assert abs(found.slope) <= 0.9 * abs(start.slope)

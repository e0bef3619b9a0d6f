"""Layers, losses and optimizers of the library pass every property that applies to them."""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import autodiff as ad
import nn
from autodiff.testing import (
    DerivativeError,
    smooth_values,
    tensors,
)
from autodiff.testing.decorator import note
from nn.testing import OptimizerError, check_module, check_optimizer, training_configs
from nn.testing.optimizer_formulas import FORMULAS, OF_A_PARAMETER, OF_ALL_PARAMETERS

PROFILE = settings.get_current_profile_name()
EXAMPLES = {"dev": 2, "ci": 2, "deep": 200}[PROFILE]
SEED = {"dev": None, "ci": None, "deep": secrets.randbelow(2**31)}[PROFILE]  # deep: fresh in every run
X = smooth_values((3, 2))
ACTIVATIONS = [
    nn.ReLU,
    nn.Tanh,
    nn.Sigmoid,
    nn.Softmax,
    nn.LogSoftmax,
    nn.LeakyReLU,
    nn.ELU,
    nn.GELU,
    nn.SiLU,
    nn.Softplus,
]
LOSSES = [nn.MSELoss, nn.L1Loss, nn.HuberLoss, nn.BCEWithLogitsLoss]


@pytest.mark.sampled
@pytest.mark.parametrize("make", ACTIVATIONS)
def test_activation_is_right(make: Any) -> None:
    note(check_module(make(), tensors((2, 3)), order=2, examples=EXAMPLES, seed=SEED))


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Linear(2, 3, rng=0),
        lambda: nn.Sequential(nn.Linear(2, 3, rng=0), nn.ReLU(), nn.Linear(3, 1, rng=1)),
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(2, 2, rng=0), nn.Dropout(0.5)),
    ],
    ids=["linear", "network", "dropout"],
)
def test_layer_is_right_in_inputs_and_parameters(make: Any) -> None:
    note(check_module(make(), X, order=2, examples=EXAMPLES, seed=SEED))


@pytest.mark.sampled
@pytest.mark.parametrize("make", LOSSES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_loss_is_right(make: Any, reduction: str) -> None:
    note(
        check_module(
            make(reduction=reduction),
            smooth_values((2, 2)),
            smooth_values((2, 2), (0.0, 1.0)),
            examples=EXAMPLES,
            seed=SEED,
        )
    )


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_cross_entropy_is_right(reduction: str) -> None:
    loss = nn.CrossEntropyLoss(reduction=reduction, ignore_index=-100)
    note(check_module(loss, tensors((3, 3)), np.array([0, 2, -100]), order=2, examples=EXAMPLES, seed=SEED))


@pytest.mark.parametrize(
    "make",
    [
        lambda ps: nn.SGD(ps, lr=0.1),
        lambda ps: nn.SGD(ps, lr=0.1, momentum=0.9, dampening=0.5, weight_decay=0.1),
        lambda ps: nn.SGD(ps, lr=0.1, momentum=0.9, nesterov=True),
        lambda ps: nn.Adam(ps, lr=0.1, weight_decay=0.1),
        lambda ps: nn.AdamW(ps, lr=0.1, betas=(0.5, 0.9)),
        lambda ps: nn.Adam(ps, lr=0.1, betas=(0.5, 0.5), amsgrad=True, maximize=True),
        lambda ps: nn.optim.RMSprop(ps, weight_decay=0.1),
        lambda ps: nn.optim.RMSprop(ps, alpha=0.5, momentum=0.9, centered=True, eps=1e-3),
        lambda ps: nn.optim.Adagrad(ps, lr_decay=0.5, initial_accumulator_value=0.1, weight_decay=0.1),
        lambda ps: nn.optim.Adadelta(ps, rho=0.5, weight_decay=0.1),
        lambda ps: nn.optim.Adamax(ps, betas=(0.5, 0.9), weight_decay=0.1, maximize=True),
        lambda ps: nn.optim.NAdam(ps, lr=0.1, decoupled_weight_decay=True, weight_decay=0.1),
        nn.optim.Rprop,
        lambda ps: nn.optim.ASGD(ps, lr=0.1, lambd=0.1, t0=1.0, weight_decay=0.1),
        lambda ps: nn.optim.RAdam(ps, lr=0.1, betas=(0.5, 0.9), weight_decay=0.1),
        lambda ps: nn.optim.RAdam(ps, lr=0.1),
        lambda ps: nn.optim.Lion(ps, lr=0.1, betas=(0.5, 0.9), weight_decay=0.1),
        lambda ps: nn.optim.LAMB(ps, lr=0.1, betas=(0.5, 0.9)),
        lambda ps: nn.optim.LBFGS(ps, lr=0.5, max_iter=2, history_size=3),
        lambda ps: nn.optim.LBFGS(ps, line_search_fn="strong_wolfe"),
    ],
    ids=(
        "sgd momentum nesterov adam adamw adam-amsgrad rmsprop rmsprop-centered adagrad adadelta adamax nadam rprop "
        "asgd radam-soon radam lion lamb lbfgs lbfgs-wolfe"
    ).split(),
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_optimizer_steps_as_published(make: Any, dtype: Any) -> None:
    check_optimizer(make, dtype=dtype, examples={"dev": 6, "ci": 6, "deep": 200}[PROFILE])


def test_a_formula_is_known_for_every_optimizer() -> None:
    classes = {name for name in nn.optim.__all__ if isinstance(getattr(nn.optim, name), type)}
    assert classes - {"Optimizer", "AveragedModel"} == {*FORMULAS, *OF_A_PARAMETER, *OF_ALL_PARAMETERS}


@pytest.mark.parametrize("name", ["LBFGS", "LAMB", "RMSprop"])
def test_another_formula_is_told_from_the_optimizers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kinds of formulas: of all parameters, of one, of a number."""
    table: dict[str, Any] = next(t for t in (FORMULAS, OF_A_PARAMETER, OF_ALL_PARAMETERS) if name in t)
    right, options = table[name], {"lr": 0.1, **({"max_iter": 1} if name == "LBFGS" else {})}

    def at_another_rate(*arguments: Any) -> Any:
        return right(*[{**a, "lr": 0.3} if isinstance(a, dict) and "lr" in a else a for a in arguments])

    check_optimizer(lambda ps: getattr(nn.optim, name)(ps, **options), examples=4)
    monkeypatch.setitem(table, name, at_another_rate)
    with pytest.raises(OptimizerError, match="S01"):
        check_optimizer(lambda ps: getattr(nn.optim, name)(ps, **options), examples=4)


def test_a_wrong_layer_names_the_transposed_gradient() -> None:
    class Dense(nn.Module):
        def __init__(self) -> None:
            self.weight = nn.Parameter(np.array([[0.5, -1.0], [2.0, 0.25]]))

        def forward(self, x: Any) -> Any:
            dense = ad.custom_vjp(lambda a, w: a @ w.T)
            dense.defvjp(lambda a, w: (a @ w.T, (a, w)), lambda r, g: (g @ r[1].T, g.T @ r[0]))
            return dense(x, self.weight)

    with pytest.raises(DerivativeError, match="transpose"):
        check_module(Dense(), np.array([[0.5, 1.0], [2.0, -1.0], [0.25, 3.0]]))


def test_a_wrong_optimizer_is_told_from_its_formula() -> None:
    class Wrong(nn.SGD):
        def step(self) -> None:
            super().step()
            for p in self.param_groups[0]["params"]:
                p.data = p.data * 1.001

    Wrong.__name__ = "SGD"
    with pytest.raises(OptimizerError, match="S01"):
        check_optimizer(lambda ps: Wrong(ps, lr=0.1), examples=2)


@given(training_configs())
@settings(max_examples={"dev": 8, "ci": 8, "deep": 300}[PROFILE])
def test_a_training_step_changes_every_parameter_that_has_a_slope(config: Any) -> None:
    parameters = list(config.model.parameters())
    before = [p.data.copy() for p in parameters]
    optimizer = config.optimizer(parameters)
    config.loss(config.model(config.batch), config.targets).backward()
    optimizer.step()
    for p, old in zip(parameters, before):
        assert p.grad is not None and p.data.shape == old.shape and np.isfinite(p.data).all()
        # a slope below the resolution of p moves nothing; Adam moves by about lr whatever the slope
        assert np.array_equal(p.data, old) <= (np.max(np.abs(p.grad)) < 1e-12)


def test_a_layer_that_keeps_statistics_while_it_trains_is_right() -> None:
    """It was reported as a violation that `checkpoint` refuses what writes."""
    x = np.random.default_rng(0).normal(size=(4, 3))
    assert check_module(nn.BatchNorm1d(3), x).ok
    assert "P26" in check_module(nn.BatchNorm1d(3).eval(), x).tally.counts


def test_an_optimizer_whose_closure_is_optional_is_checked_by_its_gradients() -> None:
    """Whoever overrode step(closure=None) was taken for LBFGS: no gradient was ever set, and all was right."""

    class Halving(nn.SGD):
        def step(self, closure: Any = None) -> None:
            super().step()
            for p in self.param_groups[0]["params"]:
                if p.grad is not None:
                    p.grad *= 0.5

    class Forgetful(nn.SGD):
        def step(self, closure: Any = None) -> None:
            for p in self.param_groups[0]["params"][:1]:
                p.data = p.data - self.param_groups[0]["lr"] * p.grad

    for kind, broken in ((Halving, "S05"), (Forgetful, "S07")):
        report = check_optimizer(lambda ps, kind=kind: kind(ps, lr=0.1), raises=False)
        assert broken in [f.property_id for f in report.failures]

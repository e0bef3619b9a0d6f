"""The base of Adam and its variants: running means of the gradient and of its square."""

from __future__ import annotations

from ..optimizer import Array, Group, Optimizer

__all__ = ["RunningMeans", "move_means"]


class RunningMeans(Optimizer):
    """Base of the optimizers with running means of g ("exp_avg") and of g^2 ("exp_avg_sq")."""

    def _state_names(self, group: Group) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")

    def _decay(self, group: Group) -> tuple[str, float]:
        return "exp_avg", group["betas"][0]


def move_means(m: Array, v: Array, g: Array, betas: tuple[float, float]) -> None:
    """Move the mean of g and the mean of g^2 towards this gradient, in place."""
    beta1, beta2 = betas
    m += (1 - beta1) * (g - m)
    v += (1 - beta2) * (g * g - v)

"""Check layers and optimizers: `check_module`, `check_optimizer`, and Hypothesis strategies of networks.

`check_module` turns a layer into a function of its inputs and parameters and hands it to
`autodiff.testing.check_derivatives`. `check_optimizer` compares each step with the published formula. `nn` never
imports this package: write `import nn.testing`. Names load on first use, and only `strategies` needs Hypothesis.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nn.testing.module_check import check_module as check_module
    from nn.testing.optimizer_check import OptimizerError as OptimizerError
    from nn.testing.optimizer_check import OptimizerReport as OptimizerReport
    from nn.testing.optimizer_check import check_optimizer as check_optimizer
    from nn.testing.strategies import TrainingConfig as TrainingConfig
    from nn.testing.strategies import losses as losses
    from nn.testing.strategies import modules as modules
    from nn.testing.strategies import optimizers as optimizers
    from nn.testing.strategies import training_configs as training_configs

_HOME = {
    "module_check": ("check_module",),
    "optimizer_check": ("OptimizerError", "OptimizerReport", "check_optimizer"),
    "strategies": ("TrainingConfig", "losses", "modules", "optimizers", "training_configs"),
}
_MODULE_OF = {name: home for home, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE_OF)


if not TYPE_CHECKING:  # a misspelt name is an error to a type checker

    def __getattr__(name: str) -> Any:
        if name not in _MODULE_OF:
            raise AttributeError(f"module 'nn.testing' has no attribute {name!r}")
        value = getattr(import_module(f"nn.testing.{_MODULE_OF[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""Learning rates that change over time, under PyTorch's names: call `scheduler.step()` after every epoch (or batch)."""

from .factors import *  # noqa: F403
from .factors import __all__ as __all__

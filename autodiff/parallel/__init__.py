"""Several processes that compute together, over MPI: differentiable collectives, and what they need.

``ranks`` finds the communicator, compares what the ranks are about to do, and ends a job whose ranks cannot go on
together. ``reductions`` sums arrays over ranks in a fixed order. ``collectives`` are rows, each the transpose of
another. Everything loads when it is first named; mpi4py (``pip install 'backflow[mpi]'``) when it is called. Never
here: a model or an optimizer.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PLACES = {
    "Reduction": "reductions",
    "RankError": "ranks",
    "agree": "ranks",
    "allgather": "collectives",
    "allreduce": "collectives",
    "broadcast": "collectives",
    "communicator": "ranks",
    "reduce": "collectives",
    "reduce_scatter": "collectives",
    "run": "ranks",
}
__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_PLACES[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__

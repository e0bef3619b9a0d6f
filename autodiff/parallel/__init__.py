"""Several processes that compute together, over MPI: differentiable collectives, and what they need.

``ranks`` finds the communicator, compares what the ranks are about to do, and ends a job whose ranks cannot go on
together. ``reductions`` sums arrays over ranks in a fixed order. ``collectives`` are rows, each the transpose of
another. Everything loads when it is first named; mpi4py (``pip install 'backflow[mpi]'``) when it is called. Never
here: a model or an optimizer.
"""

from __future__ import annotations

from ..names.on_demand import names_on_demand

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
__getattr__, __dir__ = names_on_demand(__name__, _PLACES)

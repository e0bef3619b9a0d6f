"""Several processes that compute together, over MPI: differentiable collectives, and their foundations.

``ranks`` finds the communicator, compares the next operation between the ranks, and ends a job whose ranks cannot
continue together. ``reductions`` sums arrays over ranks in a fixed order. ``collectives`` are rows, each the
transpose of another. Everything loads at first use; mpi4py (``pip install 'backflow[mpi]'``) at the first call.
Never here: a model or an optimizer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..names.on_demand import names_on_demand

if TYPE_CHECKING:  # names for type checkers and editors
    from .collectives import allgather as allgather
    from .collectives import allreduce as allreduce
    from .collectives import broadcast as broadcast
    from .collectives import reduce as reduce
    from .collectives import reduce_scatter as reduce_scatter
    from .ranks import RankError as RankError
    from .ranks import agree as agree
    from .ranks import communicator as communicator
    from .ranks import run as run
    from .reductions import Reduction as Reduction

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
if not TYPE_CHECKING:  # a misspelt name is an error to a type checker
    __getattr__, __dir__ = names_on_demand(__name__, _PLACES)

"""The backward pass: the walk over the graph (``walk``), zeros by construction (``reach``), and gradients that are
wanted before the pass ends (``arrivals``)."""

from .walk import (
    backward,
    collect,
    conjugate,
    consumed,
    fit,
    gradients_of_graph,
    handles,
    nonzero,
    own_buffer,
    pull,
    raw,
)

__all__ = [
    "backward",
    "collect",
    "conjugate",
    "consumed",
    "fit",
    "gradients_of_graph",
    "handles",
    "nonzero",
    "own_buffer",
    "pull",
    "raw",
]

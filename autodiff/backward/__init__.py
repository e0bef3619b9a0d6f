"""The backward pass: the functions that users call (``gradients``), the walk over the graph (``walk``), cotangents of
its values (``cotangents``), zeros by construction (``reach``), and gradients that are used before the pass ends
(``arrivals``)."""

from .cotangents import conjugate, fit, nonzero, raw
from .gradients import backward, gradients_below, gradients_of_graph
from .product_sums import ProductSum
from .recorded import handles
from .walk import blame, collect, consumed, own_buffer, pull

__all__ = [
    "ProductSum",
    "backward",
    "blame",
    "collect",
    "conjugate",
    "consumed",
    "fit",
    "gradients_below",
    "gradients_of_graph",
    "handles",
    "nonzero",
    "own_buffer",
    "pull",
    "raw",
]

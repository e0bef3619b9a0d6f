"""Pure function to function: ``grad``, ``vjp``, ``jvp``, ``jacobian``, ``hessian``, ``hvp``, ``checkpoint``,
``custom_vjp`` and ``vmap``, all on the one walk.

A transform wraps its arguments in nodes of its own, runs the function, and walks the graph between its result and
those nodes (``evaluation``). When another recorded value is reachable from the result (an outer derivative's argument,
a model's parameters), the walk is recorded and the result is a Tensor in that graph; otherwise the result is plain.
Arguments may be arrays, numbers, Tensors, and nested lists, tuples and dicts of them (``containers``). Never here: a
second set of rules. Forward mode uses the same rows (``forward``): an elementwise rule is its own transpose, a linear
operation is its own derivative, and any other rule is transposed by the walk.
"""

from .custom_rules import custom_vjp, stop_gradient
from .forward import jvp
from .jacobians import hessian, hvp, jacfwd, jacobian, jacrev
from .recomputation import checkpoint
from .reverse import grad, value_and_grad, vjp
from .vmap import vmap

__all__ = [
    "checkpoint",
    "custom_vjp",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "stop_gradient",
    "value_and_grad",
    "vjp",
    "vmap",
]

"""Where randomness comes from: one default generator per context, and `seed` to set it.

Everything random in `nn` takes `rng`: a `numpy.random.Generator`, an integer seed, or None for the default
generator. The default lives in a context variable, so threads and tasks never share one by accident: a new thread
starts with a fresh, unseeded generator of its own; call `seed` in it to make it repeatable.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from autodiff import extend

__all__ = ["Rng", "as_generator", "default_generator", "draw", "seed"]

if TYPE_CHECKING:
    Rng = np.random.Generator | int | None
else:
    Rng = Any  # NumPy loads numpy.random when it is first named; `import nn` leaves that to who needs it

_default: ContextVar[np.random.Generator | None] = ContextVar("nn_default_generator", default=None)


def seed(n: int | None = None) -> np.random.Generator:
    """Set the default generator of this context to a fresh one made from `n`, and return it.

    >>> import nn
    >>> a = nn.seed(0).random(); b = nn.seed(0).random()
    >>> a == b
    True
    """
    if n is not None and not isinstance(n, int | np.integer):
        raise TypeError(f"seed needs a whole number or None, got {n!r}")
    generator = np.random.default_rng(n)
    _default.set(generator)
    return generator


def default_generator() -> np.random.Generator:
    """Return the default generator of this context; it is made from fresh entropy when `seed` was not called.

    `torch.default_generator`.

    >>> import nn
    >>> nn.seed(0) is nn.default_generator()
    True
    """
    generator = _default.get()
    return seed() if generator is None else generator


def draw(rng: Rng, method: str, *args: Any, **kwargs: Any) -> Any:
    """`getattr(as_generator(rng), method)(*args, **kwargs)`; in a compiled function a draw at every call."""
    if not isinstance(rng, np.random.Generator):
        return extend.draw_random(partial(as_generator, rng), method, *args, **kwargs)
    return extend.draw_random(rng, method, *args, **kwargs)


def as_generator(rng: Rng) -> np.random.Generator:
    """Turn what a caller passed as `rng` into a generator: a Generator as it is, a seed into a new one, None into
    the default.

    Raises:
        TypeError: `rng` is anything else.
    """
    if rng is None:
        return default_generator()
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool):
        return np.random.default_rng(int(rng))
    raise TypeError(f"rng must be a numpy.random.Generator, an integer seed or None, got {type(rng).__name__}")

"""Random numbers: one default generator per context, and `seed` to set it.

Every random function of `nn` takes `rng`: a `numpy.random.Generator`, an integer seed, or None for the default
generator. The default is a context variable, so threads and tasks do not share it: a new thread starts with a new,
unseeded generator; call `seed` in it to make it repeatable.
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
    Rng = Any  # NumPy loads numpy.random at first use, and `import nn` does not need it

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
    """Return `getattr(as_generator(rng), method)(*args, **kwargs)`; in a compiled function, new at every call."""
    if not isinstance(rng, np.random.Generator):
        return extend.draw_random(partial(as_generator, rng), method, *args, **kwargs)
    return extend.draw_random(rng, method, *args, **kwargs)


def as_generator(rng: Rng) -> np.random.Generator:
    """Return the generator for an argument `rng`: a Generator as it is, a new one for a seed, the default for None.

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

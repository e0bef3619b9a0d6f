"""Random numbers inside ``vmap``: under ``randomness="different"`` every example draws by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..modes import draw_once
from .handle import Batched, Frame, open_frames


def draw_random(source: Any, method: str, *args: Any, **kwargs: Any) -> Any:
    """Draw random numbers: ``getattr(generator, method)(*args, **kwargs)``. In a compiled function they are drawn anew
    at every call, in the same order as without ``ad.compile``.

    source: a ``numpy.random.Generator``, or a function that returns one: the default generator of a context, or a new
    one of a seed (``functools.partial(np.random.default_rng, 0)``).

    Inside ``ad.vmap(f, randomness="different")`` every example has a draw of its own.

    >>> import autodiff as ad, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> fast = ad.compile(lambda x: x + ad.extend.draw_random(rng, "integers", 10, size=2))
    >>> fast(np.zeros(2)), fast(np.zeros(2))
    (array([8., 6.]), array([5., 2.]))
    """
    frames = [frame for frame in open_frames() if frame.draws is not None]
    for frame in frames:
        frame.draws.check()
    made = _for_each(frames, lambda: draw_once(source, method, *args, **kwargs))
    for frame in frames:
        made = Batched(frame, made)
        frame.draws.look()
    return made


def _for_each(frames: list[Frame], draw: Callable[[], Any]) -> Any:
    """Return the draws of all examples, one axis for each frame, the outermost first."""
    if not frames:
        return draw()
    return np.stack([np.asarray(_for_each(frames[1:], draw)) for _ in range(frames[0].size)])

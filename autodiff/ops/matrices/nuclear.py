"""The nuclear norm, the sum of singular values: a row of its own, because no singular vector enters its derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...batching.ways import of_matrices
from ...other_arrays import is_foreign
from ...registry import op
from ...registry.singular_points import Convention
from ...variable import plain
from ..complex_numbers import conj
from .by_masks import singular_values
from .decompositions import is_zero, svd
from .functions import unitary_factor
from .packing import apart, h

NEAR = 1e-3  # of the largest: with singular values nearer to each other, vectors lose a part of their digits


def _near(s: Any) -> bool:
    """Return whether two singular values are equal or nearly equal, in any of the matrices."""
    return bool(np.any(s[..., :-1] - s[..., 1:] < NEAR * s[..., :1]))


def _nuclear_vjp(g: Any, x: Any) -> Any:
    """U Vᴴ, the unitary factor of the polar decomposition; without the vectors of singular values that are 0. Only the
    vectors of a pass that is recorded are differentiated: where they are no smooth functions, the factor still is."""
    s = singular_values(plain(x))
    zero = is_zero(s, np.shape(x))
    if plain(x) is x or is_foreign(zero) or zero.any() or not _near(s):
        u, _, vh = svd(x, full_matrices=False)
        part = (u * np.expand_dims(np.where(zero, 0.0, 1.0), -2).astype(s.dtype)) @ vh
    else:
        part = unitary_factor(x) if np.shape(x)[-2] >= np.shape(x)[-1] else h(unitary_factor(h(x)))
    return conj(np.expand_dims(g, (-2, -1)) * part)


nuclear = op(
    lambda x: np.sum(singular_values(x), axis=-1),
    name="nuclear_norm",
    batch=of_matrices,
    public=False,
    vjp=_nuclear_vjp,
    samples=((((3, 3),), {}), (((3, 2),), {}), (((2, 2, 3),), {})),
    draw=lambda rng, x: (apart(rng, x),),
    convention=Convention(
        lambda x: is_zero(np.linalg.svd(x, compute_uv=False), x.shape).any(axis=-1),
        "a singular value is 0",
        "0",
        "Square the singular values, or use np.linalg.pinv, which has a derivative while the rank stays.",
    ),
    doc="Return the sum of the singular values.",
    complex=True,
)

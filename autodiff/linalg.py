"""Linear algebra: the functions of ``np.linalg``, and the differentiable ones of ``scipy.linalg``.

``np.linalg.det(x)`` of a Tensor and ``ad.linalg.det(x)`` are the same function. Never here: a formula; the rows are in
``ops``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .names.elsewhere import missing_names
from .ops.arrays.assemble import matrix_transpose
from .ops.linalg import inv, matmul, outer, solve, tensordot, vecdot
from .ops.matrices.decompositions import cholesky, lu_factor, qr, svd, svdvals
from .ops.matrices.eigenvalues import eig, eigh, eigvals, eigvalsh
from .ops.matrices.functions import (
    cond,
    cross,
    diagonal,
    expm,
    expm_frechet,
    matrix_power,
    matrix_rank,
    multi_dot,
    polar,
    solve_sylvester,
    sqrtm,
    trace,
)
from .ops.matrices.solving import det, lstsq, pinv, slogdet, tensorinv, tensorsolve
from .ops.matrices.structured import (
    block_diag,
    cho_factor,
    cho_solve,
    circulant,
    eigh_tridiagonal,
    lu_solve,
    solve_banded,
    solve_circulant,
    solve_toeplitz,
    solve_triangular,
    solveh_banded,
    toeplitz,
)
from .ops.norms import matrix_norm, norm, vector_norm

# fmt: off
__all__ = [
    "block_diag", "cho_factor", "cho_solve", "cholesky", "circulant", "cond", "cross", "det", "diagonal", "eig",
    "eigh", "eigh_tridiagonal", "eigvals", "eigvalsh", "expm", "expm_frechet", "inv", "lstsq", "lu_factor",
    "lu_solve", "matmul", "matrix_norm", "matrix_power", "matrix_rank", "matrix_transpose", "multi_dot", "norm",
    "outer", "pinv", "polar", "qr", "slogdet", "solve", "solve_banded", "solve_circulant", "solve_sylvester",
    "solve_toeplitz", "solve_triangular", "solveh_banded", "sqrtm", "svd", "svdvals", "tensordot", "tensorinv",
    "tensorsolve", "toeplitz", "trace", "vecdot", "vector_norm",
]
# fmt: on

if not TYPE_CHECKING:  # a type checker reports a misspelt name itself
    __getattr__ = missing_names(__name__, __all__)

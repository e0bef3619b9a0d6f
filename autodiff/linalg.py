"""Linear algebra: the functions of ``np.linalg``, and the differentiable ones of ``scipy.linalg``.

``np.linalg.det(x)`` of a Tensor and ``ad.linalg.det(x)`` are the same function. Never here: a formula; the rows are in
``ops``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .names.elsewhere import missing_names
from .ops.arrays.assemble import matrix_transpose
from .ops.linalg import inv, matmul, outer, solve, tensordot, vecdot
from .ops.matrices.analytic import coshm, cosm, fractional_matrix_power, logm, sinhm, sinm, tanhm, tanm
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
from .ops.matrices.patterned import (
    companion,
    convolution_matrix,
    eigvalsh_tridiagonal,
    hankel,
    khatri_rao,
    lu,
    orthogonal_procrustes,
)
from .ops.matrices.riccati import (
    solve_continuous_are,
    solve_continuous_lyapunov,
    solve_discrete_are,
    solve_discrete_lyapunov,
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
    "block_diag", "cho_factor", "cho_solve", "cholesky", "circulant", "companion", "cond", "convolution_matrix",
    "coshm", "cosm", "cross", "det", "diagonal", "eig", "eigh", "eigh_tridiagonal", "eigvals", "eigvalsh",
    "eigvalsh_tridiagonal", "expm", "expm_frechet", "fractional_matrix_power", "hankel", "inv", "khatri_rao",
    "logm", "lstsq", "lu", "lu_factor", "lu_solve", "matmul", "matrix_norm", "matrix_power", "matrix_rank",
    "matrix_transpose", "multi_dot", "norm", "orthogonal_procrustes", "outer", "pinv", "polar", "qr", "sinhm",
    "sinm", "slogdet", "solve", "solve_banded", "solve_circulant", "solve_continuous_are",
    "solve_continuous_lyapunov", "solve_discrete_are", "solve_discrete_lyapunov", "solve_sylvester",
    "solve_toeplitz", "solve_triangular", "solveh_banded", "sqrtm", "svd", "svdvals", "tanhm", "tanm", "tensordot",
    "tensorinv", "tensorsolve", "toeplitz", "trace", "vecdot", "vector_norm",
]
# fmt: on

_CHOICE = "its factors are fixed only up to signs and order, which have no derivative: write "
_SYMMETRIC = "for a symmetric matrix write w, v = np.linalg.eigh(a) and (v * f(w)) @ v.T"
# names of scipy.linalg that are not here
_WORDS = {
    "eig_banded": "write np.linalg.eigh of the full matrix, or eigh_tridiagonal",
    "hessenberg": f"{_CHOICE}np.linalg.eig(a) for what depends on the spectrum",
    "ldl": "write np.linalg.cholesky(a) for a positive definite matrix, or lu_factor(a)",
    "null_space": f"{_CHOICE}the projector np.eye(n) - np.linalg.pinv(a) @ a",
    "orth": f"{_CHOICE}the projector a @ np.linalg.pinv(a)",
    "pinvh": "write np.linalg.pinv(a)",
    "qz": f"{_CHOICE}np.linalg.eigvals(np.linalg.solve(b, a))",
    "rq": "write np.linalg.qr of the transpose with its rows in reverse order",
    "schur": f"{_CHOICE}np.linalg.eig(a), or ad.linalg.expm, logm and sqrtm for functions of a matrix",
    "funm": f"{_SYMMETRIC}, or ad.linalg.expm, logm and the like",
    "signm": "write a @ np.linalg.inv(sqrtm(a @ a))",
    "dft": "write np.fft.fft(x), or scipy.linalg.dft(n), which is constant",
    "eigvals_banded": "write np.linalg.eigvalsh of the full matrix, or eigvalsh_tridiagonal",
    "matmul_toeplitz": "write toeplitz(c, r) @ x",
    "matrix_exp": "write expm(a)",
}

if not TYPE_CHECKING:  # a type checker reports a misspelt name itself
    __getattr__ = missing_names(__name__, __all__, _WORDS)

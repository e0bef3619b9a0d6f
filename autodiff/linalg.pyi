"""Types of the public names. Written by ``python tools/write_stub.py`` from the registry."""
# fmt: off

from typing import Any, overload

from .ops.arrays.assemble import matrix_transpose as matrix_transpose
from .ops.linalg import outer as outer
from .ops.linalg import tensordot as tensordot
from .ops.linalg import vecdot as vecdot
from .ops.matrices.analytic import coshm as coshm
from .ops.matrices.analytic import cosm as cosm
from .ops.matrices.analytic import fractional_matrix_power as fractional_matrix_power
from .ops.matrices.analytic import sinhm as sinhm
from .ops.matrices.analytic import sinm as sinm
from .ops.matrices.analytic import tanhm as tanhm
from .ops.matrices.analytic import tanm as tanm
from .ops.matrices.decompositions import cholesky as cholesky
from .ops.matrices.decompositions import lu_factor as lu_factor
from .ops.matrices.decompositions import qr as qr
from .ops.matrices.decompositions import svd as svd
from .ops.matrices.decompositions import svdvals as svdvals
from .ops.matrices.eigenvalues import eig as eig
from .ops.matrices.eigenvalues import eigh as eigh
from .ops.matrices.eigenvalues import eigvals as eigvals
from .ops.matrices.eigenvalues import eigvalsh as eigvalsh
from .ops.matrices.functions import cond as cond
from .ops.matrices.functions import cross as cross
from .ops.matrices.functions import diagonal as diagonal
from .ops.matrices.functions import expm_frechet as expm_frechet
from .ops.matrices.functions import matrix_power as matrix_power
from .ops.matrices.functions import matrix_rank as matrix_rank
from .ops.matrices.functions import multi_dot as multi_dot
from .ops.matrices.functions import polar as polar
from .ops.matrices.functions import trace as trace
from .ops.matrices.patterned import companion as companion
from .ops.matrices.patterned import convolution_matrix as convolution_matrix
from .ops.matrices.patterned import eigvalsh_tridiagonal as eigvalsh_tridiagonal
from .ops.matrices.patterned import hankel as hankel
from .ops.matrices.patterned import khatri_rao as khatri_rao
from .ops.matrices.patterned import lu as lu
from .ops.matrices.patterned import orthogonal_procrustes as orthogonal_procrustes
from .ops.matrices.riccati import solve_continuous_are as solve_continuous_are
from .ops.matrices.riccati import solve_continuous_lyapunov as solve_continuous_lyapunov
from .ops.matrices.riccati import solve_discrete_are as solve_discrete_are
from .ops.matrices.riccati import solve_discrete_lyapunov as solve_discrete_lyapunov
from .ops.matrices.solving import lstsq as lstsq
from .ops.matrices.solving import slogdet as slogdet
from .ops.matrices.solving import tensorinv as tensorinv
from .ops.matrices.solving import tensorsolve as tensorsolve
from .ops.matrices.structured import block_diag as block_diag
from .ops.matrices.structured import cho_factor as cho_factor
from .ops.matrices.structured import cho_solve as cho_solve
from .ops.matrices.structured import circulant as circulant
from .ops.matrices.structured import eigh_tridiagonal as eigh_tridiagonal
from .ops.matrices.structured import lu_solve as lu_solve
from .ops.matrices.structured import solve_banded as solve_banded
from .ops.matrices.structured import solve_circulant as solve_circulant
from .ops.matrices.structured import solve_toeplitz as solve_toeplitz
from .ops.matrices.structured import solve_triangular as solve_triangular
from .ops.matrices.structured import solveh_banded as solveh_banded
from .ops.matrices.structured import toeplitz as toeplitz
from .ops.norms import matrix_norm as matrix_norm
from .ops.norms import norm as norm
from .ops.norms import vector_norm as vector_norm
from .variable import Tensor

@overload
def det(a: Tensor) -> Tensor: ...
@overload
def det(a: Any) -> Any: ...
@overload
def expm(x: Tensor) -> Tensor: ...
@overload
def expm(x: Any) -> Any: ...
@overload
def inv(a: Tensor) -> Tensor: ...
@overload
def inv(a: Any) -> Any: ...
@overload
def logm(x: Tensor) -> Tensor: ...
@overload
def logm(x: Any) -> Any: ...
@overload
def matmul(a: Tensor, b: Any) -> Tensor: ...
@overload
def matmul(a: Any, b: Any) -> Any: ...
@overload
def pinv(x: Tensor, rcond: Any = ..., hermitian: Any = ..., *, rtol: Any = ...) -> Tensor: ...
@overload
def pinv(x: Any, rcond: Any = ..., hermitian: Any = ..., *, rtol: Any = ...) -> Any: ...
@overload
def solve(a: Tensor, b: Any) -> Tensor: ...
@overload
def solve(a: Any, b: Any) -> Any: ...
@overload
def solve_sylvester(a: Tensor, b: Any, q: Any) -> Tensor: ...
@overload
def solve_sylvester(a: Any, b: Any, q: Any) -> Any: ...
@overload
def sqrtm(x: Tensor) -> Tensor: ...
@overload
def sqrtm(x: Any) -> Any: ...

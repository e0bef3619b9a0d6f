"""Special functions under SciPy's names and arguments, in NumPy alone: SciPy is not needed.

Each takes Tensors, Scalars, arrays and numbers, has derivatives of every order in both modes, and keeps float32 and
float16. SciPy's own functions record as well when they are ufuncs, since a ufunc calls the value's own method:

>>> import autodiff as ad
>>> x = ad.tensor([0.5, 3.0])
>>> ad.special.gammaln(x).sum().backward(); x.grad.round(4)
array([-1.9635,  0.9228])

``scipy.special.gammaln(x)`` is the same line. SciPy's functions that are no ufuncs (logsumexp, softmax, polygamma,
multigammaln) must be written ``ad.special.logsumexp(x)``. A ufunc of SciPy's that is not here is refused by name.
Accuracies are stated in units in the last place of float64, measured against mpmath; float32 is rounded from that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import MissingRuleError
from .names.elsewhere import missing_names
from .ops.activations import logsigmoid as log_expit
from .ops.activations import sigmoid as expit
from .ops.special.bessel.airy import airy
from .ops.special.bessel.modified import i0, i0e, i1, i1e, iv, ive, k0, k0e, k1, k1e, kn, kv, kve
from .ops.special.bessel.ordinary import j0, j1, jn, jv, y0, y1, yn, yv
from .ops.special.complex_functions import lambertw, voigt_profile, wofz
from .ops.special.elliptic import ellipe, ellipeinc, ellipk, ellipkinc
from .ops.special.entropy import entr, huber, kl_div, pseudo_huber, rel_entr, xlog1py, xlogy
from .ops.special.exponential import (
    binom,
    boxcox,
    boxcox1p,
    comb,
    exp1,
    expi,
    expn,
    factorial,
    fresnel,
    inv_boxcox,
    inv_boxcox1p,
    loggamma,
    perm,
    sici,
    spence,
)
from .ops.special.gamma import (
    beta,
    betaln,
    digamma,
    gamma,
    gammainc,
    gammaincc,
    gammaln,
    multigammaln,
    poch,
    polygamma,
    rgamma,
    zeta,
)
from .ops.special.hypergeometric import hyp0f1, hyp1f1, hyp2f1
from .ops.special.incomplete_beta import betainc, betaincc, stdtr
from .ops.special.logsums import log_softmax, logcumsumexp, logsumexp, softmax
from .ops.special.normal import (
    dawsn,
    erf,
    erfc,
    erfcinv,
    erfcx,
    erfinv,
    exprel,
    log_ndtr,
    logit,
    ndtr,
    ndtri,
    ndtri_exp,
    owens_t,
)
from .ops.special.polynomials import (
    eval_chebyt,
    eval_chebyu,
    eval_gegenbauer,
    eval_genlaguerre,
    eval_hermite,
    eval_hermitenorm,
    eval_jacobi,
    eval_laguerre,
    eval_legendre,
    sph_harm_y,
    spherical_jn,
    spherical_yn,
)
from .ops.special.quantiles import betainccinv, betaincinv, gammainccinv, gammaincinv, stdtrit
from .ops.special.tails import (
    bdtr,
    bdtrc,
    chdtr,
    chdtrc,
    chdtri,
    cosm1,
    erfi,
    exp10,
    fdtr,
    fdtrc,
    gdtr,
    gdtrc,
    nbdtr,
    nbdtrc,
    pdtr,
    pdtrc,
    powm1,
)
from .registry import DISPATCH, UFUNCS

__all__ = [
    "airy", "bdtr", "bdtrc", "beta", "betainc", "betaincc", "betainccinv", "betaincinv", "betaln", "binom",
    "boxcox", "boxcox1p", "chdtr", "chdtrc", "chdtri", "comb", "cosm1", "dawsn", "digamma", "ellipe", "ellipeinc",
    "ellipk", "ellipkinc", "entr", "erf", "erfc", "erfcinv", "erfcx", "erfi", "erfinv", "eval_chebyt",
    "eval_chebyu", "eval_gegenbauer", "eval_genlaguerre", "eval_hermite", "eval_hermitenorm", "eval_jacobi",
    "eval_laguerre", "eval_legendre", "exp1", "exp10", "expi", "expit", "expn", "exprel", "factorial", "fdtr",
    "fdtrc", "fresnel", "gamma", "gammainc", "gammaincc", "gammainccinv", "gammaincinv", "gammaln", "gdtr", "gdtrc",
    "huber", "hyp0f1", "hyp1f1", "hyp2f1", "i0", "i0e", "i1", "i1e", "inv_boxcox", "inv_boxcox1p", "iv", "ive",
    "j0", "j1", "jn", "jv", "k0",
    "k0e", "k1", "k1e", "kl_div", "kn", "kv", "kve", "lambertw", "log_expit", "log_ndtr", "log_softmax",
    "logcumsumexp", "loggamma", "logit", "logsumexp", "multigammaln", "nbdtr", "nbdtrc", "ndtr", "ndtri",
    "ndtri_exp", "owens_t", "pdtr", "pdtrc", "perm", "poch", "polygamma", "powm1", "pseudo_huber", "psi",
    "rel_entr", "rgamma", "sici", "sinc", "softmax", "spence", "sph_harm_y", "spherical_jn", "spherical_yn",
    "stdtr", "stdtrit", "voigt_profile", "wofz", "xlog1py", "xlogy", "y0", "y1", "yn", "yv", "zeta",
]  # fmt: skip

psi, sinc = digamma, DISPATCH[np.sinc]  # SciPy's other names

_NO_UFUNCS = (
    "comb", "factorial", "lambertw", "perm", "logcumsumexp", "multigammaln", "polygamma", "sph_harm_y",
    "spherical_jn", "spherical_yn",
)  # fmt: skip

# SciPy's ufuncs by their names, most of which are ours; those that NumPy has too (exp2, cbrt, expm1) are NumPy's rows.
UFUNCS.update({name: globals()[name] for name in __all__ if name not in _NO_UFUNCS})
UFUNCS.update({"_lambertw": lambertw, "_zeta": zeta, "_riemann_zeta": zeta})
UFUNCS.update({name: DISPATCH[getattr(np, name)] for name in ("cbrt", "exp2", "expm1", "log1p")})

_RULE = "write f = ad.custom_vjp(scipy.special.{0}) and its rule: the derivative in {1} is "
# names of scipy.special, and of JAX's and PyTorch's modules of that name, that are not here
_WORDS = {
    "agm": "write np.pi / 4 * (a + b) / ellipk(((a - b) / (a + b)) ** 2)",
    "bessel_j0": "write j0(x)",
    "bessel_j1": "write j1(x)",
    "bessel_jn": "write jn(n, x)",
    "bessel_y0": "write y0(x)",
    "bessel_y1": "write y1(x)",
    "diric": "write np.sin(n * x / 2) / (n * np.sin(x / 2))",
    "eval_chebyc": "write 2 * eval_chebyt(n, x / 2)",
    "eval_chebys": "write eval_chebyu(n, x / 2)",
    "gammasgn": "it is constant between its jumps: write scipy.special.gammasgn(x.data)",
    "hyperu": _RULE.format("hyperu", "x") + "-a * hyperu(a + 1, b + 1, x)",
    "hankel1": "write jv(v, x) + 1j * yv(v, x)",
    "hankel2": "write jv(v, x) - 1j * yv(v, x)",
    "ivp": "differentiate iv(v, x)",
    "jvp": "differentiate jv(v, x)",
    "kvp": "differentiate kv(v, x)",
    "yvp": "differentiate yv(v, x)",
    "modified_bessel_i0": "write i0(x)",
    "modified_bessel_i1": "write i1(x)",
    "softplus": "write ad.softplus(x)",
    "spherical_in": "write np.sqrt(np.pi / (2 * z)) * iv(n + 0.5, z)",
    "spherical_kn": "write np.sqrt(np.pi / (2 * z)) * kv(n + 0.5, z)",
    "struve": _RULE.format("struve", "x") + "struve(v - 1, x) - v / x * struve(v, x)",
    "wrightomega": "write lambertw(np.exp(z))",
    "zetac": "write zeta(x) - 1",
    **{f"eval_sh_{name}": f"write eval_{name}(n, 2 * x - 1)" for name in ("chebyt", "chebyu", "legendre")},
    **{f"{name}dg": f"write np.{name}(np.deg2rad(x))" for name in ("sin", "cos", "tan")},
    **{name: f"write np.{name}(x)" for name in ("cbrt", "exp2", "expm1", "log1p", "round")},
}


def _refusal(name: str) -> Any:
    def refuse(*_: Any, **__: Any) -> Any:
        raise MissingRuleError(
            f"{name} has no derivative rule here, and is not in ad.special: {_WORDS[name]}. For the plain value write "
            f"{name}(x.data)."
        )

    return refuse


for _name in _WORDS:  # SciPy's ufuncs among them
    UFUNCS.setdefault(_name, _refusal(_name))

if not TYPE_CHECKING:  # a type checker reports a misspelt name itself
    __getattr__ = missing_names(__name__, __all__, _WORDS)

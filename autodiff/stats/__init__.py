"""Probability distributions under SciPy's names and parameters: ``ad.stats.norm.logpdf(x, loc, scale)``.

A continuous distribution has ``logpdf``, ``pdf``, ``logcdf``, ``cdf``, ``sf`` and ``logsf``, and ``ppf`` and ``isf``,
the inverses of ``cdf`` and ``sf``; a discrete one ``logpmf``, ``pmf`` and ``cdf``. A method that a distribution lacks
is refused by name. All are made of recorded operations: x and every parameter are differentiated. Arguments broadcast;
float32 stays. Outside the support a density is 0 and its logarithm -inf, as in SciPy; a scale that is not positive
gives NaN.

>>> import autodiff as ad, numpy as np
>>> data = np.array([1.0, 2.0, 4.0])
>>> mean, scale = ad.tensor(2.0), ad.tensor(1.0)
>>> (-ad.stats.norm.logpdf(data, mean, scale).sum()).backward(); mean.grad, scale.grad
(array(-1.), array(-2.))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..names.elsewhere import missing_names
from .continuous import (
    beta,
    cauchy,
    chi2,
    expon,
    f,
    gamma,
    gumbel_l,
    gumbel_r,
    halfcauchy,
    halfnorm,
    invgamma,
    laplace,
    logistic,
    lognorm,
    norm,
    pareto,
    t,
    truncnorm,
    uniform,
    vonmises,
    weibull_min,
)
from .discrete import bernoulli, betabinom, binom, geom, logser, nbinom, poisson, zipf
from .kernel_density import gaussian_kde
from .lifetimes import (
    betaprime,
    burr12,
    chi,
    fisk,
    genpareto,
    gompertz,
    invgauss,
    invweibull,
    levy,
    loguniform,
    lomax,
    maxwell,
    nakagami,
    powerlaw,
    rayleigh,
    rice,
)
from .matrices import invwishart, matrix_normal, wishart
from .skewed import (
    exponnorm,
    genextreme,
    gennorm,
    johnsonsu,
    laplace_asymmetric,
    loggamma,
    moyal,
    skewnorm,
    wrapcauchy,
)
from .vectors import (
    dirichlet,
    dirichlet_multinomial,
    multinomial,
    multivariate_normal,
    multivariate_t,
    vonmises_fisher,
)

__all__ = [
    "bernoulli", "beta", "betabinom", "betaprime", "binom", "burr12", "cauchy", "chi", "chi2", "dirichlet",
    "dirichlet_multinomial", "expon", "exponnorm", "f", "fisk", "gamma", "gaussian_kde", "genextreme", "gennorm",
    "genpareto", "geom", "gompertz", "gumbel_l", "gumbel_r", "halfcauchy", "halfnorm", "invgamma", "invgauss",
    "invweibull", "invwishart", "johnsonsu", "laplace", "laplace_asymmetric", "levy", "loggamma", "logistic",
    "lognorm", "logser", "loguniform", "lomax", "matrix_normal", "maxwell", "moyal", "multinomial",
    "multivariate_normal", "multivariate_t", "nakagami", "nbinom", "norm", "pareto", "poisson", "powerlaw",
    "rayleigh", "rice", "skewnorm", "t", "truncnorm", "uniform", "vonmises", "vonmises_fisher", "weibull_min",
    "wishart", "wrapcauchy", "zipf",
]  # fmt: skip

if not TYPE_CHECKING:  # a type checker reports a misspelt name itself
    __getattr__ = missing_names(__name__, __all__)

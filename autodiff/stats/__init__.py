"""Probability distributions under SciPy's names and parameters: ``ad.stats.norm.logpdf(x, loc, scale)``.

A continuous distribution has ``logpdf``, ``pdf``, ``logcdf``, ``cdf``, ``sf`` and ``logsf``, and ``ppf`` and ``isf``,
the inverses of ``cdf`` and ``sf``; a discrete one ``logpmf``, ``pmf`` and ``cdf``. A method that a distribution lacks
is refused by name. All are made of recorded operations: x and every parameter are differentiated. Arguments broadcast;
float32 stays. Outside the support, and at an infinite x, a density is 0 and its logarithm -inf, as in SciPy, with the
derivative 0 in x and in every parameter; a scale that is not positive gives NaN.

>>> import autodiff as ad, numpy as np
>>> data = np.array([1.0, 2.0, 4.0])
>>> mean, scale = ad.tensor(2.0), ad.tensor(1.0)
>>> (-ad.stats.norm.logpdf(data, mean, scale).sum()).backward(); mean.grad, scale.grad
(array(-1.), array(-2.))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..names.elsewhere import missing_names
from .bounded import arcsine, bradford, johnsonsb, semicircular, triang, truncexpon
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
from .discrete import (
    bernoulli,
    betabinom,
    betanbinom,
    binom,
    geom,
    logser,
    nbinom,
    planck,
    poisson,
    yulesimon,
    zipf,
)
from .kernel_density import gaussian_kde
from .lifetimes import (
    betaprime,
    burr12,
    chi,
    exponpow,
    exponweib,
    fisk,
    foldnorm,
    gengamma,
    genpareto,
    gompertz,
    halflogistic,
    invgauss,
    invweibull,
    levy,
    loglaplace,
    loguniform,
    lomax,
    maxwell,
    nakagami,
    powerlaw,
    rayleigh,
    rice,
    wald,
    weibull_max,
)
from .matrices import invwishart, matrix_normal, wishart
from .skewed import (
    dgamma,
    dweibull,
    exponnorm,
    genextreme,
    genlogistic,
    gennorm,
    hypsecant,
    johnsonsu,
    laplace_asymmetric,
    loggamma,
    moyal,
    norminvgauss,
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
    "arcsine", "bernoulli", "beta", "betabinom", "betanbinom", "betaprime", "binom", "bradford", "burr12", "cauchy",
    "chi", "chi2", "dgamma", "dirichlet", "dirichlet_multinomial", "dweibull", "expon", "exponnorm", "exponpow",
    "exponweib", "f", "fisk", "foldnorm", "gamma", "gaussian_kde", "genextreme", "gengamma", "genlogistic",
    "gennorm", "genpareto", "geom", "gompertz", "gumbel_l", "gumbel_r", "halfcauchy", "halflogistic", "halfnorm",
    "hypsecant", "invgamma", "invgauss", "invweibull", "invwishart", "johnsonsb", "johnsonsu", "laplace",
    "laplace_asymmetric", "levy", "loggamma", "logistic", "loglaplace", "lognorm", "logser", "loguniform", "lomax",
    "matrix_normal", "maxwell", "moyal", "multinomial", "multivariate_normal", "multivariate_t", "nakagami",
    "nbinom", "norm", "norminvgauss", "pareto", "planck", "poisson", "powerlaw", "rayleigh", "rice", "semicircular",
    "skewnorm", "t", "triang", "truncexpon", "truncnorm", "uniform", "vonmises", "vonmises_fisher", "wald",
    "weibull_max", "weibull_min", "wishart", "wrapcauchy", "yulesimon", "zipf",
]  # fmt: skip

if not TYPE_CHECKING:  # a type checker reports a misspelt name itself
    __getattr__ = missing_names(__name__, __all__)

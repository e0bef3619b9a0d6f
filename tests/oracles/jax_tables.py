"""The tables of calls that JAX has and PyTorch lacks, or has under other arguments."""

from __future__ import annotations

from itertools import product

from oracle_entries import Entry, entries

ARRAYS = entries(
    "arrays",
    """
np.cumprod(x)
np.cumprod(x, axis=1)
np.cumsum(x, axis=0)
np.cumulative_sum(x, axis=1, include_initial=True)
np.sort(x, axis=0)
np.sort(x, axis=None)
np.sort(x)
np.partition(x, 1)[:, 1]
np.median(x)
np.median(x, axis=1, keepdims=True)
np.quantile(x, 0.3)
np.quantile(x, np.array([0.2, 0.7]), axis=1)
np.quantile(x, 0.3, axis=0, method="midpoint")
np.percentile(x, 40.0, axis=1)
np.nanquantile(x, 0.4, axis=1)
np.nanpercentile(x, 40.0)
np.nanmedian(x, axis=1)
np.nansum(x, axis=0)
np.nanprod(x, axis=1)
np.nanmean(x)
np.nanvar(x, axis=0, ddof=1)
np.nanstd(x, axis=1)
np.nanmax(x, axis=0)
np.nanmin(x)
np.nancumsum(x, axis=1)
np.nancumprod(x, axis=0)
np.nan_to_num(x)
np.sum(x, axis=1, where=mask, initial=2.0)
np.prod(x, axis=0, where=mask, initial=3.0)
np.max(x, axis=1, where=mask, initial=-1.0)
np.min(x, axis=1, where=mask, initial=9.0)
np.mean(x, axis=1, where=mask)
np.var(x, where=mask)
np.std(x, axis=1, ddof=1)
np.ptp(x, axis=1)
np.average(x, axis=1, weights=np.array([1.0, 2.0, 3.0]))
np.cov(x)
np.cov(x, y, bias=True)
np.cov(x, rowvar=False, aweights=np.array([1.0, 2.0]))
np.corrcoef(x, y)[0]
np.gradient(x, axis=1)
np.gradient(x, 0.5, axis=1)
np.trapezoid(x)
np.trapezoid(x, y, axis=1)
np.interp(x, np.array([-3.0, 0.0, 1.0, 4.0]), np.array([1.0, 2.0, -1.0, 3.0]))
np.interp(np.array([0.2, 1.3]), np.array([-3.0, 0.0, 4.0]), x[0])
np.convolve(x[0], y[1])
np.convolve(x[0], y[1], mode="same")
np.convolve(x.ravel(), y[0], mode="valid")
np.correlate(x[0], y[1], mode="full")
np.correlate(x.ravel(), y[0], mode="valid")
np.cross(x, y)
np.cross(x, y, axis=-1)
np.kron(x, y)
np.vander(x[0], 4)
np.vander(x[0], increasing=True)
np.diff(x, 2)
np.diff(x, prepend=y[:, :1], axis=1)
np.ediff1d(x, to_end=y[0])
np.unwrap(3 * x, axis=1)
np.meshgrid(x[0], y[0])[0] * np.meshgrid(x[0], y[0])[1]
np.block([[x, y], [y, x]])
np.append(x, y)
np.append(x, y, axis=1)
np.insert(x, 1, y[0], axis=0)
np.insert(x, np.array([0, 2]), y[:, :2], axis=1)
np.delete(x, 1, axis=1)
np.resize(x, (3, 3))
np.diagflat(x)
np.tile(x, (2, 1, 2))
np.repeat(x, 2, axis=1)
np.roll(x, 1)
np.rot90(x, 3)
np.rollaxis(x, 1)
np.moveaxis(x, 0, -1)
np.array_split(x, 2, axis=1)[0]
np.hsplit(x, 3)[1]
np.linspace(x[0], y[0], 4)
np.linspace(x[0], y[0], 3, endpoint=False, axis=1)
np.logspace(x[0], y[0], 3, base=2.0)
np.pad(x, 2, mode="edge")
np.pad(x, ((1, 1), (2, 2)), mode="reflect")
np.pad(x, 2, mode="symmetric")
np.pad(x, ((1, 0), (0, 2)), mode="wrap")
np.pad(x, 2, mode="linear_ramp", end_values=1.0)
np.pad(x, 1, mode="mean")
np.pad(x, ((0, 0), (1, 1)), mode="maximum")
np.pad(x, ((0, 0), (1, 1)), mode="reflect", reflect_type="odd")
np.pad(x, 1, constant_values=3.0)
np.select([x > 1, x > 0], [x * y, y], -x)
np.choose(np.array([0, 1, 0]), [x, y], mode="clip")
np.take(x, np.array([2, 2, 0]), axis=1)
np.take_along_axis(x, np.array([[2], [0]]), axis=1)
np.apply_along_axis(lambda row: row @ row, 1, x)
np.apply_over_axes(np.sum, x * y, [0, 1])
np.polyval(x[0], y)
np.polyadd(x[0], y[0, :2])
np.polymul(x[0], y[0, :2])
np.polyder(x[0], 2)
np.polyint(x[0])
np.poly(x[0])
np.tril(x, -1)
np.trace(x @ y.T)
np.einsum("ij,ij->j", x, y)
np.einsum(x, [0, 1], y, [2, 1], [0, 2])
np.tensordot(x, y, axes=((1,), (1,)))
np.outer(x, y)
np.inner(x, y)
np.vdot(x, y)
np.maximum.accumulate(x, axis=1) ~ jax.lax.cummax(x, axis=1)
np.minimum.accumulate(x, axis=0) ~ jax.lax.cummin(x, axis=0)
np.add.outer(x, y[0])
np.logaddexp.reduce(x) ~ jax.scipy.special.logsumexp(x, axis=0)
""",
    other="np",
)

SPECIAL = entries(
    "special functions",
    [
        *(f"special.{name}(x)" for name in "erf erfc expit i0 i0e i1 i1e log_ndtr ndtr".split()),
        *(f"special.{name}(p)" for name in "digamma gammaln gamma entr".split()),
        *(f"special.{name}(p, q)" for name in "rel_entr kl_div xlogy xlog1py".split()),
        *(f"special.polygamma({n}, p)" for n in (1, 2, 3)),
        "special.multigammaln(p + 3, 3)",
        *(f"special.{name}(p)" for name in "expi factorial".split()),
        "special.logit(r)",
        "special.poch(p, q)",
        "special.ndtri(r)",
        "special.erfinv(u)",
        "special.zeta(2.5, q) ~ special.zeta(const(2.5), q)",
        "special.gammainc(2.5, p)",
        "special.gammaincc(2.5, p)",
        # in the first argument JAX has no second derivative; tests/autodiff/test_special.py compares with mpmath
        "special.betainc(2.5, 1.5, r)",
        "special.logsumexp(d, axis=(0, 2))",
        "special.logsumexp(x, axis=1, b=p)",
        "special.softmax(d, axis=1)",
        "special.log_softmax(d, axis=1)",
    ],
    other="np",
)

DISTRIBUTIONS = entries(
    "distributions",
    [
        *(
            f"stats.{name}.{method}({x}, loc=y / 9, scale=c)"
            for (name, x), method in product(
                {"norm": "x", "laplace": "x", "logistic": "x", "cauchy": "x", "expon": "p"}.items(),
                ("logpdf", "cdf", "logcdf", "sf", "pdf"),
            )
            if method not in ("logcdf", "sf") or name in ("norm", "cauchy")
        ),
        *(f"stats.gamma.{method}(q, 2.5, scale=c)" for method in ("logpdf", "cdf", "sf")),
        *(f"stats.beta.{method}(r, 2.5, 1.5)" for method in ("logpdf", "cdf", "sf")),
        *(f"stats.chi2.{method}(q, 3.5, scale=c)" for method in ("logpdf", "cdf", "sf")),
        "stats.gamma.logpdf(q, p)",
        "stats.t.logpdf(x, q, y / 9, c)",
        "stats.pareto.logpdf(q + 3, c)",
        "stats.uniform.logpdf(r, -1.0, c + 2)",
        "stats.bernoulli.logpmf(mask, r)",
        "stats.poisson.logpmf(counts, p)",
        "stats.poisson.cdf(counts, p)",
        "stats.geom.logpmf(counts + 1, r)",
        "stats.binom.logpmf(counts, 5, r)",
        "stats.nbinom.logpmf(counts, p, r)",
        "stats.multivariate_normal.logpdf(x, b, A @ A.T)",
        *(f"stats.truncnorm.{method}(u, -c, c + 1)" for method in ("logpdf", "cdf", "sf", "logcdf", "logsf")),
        "stats.vonmises.logpdf(x, p)",
        "stats.betabinom.logpmf(counts, 5, p, q)",
        "stats.multinomial.logpmf(counts[0], 3, r[0] / r[0].sum())",
    ],
    other="np",
)

SIGNALS = entries(
    "signals",
    [
        "sig.detrend(v)",
        "sig.fftconvolve(v, e)",
        "sig.fftconvolve(v, e, 'same')",
        "np.square(np.abs(sig.stft(h, nperseg=4)[2]) + 1)",
        "sig.istft(sig.stft(h, nperseg=4)[2], nperseg=4)[1]",
        "sig.welch(h, nperseg=4)[1]",
        "stats.gaussian_kde(v, 0.4).logpdf(e)",
    ],
    other="np",
)

ENTRIES: list[Entry] = [*ARRAYS, *SPECIAL, *DISTRIBUTIONS, *SIGNALS]

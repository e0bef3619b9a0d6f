"""``ad.signal`` has SciPy's names, arguments and values, and is differentiated in signals, filters and windows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import autodiff as ad

theirs = pytest.importorskip("scipy.signal")
X = np.random.default_rng(0).normal(size=(3, 50))
B, A = np.array([0.2, 0.3, 0.1]), np.array([2.0, -0.6, 0.4])


PLAIN = "boxcar hann hamming blackman nuttall blackmanharris flattop bartlett barthann bohman cosine lanczos parzen"
WITH_PARAMETERS = [
    ("tukey", 0.3), ("tukey", 0.0), ("tukey", 1.0), ("tukey", 1.5), ("kaiser", 4.0), 7.5, ("gaussian", 3.0),
    ("exponential", None, 2.0), ("general_hamming", 0.6), ("general_gaussian", 1.5, 3.0),
]  # fmt: skip


@pytest.mark.parametrize("name", [*PLAIN.split(), "triang", *WITH_PARAMETERS], ids=str)
def test_windows_are_scipys(name: Any) -> None:
    for n in (1, 2, 7, 8):
        for periodic in (True, False):
            assert_allclose(
                ad.signal.get_window(name, n, periodic), theirs.get_window(name, n, periodic), rtol=1e-14, atol=1e-15
            )


def test_the_parameters_of_windows_are_differentiated_and_a_missing_one_is_told() -> None:
    for name, value in (("kaiser", 4.0), ("gaussian", 3.0), ("tukey", 0.4), ("general_hamming", 0.6)):
        ad.testing.check_derivatives(lambda v, name=name: ad.signal.get_window((name, v), 8), value, order=2)
    # the power of the sample in the middle, 0, has slopes 0 * inf
    ad.testing.check_derivatives(lambda p, s: ad.signal.get_window(("general_gaussian", p, s), 4), 0.4, 1.3, order=2)
    with pytest.raises(TypeError, match=r"window 'gaussian' with the parameters .*missing a required argument: 'std'"):
        ad.signal.get_window("gaussian", 8)


@pytest.mark.parametrize(("b", "a"), [(B, A), (B, [2.0]), ([1.0], A), ([3.0], [0.5])], ids=str)
def test_filters_are_scipys_along_every_axis_and_with_a_state(b: Any, a: Any) -> None:
    many = np.random.default_rng(1).normal(size=(12, 30))  # signals, for which NumPy runs the loop
    for x, axis in ((X, -1), (X, 0), (X[0], 0), (many, 1), (X + 1j, 1)):
        assert_allclose(ad.signal.lfilter(b, a, x, axis), theirs.lfilter(b, a, x, axis), rtol=1e-12, atol=1e-14)
    order = max(len(b), len(a)) - 1
    for length in (1, 2, 50):
        zi = np.arange(3.0 * order).reshape(3, order)
        ours = ad.signal.lfilter(b, a, X[:, :length], zi=zi)
        # SciPy divides by a[0] what it filters, and takes the state as it is
        right = theirs.lfilter(np.divide(b, a[0]), np.divide(a, a[0]), X[:, :length], zi=zi)
        for y, z in zip(ours, right, strict=True):
            assert_allclose(y, z, rtol=1e-12, atol=1e-14)
    if order:
        assert_allclose(ad.signal.lfilter_zi(b, a), theirs.lfilter_zi(b, a), rtol=1e-12)


@pytest.mark.parametrize("padtype", ["odd", "even", "constant", None])
def test_filtfilt_and_sosfilt_are_scipys(padtype: Any) -> None:
    assert_allclose(ad.signal.filtfilt(B, A, X, padtype=padtype), theirs.filtfilt(B, A, X, padtype=padtype), rtol=1e-9)
    for order in (4, 5):
        sos = theirs.butter(order, 0.2, output="sos")
        assert_allclose(ad.signal.sosfilt(sos, X), theirs.sosfilt(sos, X), rtol=1e-10, atol=1e-13)
        zi = np.arange(2.0 * len(sos) * 3).reshape(len(sos), 3, 2)
        for ours, right in zip(ad.signal.sosfilt(sos, X, zi=zi), theirs.sosfilt(sos, X, zi=zi), strict=True):
            assert_allclose(ours, right, rtol=1e-10, atol=1e-13)
        right = theirs.sosfiltfilt(sos, X.T, 0, padtype)
        assert_allclose(ad.signal.sosfiltfilt(sos, X.T, 0, padtype), right, rtol=1e-9, atol=1e-13)
    with pytest.raises(ValueError, match=r"zi of shape \(2, 2\) does not fit 3 sections"):
        ad.signal.sosfilt(sos, X, zi=np.ones((2, 2)))


def test_gustafssons_method_is_scipys() -> None:
    for b, a in ((B, A), ([0.5, 0.3, 0.1], [1.0]), ([3.0], [0.5]), theirs.ellip(4, 0.01, 120, 0.125)):
        for irlen in (None, 10):
            found = ad.signal.filtfilt(b, a, X.T, 0, method="gust", irlen=irlen)
            assert_allclose(found, theirs.filtfilt(b, a, X.T, 0, method="gust", irlen=irlen), atol=1e-12)
    with pytest.raises(ValueError, match="method must be 'pad' or 'gust'; got 'gus'"):
        ad.signal.filtfilt(B, A, X, method="gus")


Z = np.random.default_rng(5).normal(size=(2, 160))
LIKE_SCIPY: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {
    "detrend": [((X,), {"bp": bp}) for bp in (10, [10, 25], [0, 50])],
    "csd": [
        ((X, X[::-1, :41]), k)
        for k in ({"nperseg": 8}, {"nperseg": 8, "average": "median"}, {"nperseg": 9, "nfft": 12, "axis": -1})
    ],
    "coherence": [((X, X[::-1]), {"nperseg": 8})],
    "freqz": [
        ((B, A), k)
        for k in ({}, {"worN": 10, "whole": True, "fs": 3.0}, {"worN": np.array([0.1, 2.0])}, {"worN": 1.0})
    ],
    "freqz_sos": [((theirs.butter(5, 0.3, output="sos"), 20), {})],
    "resample": [
        ((x, n), {"axis": -1, "window": w})
        for x in (X, X[:, :49] + 1j * X[:, 1:])
        for n in (50, 49, 25, 24, 75, 100, 1)
        for w in (None, "hann", lambda f: np.exp(-f * f))
    ],
    "upfirdn": [((B, X, up, down), {}) for up in (1, 3) for down in (1, 2)],
    "resample_poly": [
        ((X, up, down, -1), k)
        for up, down in ((1, 1), (2, 3), (5, 2), (1, 4))
        for k in ({}, {"padtype": "median"}, {"window": B}, {"window": "hamming", "padtype": "minimum"})
    ],
    "decimate": [
        ((Z, q), k)
        for q in (2, 5)
        for k in ({}, {"ftype": "fir"}, {"n": 5, "zero_phase": False}, {"ftype": "fir", "n": 6, "zero_phase": False})
    ],
    "firwin": [
        ((11, 0.3), {}), ((12, 0.3), {"scale": False, "fs": 3.0}), ((11, [0.2, 0.5]), {"pass_zero": False}),
        ((11, 0.3), {"pass_zero": "highpass"}), ((13, [0.1, 0.2, 0.4]), {"pass_zero": "bandpass"}),
        ((21, 0.3), {"width": 0.1}), ((21, 0.3), {"width": 0.02}), ((11, [0.2, 0.5]), {"window": ("kaiser", 4.0)}),
    ],
    "savgol_coeffs": [((7, 3), {"deriv": 1, "delta": 0.5}), ((6, 2), {}), ((7, 2), {"pos": 1, "use": "dot"})],
    "savgol_filter": [
        ((X, 7, 3), {"mode": mode, "deriv": deriv, "delta": 0.3})
        for mode in ("interp", "mirror", "nearest", "wrap", "constant")
        for deriv in (0, 1)
    ] + [((X, n, 1), {"mode": mode}) for mode in ("interp", "mirror", "wrap") for n in (2, 6, 50)],
    "istft": [((theirs.stft(X[0], nperseg=8)[2].T,), {"time_axis": 0, "freq_axis": 1})],
    "convolve": [
        ((a, b, m), {})
        for a, b in ((X[0], B), (B, X[0]), (X, X[:2, :5]), (np.ones((3, 4), int), np.eye(2, dtype=int)))
        for m in ("full", "same", "valid")
    ],
    "correlate": [
        ((a, b, m), {}) for a, b in ((X[0] + 1j, B - 2j), (B, X[0]), (X[:2, :5], X)) for m in ("full", "same", "valid")
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", LIKE_SCIPY)
def test_further_functions_are_scipys(name: str) -> None:
    for operands, arguments in LIKE_SCIPY[name]:
        found, right = (getattr(m, name)(*operands, **arguments) for m in (ad.signal, theirs))
        pairs = zip(found, right, strict=True) if isinstance(right, tuple) else [(found, right)]
        for ours, other in pairs:
            # by Fourier transforms in places where SciPy adds products: 1e-15 of the largest number
            assert_allclose(ours, other, atol=1e-12, err_msg=f"{operands[1:]} {arguments}")
            assert np.shape(ours) == np.shape(other)
            assert np.asarray(ours).dtype == np.asarray(other).dtype


def test_detrend_hilbert_and_fftconvolve_are_scipys() -> None:
    for axis in (0, -1):
        for kind in ("linear", "constant"):
            assert_allclose(ad.signal.detrend(X, axis, kind), theirs.detrend(X, axis, kind), atol=1e-13)
        assert_allclose(ad.signal.hilbert(X, axis=axis), theirs.hilbert(X, axis=axis), atol=1e-13)
    k = X[:2, :7]
    for mode in ("full", "same", "valid"):
        assert_allclose(ad.signal.fftconvolve(X, k, mode), theirs.fftconvolve(X, k, mode), atol=1e-13)
        assert_allclose(ad.signal.fftconvolve(X, 1j * k, mode), theirs.fftconvolve(X, 1j * k, mode), atol=1e-13)
        assert_allclose(ad.signal.fftconvolve(X, k[:1], mode, 1), theirs.fftconvolve(X, k[:1], mode, 1), atol=1e-13)


CALLS: dict[str, list[dict[str, Any]]] = {
    "stft": [
        {}, {"nperseg": 15, "noverlap": 3, "nfft": 20, "fs": 3.0}, {"nperseg": 16, "boundary": None, "padded": False},
        {"nperseg": 8, "boundary": "even", "scaling": "psd", "window": "hamming"}, {"nperseg": 8, "boundary": "odd"},
        {"nperseg": 8, "boundary": "constant", "return_onesided": False, "axis": 0, "window": ("tukey", 0.5)},
    ],
    "spectrogram": [
        {}, {"nperseg": 15, "noverlap": 3, "nfft": 20, "fs": 3.0}, {"nperseg": 16, "window": "hann", "mode": "complex"},
        {"nperseg": 16, "mode": "magnitude", "scaling": "spectrum"}, {"nperseg": 8, "detrend": "linear", "axis": 1},
        {"nperseg": 8, "mode": "angle", "detrend": False}, {"nperseg": 8, "mode": "phase"},
        {"window": np.ones(8), "return_onesided": False},
    ],
    "welch": [
        {}, {"nperseg": 16}, {"nperseg": 8, "average": "median"}, {"nperseg": 15, "noverlap": 3, "nfft": 20, "fs": 3.0},
    ],
    "periodogram": [{}, {"window": "hann", "nfft": 60}, {"scaling": "spectrum", "axis": 1}],
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")  # SciPy's, that segments are shorter than 256
@pytest.mark.parametrize("name", CALLS)
def test_spectra_are_scipys(name: str) -> None:
    for arguments in CALLS[name]:
        x = X.T if arguments.get("axis") == 0 else X
        found, right = (getattr(m, name)(x, **arguments) for m in (ad.signal, theirs))
        for ours, other in zip(found, right, strict=True):
            assert_allclose(ours, other, atol=1e-13, err_msg=str(arguments))


def test_istft_undoes_stft() -> None:
    for arguments in ({"nperseg": 16}, {"nperseg": 15, "noverlap": 9, "window": "hamming", "scaling": "psd"}):
        z = ad.signal.stft(X, **arguments)[2]
        t, back = ad.signal.istft(z, **arguments)
        assert_allclose(back[..., :50], X, atol=1e-13)
        assert_allclose(back, theirs.istft(z, **arguments)[1], atol=1e-13)
        assert len(t) == back.shape[-1]


CHECKED: dict[str, tuple[Any, ...]] = {
    "lfilter": (ad.signal.lfilter, B, A, X),
    "state": (lambda b, a, x, zi: ad.signal.lfilter(b, a, x, zi=zi)[1], B, A, X[0], X[0, :2]),
    "filtfilt": (ad.signal.filtfilt, B, A, X),
    "stft": (lambda x, w: np.abs(ad.signal.stft(x, window=w)[2]) ** 2, X, np.array([0.4, 1.0, 0.7, 0.2])),
    "istft": (lambda x: ad.signal.istft(ad.signal.stft(x, nperseg=4)[2] ** 2, nperseg=4)[1], X),
    "hilbert": (lambda x: np.abs(ad.signal.hilbert(x)), X),
    "welch": (lambda x: ad.signal.welch(x, nperseg=4, detrend="linear")[1], X),
}


@pytest.mark.parametrize("name", CHECKED)
def test_all_arguments_that_are_numbers_are_differentiated_in_both_modes(name: str) -> None:
    f, *operands = CHECKED[name]
    rng, h, which = np.random.default_rng(3), 1e-6, tuple(range(len(operands)))
    ways = [rng.normal(size=x.shape) for x in operands]
    weights = rng.normal(size=f(*operands).shape)
    up, down = (f(*[x + s * h * d for x, d in zip(operands, ways, strict=True)]) for s in (1, -1))
    slope = np.sum(weights * (up - down)) / (2 * h)
    gradients = ad.grad(lambda *a: np.sum(weights * f(*a)), which)(*operands)
    # a difference with h = 1e-6 is wrong by a few 1e-10 of the size of what is subtracted
    assert_allclose(sum(np.sum(g * d) for g, d in zip(gradients, ways, strict=True)), slope, rtol=1e-6, atol=1e-6)
    assert_allclose(np.sum(weights * ad.jvp(f, operands, ways)[1]), slope, rtol=1e-6, atol=1e-6)


SHORT = X[0, :8]
FURTHER: dict[str, tuple[Any, ...]] = {
    "sosfilt with states": (
        lambda s, x, z: ad.signal.sosfilt(s, x, zi=z)[1], theirs.butter(3, 0.3, output="sos"), SHORT, np.ones((2, 2))
    ),
    "sosfiltfilt": (lambda s, x: ad.signal.sosfiltfilt(s, x, padlen=3), theirs.butter(2, 0.3, output="sos"), SHORT),
    "filtfilt": (lambda b, a, x: ad.signal.filtfilt(b, a, x, method="gust"), B[:2], A[:2], SHORT),
    "detrend": (lambda x: ad.signal.detrend(x, bp=5), SHORT),
    "csd": (lambda x, y: np.abs(ad.signal.csd(x, y, nperseg=4)[1]), SHORT, X[1, :8]),
    "coherence": (lambda x, y: ad.signal.coherence(x, y, nperseg=4)[1], SHORT, X[1, :8]),
    "welch": (lambda x: ad.signal.welch(x, nperseg=4, average="median")[1], SHORT),
    "freqz": (lambda b, a: np.abs(ad.signal.freqz(b, a, 5)[1]), B, A),
    "resample": (lambda x: ad.signal.resample(x, 8) ** 2, SHORT),
    "resample_poly": (lambda x, h: ad.signal.resample_poly(x, 3, 2, window=h, padtype="mean"), SHORT, B),
    "decimate": (lambda x: ad.signal.decimate(x, 3, ftype="fir", n=4) ** 2, SHORT),
    "firwin": (lambda c: ad.signal.firwin(5, c), np.array([0.3, 0.6])),
    "savgol_filter": (lambda x: ad.signal.savgol_filter(x, 5, 2) ** 2, SHORT),
    "convolve": (ad.signal.convolve, SHORT[:5], B),
    "correlate": (ad.signal.correlate, SHORT[:5], B),
}  # fmt: skip


@pytest.mark.sampled(16)  # up to two seconds each
@pytest.mark.parametrize("name", FURTHER)
def test_further_functions_have_their_derivatives_to_second_order(name: str) -> None:
    f, *operands = FURTHER[name]
    ad.testing.check_derivatives(f, *operands, order=2, properties=["P01", "P02", "P10"])


def test_spectra_of_every_dtype_have_scipys_dtype_and_digits() -> None:
    """int32 had a window of float32, float16 was detrended in float16, complex64 came back as complex128."""
    for dtype in (np.int16, np.int32, np.float16, np.float32, np.complex64):
        x, onesided = (100 * X[0]).astype(dtype), dtype != np.complex64
        for kind in (False, "linear"):
            want = theirs.stft(x, nperseg=8, detrend=kind, return_onesided=onesided)[2]
            got = ad.signal.stft(x, nperseg=8, detrend=kind, return_onesided=onesided)[2]
            assert_allclose(got, want, rtol=1e-12 if want.dtype == complex else 1e-4, atol=1e-4)
            assert got.dtype == want.dtype or (dtype == np.int16 and kind)


def test_filters_of_float32_stay_float32_and_the_time_axis_of_istft_is_that_of_its_transforms() -> None:
    x, b, a = (v.astype(np.float32) for v in (X[:2, :40], B, A))
    sos, z = theirs.butter(2, 0.3, output="sos").astype(np.float32), theirs.stft(x, nperseg=8)[2]
    calls: list[Any] = [
        ("lfilter_zi", b, a), ("sosfiltfilt", sos, x), ("decimate", x, 2), ("resample", x, 13), ("freqz", b, a),
        ("istft", z), ("istft", np.moveaxis(z, (1, 2), (2, 1)), 1.0, "hann", 8, None, None, True, True, 1, 2),
        ("welch", x, 1.0, "hann", 8, None, None, "constant", True, "density", -1, "median"),
    ]  # fmt: skip
    for name, *operands in calls:
        ours, right = (getattr(m, name)(*operands) for m in (ad.signal, theirs))
        pairs = [(ours[1], right[1])] if isinstance(right, tuple) else [(ours, right)]
        for mine, other in pairs:
            assert (mine.dtype, mine.shape) == (other.dtype, other.shape), name
            assert_allclose(mine, other, rtol=1e-4, atol=1e-4, err_msg=name)  # a few roundings of float32
    assert ad.signal.filtfilt(b, a, x, method="gust").dtype == np.float32
    assert ad.signal.coherence(X[0], X[1] + 1j * X[2], nperseg=8)[1].shape == (8,)


def test_a_periodogram_of_fewer_samples_takes_the_first_ones() -> None:
    for window, n in ((None, 20), ("hann", 21), ("hann", 64)):
        want = theirs.periodogram(X, window=window, nfft=n)[1]
        assert_allclose(ad.signal.periodogram(X, window=window, nfft=n)[1], want, rtol=1e-12, atol=1e-14)


def test_what_cannot_be_transformed_back_or_has_no_segment_is_told() -> None:
    z = theirs.stft(X[0], nperseg=8, noverlap=0, boundary=None)[2]
    with pytest.warns(UserWarning, match="istft: the windows are zero at 7 of 56 samples"):
        ad.signal.istft(z, nperseg=8, noverlap=0, boundary=False)
    with pytest.raises(ValueError, match="nperseg=16 need noverlap < nperseg <= nfft"):
        ad.signal.istft(z, nperseg=16)
    with pytest.raises(ValueError, match="a window of 4 samples is longer than the signal, which has 2"):
        ad.signal.welch(X[0, :2], window=np.ones(4))
    with pytest.raises(ValueError, match="one array must be as long as the other along every axis"):
        ad.signal.fftconvolve(np.ones((2, 5)), np.ones((3, 4)), "valid")


def test_filters_batch_and_refuse_what_is_none() -> None:
    one = ad.grad(lambda x: np.sum(ad.signal.lfilter(B, A, x) ** 2))
    assert_allclose(ad.vmap(one)(X), np.stack([one(x) for x in X]), rtol=1e-13)
    with pytest.raises(ValueError, match=r"lfilter: a\[0\] is 0"):
        ad.signal.lfilter(B, [0.0, 1.0], X)
    with pytest.raises(ValueError, match="firwin: pass_zero='lowpass' needs one edge in cutoff; got 2"):
        ad.signal.firwin(5, [0.2, 0.4], pass_zero="lowpass")
    with pytest.raises(ValueError, match="no window is named 'han' here"):
        ad.signal.stft(X, window="han")
    with pytest.raises(ValueError, match="not longer than padlen, 9"):
        ad.signal.filtfilt(B, A, X[:, :5])

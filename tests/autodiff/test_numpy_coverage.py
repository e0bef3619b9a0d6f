"""Nothing of NumPy is forgotten: every public function records, answers plainly, or refuses by name and says what to
write.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.ops.arrays.refusals import REFUSED, refuses
from autodiff.registry import DISPATCH
from autodiff.variable import PLAIN

# They take no array, or ask their argument for its value, which a recorded value refuses (``test_exits``).
WITHOUT_ARRAYS = set(
    """
    arange array asanyarray asarray asarray_chkfinite ascontiguousarray asfortranarray asmatrix bartlett base_repr
    binary_repr blackman bmat broadcast_shapes datetime_data diag_indices empty eye format_float_positional
    format_float_scientific from_dlpack frombuffer fromfile fromfunction fromiter frompyfunc fromregex fromstring full
    genfromtxt get_include get_printoptions getbufsize geterr geterrcall hamming hanning identity indices info isdtype
    isfortran issubdtype iterable kaiser load loadtxt mask_indices mintypecode nested_iters ones printoptions
    promote_types require row_stack set_printoptions setbufsize seterr seterrcall show_config show_runtime trapz
    tri tril_indices triu_indices typename zeros in1d safe_eval
    """.split()
)
COMPLEX = set("angle imag real real_if_close sort_complex".split())
SPECIAL = {"i0"}
LINALG = {"eig", "eigvals"}
FFT = set(
    """
    fft fft2 fftfreq fftn fftshift hfft ifft ifft2 ifftn ifftshift ihfft irfft irfft2 irfftn rfft rfft2 rfftfreq rfftn
    """.split()
)


def functions(module: types.ModuleType) -> Iterator[tuple[str, Any]]:
    for name in sorted(set(vars(module))):
        f = vars(module)[name]
        if not name.startswith("_") and name != "test" and callable(f) and not isinstance(f, type | types.ModuleType):
            yield name, f


def unknown(module: types.ModuleType) -> set[str]:
    return {name for name, f in functions(module) if f not in DISPATCH and f not in PLAIN}


@pytest.mark.parametrize(
    ("module", "allowed"),
    [(np, WITHOUT_ARRAYS | COMPLEX | SPECIAL), (np.linalg, LINALG), (np.fft, FFT)],
    ids=["np", "np.linalg", "np.fft"],
)
def test_every_function_of_numpy_records_or_is_plain_or_refuses(module: types.ModuleType, allowed: set[str]) -> None:
    assert unknown(module) - allowed == set(), "add a row, a composite, or a line in ops/arrays/refusals.py"


@pytest.mark.parametrize("name", sorted(name for name in REFUSED if hasattr(np, name)))
def test_a_refusal_names_the_function_and_what_to_write(name: str) -> None:
    x, f = ad.tensor([1.0, 2.0]), getattr(np, name)
    args = (x,) * f.nin if isinstance(f, np.ufunc) else (x,) if not name.startswith("save") else ("file", x)
    while True:
        try:
            f(*args)
        except ad.MissingRuleError as error:
            assert f"np.{name} " in str(error) and "Write " in str(error)
            return
        except TypeError as error:  # one argument more
            assert "argument" in str(error) and len(args) < 5
            args = (*args, x)


def test_every_recorded_function_has_its_numpy_name_here() -> None:
    for name, f in functions(np):
        if f in DISPATCH and not refuses(f):
            assert name in ad.__all__, name


UFUNCS = sorted(
    (f for f in DISPATCH if isinstance(f, np.ufunc) and f.nin == 2 and f.signature is None and f.nout == 1), key=str
)
DIFFER = (np.power, np.arctan2, np.ldexp)  # of these NumPy's own reduce drops elements on some machines, or refuses


@pytest.mark.parametrize("method", ["reduce", "accumulate", "outer", "reduceat"])
@pytest.mark.parametrize(
    "ufunc", [f for f in UFUNCS if f not in DIFFER and not refuses(f)], ids=lambda f: f.__name__
)
def test_a_method_of_a_ufunc_is_numpys(ufunc: Any, method: str) -> None:
    x, y = np.array([[2.5, 0.5, 1.5], [3.5, 1.25, 0.75]]), np.array([0.5, 1.25])
    calls: list[Any] = {
        "reduce": [lambda a: ufunc.reduce(a), lambda a: ufunc.reduce(a, axis=1, keepdims=True)],
        "accumulate": [lambda a: ufunc.accumulate(a), lambda a: ufunc.accumulate(a, axis=1)],
        "outer": [lambda a: ufunc.outer(a, y), lambda a: ufunc.outer(y, a)],
        "reduceat": [lambda a: ufunc.reduceat(a, [0, 2, 1], axis=1)],
    }[method]
    for call in calls:
        with np.errstate(all="ignore"):
            expected, got = call(x), call(ad.tensor(x))
        assert isinstance(got, ad.Tensor)
        np.testing.assert_allclose(got.data, expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("call", "slopes"),
    [
        (lambda x: np.subtract.reduce(x), [1, -1, -1]),
        (lambda x: np.divide.reduce(x), [1 / 6, -1 / 6, -1 / 9]),
        (lambda x: np.maximum.accumulate(x), [1.5, 0.5, 1]),  # the two 2s share the second place
        (lambda x: np.add.reduceat(x, [0, 1]), [1, 1, 1]),
        (lambda x: np.multiply.outer(x, [1.0, 10.0]), [11, 11, 11]),
        (lambda x: np.logaddexp.reduce(x), np.exp([2, 2, 3]) / np.exp([2, 2, 3]).sum()),
        (lambda x: np.hypot.reduce(x), np.array([2, 2, 3]) / 17**0.5),
    ],
)
def test_gradients_of_ufunc_methods(call: Any, slopes: Any) -> None:
    at = np.array([2.0, 2.0, 3.0])
    np.testing.assert_allclose(ad.grad(lambda x: np.sum(call(x)))(at), slopes, rtol=1e-14)


def test_comparisons_have_plain_methods() -> None:
    x = ad.tensor([1.0, 2.0])
    assert np.less.outer(x, x).tolist() == [[False, True], [False, False]]
    assert np.logical_and.reduce(x) is np.True_


def test_at_of_a_ufunc_refuses() -> None:
    with pytest.raises(ad.MissingRuleError, match=r"np\.add\.at writes.*bincount"):
        np.add.at(ad.tensor([1.0]), [0], 1.0)

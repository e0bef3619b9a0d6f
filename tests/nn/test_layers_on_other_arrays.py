"""Layers and losses on arrays of other libraries, in float32: NumPy's outputs and gradients, no copy, or a named error.

On the strict array the parameters are such arrays too (``functional_call``); on Dask they are NumPy's, and nothing is
computed before the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from tests.support.strict_array import StrictArray, opened

RNG = np.random.default_rng(0)


def normal(*shape: int) -> Any:
    return RNG.normal(size=shape).astype(np.float32)


ROWS, IMAGES, LINES = normal(4, 6), normal(2, 4, 6, 6), normal(2, 4, 6)
SHARES = np.abs(ROWS) / np.abs(ROWS).sum(axis=1, keepdims=True)
SIGNS, LABELS = np.sign(normal(4, 6)), np.array([0, 2, 5, 1])
STEPS = normal(3, 2, 6)

CASES: dict[str, tuple[Callable[[], Any], tuple[Any, ...]]] = {
    "Dropout": (nn.Dropout, (ROWS,)),
    "Dropout2d": (nn.Dropout2d, (IMAGES,)),
    "AlphaDropout": (nn.AlphaDropout, (ROWS,)),
    "RReLU": (nn.RReLU, (ROWS,)),
    "AvgPool1d": (lambda: nn.AvgPool1d(2), (LINES,)),
    "ConstantPad1d": (lambda: nn.ConstantPad1d(1, 0.5), (LINES,)),
    "ZeroPad1d": (lambda: nn.ZeroPad1d(1), (LINES,)),
    "CircularPad1d": (lambda: nn.CircularPad1d(2), (LINES,)),
    "ReflectionPad2d": (lambda: nn.ReflectionPad2d(1), (IMAGES,)),
    "Upsample": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), (IMAGES,)),
    "Upsample bicubic": (lambda: nn.Upsample(scale_factor=2, mode="bicubic"), (IMAGES,)),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(4, 2, 3, stride=2, rng=0), (LINES,)),
    "Fold": (lambda: nn.Fold((3, 3), 2), (normal(2, 8, 4),)),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(4, track_running_stats=False), (LINES,)),
    "LayerNorm": (lambda: nn.LayerNorm(6), (ROWS,)),
    "LSTM": (lambda: nn.LSTM(6, 2, rng=0), (STEPS,)),
    "GRUCell": (lambda: nn.GRUCell(6, 2, rng=0), (ROWS,)),
    "RNN without bias": (lambda: nn.RNN(6, 2, bias=False, rng=0), (STEPS,)),
    "attention": (lambda: nn.MultiheadAttention(6, 2, rng=0), (STEPS, STEPS, STEPS)),
    "positions": (lambda: nn.SinusoidalPositions(6), (STEPS,)),
    "rotary positions": (nn.RotaryPositions, (STEPS,)),
    "BCELoss": (nn.BCELoss, (SHARES, SHARES[::-1].copy())),
    "BCEWithLogitsLoss": (nn.BCEWithLogitsLoss, (ROWS, SHARES)),
    "weights of classes": (lambda: nn.CrossEntropyLoss(weight=np.arange(1.0, 7.0)), (ROWS, LABELS)),
    "label smoothing": (lambda: nn.CrossEntropyLoss(np.arange(1.0, 7.0), label_smoothing=0.1), (ROWS, LABELS)),
    "probabilities": (nn.CrossEntropyLoss, (ROWS, SHARES)),
    "labels of images": (nn.CrossEntropyLoss, (LINES, np.arange(12).reshape(2, 6) % 4)),
    "NLLLoss": (lambda: nn.NLLLoss(weight=np.arange(1.0, 7.0)), (np.log(SHARES), LABELS)),
    "FocalLoss": (nn.FocalLoss, (ROWS, SHARES)),
    "GaussianNLLLoss": (nn.GaussianNLLLoss, (ROWS, ROWS[::-1].copy(), SHARES)),
    "KLDivLoss": (nn.KLDivLoss, (np.log(SHARES), SHARES[::-1].copy())),
    "HuberLoss": (nn.HuberLoss, (ROWS, SHARES)),
    "HingeLoss": (nn.HingeLoss, (ROWS, SIGNS)),
    "CosineEmbeddingLoss": (nn.CosineEmbeddingLoss, (ROWS, SHARES, SIGNS[:, 0].copy())),
    "MarginRankingLoss": (nn.MarginRankingLoss, (ROWS, SHARES, SIGNS)),
    "MultiMarginLoss": (lambda: nn.MultiMarginLoss(weight=np.arange(1.0, 7.0)), (ROWS, LABELS)),
    "MultiLabelMarginLoss": (nn.MultiLabelMarginLoss, (ROWS, np.array([[0, 1, -1, 0, 0, 0]] * 4))),
    "TripletMarginLoss": (nn.TripletMarginLoss, (ROWS, SHARES, SIGNS)),
}
OF_STRICT = {
    "Embedding": (lambda: nn.Embedding(6, 3, padding_idx=1, rng=0), (LABELS,)),
    "EmbeddingBag": (lambda: nn.EmbeddingBag(6, 3, rng=0), (LABELS.reshape(2, 2),)),
}


def run(make: Callable[[], Any], inputs: tuple[Any, ...], wrap: Any, parameters_too: bool) -> list[Any]:
    """Return outputs and gradients of inputs and parameters."""
    nn.seed(0)
    module = make()
    args = [ad.tensor(wrap(x)) if x.dtype.kind == "f" else wrap(x) for x in inputs]
    if parameters_too:
        leaves = {name: ad.tensor(wrap(p.data)) for name, p in module.named_parameters()}
        y = nn.functional_call(module, leaves, tuple(args))
    else:
        leaves, y = dict(module.named_parameters()), module(*args)
    y = y[0] if isinstance(y, tuple) else y
    (y * y).sum().backward()
    return [y.data, *[x.grad for x in [*args, *leaves.values()] if isinstance(x, ad.Variable)]]


def compare(found: Any, want: Any) -> None:
    """float32, and sums in another order."""
    assert found.dtype == want.dtype
    np.testing.assert_allclose(found, want, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", [*CASES, *OF_STRICT])
def test_a_module_gives_numpys_numbers_on_a_strict_array(name: str) -> None:
    make, inputs = (CASES | OF_STRICT)[name]
    with np.errstate(all="ignore"):
        want, found = run(make, inputs, np.asarray, False), run(make, inputs, StrictArray, True)
    for a, b in zip(found, want, strict=True):
        assert (a is None) == (b is None)
        if b is not None:
            assert isinstance(a, StrictArray)
            compare(opened(a), b)


@pytest.mark.parametrize("name", [n for n in CASES if n not in ("LSTM", "attention", "RNN without bias")])
def test_a_module_stays_lazy_on_dask(name: str) -> None:
    da, dask = pytest.importorskip("dask.array"), pytest.importorskip("dask")

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("the array was computed")

    make, inputs = CASES[name]
    with np.errstate(all="ignore"):
        want = run(make, inputs, np.asarray, False)
        with dask.config.set(scheduler=never):
            found = run(make, inputs, lambda a: da.from_array(a, chunks=-1), False)
        known = [x for x in found if x is not None]
        assert all(isinstance(x, da.Array) for x in known)
        for a, b in zip(dask.compute(*known, scheduler="synchronous"), [x for x in want if x is not None], strict=True):
            compare(a, b)


NEEDS_NUMBERS: dict[str, Callable[[Any], Any]] = {
    "batch normalization with running statistics": lambda x: nn.BatchNorm1d(6)(ad.tensor(x)),
    "return_indices=True": lambda x: nn.MaxPool1d(2, return_indices=True)(ad.tensor(x[None])),
    "embedding of NumPy's table": lambda x: nn.Embedding(5, 2)((x > 0).astype(int)),
    "one_hot without num_classes": lambda x: nn.functional.one_hot((x > 0).astype(int)),
    "ctc_loss": lambda x: nn.functional.ctc_loss(ad.tensor(x), (x[0, :2] > 0).astype(int), 4, 2),
}


@pytest.mark.parametrize("what", NEEDS_NUMBERS)
def test_a_module_that_needs_the_numbers_names_itself_and_the_way_out(what: str) -> None:
    with pytest.raises(TypeError, match=r"needs the numbers of a tests array of shape .*\.get\(\)") as error:
        NEEDS_NUMBERS[what](StrictArray(ROWS))
    assert str(error.value).startswith(what)

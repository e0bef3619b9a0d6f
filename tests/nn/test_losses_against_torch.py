"""Losses equal PyTorch's over generated configurations: values, gradients, and second order where PyTorch has it."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autodiff as ad
import nn

torch = pytest.importorskip("torch")
F = torch.nn.functional

seeds = st.integers(0, 2**32 - 1)
reductions = st.sampled_from(["mean", "sum", "none"])
# float64 results of a few hundred operations against another library's order of the same operations
CLOSE = dict(rtol=1e-10, atol=1e-11)


def to_torch(x: Any, requires_grad: bool = False) -> Any:
    return torch.tensor(x, requires_grad=requires_grad) if isinstance(x, np.ndarray | np.generic) else x


def compare(ours: Any, theirs: Any, wrt: list, constants: tuple = (), second: bool = True, **options: Any) -> None:
    """The value, the gradients with respect to `wrt` and (second) the product of the Hessian with a vector."""
    rng = np.random.default_rng(0)
    xs = [to_torch(x, True) for x in wrt]
    out = theirs(*xs, *map(to_torch, constants), **{k: to_torch(v) for k, v in options.items()})
    cotangent = rng.uniform(0.5, 2, tuple(out.shape))
    vs = [rng.standard_normal(x.shape) for x in wrt]
    gradients = torch.autograd.grad(out, xs, torch.tensor(cotangent), create_graph=second)

    def weighted(*args: Any) -> Any:
        return (ours(*args, *constants, **options) * cotangent).sum()

    np.testing.assert_allclose(np.asarray(ours(*wrt, *constants, **options)), out.detach().numpy(), **CLOSE)
    mine = ad.grad(weighted, argnums=tuple(range(len(wrt))))(*wrt)
    for a, b in zip(mine, gradients, strict=True):
        np.testing.assert_allclose(a, b.detach().numpy(), **CLOSE)
    if second:
        along = sum((g * torch.tensor(v)).sum() for g, v in zip(gradients, vs, strict=True))
        expected = torch.autograd.grad(along, xs, allow_unused=True) if along.requires_grad else [None] * len(xs)
        _, found = ad.jvp(ad.grad(weighted, argnums=tuple(range(len(wrt)))), tuple(wrt), tuple(vs))
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, 0.0 if b is None else b.numpy(force=True), **CLOSE)


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
@given(seed=seeds, reduction=reductions, data=st.data())
def test_regression_losses(name: str, seed: int, reduction: str, data: Any) -> None:
    rng = np.random.default_rng(seed)
    shape = data.draw(st.sampled_from([(), (3,), (2, 3), (2, 1, 2)]))
    prediction, target = rng.standard_normal(shape), rng.standard_normal(shape)
    options: dict[str, Any] = {"reduction": reduction}
    if name == "smooth_l1_loss":
        options["beta"] = data.draw(st.sampled_from([0.0, 0.3, 1.0, 2.5]))
    if name == "huber_loss":
        options["delta"] = data.draw(st.sampled_from([0.3, 1.0, 2.5]))
    if name != "smooth_l1_loss" and shape and data.draw(st.booleans()):
        options["weight"] = rng.random(shape)
    compare(getattr(nn, name), getattr(F, name), [prediction, target], **options)


def class_scores(data: Any, rng: np.random.Generator) -> tuple[np.ndarray, tuple[int, ...], int]:
    classes, rest = data.draw(st.integers(1, 5)), data.draw(st.sampled_from([None, (), (2,), (2, 3)]))
    if rest is None:
        return 3 * rng.standard_normal(classes), (), classes
    n = data.draw(st.integers(1, 4))
    return 3 * rng.standard_normal((n, classes, *rest)), (n, *rest), classes


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
@given(seed=seeds, reduction=reductions, data=st.data())
def test_losses_of_class_indices(name: str, seed: int, reduction: str, data: Any) -> None:
    rng = np.random.default_rng(seed)
    scores, shape, classes = class_scores(data, rng)
    labels = np.asarray(rng.integers(0, classes, shape))
    ignore = data.draw(st.sampled_from([-100, 0]))
    if labels.size > 1:
        labels[rng.random(shape) < 0.3] = ignore
    if not (labels != ignore).any():
        ignore = -1
        labels = np.abs(labels) % classes
    options: dict[str, Any] = {"reduction": reduction, "ignore_index": ignore}
    if data.draw(st.booleans()):
        options["weight"] = rng.random(classes) + 0.1
    if name == "cross_entropy":
        options["label_smoothing"] = data.draw(st.sampled_from([0.0, 0.2, 1.0]))
    compare(getattr(nn, name), getattr(F, name), [scores], (labels,), **options)


@given(seed=seeds, reduction=reductions, data=st.data())
def test_cross_entropy_of_probabilities(seed: int, reduction: str, data: Any) -> None:
    rng = np.random.default_rng(seed)
    scores, _, classes = class_scores(data, rng)
    target = rng.dirichlet(np.ones(classes), np.delete(scores.shape, min(1, scores.ndim - 1)))
    target = np.moveaxis(target, -1, min(1, scores.ndim - 1))
    options: dict[str, Any] = {"reduction": reduction, "label_smoothing": data.draw(st.sampled_from([0.0, 0.2]))}
    if data.draw(st.booleans()):
        options["weight"] = rng.random(classes) + 0.1
    compare(nn.cross_entropy, F.cross_entropy, [scores, target], **options)


@given(seed=seeds, reduction=reductions, data=st.data())
def test_binary_losses(seed: int, reduction: str, data: Any) -> None:
    rng = np.random.default_rng(seed)
    logits, target = 4 * rng.standard_normal((4, 2)), rng.random((4, 2)).round(1)
    weight = (
        {"weight": rng.random(data.draw(st.sampled_from([(4, 2), (2,), (4, 1)])))} if data.draw(st.booleans()) else {}
    )
    positive = {"pos_weight": 3 * rng.random(2)} if data.draw(st.booleans()) else {}
    compare(
        nn.binary_cross_entropy_with_logits,
        F.binary_cross_entropy_with_logits,
        [logits],
        (target,),
        reduction=reduction,
        **weight,
        **positive,
    )
    p = rng.uniform(0.1, 0.9, (4, 2))  # near 0 and 1 the second derivatives of both sides are large and rounded
    compare(nn.binary_cross_entropy, F.binary_cross_entropy, [p], (target,), reduction=reduction, **weight)


@given(seed=seeds, reduction=reductions, data=st.data())
def test_losses_of_distances_between_classes_and_scores(seed: int, reduction: str, data: Any) -> None:
    rng = np.random.default_rng(seed)
    scores, labels = rng.standard_normal((5, 4)), rng.integers(0, 4, 5)
    options = {"weight": rng.random(4)} if data.draw(st.booleans()) else {}
    p, margin = data.draw(st.sampled_from([1, 2])), data.draw(st.sampled_from([0.5, 1.0]))
    # PyTorch has no second derivative of this one
    compare(
        nn.multi_margin_loss,
        F.multi_margin_loss,
        [scores],
        (labels,),
        second=False,
        p=p,
        margin=margin,
        reduction=reduction,
        **options,
    )
    signs = rng.choice([-1.0, 1.0], (5, 4))
    compare(nn.soft_margin_loss, F.soft_margin_loss, [scores], (signs,), reduction=reduction)
    compare(nn.hinge_embedding_loss, F.hinge_embedding_loss, [scores], (signs,), reduction=reduction, margin=margin)
    other = rng.standard_normal((5, 4))
    compare(
        nn.margin_ranking_loss, F.margin_ranking_loss, [scores, other], (signs,), reduction=reduction, margin=margin
    )


@given(seed=seeds, reduction=reductions, data=st.data())
def test_losses_of_embeddings(seed: int, reduction: str, data: Any) -> None:
    rng = np.random.default_rng(seed)
    a, b, c = rng.standard_normal((3, 4, 3))
    margin = data.draw(st.sampled_from([0.0, 0.3]))
    signs = rng.choice([-1, 1], 4)
    compare(nn.cosine_embedding_loss, F.cosine_embedding_loss, [a, b], (signs,), reduction=reduction, margin=margin)
    options = {"p": data.draw(st.sampled_from([1.0, 2.0, 3.0])), "swap": data.draw(st.booleans()), "margin": 1 + margin}
    compare(nn.triplet_margin_loss, F.triplet_margin_loss, [a, b, c], reduction=reduction, **options)


@given(seed=seeds, reduction=reductions, data=st.data())
def test_likelihoods_and_divergences(seed: int, reduction: str, data: Any) -> None:
    rng = np.random.default_rng(seed)
    x, counts = rng.standard_normal((4, 3)), rng.poisson(2.0, (4, 3)).astype(float)
    log_input, full = data.draw(st.booleans()), data.draw(st.booleans())
    compare(
        nn.poisson_nll_loss,
        F.poisson_nll_loss,
        [x if log_input else np.exp(x)],
        (counts,),
        reduction=reduction,
        log_input=log_input,
        full=full,
    )
    target, var = rng.standard_normal((4, 3)), rng.random(data.draw(st.sampled_from([(4, 3), (4, 1), (4,)]))) + 0.1
    compare(nn.gaussian_nll_loss, F.gaussian_nll_loss, [x, target, var], full=full, reduction=reduction)
    log_target = data.draw(st.booleans())
    q, p = np.log(rng.dirichlet(np.ones(3), 4)), rng.dirichlet(np.ones(3), 4)
    p[0, 0] = 0.0 if not log_target else p[0, 0]
    kind = data.draw(st.sampled_from([reduction, "batchmean"]))
    compare(nn.kl_div, F.kl_div, [q], (np.log(p) if log_target else p,), log_target=log_target, reduction=kind)


@given(seed=seeds, reduction=reductions, data=st.data())
def test_ctc(seed: int, reduction: str, data: Any) -> None:
    """On logits: PyTorch's gradient of the log-probabilities includes the log_softmax before them."""
    rng = np.random.default_rng(seed)
    steps, batch, classes = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 3)), data.draw(st.integers(2, 4))
    blank = data.draw(st.integers(0, classes - 1))
    logits = 2 * rng.standard_normal((steps, batch, classes))
    counts = rng.integers(0, 4, batch)
    ends = rng.integers(1, steps + 1, batch)
    labels = rng.integers(0, classes - 1, (batch, 4))
    labels += labels >= blank
    if data.draw(st.booleans()):
        labels = labels[np.arange(4) < counts[:, None]]
    options = {"blank": blank, "reduction": reduction, "zero_infinity": True}

    def ours(x: Any) -> Any:
        return nn.ctc_loss(ad.log_softmax(x, axis=-1), labels, ends, counts, **options)

    def theirs(x: Any) -> Any:
        lengths = torch.tensor(ends), torch.tensor(counts)
        return F.ctc_loss(torch.log_softmax(x, -1), torch.tensor(labels), *lengths, **options)

    compare(ours, theirs, [logits], second=False)
    options["zero_infinity"] = False
    np.testing.assert_allclose(ours(logits), theirs(torch.tensor(logits)).numpy(), **CLOSE)


@given(seed=seeds, gamma=st.sampled_from([0.0, 1.0, 2.0, 3.5]), alpha=st.sampled_from([None, 0.25, 0.8]))
def test_focal_loss_is_the_papers_formula(seed: int, gamma: float, alpha: float | None) -> None:
    rng = np.random.default_rng(seed)
    logits, target = 3 * rng.standard_normal((4, 2)), rng.integers(0, 2, (4, 2)).astype(float)

    def formula(z: Any, y: Any) -> Any:
        p = torch.sigmoid(z)
        p_t = torch.where(y == 1, p, 1 - p)
        alpha_t = 1.0 if alpha is None else alpha * y + (1 - alpha) * (1 - y)
        return -alpha_t * (1 - p_t) ** gamma * torch.log(p_t)

    def ours(z: Any, y: Any) -> Any:
        return nn.focal_loss(z, y, gamma=gamma, alpha=alpha, reduction="none")

    compare(ours, formula, [logits], (target,))


MODULES = [
    ("MSELoss", {}, "pair"),
    ("L1Loss", {}, "pair"),
    ("SmoothL1Loss", {"beta": 0.5}, "pair"),
    ("HuberLoss", {"delta": 0.5}, "pair"),
    ("KLDivLoss", {"log_target": True}, "pair"),
    ("PoissonNLLLoss", {"full": True}, "counts"),
    ("GaussianNLLLoss", {"full": True}, "variance"),
    ("CrossEntropyLoss", {"label_smoothing": 0.1, "ignore_index": 1, "weight": np.array([0.5, 1.0, 2.0])}, "labels"),
    ("NLLLoss", {"ignore_index": 1, "weight": np.array([0.5, 1.0, 2.0])}, "labels"),
    ("MultiMarginLoss", {"p": 2, "margin": 0.5, "weight": np.array([0.5, 1.0, 2.0])}, "labels"),
    ("BCELoss", {"weight": np.array([0.5, 1.0, 2.0])}, "probabilities"),
    ("BCEWithLogitsLoss", {"weight": np.array([0.5, 1.0, 2.0]), "pos_weight": np.array([3.0, 1.0, 2.0])}, "chances"),
    ("HingeEmbeddingLoss", {"margin": 0.5}, "signs"),
    ("SoftMarginLoss", {}, "signs"),
    ("MarginRankingLoss", {"margin": 0.5}, "ranks"),
    ("CosineEmbeddingLoss", {"margin": 0.5}, "vectors"),
    ("TripletMarginLoss", {"margin": 0.5, "p": 1.0, "swap": True, "eps": 1e-3}, "triplet"),
    ("TripletMarginWithDistanceLoss", {"margin": 0.5, "swap": True}, "triplet"),
]


@pytest.mark.parametrize(("name", "options", "kind"), MODULES, ids=[name for name, _, _ in MODULES])
def test_modules_take_pytorchs_options_and_call_the_same_loss(name: str, options: dict, kind: str) -> None:
    rng = np.random.default_rng(0)
    x, y, z = rng.standard_normal((3, 4, 3))
    signs = np.where(rng.random((4, 3)) < 0.5, -1.0, 1.0)
    args = {
        "pair": (x, y),
        "counts": (x, rng.poisson(2.0, (4, 3)).astype(float)),
        "variance": (x, y, rng.random((4, 3)) + 0.1),
        "labels": (x, np.array([0, 1, 2, 2])),
        "probabilities": (rng.random((4, 3)), rng.random((4, 3))),
        "chances": (x, rng.random((4, 3))),
        "signs": (x, signs),
        "ranks": (x, y, signs),
        "vectors": (x, y, signs[:, 0]),
        "triplet": (x, y, z),
    }[kind]
    theirs = getattr(torch.nn, name)(**{k: to_torch(v) for k, v in options.items()})
    ours = getattr(nn, name)(**options)
    np.testing.assert_allclose(np.asarray(ours(*args)), theirs(*map(to_torch, args)).numpy(), **CLOSE)
    assert set(ours.state_dict()) == set(theirs.state_dict())

"""Connectionist temporal classification: the loss of a label sequence whose alignment in time is not known.

The probability of a label sequence is the sum over all alignments (Graves et al. 2006, equation 8), computed forward in
time on logarithms. The program is made of recorded operations, so that every order of derivative follows from it.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodiff import extend

from .arguments import check_reduction, first, occurs, plain, reduced, value

__all__ = ["ctc_loss"]


def ctc_loss(
    log_probabilities: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    *,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Any:
    """Return -log of the probability that the time steps spell the target, summed over all alignments.

    `torch.nn.functional.ctc_loss`. The gradient is that of this formula; PyTorch's gradient with respect to
    `log_probabilities` already includes the log_softmax before it, and both agree on the logits.

    Args:
        log_probabilities: (T, N, C), or (T, C) for one sequence: the output of log_softmax over C.
        targets: (N, S) labels, padded; or the labels of all sequences one after the other, (sum of the lengths,).
        input_lengths: (N,) time steps of each sequence, at most T.
        target_lengths: (N,) labels of each sequence.
        blank: the class that means no label.
        reduction: "mean" (each loss is divided by its target length, at least 1, then averaged), "sum" or "none". The
            mean over nothing is 0.
        zero_infinity: set a loss that is infinite, and its gradients, to zero: the target does not fit into the time
            steps. Without it the loss is inf.

    Raises:
        ValueError: shapes that do not fit, a length out of its range, or the first label outside the classes or equal
            to `blank`.
        TypeError: labels or lengths that are no integers.

    >>> steps = np.log(np.full((2, 1, 3), 1 / 3))
    >>> round(math.exp(-ctc_loss(steps, [[1]], [2], [1])), 4)  # "1 1", "1 -" and "- 1": three of nine
    0.3333
    """
    check_reduction("ctc_loss", reduction)
    log_p = value(log_probabilities)
    single = log_p.ndim == 2
    if single:
        log_p, targets = log_p[:, None, :], np.reshape(_integers("targets", targets), (1, -1))
    if log_p.ndim != 3:
        raise ValueError(f"ctc_loss: log_probabilities must be (T, N, C) or (T, C), got shape {log_p.shape}")
    steps, batch, classes = log_p.shape
    if not 0 <= blank < classes:
        raise ValueError(f"ctc_loss: blank must be a class in 0..{classes - 1}, got {blank!r}")
    ends = _lengths("input_lengths", input_lengths, batch, steps)
    counts = _lengths("target_lengths", target_lengths, batch, None)
    symbols = _with_blanks(_padded(targets, counts, batch), counts, blank, classes)
    losses = -_log_likelihood(log_p, symbols, ends, counts, blank)
    if zero_infinity:
        losses = np.where(np.isinf(plain(losses)), 0.0, losses)
    if reduction == "mean":
        return reduced(losses / extend.beside(np.maximum(counts, 1).astype(log_p.dtype), plain(losses)), "mean")
    return losses[0] if single and reduction == "none" else reduced(losses, reduction)


def _log_likelihood(log_p: Any, symbols: NDArray[Any], ends: NDArray[Any], counts: NDArray[Any], blank: int) -> Any:
    """Return log P(target) of each sequence: (N,). alpha[n, s] is the logarithm of the probability of all partial
    alignments that end at position s of the symbols."""
    batch, places = symbols.shape
    if not len(log_p):  # without time steps only the empty target is possible
        return np.where(counts == 0, 0.0, -np.inf).astype(log_p.dtype)
    at = np.arange(places)
    ours = partial(extend.beside, x=plain(log_p))  # of another library's array
    outside = ours(np.full((batch, 2), -np.inf, log_p.dtype))
    skips = np.zeros((batch, places), bool)  # from one label to the next, without the blank between
    skips[:, 2:] = (symbols[:, 2:] != blank) & (symbols[:, 2:] != symbols[:, :-2])
    emitted = np.take_along_axis(log_p, ours(symbols[None]), axis=2)
    alpha = np.where(ours((at < 2) & (at < 2 * counts[:, None] + 1)), emitted[0], -np.inf)
    alpha = np.where(ours(ends[:, None] > 0), alpha, ours(np.where(at == 0, 0.0, -np.inf).astype(log_p.dtype)))
    skips = ours(skips)
    for t in range(1, len(log_p)):
        shifted = np.concatenate([outside, alpha], axis=1)
        two_back = np.where(skips, shifted[:, :-2], -np.inf)
        reached = _log_sum_exp(np.stack([alpha, shifted[:, 1:-1], two_back])) + emitted[t]
        alpha = np.where(ours(t < ends[:, None]), reached, alpha)
    final = ours((at == 2 * counts[:, None]) | (at == 2 * counts[:, None] - 1))
    return _log_sum_exp(np.moveaxis(np.where(final, alpha, -np.inf), 1, 0))


def _log_sum_exp(x: Any) -> Any:
    """Return log(sum(exp(x))) over the first axis; -inf, as a constant, where every entry is."""
    top = plain(x).max(axis=0)
    dead = np.isneginf(top)
    if occurs(dead):
        x = np.where(dead, 0.0, x)
        top = np.where(dead, 0.0, top)
    total = np.log(np.exp(x - top).sum(axis=0)) + top
    return np.where(dead, -np.inf, total) if occurs(dead) else total


# Arguments.


def _integers(name: str, x: Any) -> NDArray[Any]:
    x = extend.numbers(plain(x), "ctc_loss", name)
    if x.dtype.kind not in "iu" and x.size:
        raise TypeError(f"ctc_loss: {name} must be integers, got dtype {x.dtype}")
    return x.astype(np.int64)


def _lengths(name: str, lengths: Any, batch: int, most: int | None) -> NDArray[Any]:
    lengths = np.atleast_1d(_integers(name, lengths))
    if lengths.shape != (batch,):
        raise ValueError(f"ctc_loss: {name} must have shape ({batch},), got {lengths.shape}")
    bad = (lengths < 0) | (lengths > (math.inf if most is None else most))
    if bad.any():
        limit = "" if most is None else f" and at most {most}"
        raise ValueError(f"ctc_loss: {name} must be >= 0{limit}, got {first(bad, lengths)}")
    return lengths


def _padded(targets: Any, counts: NDArray[Any], batch: int) -> NDArray[Any]:
    """Return targets as (N, longest)."""
    targets, longest = _integers("targets", targets), int(counts.max(initial=0))
    if targets.ndim == 1 and len(targets) == counts.sum():
        rows = np.zeros((batch, longest), np.int64)
        rows[np.arange(longest) < counts[:, None]] = targets
        return rows
    if targets.ndim != 2 or len(targets) != batch or targets.shape[1] < longest:
        raise ValueError(
            f"ctc_loss: targets must be ({batch}, at least {longest}) or ({counts.sum()},), got {targets.shape}"
        )
    return targets[:, :longest]


def _with_blanks(rows: NDArray[Any], counts: NDArray[Any], blank: int, classes: int) -> NDArray[Any]:
    """Return labels with a blank before, between and after: (N, 2 longest + 1)."""
    used = np.arange(rows.shape[1]) < counts[:, None]
    bad = used & ((rows < 0) | (rows >= classes) | (rows == blank))
    if bad.any():
        raise ValueError(
            f"ctc_loss: labels must be in 0..{classes - 1} and not the blank {blank}, got {first(bad, rows)}"
        )
    symbols = np.full((len(rows), 2 * rows.shape[1] + 1), blank)
    symbols[:, 1::2] = np.where(used, rows, blank)
    return symbols

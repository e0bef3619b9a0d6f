"""One step of each recurrent cell, in recorded operations. The cells call these functions, and tests compare the rows
of `scans` with them.

x: (..., I). h, c: (..., H). The weights of a cell's G gates are joined along the first axis: `w_ih` (G H, I), `w_hh`
(G H, H), `b_ih` and `b_hh` (G H,), or None.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import autodiff as ad

__all__ = ["gru_step", "lstm_step", "projected_lstm_step", "rnn_step"]


def _gates(a: Any, n: int) -> list[Any]:
    """Return the n parts of the last axis, by slices, which every array library has."""
    size = a.shape[-1] // n
    return [a[..., k * size : (k + 1) * size] for k in range(n)]


def rnn_step(x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, nonlinearity: str = "tanh") -> Any:
    """Return f(x w_ihᵀ + b_ih + h w_hhᵀ + b_hh), f being tanh or relu (Elman 1990)."""
    z = ad.linear(x, w_ih, b_ih) + ad.linear(h, w_hh, b_hh)
    return np.tanh(z) if nonlinearity == "tanh" else ad.relu(z)


def lstm_step(x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> tuple[Any, Any]:
    """Return the next (h, c) of an LSTM (Hochreiter and Schmidhuber 1997; forget gate by Gers et al. 2000).

    Gates in PyTorch's order i, f, g, o: c' = σ(f) c + σ(i) tanh(g), h' = σ(o) tanh(c').
    """
    i, f, g, o = _gates(ad.linear(x, w_ih, b_ih) + ad.linear(h, w_hh, b_hh), 4)
    c = ad.sigmoid(f) * c + ad.sigmoid(i) * np.tanh(g)
    return ad.sigmoid(o) * np.tanh(c), c


def projected_lstm_step(
    x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, w_hr: Any
) -> tuple[Any, Any]:
    """Return the next (h, c) of an LSTM whose h is projected: h' = (σ(o) tanh(c')) w_hrᵀ (Sak et al. 2014).

    w_hr: (P, H). h: (..., P), c: (..., H).
    """
    h, c = lstm_step(x, h, c, w_ih, w_hh, b_ih, b_hh)
    return ad.linear(h, w_hr), c


def gru_step(x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> Any:
    """Return the next h of a GRU (Cho et al. 2014), with the reset gate after the product, as PyTorch has it.

    Gates in the order r, z, n: n = tanh(a_n + σ(r) b_n), h' = (1 - σ(z)) n + σ(z) h, a coming from x and b from h.
    """
    of_x, of_h = ad.linear(x, w_ih, b_ih), ad.linear(h, w_hh, b_hh)
    (xr, xz, xn), (hr, hz, hn) = _gates(of_x, 3), _gates(of_h, 3)
    n = np.tanh(xn + ad.sigmoid(xr + hr) * hn)
    return ad.sigmoid(-(xz + hz)) * n + ad.sigmoid(xz + hz) * h

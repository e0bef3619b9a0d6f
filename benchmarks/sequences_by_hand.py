"""The steps of `sequences.py` written by hand in NumPy: forward, backward, no graph. Gradients are in the order of the
layers' parameters, that of the input first."""

from __future__ import annotations

from typing import Any

import numpy as np


def lstm(x: Any, g: Any, w_in: Any, w_h: Any, b_in: Any, b_h: Any) -> list[Any]:
    """Run an LSTM forward and backward. x, g: (steps, batch, features); weights as in PyTorch: (4 h, ...)."""
    steps, batch, _ = x.shape
    size = w_h.shape[1]
    z = x.reshape(steps * batch, -1) @ w_in.T
    z += b_in + b_h
    z = z.reshape(steps, batch, 4 * size)
    h, c = np.zeros((steps + 1, batch, size), x.dtype), np.zeros((steps + 1, batch, size), x.dtype)
    bounded = np.empty((steps, batch, size), x.dtype)
    for t in range(steps):
        a = z[t]
        a += h[t] @ w_h.T
        for gate in (a[:, : 2 * size], a[:, 3 * size :]):  # 1 / (1 + exp(-gate))
            np.exp(np.negative(gate, out=gate), out=gate)
            gate += 1
            np.reciprocal(gate, out=gate)
        np.tanh(a[:, 2 * size : 3 * size], out=a[:, 2 * size : 3 * size])
        i, f, n, o = (a[:, k * size : (k + 1) * size] for k in range(4))
        np.multiply(f, c[t], out=c[t + 1])
        c[t + 1] += i * n
        np.tanh(c[t + 1], out=bounded[t])
        np.multiply(o, bounded[t], out=h[t + 1])
    d_z, d_h, d_c = np.empty_like(z), np.zeros((batch, size), x.dtype), np.zeros((batch, size), x.dtype)
    for t in reversed(range(steps)):
        i, f, n, o = (z[t][:, k * size : (k + 1) * size] for k in range(4))
        d_i, d_f, d_n, d_o = (d_z[t][:, k * size : (k + 1) * size] for k in range(4))
        d_h += g[t]
        np.multiply(d_h * bounded[t], o * (1 - o), out=d_o)
        d_c += d_h * o * (1 - bounded[t] * bounded[t])
        np.multiply(d_c * n, i * (1 - i), out=d_i)
        np.multiply(d_c * c[t], f * (1 - f), out=d_f)
        np.multiply(d_c * i, 1 - n * n, out=d_n)
        d_c *= f
        np.matmul(d_z[t], w_h, out=d_h)
    flat = d_z.reshape(steps * batch, -1)
    d_b = flat.sum(0)
    d_x = (flat @ w_in).reshape(x.shape)
    return [d_x, flat.T @ x.reshape(steps * batch, -1), flat.T @ h[:-1].reshape(steps * batch, -1), d_b, d_b.copy()]


def block(x: Any, g: Any, p: dict[str, Any], heads: int) -> dict[str, Any]:
    """Run a causal transformer encoder layer forward and backward, norms last, ReLU. x, g: (batch, steps, d)."""
    batch, steps, d = x.shape
    rows, size = batch * steps, d // heads
    flat = x.reshape(rows, d)
    qkv = flat @ p["self_attn.in_proj_weight"].T + p["self_attn.in_proj_bias"]
    q, k, v = qkv.reshape(batch, steps, 3, heads, size).transpose(2, 0, 3, 1, 4)
    scale = x.dtype.type(size**-0.5)
    a = (q * scale) @ k.swapaxes(-1, -2)
    a += np.triu(np.full((steps, steps), -np.inf, x.dtype), 1)
    a -= a.max(-1, keepdims=True)
    np.exp(a, out=a)
    a /= a.sum(-1, keepdims=True)
    mixed = (a @ v).transpose(0, 2, 1, 3).reshape(rows, d)
    first = mixed @ p["self_attn.out_proj.weight"].T + p["self_attn.out_proj.bias"]
    first += flat
    n1, s1, y1 = _norm(first, p["norm1.weight"], p["norm1.bias"])
    hidden = y1 @ p["linear1.weight"].T + p["linear1.bias"]
    np.maximum(hidden, 0, out=hidden)
    second = hidden @ p["linear2.weight"].T + p["linear2.bias"]
    second += y1
    n2, s2, _ = _norm(second, p["norm2.weight"], p["norm2.bias"])

    found = {}
    g = g.reshape(rows, d)
    g2, found["norm2.weight"], found["norm2.bias"] = _norm_back(g, n2, s2, p["norm2.weight"])
    found["linear2.weight"], found["linear2.bias"] = g2.T @ hidden, g2.sum(0)
    d_hidden = g2 @ p["linear2.weight"]
    d_hidden *= hidden > 0
    found["linear1.weight"], found["linear1.bias"] = d_hidden.T @ y1, d_hidden.sum(0)
    g2 += d_hidden @ p["linear1.weight"]
    g1, found["norm1.weight"], found["norm1.bias"] = _norm_back(g2, n1, s1, p["norm1.weight"])
    found["self_attn.out_proj.weight"], found["self_attn.out_proj.bias"] = g1.T @ mixed, g1.sum(0)
    d_mixed = (g1 @ p["self_attn.out_proj.weight"]).reshape(batch, steps, heads, size).transpose(0, 2, 1, 3)
    d_a = d_mixed @ v.swapaxes(-1, -2)
    d_a -= (d_a * a).sum(-1, keepdims=True)
    d_a *= a
    d_a *= scale
    d_qkv = np.empty((batch, steps, 3, heads, size), x.dtype)
    for part, d_part in enumerate((d_a @ k, d_a.swapaxes(-1, -2) @ q, a.swapaxes(-1, -2) @ d_mixed)):
        d_qkv[:, :, part] = d_part.transpose(0, 2, 1, 3)
    d_qkv = d_qkv.reshape(rows, 3 * d)
    found["self_attn.in_proj_weight"], found["self_attn.in_proj_bias"] = d_qkv.T @ flat, d_qkv.sum(0)
    g1 += d_qkv @ p["self_attn.in_proj_weight"]
    return {"x": g1.reshape(x.shape), **found}


def _norm(x: Any, weight: Any, bias: Any, eps: float = 1e-5) -> tuple[Any, Any, Any]:
    """Return (normalized, 1 / deviation, weighted)."""
    x = x - x.mean(-1, keepdims=True)
    scale = 1 / np.sqrt((x * x).mean(-1, keepdims=True) + x.dtype.type(eps))
    x *= scale
    return x, scale, x * weight + bias


def _norm_back(g: Any, n: Any, scale: Any, weight: Any) -> tuple[Any, Any, Any]:
    d_weight, d_bias = (g * n).sum(0), g.sum(0)
    g = g * weight
    g -= g.mean(-1, keepdims=True) + n * (g * n).mean(-1, keepdims=True)
    g *= scale
    return g, d_weight, d_bias

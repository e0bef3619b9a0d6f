"""A user's program under ``mypy --strict``: public names have types, and a misspelt one is an error.

Each ignored line must be an error: ``warn_unused_ignores`` reports one that is not.
"""

from __future__ import annotations

import numpy as np

import autodiff as ad
import autodiff.parallel
import autodiff.solving
import nn
import nn.testing

x: ad.Tensor = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
y: ad.Tensor = ad.tanh(x @ x.T).sum()
y.backward()
a: ad.Scalar = ad.tanh(ad.scalar(0.5))
total: ad.Tensor = ad.sum(x, axis=0, keepdims=True)
joined: ad.Tensor = ad.concatenate([x, x], axis=1)
larger: ad.Scalar = ad.maximum(0.0, a)
parts: list[ad.Tensor] = [x[0], *x, x.detach(), ad.maximum(0.0, x)]
others: list[ad.Tensor] = [ad.linalg.inv(x), ad.special.expit(x), ad.special.xlogy(2.0, x), ad.fft.fft(x)]
number: float = a.data
slope = ad.grad(lambda t: t**3)(2.0)
net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
out = net(x)

ad.tanhh(x)  # type: ignore[attr-defined]
nn.Liner(2, 3)  # type: ignore[attr-defined]
x.tahn()  # type: ignore[attr-defined]
ad.testing.check_derivative(ad.tanh, x)  # type: ignore[attr-defined]
ad.testing.check_derivatives(np.tanh, np.ones(2))
nn.testing.check_modul(net, x)  # type: ignore[attr-defined]
autodiff.solving.minimise(ad.sum, x)  # type: ignore[attr-defined]
autodiff.parallel.averages(x)  # type: ignore[attr-defined]
wrong: int = ad.tanh(x)  # type: ignore[assignment]
wrong = x[0]  # type: ignore[assignment]
wrong = ad.special.expit(x)  # type: ignore[assignment]
np.testing.assert_array_equal(x.data, x.numpy())

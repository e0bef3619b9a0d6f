"""Use an installed Backflow as a stranger would: derivatives, digits, some training, a picture; from any directory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import autodiff as ad
import nn

here = Path.cwd()
assert here / ".venv" in Path(ad.__file__).parents, f"this is not the installed package: {ad.__file__}"

np.testing.assert_allclose(ad.grad(lambda x: np.sum(x**3))(np.array([1.0, 2.0])), [3.0, 12.0])

images, labels = nn.data.load_digits()
model = nn.Sequential(nn.Flatten(), nn.Linear(64, 16, rng=0), nn.ReLU(), nn.Linear(16, 10, rng=1))
optimizer = nn.optim.Adam(model.parameters(), lr=0.01)
losses = []
for _ in range(20):
    optimizer.zero_grad()
    loss = nn.cross_entropy(model(images), labels)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
assert losses[-1] < losses[0] / 2, losses

ad.draw(nn.cross_entropy(model(images), labels), model=model).save("flow.svg")
assert "<svg" in Path("flow.svg").read_text(encoding="utf-8")
print(f"loss {losses[0]:.2f} -> {losses[-1]:.2f}, flow.svg drawn")

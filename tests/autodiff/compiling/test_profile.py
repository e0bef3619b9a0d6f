"""A profile and a listing say what a compiled program does, by call and by module."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import autodiff as ad
import nn


def test_a_profile_has_the_calls_of_the_program_and_what_they_cost() -> None:
    found = ad.profile(lambda x: np.tanh(x @ x).sum())(np.eye(3))
    assert float(found.result) == pytest.approx(3 * np.tanh(1.0))
    assert list(found.by_call()) == sorted(found.by_call(), key=lambda name: -found.by_call()[name].seconds)
    product = found.by_call()["np.matmul"]
    assert product.operations == 2 * 27 and product.bytes == 3 * 9 * 8 and product.seconds > 0
    assert found.seconds == sum(line.seconds for line in found.lines)
    assert "np.tanh" in str(found) and "share" in str(found)


def test_a_profile_tells_modules_apart_and_colours_their_picture() -> None:
    model, criterion = nn.Sequential(nn.Linear(4, 3), nn.Tanh()), nn.MSELoss()
    x, y = np.ones((2, 4), np.float32), np.zeros((2, 3), np.float32)

    def step(x: np.ndarray, y: np.ndarray) -> ad.Tensor:
        value = criterion(model(x), y)
        value.backward()
        return value

    found = ad.profile(step)(x, y)
    assert {"0", "1"} <= found.by_module().keys()
    assert found.by_module()["0"].operations >= 2 * 2 * 2 * 4 * 3  # the products of both passes
    picture = ad.draw(criterion(model(x), y), model=model, level="module", heat=found.heat)
    for module in ("0", "1"):
        assert f"{found.by_module()[module].seconds / found.seconds:.0%}" in picture.to_dot()
    fills = {node.module: node.card.fill for node in picture.nodes}
    dearest = max("01", key=lambda module: found.by_module()[module].seconds)
    assert fills[dearest] == "#FAD0AC"  # half of the colour of "strong"
    assert found.heat(SimpleNamespace(path="")) == (0.0, "")


def test_a_profiled_function_runs_as_before_afterwards() -> None:
    fast = ad.compile(lambda x: np.exp(x) + 1)
    x = np.array([0.0, 1.0])
    source = (fast(x), fast.source)[1]
    ad.profile(fast)(x)
    np.testing.assert_array_equal(fast(x), np.exp(x) + 1)
    assert fast.source == source and "clock" not in source


def test_blocks_and_packed_calls_have_lines_too() -> None:
    found = ad.profile(lambda x: (np.exp(x) * x + 1).sum())(np.zeros(1 << 17))
    assert sum(line.operations for line in found.lines) == 4 << 17


def test_a_listing_is_a_graph_and_a_text(tmp_path: Path) -> None:
    fast = ad.compile(lambda x: np.tanh(x @ x).sum())
    fast(np.eye(3))
    listing = fast.draw()
    dot = listing.to_dot()
    assert dot.count("[label=") == 1 + 3 + 1 and '"np.tanh\\n3×3 float64"' in dot and "c0 -> c1;" in dot
    assert "np.matmul(x, x)" in str(listing)
    listing.save(str(tmp_path / "f.dot"))
    assert (tmp_path / "f.dot").read_text(encoding="utf-8") == dot
    with pytest.raises(ValueError, match=r"saved as \.dot"):
        listing.save("f.png")

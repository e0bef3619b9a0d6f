"""Cards of the module level show kernels, heads, filters and attention, which modules hand out themselves."""

import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autodiff as ad
import nn
from autodiff.drawing.picture.cards import tile_blocks
from autodiff.drawing.picture.style import ERROR, NEGATIVE, POSITIVE
from autodiff.drawing.reading.module_facts import attention_tiles, filter_tiles
from autodiff.extend import ModuleFacts


def texts(figure: Any, path: str) -> list[str]:
    (node,) = [n for n in figure.nodes if n.module == path and n.kind == "module"]
    return ["".join(run.text for run in line).replace("\u00a0", " ") for line in node.card.lines() if line]


def colors(figure: Any, path: str) -> list[list[str]]:
    """The fills of the cells of a card's image, gaps left out, row by row."""
    (node,) = [n for n in figure.nodes if n.module == path and n.kind == "module"]
    return [[cell.fill for cell in row if cell.fill] for row in node.card.blocks[1].rows]


class Reader(nn.Module):
    """One attention inside a block."""

    def __init__(self) -> None:
        self.attention, self.head = nn.MultiheadAttention(8, 2, batch_first=True, rng=0), nn.Linear(8, 1, rng=1)

    def forward(self, x: Any) -> Any:
        return self.head(self.attention(x, x, x)[0]).sum()


def test_a_convolution_shows_channels_kernel_and_filters() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, (2, 3), rng=0), nn.MaxPool2d(2), nn.AvgPool2d((1, 2)))
    weights = np.array([[[[1.0, -1.0, 0.5], [0.0, 0.25, -0.5]]], [[[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]]]])
    net[0].weight.data = weights
    figure = ad.draw(net(np.ones((1, 1, 6, 8))).sum(), model=net, level="module")
    assert texts(figure, "0")[0] == "Conv2d   1 → 2  ·  kernel 2×3"
    assert texts(figure, "0")[-1] == "2 of 2 filters  ■ −1  ■ 1"
    assert texts(figure, "1")[0] == "MaxPool2d   kernel 2×2" and texts(figure, "2")[0] == "AvgPool2d   kernel 1×2"
    image = colors(figure, "0")
    assert [len(row) for row in image] == [6, 6], "two filters of 2 x 3 beside each other"
    assert image[0][:2] == [POSITIVE, NEGATIVE], "the largest weights have the full colours"
    assert len({image[0][3], image[0][4], image[0][5]}) == 3


def test_attention_is_one_card_with_its_heads_and_under_record_its_weights() -> None:
    net, x = Reader(), np.random.default_rng(0).normal(size=(2, 5, 8))
    plain = ad.draw(net(x), model=net, level="module")
    assert texts(plain, "attention")[0] == "MultiheadAttention   8  ·  2 heads"
    assert not any("attention of" in line for line in texts(plain, "attention")), "no record, no weights"
    assert [n.module for n in plain.nodes if n.kind == "module"] == ["attention", "head"]
    with ad.record():
        loss = net(x)
    figure = ad.draw(loss, model=net, level="module")
    _, weights = net.attention(x, x, x, average_attn_weights=False)
    low, high = weights.data[0].min(), weights.data[0].max()
    shown = texts(figure, "attention")[-1]
    assert shown.startswith("attention of one example, 2 of 2 heads")
    found = [float(number) for number in re.findall(r"■ ([\d.]+)", shown)]
    np.testing.assert_allclose(found, [low, high], rtol=1e-3)
    assert [len(row) for row in colors(figure, "attention")] == [10] * 5
    assert any(n.op == "softmax" for n in ad.draw(loss, model=net, level="op").nodes), "operations stay operations"


def test_attention_opens_when_it_is_asked_for() -> None:
    net = Reader()
    figure = ad.draw(net(np.ones((1, 3, 8))), model=net, level="module", expand=["attention"])
    assert "attention.out_proj" in [n.module for n in figure.nodes]


@pytest.mark.parametrize("engine", ["builtin", pytest.param("dot", marks=pytest.mark.dot)])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_engine_draws_every_cell_inside_its_card(engine: str, lang: str) -> None:
    net = nn.Sequential(nn.Conv1d(2, 3, 4, rng=0), nn.ConvTranspose2d(1, 2, 3, rng=0))
    y = net[0](np.ones((1, 2, 9))).sum() + net[1](np.ones((1, 1, 4, 4))).sum()
    figure = ad.draw(y, model=net, level="module", lang=lang)
    assert "3" in texts(figure, "0")[0] and ("核 4" if lang == "zh" else "kernel 4") in texts(figure, "0")[0]
    svg = ElementTree.fromstring(figure.to_svg(engine=engine))
    fills = [e.get("fill", "").lower() for e in svg.iter() if e.tag.rpartition("}")[2] in ("rect", "polygon")]
    for path, cells in (("0", 3 * 2 * 4), ("1", 2 * 9)):
        wanted = [fill.lower() for row in colors(figure, path) for fill in row]
        assert len(wanted) == cells
        assert all(fills.count(fill) >= wanted.count(fill) for fill in wanted)


def test_mermaid_and_json_keep_the_words_of_a_card_with_an_image() -> None:
    net = nn.Sequential(nn.Conv2d(1, 9, 3, rng=0))
    figure = ad.draw(net(np.ones((1, 1, 4, 4))).sum(), model=net, level="module")
    assert "8 of 9 filters" in figure.to_mermaid() and "kernel 3×3" in figure.to_mermaid()
    assert "<br><br>" not in figure.to_mermaid()


def test_any_object_may_say_what_a_picture_shows_of_it() -> None:
    class Lens(nn.Module):
        def __init__(self) -> None:
            self.inner = nn.Linear(2, 2, rng=0)

        def forward(self, x: Any) -> Any:
            return self.inner(x) * 2.0

        def picture_facts(self) -> ModuleFacts:
            return ModuleFacts(sizes="2 & <b>", filters=np.ones((1, 1, 2, 2)), whole=True)

    class Net(nn.Module):
        def __init__(self) -> None:
            self.lens = Lens()

        def forward(self, x: Any) -> Any:
            return self.lens(x).sum()

    net = Net()
    figure = ad.draw(net(np.ones((1, 2))), model=net, level="module")
    assert texts(figure, "lens")[0] == "Lens   2 & <b>" and texts(figure, "lens")[-1] == "1 of 1 filters  ■ 1"
    ElementTree.fromstring(figure.to_svg(engine="builtin"))


def test_what_is_no_image_is_left_out() -> None:
    assert filter_tiles(np.ones((2, 3, 1, 1))) is None, "one weight"
    assert filter_tiles(np.ones((2, 3, 11, 11))) is None, "too large for a card"
    assert filter_tiles(np.ones((0, 3, 2, 2))) is None and filter_tiles(np.ones((2, 3))) is None
    assert attention_tiles(np.ones((2, 3, 4))) is None and attention_tiles(np.ones((0, 1, 2, 2))) is None


@given(
    kernel=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    outputs=st.integers(1, 20),
    inputs=st.integers(1, 5),
    data=st.data(),
)
def test_images_of_any_filters_fit_on_a_card(kernel: list[int], outputs: int, inputs: int, data: Any) -> None:
    weights = data.draw(
        hnp.arrays(np.float32, (outputs, inputs, *kernel), elements=st.floats(width=32), fill=st.just(0.5))
    )
    tiles = filter_tiles(weights)
    if tiles is None:
        return
    assert len(tiles.images) == min(outputs, 8) and tiles.total == outputs
    grid, _ = tile_blocks(tiles.images, tiles.low, tiles.high, "filters")
    assert grid.width <= 300 and len(grid.rows) <= 9
    fills = {cell.fill for row in grid.rows for cell in row if cell.fill}
    assert (ERROR in fills) == (not np.isfinite(np.array(tiles.images)).all())


@given(steps=st.integers(1, 40), keys=st.integers(1, 40), heads=st.integers(1, 6))
def test_long_attention_is_averaged_over_neighbours(steps: int, keys: int, heads: int) -> None:
    weights = np.random.default_rng(0).dirichlet(np.ones(keys), (2, heads, steps))
    tiles = attention_tiles(weights)
    assert tiles is not None and tiles.total == heads
    images = np.array(tiles.images)
    assert images.shape == (min(heads, 4), min(steps, 8), min(keys, 8))
    if keys % 8 == 0 and steps % 8 == 0:  # equal parts: the mean of a row is kept
        np.testing.assert_allclose(images.mean(), 1 / keys)

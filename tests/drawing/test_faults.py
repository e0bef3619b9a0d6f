"""Pictures that once were wrong: frozen and tied parameters, repeated calls, wide graphs, several backward passes."""

import re

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff.drawing.layout.placement import lay_out
from autodiff.drawing.levels.size import HIGHEST, WIDEST


def size(figure):
    """Width and height in points, drawn by the built-in layout."""
    found = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', figure.to_svg("builtin"))
    return float(found[1]), float(found[2])


class Base(nn.Module):
    def __init__(self):
        self.base = nn.Sequential(nn.Linear(6, 5, rng=0), nn.ReLU())
        self.head = nn.Linear(5, 4, rng=1)

    def forward(self, x):
        return self.head(self.base(x))


@pytest.mark.parametrize("level", ["op", "module"])
def test_a_frozen_base_is_drawn_grey_and_named(level):
    net = Base()
    for parameter in net.base.parameters():
        parameter.requires_grad = False
    loss = nn.cross_entropy(net(np.ones((3, 6))), [0, 1, 2])
    figure = ad.draw(loss, model=net, level=level)
    (frozen,) = [node for node in figure.nodes if node.kind == "frozen"]
    assert frozen.name == "base" and frozen.card.fill == "#F5F7FA" and frozen.grad is None
    assert any("base is frozen" in line for line in figure.picture.footer)
    assert any("frozen" in key.text for key in figure.picture.legend)


def test_a_frozen_weight_inside_the_graph_has_its_name():
    net = nn.Sequential(nn.Linear(3, 3, rng=0), nn.Linear(3, 2, rng=1))
    net[1].weight.requires_grad = False
    with ad.record():
        loss = net(np.ones((2, 3))).sum()
    figure = ad.draw(loss, model=net, level="op")
    assert ("frozen", "1.weight") in {(node.kind, node.name) for node in figure.nodes}


class Tied(nn.Module):
    def __init__(self):
        self.a, self.b = nn.Linear(4, 4, rng=0), nn.Linear(4, 4, rng=1)
        self.b.weight = self.a.weight

    def forward(self, x):
        return self.b(np.tanh(self.a(x)))


def test_tied_parameters_are_marked_where_each_is_read():
    net = Tied()
    loss = net(np.ones((2, 4))).sum()
    at_op = [node.name for node in ad.draw(loss, model=net, level="op").nodes if node.kind == "parameter"]
    assert "a.weight = b.weight" in at_op
    chips = [node for node in ad.draw(loss, model=net, level="module").nodes if node.kind == "reference"]
    assert ["".join(run.text for run in line) for line in chips[0].card.lines()] == [
        "↗ b.weight = a.weight\u00a0\u00a0\u00a04×4"
    ]


class Block(nn.Module):
    def __init__(self):
        self.lin = nn.Linear(4, 4, rng=0)

    def forward(self, x):
        return np.tanh(self.lin(x)) * 2.0 + x


class Thrice(nn.Module):
    def __init__(self):
        self.block = Block()

    def forward(self, x):
        for _ in range(3):
            x = self.block(x)
        return x


@pytest.mark.parametrize("level", ["op", "module"])
def test_a_module_called_three_times_has_one_frame_a_call(level):
    net = Thrice()
    figure = ad.draw(net(np.ones((2, 4))).sum(), model=net, level=level)
    frames = [module for module in figure.modules if module.path == "block"]
    titles = ["".join(run.text for run in module.title) for module in frames]
    assert titles == [f"block : Block · call {k} of 3" for k in (1, 2, 3)]
    drawn = [node for module in frames for node in module.nodes]
    assert len(drawn) == len(set(drawn))


class Rectified(nn.Module):
    """A module without parameters, called three times in a row."""

    def __init__(self):
        self.lin, self.act = nn.Linear(4, 4), Twofold()

    def forward(self, x):
        return self.act(self.act(self.act(self.lin(x))))


class Twofold(nn.Module):
    def forward(self, x):
        return np.tanh(np.tanh(x))


@pytest.mark.parametrize("level", ["op", "module"])
def test_a_module_without_parameters_called_three_times_in_a_row_has_one_frame_a_call(level):
    """One frame for all: nothing in a graph tells such calls apart, but under record() each has a scope of its own."""
    net = Rectified()
    net(np.ones((2, 4)))
    with ad.record():
        y = net(np.ones((2, 4))).sum()
    figure = ad.draw(y, model=net, level=level, expand=["act"])
    titles = ["".join(run.text for run in module.title) for module in figure.modules if module.path == "act"]
    assert titles == [f"act : Twofold · call {k} of 3" for k in (1, 2, 3)]
    net(np.ones((2, 4))).sum().backward()  # outside of record() all calls share a scope again
    made = ad.extend.gradients_of_graph(net(np.ones((2, 4))).sum())
    assert len({id(node.scope) for node in made if node.scope and node.scope.path == "act"}) == 1


WIDE = {
    "one operation reads a hundred": lambda n: np.concatenate([ad.tensor([float(k)]) for k in range(n)]).sum(),
    "a chain of sums": lambda n: sum((ad.tensor([float(k)]) for k in range(1, n)), ad.tensor([0.0])),
    "scalars": lambda n: sum((ad.scalar(float(k)) * 2.0 for k in range(1, n)), ad.scalar(0.0)),
    "branches": lambda n: np.stack([np.tanh(ad.tensor([float(k)])) for k in range(n)]).sum(),
    "a long chain": lambda n: chain(ad.scalar(1.0), n),
    "a network of numbers": lambda n: nn.MLP(2, [8, 8, 1], rng=0)([1.0, 2.0]),
}


def chain(x, n):
    for _ in range(n):
        x = x * 1.01
    return x


@pytest.mark.parametrize("kind", WIDE)
def test_auto_draws_nothing_larger_than_a_screen_can_show(kind):
    width, height = size(ad.draw(WIDE[kind](100)))
    assert width <= WIDEST and height <= HIGHEST


@pytest.mark.sampled(3)
@pytest.mark.parametrize("kind", WIDE)
@pytest.mark.parametrize(("count", "level"), [(8, "op"), (60, "op"), (60, "module")])
def test_a_picture_that_is_too_large_says_so(kind, count, level):
    figure = ad.draw(WIDE[kind](count), level=level, repeat=None)
    width, height = size(figure)
    said = any("px; level='auto'" in line for line in figure.picture.footer)
    if width > 1.5 * WIDEST or height > 1.5 * HIGHEST:  # the size is estimated before it is laid out
        assert said
    if width < 0.6 * WIDEST and height < 0.6 * HIGHEST:
        assert not said


def test_folded_inputs_are_counted_and_can_be_unfolded():
    loss = WIDE["one operation reads a hundred"](100)
    figure = ad.draw(loss)
    assert sum(node.count for node in figure.nodes if node.kind == "input") == 100
    assert any(line.startswith("92 inputs are folded") for line in figure.picture.footer)
    assert len(ad.draw(loss, repeat=None, level="op").nodes) == 102


def test_a_network_of_numbers_is_drawn_neuron_by_neuron():
    net = nn.MLP(2, [16, 16, 1], rng=0)
    assert ad.draw(net([1.0, 2.0]), model=net).level == "neuron"


def test_gradients_of_several_passes_are_said_to_be_sums():
    a = ad.scalar(2.0)
    (a * a).backward()
    once = ad.draw(a * 1.0, names={"a": a})
    assert not any("several" in line for line in once.picture.footer)  # this graph has not run backward
    y = a * a
    y.backward()
    assert any("several backward passes" in line for line in ad.draw(y, names={"a": a}).picture.footer)
    a.grad = None
    y = a * a
    y.backward()
    assert not any("several" in line for line in ad.draw(y, names={"a": a}).picture.footer)


def test_local_derivatives_that_are_not_drawn_are_announced():
    x = ad.scalar(1.0)
    y = chain(x, 14)
    y.backward()
    assert any("rankdir='LR'" in line for line in ad.draw(y).picture.footer)
    assert not any("rankdir" in line for line in ad.draw(y, rankdir="LR").picture.footer)


@pytest.mark.parametrize("combine", [lambda a: a + a, lambda a: a * a, lambda a: a * a + a * a])
def test_labels_of_the_built_in_layout_do_not_collide(combine):
    a = ad.scalar(2.0)
    y = combine(a)
    y.backward()
    routes = lay_out(ad.draw(y, names={"a": a}).picture).routes.values()
    boxes = [route.label for route in routes if route.label]
    for k, one in enumerate(boxes):
        for other in boxes[k + 1 :]:
            apart = one.x + one.width <= other.x + 0.5 or other.x + other.width <= one.x + 0.5
            assert apart or one.y + one.height <= other.y + 0.5 or other.y + other.height <= one.y + 0.5


def test_chinese_pictures_are_chinese_in_alternative_text_steps_and_remedies():
    with ad.record(), np.errstate(all="ignore"):
        x = ad.tensor([0.0, 1.0])
        y = (np.log(x) * x).sum()
        y.backward()
    figure = ad.draw(y, names={"x": x}, focus="nan", lang="zh")
    said = figure.alt + "".join(run.text for node in figure.nodes for line in node.card.lines() for run in line)
    assert "首个" in figure.alt and "建议" in said
    assert "1 个 0" in said and "zeros" not in said
    assert not re.search(r"[a-z]{3,} [a-z]{3,} [a-z]{3,}", said), said  # no English sentence
    assert {step.picture.title[:2] for step in ad.draw(y, lang="zh").frames()} <= {"前向", "反向"}
    plain = ad.draw(y, lang="zh")
    assert not re.search(r"[A-Z]?[a-z]+ [a-z]+ [a-z]+", plain.alt), plain.alt


@pytest.mark.parametrize("engine", ["builtin", pytest.param("dot", marks=pytest.mark.dot)])
def test_a_chinese_picture_names_its_language(engine):
    x = ad.tensor([1.0, 2.0])
    y = (x * x).sum()
    head = {lang: ad.draw(y, lang=lang).to_svg(engine).partition(">")[0] for lang in ("zh", "en")}
    assert 'lang="zh"' in head["zh"] and "lang=" not in head["en"]


def test_chinese_tooltips_rows_and_titles_hold_no_english_phrase():
    def run(scale):
        with ad.record():
            x = ad.tensor(np.ones((2, 3)))
            loss = (np.tanh(np.tanh(x) * 2.0) * scale).sum()
            loss.backward()
        return loss

    figures = [ad.draw(run(1.0), lang="zh", level=level) for level in ("op", "module")]
    figures.append(ad.draw_compare({"甲": run(1e-9), "乙": run(1.0)}, rankdir="LR", lang="zh"))
    for figure in figures:
        said = [node.tooltip for node in figure.nodes] + [edge.tooltip for edge in figure.edges]
        said += [problem.text for problem in figure.problems] + [figure.alt]
        for text in said:
            assert not re.search(r"norm|value|gradient|vanishing|outputs|mean|weight", text), text
        assert "自动微分图" in figure.to_svg("builtin")


def test_every_remedy_and_word_exists_in_both_languages():
    from autodiff.drawing.levels.parts import remedies
    from autodiff.drawing.picture import words

    found = {text for row in ad.ops.OPS.values() for _, text in row.shown.remedies} | {remedies.ANY}
    assert set(words.CHINESE_REMEDIES) <= found
    assert all(words.remedy_word("zh", text) != text for text in found)
    guard = remedies.guarded(ad.ops.OPS["log"])
    assert words.remedy_word("zh", guard).startswith(guard.partition(" with ")[0] + "，其中 ok = x > 0")
    assert words.ENGLISH.keys() == words.CHINESE.keys()


def test_gradients_of_tensors_that_were_added_over_two_passes_are_said_to_be_sums() -> None:
    w = ad.tensor([1.0, 2.0])

    def footer() -> str:
        with ad.record():
            loss = (w * w).sum()
        loss.backward()
        return " ".join(ad.draw(loss, level="op").picture.footer)

    assert "several backward passes" not in footer()
    assert "several backward passes" in footer()
    w.grad = None
    assert "several backward passes" not in footer()


class TwoTables(nn.Module):
    def __init__(self) -> None:
        self.a, self.b = nn.Embedding(5, 4, rng=0), nn.Embedding(5, 4, rng=1)

    def forward(self, x):
        return self.a(x) + self.b(x[:, ::-1])


def test_lines_that_meet_at_a_card_leave_their_cards_on_the_side_where_they_go() -> None:
    """Graphviz led the left one back behind its own card: it had to leave downwards and arrive from above."""
    net = TwoTables()
    loss = nn.cross_entropy(net(np.array([[0, 1]]))[:, 0], [1])
    figure = ad.draw(loss, model=net, level="module")
    meeting = next(node.id for node in figure.nodes if node.op == "+")
    into = [line for line in figure.to_dot().splitlines() if f'-> "{meeting}":ft' in line]
    assert len(into) == 2 and not any(":fb:s" in line or ":ft:n" in line for line in into)
    straight = [line for line in figure.to_dot().splitlines() if f'"{meeting}":fb' in line]
    assert len(straight) == 1 and ":fb:s" in straight[0]
    assert "mean over 1 example" in figure.to_dot() and "1 examples" not in figure.to_dot()


def test_a_mask_of_minus_infinity_before_a_softmax_is_no_problem() -> None:
    """Every recorded picture of causal attention warned of its own mask."""
    net = nn.MultiheadAttention(4, 2, batch_first=True, rng=0)
    with ad.record():
        x = np.random.default_rng(0).normal(size=(1, 3, 4))
        y = (net(x, x, x, is_causal=True, need_weights=False)[0] ** 2).sum()
    for level in ("module", "op"):
        figure = ad.draw(y, model=net, level=level)
        assert not figure.problems and "infinite" not in figure.to_dot()
    with ad.record(), np.errstate(divide="ignore"):
        y = np.log(ad.tensor([0.0, 1.0])).sum()
    assert "inf" in {problem.kind for problem in ad.draw(y).problems}


def test_one_of_a_kind_is_told_in_the_singular():
    from autodiff.drawing.picture.words import word

    assert word("en", "not drawn", 1) == "1 more node is not drawn" and word("en", "zeros", 1) == "1 zero"
    assert word("en", "folded", 1, 1, "*").startswith("1 operation in 1 module folded")
    assert word("en", "zeros", 21) == "21 zeros" and word("en", "nodes", "2.1") == "2.1 nodes"


def deep(*kinds, count=4):
    """A deep network's loss, after its backward pass."""
    net = nn.Sequential(*[nn.Sequential(nn.Linear(4, 4, rng=0), *[kind() for kind in kinds]) for _ in range(count)])
    with ad.record():
        loss = (net(np.ones((2, 4), np.float32)) ** 2).mean()
        loss.backward()
    return loss, net


def texts(card):
    return " ".join(run.text for block in card.blocks for row in block.rows for cell in row for run in cell.runs)


def test_modules_that_are_gone_keep_the_names_of_their_classes():
    """Comparing models that a loop had made one after the other, all but the last had cards "0", "1", "2"."""
    losses = {}
    for name, kind in (("a", nn.ReLU), ("b", nn.Sigmoid)):
        net = nn.Sequential(nn.Linear(4, 4, rng=0), kind())
        with ad.record():
            losses[name] = (net(np.ones((2, 4))) ** 2).mean()
            losses[name].backward()
    net = None
    shown = [texts(node.card) for node in ad.draw_compare(losses).nodes]
    assert sum("Linear" in text for text in shown) == 2 and sum("ReLU" in text for text in shown) == 1


def test_a_sibling_that_differs_a_little_is_one_card_beside_the_folded_run():
    """The first block of an encoder reads plain data; it was drawn with all that is in it, as 11 cards."""
    nn.seed(0)
    net = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8), 4)
    with ad.record():
        loss = (net(np.ones((3, 2, 4), np.float32)) ** 2).mean()
        loss.backward()
    figure = ad.draw(loss, model=net, level="overview")
    assert sum(node.name == "TransformerEncoderLayer" for node in figure.nodes) == 2
    assert len(ad.draw(loss, model=net, level="overview", expand="layers.0").nodes) > len(figure.nodes) + 5


def test_a_long_run_of_modules_is_called_by_their_classes():
    """It was "linear, standardize(…=(-1,)), ×, +, gelu × 400"."""
    loss, net = deep(lambda: nn.LayerNorm(4), nn.GELU, count=80)
    figure = ad.draw(loss, model=net, level="module")
    assert "Linear, LayerNorm, GELU" in {node.name for node in figure.nodes}


def test_an_optimizer_is_drawn_where_its_updates_are():
    """A small network with optimizer= was drawn as operations, without the optimizer."""
    net = nn.Linear(2, 1, rng=0)
    optimizer = nn.SGD(net.parameters(), lr=0.1)
    with ad.record():
        loss = (net(np.ones((3, 2))) ** 2).mean()
        loss.backward()
        optimizer.step()
    assert ad.draw(loss, model=net, optimizer=optimizer).level == "module"
    assert ad.draw(loss, model=net).level == "op"


def test_a_network_of_neurons_is_drawn_by_neurons_before_its_numbers_tangle():
    x = [ad.scalar(1.0), ad.scalar(2.0), ad.scalar(-1.0)]
    few, many = nn.MLP(2, [1], rng=0), nn.MLP(3, [4, 1], rng=0)
    assert ad.draw(few(x[:2]) ** 2).level == "op" and ad.draw(many(x) ** 2).level == "neuron"


def test_marks_and_heat_cells_of_a_short_last_row_keep_their_size():
    """The mark of an operation was as wide as the footer, and the 17th cell as wide as the card."""
    x = ad.tensor([1.0, 2.0])
    y = np.tanh(x).sum()
    y.backward()
    label = next(line for line in ad.draw(y).to_dot().splitlines() if "gradients inside" in line)
    rows = re.findall(r'<TR><TD WIDTH="\d+"></TD>(.*?)<TD WIDTH="\d+"></TD></TR>', label)
    marks = 'HEIGHT="11"'  # one cell more inside each
    assert len({row.count("<TD") - row.count(marks) for row in rows}) == 1 and len(rows) == 2
    loss, net = deep(nn.Tanh, count=20)
    (card,) = [node.card for node in ad.draw(loss, model=net, level="overview").nodes if node.kind == "repeat"]
    assert [len(block.rows[0]) for block in card.blocks if len(block.rows[0]) > 1] == [16, 16]


def test_a_heat_strip_is_explained():
    loss, net = deep(nn.Tanh)
    keys = {key.text for key in ad.draw(loss, model=net, level="overview").picture.legend}
    assert "healthy" in keys


def test_constants_that_look_the_same_are_one_chip():
    """An LSTM had a chip for each of its first states."""
    nn.seed(0)
    net = nn.LSTM(3, 4, num_layers=2)
    with ad.record():
        loss = (net(np.ones((5, 2, 3), np.float32))[0] ** 2).mean()
    chips = [node for node in ad.draw(loss, model=net, level="module").nodes if node.kind == "constant"]
    assert len(chips) == 1 and " × " in texts(chips[0].card)


def test_labels_keep_clear_of_parameters_that_are_higher_than_their_module():
    """The built-in layout wrote the gradient norm of an LSTM's input over the names of its weights."""
    nn.seed(0)
    net = nn.LSTM(3, 4, num_layers=2)
    with ad.record():
        loss = (net(ad.tensor(np.ones((5, 2, 3))))[0] ** 2).mean()
        loss.backward()
    layout = lay_out(ad.draw(loss, model=net, level="module").picture)
    labels = [route.label for route in layout.routes.values() if route.label is not None]
    for box in layout.nodes.values():
        for label in labels:
            aside = label.x + label.width <= box.x or box.x + box.width <= label.x
            assert aside or label.y + label.height <= box.y or box.y + box.height <= label.y


@pytest.mark.parametrize(("line", "expected"), [(60, 70), (250, 8), (None, 8)])
def test_the_title_of_a_frame_stands_where_no_line_passes(line, expected):
    import xml.etree.ElementTree as ET

    from autodiff.drawing.writing.graphviz_svg import clear_titles

    path = f'<g class="edge value"><path d="M{line},-90C{line},-60 {line},-30 {line},0"/></g>' if line else ""
    frame = '<path d="M0,0C0,0 300,0 300,0 300,-80 300,-80 300,-80 0,-80 0,-80 0,-80"/>'
    root = ET.fromstring(
        f'<svg><g class="cluster"><title>a</title>{frame}<text x="8" y="-68" font-size="11">a title of it</text></g>'
        f"{path}</svg>"
    )
    clear_titles(root)
    x = float(root.find(".//text").get("x"))
    assert x == expected if line != 60 else 65 <= x <= expected


@pytest.mark.parametrize(("lines", "expected"), [([], 9.0), ([[(60.0, -10.0), (60.0, 80.0)]], 65.0)])
def test_titles_of_the_built_in_layout_keep_clear_of_lines_too(lines, expected):
    from autodiff.drawing.layout.card_sizes import Box
    from autodiff.drawing.picture.model import Module, Run
    from autodiff.drawing.writing.builtin_svg import cluster_svg

    frame = Module("m0", "a", (Run("a title of it", 11),), ("n0", "n1"), "", 2)
    text = cluster_svg(frame, Box(0, 0, 300, 80), lines, "p")
    assert float(re.search(r'<text x="([\d.]+)"', text)[1]) == expected

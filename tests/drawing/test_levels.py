"""Module, overview and neuron level, comparison, first NaN: the models of the pictures."""

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff.drawing.layout.placement import lay_out


def texts(node):
    return [" ".join(run.text for run in line) for line in node.card.lines()]


def words(figure):
    return " | ".join(text for node in figure.nodes for text in texts(node)).replace("\u00a0", " ")


class Block(nn.Module):
    """Linear and an activation, with or without a residual connection."""

    def __init__(self, width, activation, residual=False, seed=0):
        self.linear = nn.Linear(width, width, rng=seed)
        self.activation, self.residual = activation, residual

    def forward(self, x):
        y = self.activation(self.linear(x))
        return x + y if self.residual else y


class Deep(nn.Module):
    """A run of equal blocks and a head."""

    def __init__(self, blocks=12, activation=ad.sigmoid, residual=False, width=8):
        self.blocks = [Block(width, activation, residual, seed) for seed in range(blocks)]
        self.head = nn.Linear(width, 3, rng=99)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def deep_loss(**arguments):
    model = Deep(**arguments)
    generator = np.random.default_rng(0)
    with ad.record():
        loss = nn.cross_entropy(model(generator.normal(size=(6, 8)).astype(np.float32)), generator.integers(0, 3, 6))
        loss.backward()
    return loss, model


def test_the_backprop_flow_has_forward_backward_and_update(training_step):
    step = training_step
    figure = ad.draw(step.loss, model=step.model, optimizer=step.optimizer, level="module", names=step.names)
    kinds = [edge.kind for edge in figure.edges]
    assert kinds.count("update") == 2 and "gradient" in kinds and "value" in kinds
    said = words(figure)
    for expected in (
        "Linear",
        "12 → 8",
        "ReLU",
        "Softmax cross-entropy",
        "labels",
        "Adam",
        "lr 0.01",
        "step 1",
        "seed gradient",
        "mean over 5 examples",
        "of outputs are 0",
    ):
        assert expected in said
    labels = ["".join(run.text for run in edge.label) for edge in figure.edges if edge.kind == "update"]
    assert all(label.endswith("%") for label in labels)


def test_the_backward_lane_carries_shapes_and_norms(training_step):
    step = training_step
    figure = ad.draw(step.loss, model=step.model, level="module")
    labels = [
        "".join(run.text for run in edge.label) for edge in figure.edges if edge.kind == "gradient" and edge.label
    ]
    assert any(label.startswith("5×8") and "‖g‖" in label for label in labels)


def test_all_cards_of_the_flow_have_the_same_width(training_step):
    step = training_step
    figure = ad.draw(step.loss, model=step.model, optimizer=step.optimizer, level="module")
    flow = {node.card.inner_width for node in figure.nodes if node.kind in ("module", "input", "output")}
    column = {node.card.inner_width for node in figure.nodes if node.kind in ("parameter", "optimizer")}
    assert len(flow) == 1 and len(column) == 1


def test_chinese_words_leave_identifiers_and_numbers_alone(training_step):
    step = training_step
    figure = ad.draw(step.loss, model=step.model, optimizer=step.optimizer, level="module", lang="zh")
    said = words(figure)
    for expected in ("输入数据", "线性层 Linear", "激活函数 ReLU", "损失函数", "标签", "fc1.weight", "8×12", "第 1 步"):
        assert expected in said
    assert "前向传播" in "".join(key.text for key in figure.picture.legend)


def test_an_expanded_module_shows_its_operations_in_a_frame():
    loss, model = deep_loss(blocks=2)
    folded = ad.draw(loss, model=model, level="module", fold="blocks.*")
    opened = folded.expand("blocks.0")
    assert "Block" in words(folded) and "σ" not in words(folded)
    assert "σ" in words(opened) and [module.path for module in opened.modules] == ["blocks.0"]
    assert opened.fold("blocks.0").to_dot() == folded.to_dot()


def test_equal_siblings_fold_to_a_count_with_a_heat_strip():
    loss, model = deep_loss(blocks=12)
    figure = ad.draw(loss, model=model, level="overview", heat="grad")
    run = next(node for node in figure.nodes if node.kind == "repeat")
    assert texts(run)[0].replace("\u00a0", " ").split() == ["Block", "×", "12"]
    assert texts(run)[1] == "Linear → σ"
    assert " ".join(str(k) for k in range(1, 13)) in texts(run)[2]
    assert run.count == 24 and any("24 operations in 12 modules" in line for line in figure.picture.footer)


def test_siblings_of_another_size_are_not_folded():
    loss, model = deep_loss(blocks=2)
    assert not [node for node in ad.draw(loss, model=model, level="overview").nodes if node.kind == "repeat"]
    loss, model = deep_loss(blocks=4)
    assert not [n for n in ad.draw(loss, model=model, level="overview", repeat=None).nodes if n.kind == "repeat"]
    assert not [n for n in ad.draw(loss, model=model, level="overview", repeat=5).nodes if n.kind == "repeat"]


def test_vanishing_gradients_are_a_problem_with_a_name():
    loss, model = deep_loss(blocks=12)
    figure = ad.draw(loss, model=model, level="overview", heat="grad")
    assert {problem.kind for problem in figure.problems} == {"vanishing"}
    assert "vanishing" in repr(figure) and "vanishing" in figure.alt


def test_two_models_are_compared_side_by_side_with_a_verdict():
    with_residual, _ = deep_loss(blocks=12, activation=ad.tanh, residual=True)
    without, _ = deep_loss(blocks=12)
    figure = ad.draw_compare({"with residual": with_residual, "without": without})
    titles = ["".join(run.text for run in module.title).replace("\u00a0", " ") for module in figure.modules]
    assert titles == ["with residual   healthy", "without   vanishing"]
    assert len({node.id for node in figure.nodes}) == len(figure.nodes)


def test_many_models_become_rows_of_layers():
    losses = {
        "tanh": deep_loss(activation=ad.tanh, residual=True)[0],
        "sigmoid": deep_loss()[0],
        "dead": deep_loss(activation=lambda x: ad.relu(x - 40.0))[0],
    }
    figure = ad.draw_compare(losses)
    said = words(figure)
    assert "healthy" in said and "vanishing" in said and "dead" in said and "layer 1 outputs only 0" in said
    assert [node.status for node in figure.nodes].count("dead") == 1, "only the first dead layer is outlined"
    assert sum(node.kind == "output" for node in figure.nodes) == 3


def test_a_graph_too_large_for_operations_goes_to_modules():
    loss, model = deep_loss(blocks=5)
    assert ad.draw(loss, model=model).level == "op"
    assert ad.draw(loss, model=model, max_nodes=8).level == "module"


def test_heat_may_be_a_function_of_the_node():
    loss, model = deep_loss(blocks=4)
    figure = ad.draw(loss, model=model, level="overview", heat=lambda node: (float(node.index), "place"))
    run = next(node for node in figure.nodes if node.kind == "repeat")
    assert any("place" in text for text in texts(run))


def test_a_neuron_picture_has_a_box_a_neuron_and_a_line_a_weight():
    net = nn.MLP(2, [4, 4, 1], activation="tanh", rng=3)
    loss = (net([0.8, -0.5]) - 1.0) ** 2
    loss.backward()
    figure = ad.draw(loss, model=net, level="neuron")
    weights = [edge for edge in figure.edges if edge.kind == "weight"]
    assert len(weights) == 2 * 4 + 4 * 4 + 4
    assert sum(node.kind == "neuron" for node in figure.nodes) == 8
    assert sorted(edge.number for edge in weights) == sorted(w.data for n, w in net.named_parameters() if ".w." in n)
    assert all((edge.dash == "solid") == (edge.number >= 0) for edge in weights)
    largest = max(weights, key=lambda edge: abs(edge.number))
    assert largest.width == 3.5
    assert ["".join(run.text for run in module.title) for module in figure.modules] == [
        "inputs",
        "layer 1 · tanh",
        "layer 2 · tanh",
        "output · linear",
    ]


def test_neurons_that_ran_for_many_examples_are_drawn_once():
    net = nn.MLP(2, [5, 1], rng=0)
    outputs = [net([float(k), 1.0]) for k in range(30)]
    loss = sum(outputs[1:], outputs[0])
    loss.backward()
    figure = ad.draw(loss, model=net)
    assert figure.level == "neuron" and sum(node.kind in ("neuron", "output") for node in figure.nodes) == 7
    assert any("30 times" in line for line in figure.picture.footer)


def test_the_legend_of_a_network_without_a_loss_speaks_of_its_output():
    net = nn.MLP(2, [3, 1], rng=0)
    for root, said in ((net([1.0, 2.0]), "gradient of the output"), (net([1.0, 2.0]) ** 2, "gradient of the loss")):
        assert said in ad.draw(root, model=net, level="neuron").to_svg("builtin").replace("\u00a0", " ")


def test_neuron_level_without_neurons_says_what_to_try(training_step):
    with pytest.raises(ValueError, match="level='op'"):
        ad.draw(training_step.loss, level="neuron")


def entropy_loss():
    generator = np.random.default_rng(0)
    w = nn.Parameter(generator.normal(size=(64, 10)).astype(np.float32) * 6)
    x = generator.normal(size=(32, 64)).astype(np.float32)
    with ad.record(), np.errstate(all="ignore"):
        p = ad.softmax(x @ w)
        logp = np.log(p)
        loss = -(p * logp).sum(axis=1).mean()
        loss.backward()
    return loss, {"W": w, "x": x, "p": p, "log p": logp, "loss": loss}


def test_the_first_nan_has_a_cause_a_place_and_a_remedy():
    loss, names = entropy_loss()
    figure = ad.draw(loss, names=names, focus="nan")
    first = [node for node in figure.nodes if node.status == "first-nan"]
    assert len(first) == 1 and first[0].op == "×" and texts(first[0])[0] == "✗ first NaN is made here"
    why = next(node for node in figure.nodes if node.kind == "note")
    said = " ".join(texts(why))
    assert "0 × (−∞) = NaN" in said and "test_levels.py:" in said and "log_softmax(logits)" in said
    assert "loss = -(p * logp).sum(axis=1).mean()" in said
    statuses = {node.name: node.status for node in figure.nodes if node.name}
    assert statuses["p"] == statuses["log p"] == "warning" and statuses["loss"] == "nan"
    assert {edge.kind for edge in figure.edges if edge.color == "#B00020"} == {"nan", "note"}
    assert "first NaN" in figure.alt and "log_softmax" in figure.alt


def test_parameters_above_the_first_nan_stand_on_the_side_of_its_cause():
    x, w = ad.tensor(np.array([[0.0, 1.0]])), nn.Parameter(np.ones((2, 2)))
    with ad.record(), np.errstate(all="ignore"):
        h = x @ w * 0.0
        loss = (h * np.log(h)).sum()
    figure = ad.draw(loss, names={"x": x, "w": w, "h": h}, focus="nan")
    sides = {next(n.name for n in figure.nodes if n.id == c): side for _, c, side in figure.picture.beside}
    assert sides == {"w": "right", "why": "right"}  # the picture is as narrow as it can be


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (lambda x: np.sqrt(x - 2.0), "not a real number"),
        (lambda x: (x - x) / (x - x), "0 ÷ 0"),
        (lambda x: (x / (x - x)) - (x / (x - x)), "∞ − ∞"),
        (lambda x: np.log(x - x), "log(0) = −∞"),
        (lambda x: np.exp(x * 1e6), "larger than float64"),
        (lambda x: np.log(x - 5.0), "log(−4)"),
    ],
)
def test_causes_are_named(make, cause):
    x = ad.tensor(np.ones(3))
    with ad.record(), np.errstate(all="ignore"):
        y = make(x).sum()
    said = words(ad.draw(y, focus="nan"))
    assert cause in said


def test_a_gradient_that_breaks_while_all_values_are_sound_is_traced_to_the_rule_that_made_it():
    x = ad.tensor(np.zeros(3))
    with ad.record():
        y = np.sqrt(x * x)
        z = (y * np.array([1.0, 2.0, 3.0])).sum()
        z.backward()
    figure = ad.draw(z, names={"x": x}, focus="nan")
    first = next(node for node in figure.nodes if node.status == "first-nan")
    assert first.op == "√" and np.isfinite(first.grad)
    said = words(figure)
    for expected in (
        "first broken gradient is made here",
        "sends back a gradient of ∞",
        "infinite or undefined at 0",
        "np.abs(x) in place of np.sqrt(x ** 2)",
    ):
        assert expected in said
    assert {node.status for node in figure.nodes if node.grad is not None and not np.isfinite(node.grad)} == {"nan"}


def test_a_sound_graph_has_no_nan_to_focus_on(training_step):
    with pytest.raises(ValueError, match="finite"):
        ad.draw(training_step.loss, focus="nan")


def test_a_nan_cannot_be_found_where_values_were_not_kept():
    with np.errstate(all="ignore"):
        y = np.log(ad.tensor([-1.0, 1.0])).sum()
    y2 = y * 0.0 + 1.0
    with pytest.raises(ValueError, match=r"ad\.record\(\)"):
        ad.draw(ad.where(np.bool_(True), 1.0, y2).sum(), focus="nan")


def test_a_long_chain_draws_folded_without_recursion():
    x = ad.scalar(1.0)
    for _ in range(20_000):
        x = x * 1.00001 + 1e-9
    figure = ad.draw(x)
    assert len(figure.nodes) < 20
    assert sum(node.count for node in figure.nodes if node.kind != "output") >= 40_000
    assert figure.to_dot() and figure.to_svg("builtin")


def test_frames_go_forward_then_backward(neuron):
    y, names = neuron
    figure = ad.draw(y, names=names)
    frames = figure.frames()
    assert len(frames) == 10 and all(len(frame.nodes) == len(figure.nodes) for frame in frames)
    assert frames[0].picture.title == "forward 1 / 5" and frames[-1].picture.title == "backward 5 / 5"


def test_everything_is_there_when_the_backward_pass_begins(training_step):
    step = training_step
    figure = ad.draw(step.loss, model=step.model, optimizer=step.optimizer, level="module")
    last = figure.frames()[-1]
    assert [node.card.border for node in last.nodes] == [node.card.border for node in figure.nodes]
    first = figure.frames()[0]
    assert [node.card.border for node in first.nodes] != [node.card.border for node in figure.nodes]


class Residual(nn.Module):
    """x + f(x), twice, between two layers."""

    def __init__(self):
        self.stem = nn.Linear(4, 6, rng=0)
        self.blocks = [Block(6, ad.relu, residual=True, seed=seed) for seed in (1, 2)]
        self.head = nn.Linear(6, 3, rng=3)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def residual_figure(**options):
    model = Residual()
    with ad.record():
        loss = nn.cross_entropy(model(np.ones((5, 4), np.float32)), np.array([0, 1, 2, 0, 1]))
        loss.backward()
    return ad.draw(loss, model=model, **options)


@pytest.mark.parametrize("level", ["op", "module"])
def test_a_residual_connection_bends_and_the_data_path_stays_straight(level):
    figure = residual_figure(level=level)
    layout = lay_out(figure.picture)
    beside = {companion for _, companion, _ in figure.picture.beside}
    middles = {round(box.x + box.width / 2, 1) for key, box in layout.nodes.items() if key not in beside}
    assert len(middles) == 1


def test_branches_have_cards_as_narrow_as_their_words():
    class Branches(nn.Module):
        def __init__(self):
            self.parts = [nn.Linear(4, 4, rng=seed) for seed in range(3)]

        def forward(self, x):
            return sum(part(x) for part in self.parts)

    model = Branches()
    with ad.record():
        loss = model(ad.tensor(np.ones((2, 4), np.float32))).sum()
        loss.backward()
    wide = {node.card.min_width for node in residual_figure(level="module").nodes if node.kind == "module"}
    narrow = {node.card.min_width for node in ad.draw(loss, model=model, level="module").nodes if node.kind == "module"}
    assert len(wide) == len(narrow) == 1 and max(narrow) < 0.6 * max(wide)


def test_data_that_is_read_again_further_down_becomes_a_chip_there():
    class Shifted(nn.Module):
        def __init__(self):
            self.first, self.second = nn.Linear(4, 4, rng=0), nn.Linear(4, 4, rng=1)

        def forward(self, x):
            return self.second(ad.tanh(self.first(x))) * x

    model, x = Shifted(), np.ones((2, 4), np.float32)
    with ad.record():
        loss = model(x).sum()
        loss.backward()
    figure = ad.draw(loss, model=model, level="module", names={"x": x})
    chip = next(node for node in figure.nodes if node.kind == "reference")
    assert "↗ x" in words(figure) and chip.id in {companion for _, companion, _ in figure.picture.beside}
    assert sum(edge.source == chip.id for edge in figure.edges) == 1


def test_a_path_that_only_repeats_the_class_is_not_written_twice():
    class Net(nn.Module):
        def __init__(self):
            self.flatten, self.out = nn.Flatten(), nn.Linear(4, 2, rng=0)

        def forward(self, x):
            return self.out(self.flatten(x))

    model = Net()
    loss = model(ad.tensor(np.ones((3, 2, 2), np.float32))).sum()
    loss.backward()
    cards = [texts(node) for node in ad.draw(loss, model=model, level="module").nodes if node.kind == "module"]
    assert [len(card) for card in cards] == [1, 2] and cards[1][1] == "out"


def test_a_single_operation_keeps_its_constant_at_module_level():
    model = nn.Linear(3, 2, rng=0)
    loss = ((model(np.ones((2, 3), np.float32)) * 0.25) ** 2).sum()
    loss.backward()
    assert "× 0.25" in words(ad.draw(loss, model=model, level="module"))
    assert "^ 2" in words(ad.draw(loss, model=model, level="module"))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda out: (out - 1.0) ** 2, "(out − 1)²"),
        (lambda out: out * 3.0, "out × 3"),
        (lambda out: 2.0 - out, "2 − out"),
        (lambda out: (out + 1.0).tanh(), "tanh(out + 1)"),
        (lambda out: (-out) ** 3, "(−out)³"),
        (lambda out: (1.0 / out) * 2.0, "(1 ÷ out) × 2"),
        (lambda out: out * out, "×"),
    ],
)
def test_what_follows_the_last_neuron_is_a_formula(make, expected):
    net = nn.MLP(2, [2, 1], activation="tanh", rng=3)
    loss = make(net([0.8, -0.5]))
    loss.backward()
    last = [node for node in ad.draw(loss, model=net, level="neuron").nodes if node.kind == "output"][-1]
    assert texts(last)[-1] == expected


def test_footers_of_a_comparison_say_whose_they_are():
    one, _ = deep_loss(blocks=4)
    two, _ = deep_loss(blocks=5)
    footer = ad.draw_compare({"four": one, "five": two}).picture.footer
    assert [line.partition(":")[0] for line in footer] == ["four", "five"]
    assert len(ad.draw_compare({"four": one, "again": one}).picture.footer) == 1


def test_the_thresholds_of_heat_are_arguments():
    loss, model = deep_loss(blocks=4, activation=ad.tanh)
    plain = ad.draw(loss, model=model, level="overview", heat="grad")
    assert plain.problems == ()
    strict = ad.draw(loss, model=model, level="overview", heat="grad", thresholds=(10.0, 20.0, 30.0, 40.0))
    assert {problem.kind for problem in strict.problems} == {"vanishing"}
    assert "vanishing\u00a0 < 10" in [key.text for key in strict.picture.legend]
    assert {problem.kind for problem in strict.expand("blocks.*").problems} == {"vanishing"}, "also when redrawn"
    for rankdir in ("TB", "LR"):
        compared = ad.draw_compare({"one": loss, "two": loss}, rankdir=rankdir, thresholds=(1e-9, 1e-8, 1e-7, 1e-6))
        assert {problem.kind for problem in compared.problems} == {"exploding"}
    assert ad.draw(loss, model=model, level="overview", heat="grad").problems == (), "nothing stays behind"


@pytest.mark.parametrize("wrong", [(1.0, 2.0), (1e-4, 1e-6, 10.0, 1000.0), (0.0, 1.0, 2.0, 3.0)])
def test_thresholds_that_are_no_ladder_are_an_error(neuron, wrong):
    with pytest.raises(ValueError, match="weak, healthy, strong and exploding begin, such as"):
        ad.draw(neuron[0], thresholds=wrong)

"""Operation level: the model of the picture for small graphs, without any program."""

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff.drawing import Figure


def texts(node):
    """The text on a card, row by row."""
    return ["".join(run.text for run in line) for line in node.card.lines()]


def by_name(figure):
    return {node.name: node for node in figure.nodes if node.name}


def edges_of(figure, kind):
    names = {node.id: node.label for node in figure.nodes}
    return [(names[edge.source], names[edge.target]) for edge in figure.edges if edge.kind == kind]


def test_a_scalar_neuron_shows_value_and_gradient_on_every_node(neuron):
    y, names = neuron
    figure = ad.draw(y, names=names)
    nodes = by_name(figure)
    assert set(nodes) == set(names)
    assert texts(nodes["y"]) == ["tanhy0.3799", "grad1"]
    assert texts(nodes["x2"]) == ["x₂1", "grad−1.283"]
    assert nodes["y"].kind == "output" and nodes["p1"].kind == "scalar" and nodes["w1"].kind == "input"
    assert figure.picture.direction == "LR"


def test_the_chain_rule_stands_on_the_gradient_edges(neuron):
    y, names = neuron
    figure = ad.draw(y, names=names)
    labels = {"".join(run.text for run in edge.label): edge.tooltip for edge in figure.edges if edge.kind == "gradient"}
    assert labels["× w₁ = 0.5"] == "grad(x1) += 0.8556 × 0.5 = 0.4278"
    assert "× 1 − y² = 0.8556" in labels and "× 1" in labels
    assert all(edge.back and edge.dash == "dashed" for edge in figure.edges if edge.kind == "gradient")


def test_gradients_along_edges_add_up_to_the_gradient_of_the_node(neuron):
    y, names = neuron
    figure = ad.draw(y, names=names)
    grads = {node.id: node.grad for node in figure.nodes}
    sums = {}
    for edge in figure.edges:
        if edge.kind == "gradient":
            sums[edge.source] = sums.get(edge.source, 0.0) + grads[edge.target] * edge.number
    for node_id, total in sums.items():
        assert total == pytest.approx(grads[node_id], rel=1e-12)  # a few roundings of float64


def test_a_value_used_twice_has_two_edges_each_way():
    a = ad.scalar(3.0)
    b = a * a
    b.backward()
    figure = ad.draw(b, names={"a": a, "b": b})
    assert edges_of(figure, "value") == [("a", "b")] * 2 and edges_of(figure, "gradient") == [("a", "b")] * 2
    assert by_name(figure)["a"].grad == 6.0


def test_constants_stand_in_the_badge():
    a = ad.scalar(3.0)
    figure = ad.draw((2 * a + 1) / 4 - a**2)
    badges = [texts(node)[0] for node in figure.nodes]
    assert any(text.startswith("× 2") for text in badges) and any(text.startswith("+ 1") for text in badges)
    assert any(text.startswith("÷ 4") for text in badges) and any(text.startswith("^ 2") for text in badges)


def test_constants_become_nodes_when_asked_for():
    a = ad.scalar(3.0)
    figure = ad.draw(2 * a, constants=True)
    assert [node.kind for node in figure.nodes].count("constant") == 1
    assert len([edge for edge in figure.edges if edge.kind == "value"]) == 2


def test_an_operation_graph_is_grouped_by_module(training_step):
    step = training_step
    figure = ad.draw(step.loss, model=step.model, level="op", names=step.names)
    titles = ["".join(run.text for run in module.title) for module in figure.modules]
    assert titles == ["fc1 : Linear(12 → 8)", "fc2 : Linear(8 → 3)", "CrossEntropyLoss"]
    nodes = by_name(figure)
    assert nodes["fc1.weight"].kind == "parameter" and nodes["labels"].dtype == "int64"
    inside = {module.path: set(module.nodes) for module in figure.modules}
    assert {nodes["fc1.weight"].id, nodes["fc1.bias"].id} < inside["fc1"]
    assert nodes["x"].id not in inside["fc1"], "data comes from outside"
    assert figure.picture.direction == "TB"


def test_parameters_stand_beside_the_operation_that_reads_them(training_step):
    step = training_step
    figure = ad.draw(step.loss, model=step.model, level="op", names=step.names)
    names = {node.id: node.label for node in figure.nodes}
    sides = {names[companion]: (names[host], side) for host, companion, side in figure.picture.beside}
    assert sides["fc1.weight"] == ("linear", "left") and sides["fc1.bias"] == ("linear", "right")


def test_gradient_norms_are_those_of_the_arrays(training_step):
    step = training_step
    figure = ad.draw(step.loss, model=step.model, level="op")
    nodes = by_name(figure)
    for name, parameter in step.model.named_parameters():
        expected = np.linalg.norm(parameter.grad.astype(float))
        assert nodes[name].grad == pytest.approx(expected, rel=1e-12)  # both sum in double precision


def test_the_norm_of_tiny_and_huge_gradients_neither_vanishes_nor_overflows():
    for scale in (1e-300, 1e300):
        x = ad.tensor(np.ones(4))
        with ad.record():
            (x * scale).sum().backward()
            y = (x * scale).sum()
        figure = ad.draw(y, names={"x": x})
        assert by_name(figure)["x"].grad == pytest.approx(2 * scale, rel=1e-12)  # a few roundings


def test_drawing_before_backward_touches_no_gradient():
    x = ad.tensor(np.arange(3.0))
    y = (x * x).sum()
    figure = ad.draw(y, names={"x": x, "y": y})
    assert x.grad is None and by_name(figure)["x"].grad == pytest.approx(np.sqrt(20))  # norm of (0, 2, 4)
    assert any("private" in line for line in figure.picture.footer)
    y.backward()
    assert x.grad.tolist() == [0.0, 2.0, 4.0]


def test_a_gradient_of_zero_is_shown_before_backward_as_it_is_after_it() -> None:
    """Below a Scalar whose gradient is 0 the private pass left out every gradient row and label."""
    a, b = ad.scalar(3.0), ad.scalar(0.5)
    y = ad.relu(a * -1.0) * b + b
    before = ad.draw(y).to_mermaid()
    y.backward()
    assert before == ad.draw(y).to_mermaid() and before.count("grad <b>0</b>") == 2


def test_drawing_forward_only_shows_no_gradient(neuron):
    y, names = neuron
    figure = ad.draw(y, names=names, backward=False)
    assert all(edge.kind == "value" for edge in figure.edges) and all(node.grad is None for node in figure.nodes)


def test_without_record_a_finished_graph_says_how_to_get_the_rest():
    x = ad.tensor(np.ones(3))
    y = np.tanh(x).sum()
    y.backward()
    figure = ad.draw(y, names={"x": x})
    assert by_name(figure)["x"].grad is not None
    assert figure.nodes[1].grad is None and any("ad.record()" in line for line in figure.picture.footer)


def test_drawing_changes_no_gradient(neuron):
    y, names = neuron
    before = {name: value.grad for name, value in names.items()}
    ad.draw(y, names=names).to_html("builtin")
    assert {name: value.grad for name, value in names.items()} == before


def test_a_figure_keeps_no_graph_alive():
    x = ad.tensor(np.ones(3))
    y = np.tanh(x).sum()
    node = weakref.ref(y.node)
    figure = ad.draw(y, names={"x": x})
    gc.disable()  # reference counting alone must free the graph
    try:
        del x, y
        assert node() is None
    finally:
        gc.enable()
    assert len(figure.focus("x").nodes) == 3, "the figure redraws from copied numbers"


def test_a_gradient_that_cannot_be_computed_leaves_the_forward_picture():
    weight = ad.tensor(np.ones(3))
    y = (weight * weight).sum()
    with ad.no_grad():
        weight[...] = 2.0  # the rule of the product would read the new values
    figure = ad.draw(y)
    assert all(node.grad is None for node in figure.nodes)
    assert any("could not be computed" in line for line in figure.picture.footer)


def test_a_mixed_graph_runs_sideways_with_thick_lines_for_tensors():
    a, b = ad.scalar(0.5), ad.scalar(0.1)
    data = np.ones((5, 2))
    with ad.record():
        loss = ad.scalar(2.0) * (data @ ad.stack([a, b])).mean()
        loss.backward()
    figure = ad.draw(loss, names={"a": a, "b": b, "X": data})
    assert figure.picture.direction == "LR" and figure.alt.startswith("Mixed graph")
    assert {edge.width for edge in figure.edges if edge.kind == "value"} == {1.4, 2.8}
    assert by_name(figure)["X"].kind == "constant"


def test_a_value_with_many_readers_is_repeated_as_chips():
    scale = ad.scalar(2.0)
    total = ad.scalar(0.0)
    for k in range(9):
        total = total + scale * ad.scalar(float(k))
    figure = ad.draw(total, names={"scale": scale})
    chips = [node for node in figure.nodes if node.kind == "reference"]
    assert len(chips) == 8 and all("scale" in node.tooltip for node in chips)


def test_a_fused_operation_opens_into_its_reference():
    neuron = nn.Neuron(2, activation="tanh", rng=0)
    y = neuron([ad.scalar(2.0), ad.scalar(1.0)])
    y.backward()
    closed, opened = ad.draw(y, model=neuron), ad.draw(y, model=neuron, expand="weighted_sum")
    assert len(closed.nodes) == 7 and len(opened.nodes) == 10
    assert {node.op for node in opened.nodes if node.op} == {"×", "+", "tanh"}
    assert all(node.grad is not None for node in opened.nodes)
    first = {node.name: node.grad for node in closed.nodes if node.name}
    assert {node.name: node.grad for node in opened.nodes if node.name} == first


def test_labels_stay_in_the_picture_when_their_loss_is_opened(training_step):
    step = training_step
    figure = ad.draw(step.loss, model=step.model, level="op", names=step.names, expand="cross_entropy")
    assert "cross_entropy" not in {node.op for node in figure.nodes}
    readers = [target for source, target in edges_of(figure, "value") if source == "labels"]
    assert [reader[0] for reader in readers] == ["["]


def test_the_explorer_says_the_local_derivative_of_arrays_too():
    x, w = ad.tensor(np.ones((2, 3))), ad.tensor(np.ones((3, 2)))
    loss = np.tanh(x @ w).sum()
    loss.backward()
    local = {node.op: node.local for node in ad.draw(loss, names={"x": x, "w": w}).nodes if node.op}
    assert local["matmul"] == "∂/∂x = wᵀ; ∂/∂w = xᵀ" and local["tanh"] == "∂/∂a = 1 − y²"


def test_the_legend_of_a_single_leaf_names_no_operation_and_no_line():
    assert [key.text for key in ad.draw(ad.scalar(2.0)).picture.legend] == ["input"]


def test_inputs_are_called_without_gradient_only_if_none_has_one(training_step):
    step = training_step
    legend = [key.text for key in ad.draw(step.loss, model=step.model, level="op").picture.legend]
    assert "input, no gradient" in legend
    x = ad.tensor(step.names["x"])
    with ad.record():
        loss = step.criterion(step.model(x), step.names["labels"])
        loss.backward()
    legend = [key.text for key in ad.draw(loss, model=step.model, level="op").picture.legend]
    assert "input" in legend and "input, no gradient" not in legend


def test_what_cannot_be_opened_is_said():
    x = ad.tensor(np.ones((2, 3)))
    y = ad.softmax(np.tanh(x)).sum()
    y.backward()
    figure = ad.draw(y, expand="softmax")
    assert any("softmax stays closed" in line for line in figure.picture.footer)


def test_only_rows_asked_for_are_shown(neuron):
    y, names = neuron
    figure = ad.draw(y, names=names, show={"value"})
    assert all("grad" not in "".join(texts(node)) for node in figure.nodes)
    assert not any(edge.kind == "gradient" for edge in figure.edges)


def test_statistics_and_source_lines_are_shown_on_request():
    x = ad.tensor(np.array([1.0, -2.0, 3.0]))
    with ad.record():
        y = np.tanh(x).sum()
    figure = ad.draw(y, names={"x": x}, show={"shape", "stats", "source"})
    rows = [row for node in figure.nodes for row in texts(node)]
    assert any("min −2" in row and "max 3" in row for row in rows)
    assert any("test_operation_level.py:" in row for row in rows)


def test_several_roots_share_one_picture():
    a = ad.scalar(2.0)
    b, c = a * 3, a.tanh()
    figure = ad.draw(b, c, names={"a": a, "b": b, "c": c})
    assert [node.kind for node in figure.nodes].count("output") == 2
    assert by_name(figure)["a"].grad == pytest.approx(3 + 1 - np.tanh(2.0) ** 2)  # gradient of the sum of the roots


def test_focus_draws_the_neighbourhood_and_counts_the_rest():
    a = ad.scalar(0.5)
    y = a
    for _ in range(20):
        y = y * 1.5
    figure = ad.draw(y, names={"a": a}, focus="a", radius=2)
    assert isinstance(figure, Figure) and len(figure.nodes) == 3
    assert figure.picture.footer[-1].startswith("18 more")


@pytest.mark.parametrize("bad", [3.0, "loss", None, [1.0], np.ones(3)])
def test_a_root_that_is_no_graph_value_is_a_type_error_naming_the_type(bad):
    with pytest.raises(TypeError, match=type(bad).__name__):
        ad.draw(bad)


def test_a_constant_root_says_why_it_cannot_be_drawn():
    with ad.no_grad():
        y = ad.tensor([1.0]) * 2
    with pytest.raises(TypeError, match="no_grad"):
        ad.draw(y)


def test_an_unknown_module_path_names_the_closest(training_step):
    with pytest.raises(ValueError, match=r"did you mean 'fc1'"):
        ad.draw(training_step.loss, model=training_step.model, expand="fc_1")


@pytest.mark.parametrize(("argument", "value"), [("level", "ops"), ("lang", "fr"), ("rankdir", "BT")])
def test_an_unknown_choice_lists_the_known_ones(neuron, argument, value):
    with pytest.raises(ValueError, match=f"{argument} must be one of"):
        ad.draw(neuron[0], **{argument: value})


def test_an_unknown_row_lists_the_known_ones(neuron):
    with pytest.raises(ValueError, match="value, grad, shape"):
        ad.draw(neuron[0], show={"colour"})


def test_names_from_locals_ignore_what_is_no_graph_value(neuron):
    y, names = neuron
    figure = ad.draw(y, names={**names, "np": np, "text": "x", "_hidden": names["s"]})
    assert by_name(figure)["s"].label == "s"


def test_the_local_derivative_on_a_line_is_the_formula_of_the_row(monkeypatch):
    row = ad.ops.OPS["tanh"]
    monkeypatch.setattr(row, "shown", replace(row.shown, formula=("sech² {a}",)))
    x = ad.scalar(0.5)
    y = np.tanh(x)
    y.backward()
    labels = ["".join(run.text for run in edge.label) for edge in ad.draw(y, names={"x": x}).edges]
    assert any(label.startswith("× sech² x = 0.78") for label in labels)


def test_every_call_of_a_module_has_a_frame_if_one_has() -> None:
    layer = nn.Linear(3, 3, rng=0)
    picture = ad.draw(layer(layer(layer(ad.tensor(np.ones((2, 3)))))), level="op").picture
    assert [len(module.nodes) for module in picture.modules] == [3, 1, 1]
    assert [module.title[0].text[-11:] for module in picture.modules] == [f"call {k} of 3" for k in (1, 2, 3)]

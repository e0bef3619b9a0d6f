"""What is wrong in a graph is marked in every picture, not only where one asks for it."""

import subprocess
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff as ad
import nn
from autodiff.drawing.picture.text import clean
from autodiff.drawing.writing.graphviz_svg import finish_svg

PROFILE, ALL = settings.get_current_profile_name(), settings.default.max_examples


def said(figure):
    lines = (line for node in figure.nodes for line in node.card.lines())
    return " | ".join(" ".join(" ".join(run.text for run in line).split()) for line in lines)


def test_a_sound_picture_has_no_marks(training_step):
    figure = ad.draw(training_step.loss, model=training_step.model, level="op")
    assert {node.status for node in figure.nodes} == {""} and figure.problems == ()


def test_nan_is_marked_in_an_ordinary_picture():
    x = ad.tensor([0.0, 1.0])
    with ad.record(), np.errstate(all="ignore"):
        y = (x * np.log(x)).sum()
    figure = ad.draw(y, names={"x": x})
    statuses = [node.status for node in figure.nodes]
    assert statuses.count("first-nan") == 1 and "nan" in statuses and "warning" in statuses
    assert "✗ first NaN is made here" in said(figure)
    assert any(edge.kind == "nan" for edge in figure.edges)
    assert "first NaN" in " ".join(key.text for key in figure.picture.legend)


def test_nan_among_scalars_is_marked_and_the_gradient_lane_stays():
    x = ad.scalar(-1.0)
    with np.errstate(all="ignore"):
        y = np.sqrt(x) * 2.0
    y.backward()
    figure = ad.draw(y, names={"x": x, "y": y})
    assert [node.status for node in figure.nodes] == ["", "first-nan", "nan"]
    assert "y is NaN" in said(figure)


def test_problems_are_told_causes_first():
    """They stood in the order of the graph, so that the first one named was the gradient of a parameter."""
    w = ad.tensor([0.0, 1.0])
    with np.errstate(all="ignore"), ad.record():
        loss = (w * np.log(w)).sum()
        loss.backward()
    figure = ad.draw(loss, names={"w": w, "loss": loss})
    told = [problem.text for problem in figure.problems]
    assert told[:3] == ["log has infinite values", "1 of 2 values of × are NaN", "loss is NaN"]
    # 0 * (1 / 0) in the gradient of log: a zero that was computed, times infinity
    assert told[-1] == "the gradient of w is NaN" and "| log has infinite values" in repr(figure)


def test_data_that_is_not_finite_is_called_so():
    x = ad.tensor([np.nan, 1.0])
    with ad.record():
        y = (x * 2.0).sum()
    assert "the data itself is not finite" in said(ad.draw(y, names={"x": x}, focus="nan"))


def test_a_dead_rectifier_is_outlined_and_called_dead():
    x = ad.tensor(-np.ones((4, 3)))
    with ad.record():
        y = ad.relu(x).sum()
        y.backward()
    figure = ad.draw(y)
    dead = [node for node in figure.nodes if node.status == "dead"]
    assert len(dead) == 1 and dead[0].card.border == "#B00020" and "dead: outputs only 0" in said(figure)
    assert [problem.kind for problem in figure.problems] == ["dead"]


def test_one_module_can_be_folded_in_an_operation_picture(training_step):
    step = training_step
    figure = ad.draw(step.loss, model=step.model, level="op", names=step.names).fold("fc1")
    text = said(figure)
    assert "Linear 12 → 8" in text and "Linear 8 → 3" not in text and "linear" in text


def test_alternating_modules_fold_as_a_pattern():
    layers = [module for k in range(35) for module in (nn.Linear(4, 4, rng=k), nn.Tanh())]
    net = nn.Sequential(*layers)
    with ad.record():
        loss = net(np.ones((2, 4), np.float32)).sum()
        loss.backward()
    figure = ad.draw(loss, model=net, level="overview")
    run = next(node for node in figure.nodes if node.kind == "repeat")
    assert "× 35" in said(figure) and run.count == 70


def test_heat_of_updates_shows_the_last_step_of_every_block():
    class Block(nn.Module):
        def __init__(self, seed):
            self.linear = nn.Linear(4, 4, rng=seed)

        def forward(self, x):
            return ad.tanh(self.linear(x))

    net = nn.Sequential(*[Block(k) for k in range(4)])
    optimizer = nn.Adam(net.parameters(), lr=0.01)
    with ad.record():
        loss = net(np.ones((2, 4), np.float32)).sum()
        loss.backward()
        optimizer.step()
    text = said(ad.draw(loss, model=net, optimizer=optimizer, level="overview", heat="update"))
    assert "‖Δw‖/‖w‖ of block 1 … 4:" in text


@pytest.mark.dot
@settings(max_examples={"dev": 8, "ci": 8, "deep": ALL}[PROFILE])  # each example runs the program dot
@given(st.lists(st.text(max_size=60), min_size=4, max_size=10, unique_by=clean))
def test_dot_takes_any_text_as_a_name_and_shows_it_literally(names):
    values = {name: ad.scalar(float(k)) for k, name in enumerate(names)}
    total = ad.scalar(0.0)
    for name, value in values.items():
        with ad.scope(name):
            total = total + value * 2.0
    figure = ad.draw(total, names=values, rankdir="TB", title=names[0])
    done = subprocess.run(["dot", "-Tsvg"], input=figure.to_dot().encode(), capture_output=True, check=False)
    assert done.returncode == 0 and done.stderr == b""
    root = ET.fromstring(finish_svg(done.stdout, figure.picture, "p"))  # what to_svg does with it, without a second run
    shown = {"".join(text.itertext()).replace("\u00a0", " ") for text in root.iter("{http://www.w3.org/2000/svg}text")}
    expected = {
        figure_name for node in figure.nodes for line in node.card.lines() for figure_name in [line[0].text] if line
    }
    assert {text.replace("\u00a0", " ") for text in expected} <= shown | {""}


def test_a_comparison_without_gradients_says_so_instead_of_calling_it_healthy_or_dead():
    losses = []
    for _ in range(3):
        x = ad.tensor(np.ones(3))
        loss = np.tanh(x * 2.0).sum()
        loss.backward()  # not recorded: gradients inside the graph are gone
        losses.append(loss)
    rows = ad.draw_compare(dict(zip("abc", losses, strict=True)))
    assert "no gradient" in said(rows) and "dead" not in said(rows) and rows.problems == ()


def test_heat_colours_the_gradient_rows_of_operations(training_step):
    figure = ad.draw(training_step.loss, model=training_step.model, level="op", heat="grad")
    fills = {block.fill for node in figure.nodes for block in node.card.blocks if block.port == "g"}
    assert fills == {"#C5CDD5"}, "all of them are healthy"
    assert "healthy" in [key.text for key in figure.picture.legend]

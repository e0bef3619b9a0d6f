"""Mermaid text in a real renderer: a pinned mermaid from npm, in the headless browser (development only)."""

import html
import pathlib
import re

import pytest

import autodiff as ad
from autodiff.drawing.picture.text import clean

SCRIPT = pathlib.Path(__file__).parent / "node_modules/mermaid/dist/mermaid.min.js"
RENDER = """async text => {
  mermaid.initialize({startOnLoad: false, securityLevel: 'strict'});
  const {svg} = await mermaid.render('picture', text);
  document.body.innerHTML = svg;
  return [...document.querySelectorAll('.node, .cluster, .edgeLabel')].map(one => one.textContent.trim());
}"""


@pytest.fixture
def render(open_page):
    """Renders Mermaid text with strict security and returns the labels it shows."""
    if not SCRIPT.exists():
        pytest.skip("mermaid is not installed; npm install --prefix tests/drawing")
    page, _, _ = open_page("<!doctype html><body></body>")
    page.add_script_tag(path=str(SCRIPT))

    def rendered(text):
        labels = page.evaluate(RENDER, text)
        assert page.locator("script:not([src])").count() <= 1  # the one that was added above
        assert page.locator("body img, body a, body iframe").count() == 0
        return labels

    return rendered


def squeezed(text):
    return re.sub(r"\s+", "", text.replace("\u00a0", ""))


@pytest.mark.chromium
def test_mermaid_renders_the_backprop_flow(training_step, render):
    step = training_step
    figure = ad.draw(step.loss, model=step.model, optimizer=step.optimizer, level="module", names=step.names)
    labels = [squeezed(label) for label in render(figure.to_mermaid())]
    for node in figure.nodes:
        assert squeezed("".join(run.text for line in node.card.lines() for run in line)) in labels
    chinese = ad.draw(step.loss, model=step.model, optimizer=step.optimizer, level="module", lang="zh")
    assert any("线性层" in label for label in render(chinese.to_mermaid()))


@pytest.mark.chromium
def test_mermaid_renders_clusters_and_scalars(training_step, neuron, render):
    step = training_step
    labels = [squeezed(label) for label in render(ad.draw(step.loss, model=step.model, level="op").to_mermaid())]
    assert squeezed("fc1 : Linear(12 → 8)") in labels
    y, names = neuron
    assert any("0.3799" in label for label in render(ad.draw(y, names=names).to_mermaid()))


@pytest.mark.chromium
def test_mermaid_shows_hostile_names_literally(hostile_names, render):
    total, names = ad.scalar(0.0), {}
    for name in hostile_names:
        names[name] = ad.scalar(2.0)
        with ad.scope(name):
            total = total + names[name] * 3.0
    labels = " ".join(
        squeezed(html.unescape(label)) for label in render(ad.draw(total, names=names, rankdir="TB").to_mermaid())
    )
    for name in hostile_names:
        assert squeezed(html.unescape(clean(name))) in labels


@pytest.mark.chromium
@pytest.mark.parametrize(
    "name", ["**b**", "*", "a*b*c", "fa:fa-user", "fab:fa-x", "$$x$$", "\\", "`\\`", "a\\", "a _i_"]
)
def test_mermaid_reads_no_markdown_icon_or_formula_in_a_name(name, render):
    w, x = ad.scalar(2.0), ad.scalar(3.0)
    y = w * x
    labels = [squeezed(label) for label in render(ad.draw(y, names={name: w}).to_mermaid())]
    assert any(label.startswith(f"{squeezed(name)}2") for label in labels)  # the box of w
    assert f"←×{squeezed(name)}=2" in labels  # the local derivative of x
    with ad.scope(name):
        y = (x * 3.0).tanh()
    assert squeezed(name) in [squeezed(label) for label in render(ad.draw(y, rankdir="TB").to_mermaid())]  # the frame


PLACES = """() => Object.fromEntries([...document.querySelectorAll('.node')].map(one => {
  const r = one.getBoundingClientRect();
  return [one.textContent.trim(), [r.left + r.width / 2, r.top + r.height / 2]]}))"""


@pytest.fixture
def places(render, open_page):
    """Renders Mermaid text and returns the middle of every node by its text."""
    page, _, _ = open_page("<!doctype html><body></body>", "places.html", 1400, 1400)
    page.add_script_tag(path=str(SCRIPT))

    def placed(text):
        page.evaluate(RENDER, text)
        return {squeezed(label): at for label, at in page.evaluate(PLACES).items()}

    return placed


@pytest.mark.chromium
def test_in_mermaid_the_data_path_runs_downward_and_parameters_stand_outside_it(training_step, places):
    step = training_step
    figure = ad.draw(step.loss, model=step.model, optimizer=step.optimizer, level="module", names=step.names)
    at = places(figure.to_mermaid())
    path = [next(y for label, (_, y) in at.items() if label.startswith(start))
            for start in ("x", "Linear12", "ReLU", "Linear8", "Softmax", "loss")]  # fmt: skip
    assert path == sorted(path)
    assert next(y for label, (_, y) in at.items() if label.startswith("fc1.weight")) > path[2]


@pytest.mark.chromium
def test_in_mermaid_every_operand_of_a_scalar_graph_stands_left_of_its_reader(neuron, places):
    y, names = neuron
    figure = ad.draw(y, names=names)
    at = places(figure.to_mermaid())
    texts = {
        node.id: squeezed("".join(run.text for line in node.card.lines() for run in line)) for node in figure.nodes
    }
    for edge in figure.edges:
        assert at[texts[edge.source]][0] < at[texts[edge.target]][0]


@pytest.mark.chromium
def test_in_mermaid_compared_models_stand_side_by_side_in_order(training_step, places):
    loss = training_step.loss
    at = places(
        ad.draw_compare({"one": loss, "two": ad.draw(loss, names={"first": loss}, level="module")}).to_mermaid()
    )
    lefts = {label: x for label, (x, _) in at.items()}
    first = next(x for label, x in lefts.items() if label.startswith("first"))
    assert first > next(x for label, x in lefts.items() if label.startswith("loss"))

"""Mermaid text in a real renderer: a pinned mermaid from npm, in the headless browser (development only)."""

import html
import pathlib
import re

import pytest

import autodiff as ad
from autodiff.drawing.text import clean

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

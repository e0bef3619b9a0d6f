"""The script of pictures, and the pictures of the README that it wrote."""

import importlib.util
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("example_pictures", ROOT / "examples" / "pictures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shown(svg):
    """What a reader sees: every text with its place to half a point. Tooltips hold digits that machines round apart."""
    root = ET.fromstring(svg)
    texts = [("".join(text.itertext()), text.get("x"), text.get("y")) for text in root.iter(f"{SVG}text")]
    return [(text, round(2 * float(x)), round(2 * float(y))) for text, x, y in texts], root.get("viewBox")


def test_every_picture_of_the_script_is_drawn(script, tmp_path, capsys):
    script.main(["--out", str(tmp_path), "--engine", "builtin"])
    printed = capsys.readouterr().out
    for name in script.PICTURES:
        suffix = ".html" if name in script.PAGES else ".svg"
        assert (tmp_path / f"{name}{suffix}").stat().st_size > 2000 and f"{name}{suffix}" in printed


README = ("neuron", "backprop_flow", "gradient_health", "first_nan")
PAGE_OF = {
    **dict.fromkeys(README, "README.md"),
    **dict.fromkeys((f"{name}.zh" for name in README), "README.zh-CN.md"),
    "filters_and_attention": "docs/drawing.md",
}


@pytest.mark.parametrize("name", PAGE_OF)
def test_the_pictures_of_the_pages_are_what_the_script_draws(script, name):
    assert {*script.README, *script.DOCS} == set(PAGE_OF)
    committed = (ROOT / "docs" / "pictures" / f"{name}.svg").read_text(encoding="utf-8")
    assert shown(script.PICTURES[name]().to_svg("builtin")) == shown(committed), "run examples/pictures.py --readme"
    assert f"pictures/{name}.svg" in (ROOT / PAGE_OF[name]).read_text(encoding="utf-8")


def test_an_unknown_picture_lists_the_known_ones(script, capsys):
    with pytest.raises(SystemExit):
        script.main(["nueron"])
    assert "neuron, backprop_flow" in capsys.readouterr().err


def test_the_transformer_without_residuals_vanishes_and_the_other_does_not(script):
    figure = script.transformers()
    verdicts = ["".join(run.text for run in module.title) for module in figure.modules]
    assert "healthy" in verdicts[0] and "vanishing" in verdicts[1]
    assert {problem.kind for problem in figure.problems} == {"vanishing"}


def test_the_four_networks_show_four_kinds_of_gradient_health(script):
    figure = script.gradient_health()
    said = [
        " ".join(run.text for line in node.card.lines() for run in line) for node in figure.nodes if node.kind == "note"
    ]
    for text, verdict in zip(said, ("healthy", "vanishing", "exploding", "dead"), strict=True):
        assert verdict in text
    assert "layer 4 outputs only 0" in said[3]

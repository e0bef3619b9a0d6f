"""Pictures read back through the programs that show them: Graphviz, and a headless Chromium."""

import subprocess
import warnings
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff.drawing import DrawingWarning
from autodiff.drawing.picture.text import clean
from autodiff.drawing.writing import graphviz_program as program

SVG = "{http://www.w3.org/2000/svg}"

# For every node group: its box (the largest shape in it) and its texts, in page coordinates.
INSPECT = """() => [...document.querySelectorAll('.node')].map(group => {
  const box = element => {const r = element.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]};
  const shapes = [...group.querySelectorAll('rect,polygon,path')].map(box);
  const body = shapes.reduce((a, b) => (b[2]-b[0])*(b[3]-b[1]) > (a[2]-a[0])*(a[3]-a[1]) ? b : a);
  return {id: group.id, body, texts: [...group.querySelectorAll('text')].map(t => [t.textContent, box(t)])};
})"""


def figures(neuron, step):
    y, names = neuron
    net = nn.MLP(2, [4, 3, 1], rng=0)
    loss = (net([1.0, -2.0]) - 1.0) ** 2
    loss.backward()
    return {
        "scalar": ad.draw(y, names=names),
        "top-down": ad.draw(y, names=names, rankdir="TB", title="A neuron"),
        "op": ad.draw(step.loss, model=step.model, level="op", names=step.names),
        "module": ad.draw(step.loss, model=step.model, optimizer=step.optimizer, level="module", names=step.names),
        "zh": ad.draw(step.loss, model=step.model, optimizer=step.optimizer, level="module", lang="zh"),
        "neuron": ad.draw(loss, model=net, level="neuron"),
        "side by side": ad.draw_compare({"one": step.loss, "two": step.loss}),
        "rows": ad.draw_compare({"one": step.loss, "two": step.loss}, rankdir="LR"),
        "nan": nan_figure(),
    }


def nan_figure():
    with ad.record(), np.errstate(all="ignore"):
        x = ad.tensor(np.array([[0.0, 1.0], [2.0, 3.0]]))
        loss = (x * np.log(x)).sum()
    return ad.draw(loss, names={"x": x}, focus="nan")


NAMES = ["scalar", "top-down", "op", "module", "zh", "neuron", "side by side", "rows", "nan"]


@pytest.mark.dot
@pytest.mark.fonts
@pytest.mark.parametrize("name", NAMES)
def test_dot_renders_every_picture_with_nothing_on_standard_error(neuron, training_step, name):
    figure = figures(neuron, training_step)[name]
    done = subprocess.run(
        ["dot", "-Tsvg"], input=figure.to_dot().encode(), capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0 and done.stderr == b""
    root = ET.fromstring(figure.to_svg("dot"))
    shown = " ".join("".join(text.itertext()) for text in root.iter(f"{SVG}text")).replace("\u00a0", " ")
    for node in figure.nodes:
        for line in node.card.lines():
            for run in line:
                assert run.text.replace("\u00a0", " ").strip() in shown
    assert float(root.get("width").removesuffix("pt")) <= 860


@pytest.mark.dot
def test_dot_and_the_builtin_layout_give_the_same_structure(training_step):
    figure = ad.draw(training_step.loss, model=training_step.model, level="op")
    kinds = []
    for engine in ("dot", "builtin"):
        root = ET.fromstring(figure.to_svg(engine))
        assert root.get("role") == "img" and root.find(f"{SVG}desc").text == figure.alt
        groups = {element.get("id").partition("-")[2]: element.get("class") for element in root.iter(f"{SVG}g")
                  if element.get("class", "").split(" ")[0] in ("node", "edge", "cluster")}  # fmt: skip
        kinds.append({key: css.split(" ")[0] for key, css in groups.items()})
        assert not list(root.iter(f"{SVG}a"))
    assert kinds[0] == kinds[1]


def hostile_figure(hostile_names):
    """One picture with every hostile name as a value, a module and the title."""
    total, names = ad.scalar(0.0), {}
    for name in hostile_names:
        names[name] = ad.scalar(2.0)
        with ad.scope(name):
            total = total + names[name] * 3.0
    return ad.draw(total, names=names, title=" ".join(hostile_names[:5]), rankdir="TB", max_nodes=1000)


@pytest.mark.dot
def test_dot_shows_hostile_names_literally(hostile_names):
    figure = hostile_figure(hostile_names)
    done = subprocess.run(["dot", "-Tsvg"], input=figure.to_dot().encode(), capture_output=True, check=False)
    assert done.returncode == 0 and done.stderr == b""
    root = ET.fromstring(figure.to_svg("dot"))
    shown = {"".join(text.itertext()).replace("\u00a0", " ") for text in root.iter(f"{SVG}text")}
    for name in hostile_names:
        assert not clean(name) or clean(name) in shown
    assert all("href" not in name and not name.startswith("on") for element in root.iter() for name in element.attrib)


@pytest.mark.dot
def test_png_and_pdf_are_what_they_say(training_step, tmp_path):
    figure = ad.draw(training_step.loss, model=training_step.model, level="module")
    assert figure.save(tmp_path / "flow.png").read_bytes().startswith(b"\x89PNG")
    assert figure.save(tmp_path / "flow.pdf").read_bytes().startswith(b"%PDF")


def widths_of(shapes):
    """Widths of polygons by their fill."""
    found = {}
    for shape in shapes:
        xs = [float(point.partition(",")[0]) for point in shape.get("points").split()]
        found.setdefault(shape.get("fill"), set()).add(round(max(xs) - min(xs), 2))
    return found


@pytest.mark.dot
@pytest.mark.fonts
def test_in_graphviz_too_the_cards_of_a_column_have_one_width_and_the_lanes_are_vertical(training_step):
    step = training_step
    figure = ad.draw(step.loss, model=step.model, optimizer=step.optimizer, level="module", names=step.names)
    root = ET.fromstring(figure.to_svg("dot"))
    groups = {group.get("id").partition("-")[2]: group for group in root.iter(f"{SVG}g") if group.get("id")}
    column = [node.id for node in figure.nodes if node.kind in ("parameter", "optimizer")]
    outer = {max(max(widths) for widths in widths_of(groups[key].iter(f"{SVG}polygon")).values()) for key in column}
    assert len(column) == 3 and len(outer) == 1


@pytest.mark.dot
def test_a_long_footer_does_not_stretch_the_boxes_of_the_legend():
    losses = {}
    for blocks in (4, 5):
        net = nn.Sequential(*[nn.Linear(3, 3, rng=seed) for seed in range(blocks)])
        with ad.record():
            losses[f"a title as long as one may be, {blocks} layers deep"] = loss = (net(np.ones((2, 3))) * 1e-9).sum()
            loss.backward()
    figure = ad.draw_compare(losses)
    assert max(map(len, figure.picture.footer)) > 80
    root = ET.fromstring(figure.to_svg("dot"))
    parts = [group for group in root.iter(f"{SVG}g") if "graph" not in (group.get("class") or "graph")]
    inside = {shape for part in parts for shape in part.iter(f"{SVG}polygon")}
    keys = widths_of(shape for shape in root.iter(f"{SVG}polygon") if shape not in inside)
    assert max(keys["#08306b"]) < 26


@pytest.mark.dot
@pytest.mark.parametrize("where", ["name", "title", "words"])
def test_chinese_text_without_a_font_for_it_is_warned_about_where_the_font_matters(neuron, monkeypatch, where):
    monkeypatch.setattr(program, "have_cjk_font", lambda: False)
    y, names = neuron
    options = {"name": {"names": {"权重": names["w1"]}}, "title": {"title": "神经元"}, "words": {"lang": "zh"}}[where]
    with pytest.warns(DrawingWarning, match="no font with Chinese characters"):
        ad.draw(y, **options).to_png()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ad.draw(y, **options).to_svg("dot")  # the reader's fonts are used
        ad.draw(y, names=names).to_png()


@pytest.mark.chromium
@pytest.mark.parametrize("engine", ["dot", "builtin"])
@pytest.mark.parametrize("name", NAMES)
def test_in_a_browser_text_stays_in_its_box_and_boxes_apart(neuron, training_step, open_page, name, engine, request):
    if engine == "dot":
        request.getfixturevalue("needs_dot")
    figure = figures(neuron, training_step)[name]
    page, messages, requests = open_page(figure.to_svg(engine), "picture.svg")
    nodes = page.evaluate(INSPECT)
    assert len(nodes) == len(figure.nodes) and not messages and not requests
    for k, node in enumerate(nodes):
        left, top, right, bottom = node["body"]
        for text, (x0, y0, x1, y1) in node["texts"]:
            assert left - 0.5 <= x0 and x1 <= right + 0.5 and top - 2 <= y0 and y1 <= bottom + 2, text
        for other in nodes[k + 1 :]:
            a, b = node["body"], other["body"]
            assert a[2] <= b[0] + 0.5 or b[2] <= a[0] + 0.5 or a[3] <= b[1] + 0.5 or b[3] <= a[1] + 0.5


@pytest.fixture
def explorer(training_step, open_page):
    step = training_step
    figure = ad.draw(step.loss, model=step.model, level="op", names=step.names, title="One step")
    page, messages, requests = open_page(figure.to_html("builtin"))
    yield figure, page
    assert not messages and not requests


def texts_of(page, css):
    return page.eval_on_selector_all(css, "all => all.map(one => one.id.split('-')[1])")


@pytest.mark.chromium
def test_the_explorer_steps_forward_and_backward_by_keyboard(explorer):
    figure, page = explorer
    total = len(figure.picture.forward) + len(figure.picture.backward)
    assert page.get_attribute("#step", "max") == str(total) and page.inner_text("#phase") == "whole graph"
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#phase") == f"forward 1 / {len(figure.picture.forward)}"
    assert texts_of(page, "#view0 .node.now") == [figure.picture.forward[0]]
    assert len(texts_of(page, "#view0 .node.future")) > 0 and len(texts_of(page, "#view0 .node.nograd")) == len(
        figure.nodes
    )
    for _ in range(total - 1):
        page.keyboard.press("ArrowRight")
    assert page.inner_text("#phase") == f"backward {len(figure.picture.backward)} / {len(figure.picture.backward)}"
    assert texts_of(page, "#view0 .node.future") == []
    graded = {node.id for node in figure.nodes if node.grad is not None}
    assert not graded & set(texts_of(page, "#view0 .node.nograd"))
    for _ in range(total):
        page.keyboard.press("ArrowLeft")
    assert page.inner_text("#phase") == "whole graph"


@pytest.mark.chromium
def test_the_explorer_hides_gradients_until_the_backward_pass_reaches_them(explorer):
    _, page = explorer
    visible = "all => all.filter(one => getComputedStyle(one).visibility === 'visible').length"
    everything = page.eval_on_selector_all("#view0 .node .grad", visible)
    page.keyboard.press("ArrowRight")
    assert everything > 0 and page.eval_on_selector_all("#view0 .node .grad", visible) == 0


@pytest.mark.chromium
def test_the_explorer_finds_by_name_operation_and_shape(explorer):
    _, page = explorer
    page.keyboard.press("/")
    page.keyboard.type("linear")
    assert page.inner_text("#hits") == "2 matches" and len(texts_of(page, "#view0 .node.hit")) == 2
    page.keyboard.press("Enter")
    first = texts_of(page, "#view0 .node.chosen")
    page.keyboard.press("Enter")
    assert len(first) == 1 and texts_of(page, "#view0 .node.chosen") != first
    page.keyboard.press("Escape")
    assert page.inner_text("#hits") == ""


@pytest.mark.chromium
def test_the_explorer_shows_what_a_node_is_and_reaches_every_node_by_tab(explorer):
    figure, page = explorer
    reached = []
    for _ in range(len(figure.nodes) + 20):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    order = [name.split("-")[1] for name in reached if "-n" in name]
    assert {node.id for node in figure.nodes} <= set(order)
    weight = next(node for node in figure.nodes if node.name == "fc1.weight")
    page.evaluate("id => document.querySelector(`[id$='-${id}']`).focus()", weight.id)
    page.keyboard.press("Enter")
    panel = page.inner_text("#panel")
    for expected in ("fc1.weight", "parameter", "8×12", "float32", "linear"):
        assert expected in panel
    labels = page.eval_on_selector_all("#view0 .node", "all => all.map(one => one.getAttribute('aria-label'))")
    assert all(labels)


@pytest.mark.chromium
def test_the_explorer_folds_one_module_in_place_and_all_to_the_module_layout(explorer):
    _, page = explorer
    page.locator("#view0 .cluster text").first.click()
    assert page.locator("#view0 .fold.shut").count() == 1
    page.locator("#view0 .fold.shut").first.click()
    assert page.locator("#view0 .fold.shut").count() == 0
    page.click("#fold")
    assert page.is_visible("#view1") and not page.is_visible("#view0") and page.inner_text("#fold") == "unfold all"
    page.click("#fold")
    assert page.is_visible("#view0")


@pytest.mark.chromium
def test_the_explorer_zooms_pans_and_fits(explorer):
    _, page = explorer
    frame = "document.querySelector('#view0 svg').getAttribute('viewBox')"
    home = page.evaluate(frame)
    page.mouse.move(300, 300)
    page.mouse.wheel(0, -200)
    page.wait_for_function(f"{frame} !== {home!r}")
    zoomed = page.evaluate(frame)
    page.mouse.down()
    page.mouse.move(360, 340)
    page.mouse.up()
    assert page.evaluate(frame) != zoomed
    page.click("#fit")
    assert [float(x) for x in page.evaluate(frame).split()] == pytest.approx([float(x) for x in home.split()])


@pytest.mark.chromium
@pytest.mark.parametrize("engine", ["dot", "builtin"])
def test_the_explorer_shows_hostile_names_as_text(open_page, engine, request, hostile_names):
    if engine == "dot":
        request.getfixturevalue("needs_dot")
    figure = hostile_figure(hostile_names)
    page, messages, requests = open_page(figure.to_html(engine))
    assert page.locator("main script, main img, main a").count() == 0
    for node in figure.nodes:
        if node.kind == "input" and node.name:
            page.evaluate("id => document.querySelector(`#view0 [id$='-${id}']`).focus()", node.id)
            assert page.inner_text("#panel h2") == node.name
    assert not messages and not requests


@pytest.mark.chromium
def test_the_explorer_moves_its_panel_under_the_picture_on_a_narrow_screen(training_step, open_page):
    html = ad.draw(training_step.loss, model=training_step.model, level="op").to_html("builtin")
    page, *_ = open_page(html, width=600)
    stage, panel = page.locator("main").bounding_box(), page.locator("aside").bounding_box()
    assert panel["y"] >= stage["y"] + stage["height"] - 1

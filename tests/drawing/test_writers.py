"""DOT, Mermaid, JSON and the built-in SVG: from the model to text, without any program."""

import html
import json
import os
import re
import subprocess
import sys
import textwrap
import warnings
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff as ad
import nn
from autodiff.drawing import DrawingError, DrawingWarning
from autodiff.drawing.figure import SUFFIXES, Figure
from autodiff.drawing.layout.placement import lay_out
from autodiff.drawing.layout.routes import points_of
from autodiff.drawing.picture import cards, model
from autodiff.drawing.picture.text import clean
from autodiff.drawing.writing import graphviz_program as program

SVG = "{http://www.w3.org/2000/svg}"

PROFILE, ALL = settings.get_current_profile_name(), settings.default.max_examples


@pytest.fixture
def without_dot(monkeypatch):
    monkeypatch.setattr(program.shutil, "which", lambda name: None)
    monkeypatch.setattr(program, "dot_command", lambda: "a-program-that-is-not-there")


def figure_of(name):
    """A small figure with a hostile name everywhere a user's text can stand."""
    a, b = ad.scalar(2.0), ad.scalar(3.0)
    with ad.scope(name):
        c = a * b
        d = ad.scalar(1.0) + c
    return ad.draw(d, names={name: a}, title=name, rankdir="TB")


def svg_texts(svg):
    return ["".join(text.itertext()).replace("\u00a0", " ") for text in ET.fromstring(svg).iter(f"{SVG}text")]


def test_the_name_read_back_from_the_svg_is_the_cleaned_name(hostile):
    shown = svg_texts(figure_of(hostile).to_svg("builtin"))
    expected = clean(hostile)
    assert not expected or any(expected in text for text in shown)


def test_hostile_names_leave_no_script_link_image_or_handler(hostile):
    figure = figure_of(hostile)
    root = ET.fromstring(figure.to_svg("builtin"))
    allowed = {SVG + tag for tag in ("svg", "title", "desc", "rect", "g", "path", "polygon", "text", "tspan")}
    for element in root.iter():
        assert element.tag in allowed
        assert not any(name.startswith("on") or "href" in name or name == "style" for name in element.attrib)


def test_hostile_names_stay_inside_quotes_in_mermaid(hostile):
    text = figure_of(hostile).to_mermaid()
    for line in text.splitlines():
        assert line.count('"') % 2 == 0
        if line.lstrip().startswith("n"):
            assert "script" not in line.lower() or "<" not in line.replace("<b>", "").replace("</b>", "").replace(
                "<br>", ""
            )
    assert sum(line.strip().startswith("%%") for line in text.splitlines()) == 1


def test_hostile_names_survive_in_json(hostile):
    data = json.loads(figure_of(hostile).to_json())
    names = {node["name"] for node in data["nodes"]}
    assert clean(hostile, 400) in names


@settings(max_examples={"dev": 15, "ci": 15, "deep": ALL}[PROFILE])  # each example draws, lays out and parses a picture
@given(st.text(max_size=80))
def test_any_text_can_be_a_name(name):
    figure = figure_of(name)
    ET.fromstring(figure.to_svg("builtin"))
    json.loads(figure.to_json())
    assert "\x00" not in figure.to_dot() and figure.to_html("builtin").count("</script>") == 2


def boxes_of(figure):
    return lay_out(figure.picture)


def overlapping(first, second):
    return (
        first.x < second.x + second.width
        and second.x < first.x + first.width
        and first.y < second.y + second.height
        and second.y < first.y + first.height
    )


@settings(max_examples={"dev": 25, "ci": 25, "deep": ALL}[PROFILE])  # each example is a whole random graph
@given(st.data())
def test_boxes_of_the_builtin_layout_never_overlap(data):
    values = [ad.scalar(float(k)) for k in range(data.draw(st.integers(1, 4)))]
    for k in range(data.draw(st.integers(1, 14))):
        left, right = (data.draw(st.sampled_from(values)) for _ in range(2))
        with ad.scope(data.draw(st.sampled_from(["", "a", "b"]))):
            values.append(left * right if k % 3 else left + right)
    figure = ad.draw(values[-1], rankdir=data.draw(st.sampled_from(["LR", "TB"])))
    layout = boxes_of(figure)
    boxes = list(layout.nodes.values())
    for k, box in enumerate(boxes):
        assert not any(overlapping(box, other) for other in boxes[k + 1 :])
        assert 0 <= box.x and box.x + box.width <= layout.width + 1e-6  # sums of widths are rounded
    inside = {node: module.id for module in figure.modules for node in module.nodes}
    for key, frame in layout.clusters.items():
        for node, box in layout.nodes.items():
            assert inside.get(node) == key or not overlapping(frame, box)


def test_the_builtin_layout_puts_every_operand_before_its_reader(training_step):
    figure = ad.draw(training_step.loss, model=training_step.model, level="op")
    layout = boxes_of(figure)
    beside = {companion for _, companion, _ in figure.picture.beside}
    for edge in figure.edges:
        if edge.source not in beside:
            source, target = layout.nodes[edge.source], layout.nodes[edge.target]
            assert source.y + source.height <= target.y


def test_the_spine_is_straight(training_step):
    figure = ad.draw(training_step.loss, model=training_step.model, level="op", names=training_step.names)
    layout = boxes_of(figure)
    middles = {round(layout.nodes[n].x + layout.nodes[n].width / 2, 1) for n in figure.picture.spine}
    assert len(middles) == 1


def test_local_derivatives_keep_clear_of_the_lines_of_values(neuron):
    y, names = neuron
    figure = ad.draw(y, names=names)
    layout = boxes_of(figure)
    points = [at for edge in figure.edges if edge.kind == "value" for at in points_of(layout.routes[edge.id])]
    labels = [layout.routes[edge.id].label for edge in figure.edges if edge.label]
    hiding = [a for a in labels if any(a.x < x < a.x + a.width and a.y < y < a.y + a.height for x, y in points)]
    assert len(labels) == 9 and len(hiding) <= 1  # where four lines cross in one gap there is no free place


def test_every_card_says_the_same_in_dot_mermaid_and_svg(neuron):
    y, names = neuron
    figure = ad.draw(y, names=names)
    svg, dot, mermaid = " ".join(svg_texts(figure.to_svg("builtin"))), figure.to_dot(), figure.to_mermaid()
    for shown in ("0.3799", "−1.283", "1.711", "tanh", "x₁"):
        assert shown in svg and shown in dot and shown in mermaid


def test_equal_graphs_give_equal_bytes_in_processes_with_different_hash_seeds():
    program_text = textwrap.dedent("""
        import autodiff as ad, nn, numpy as np, hashlib
        net = nn.Sequential(nn.Linear(4, 3, rng=0), nn.Tanh(), nn.Linear(3, 2, rng=1))
        with ad.record():
            loss = nn.cross_entropy(net(np.ones((2, 4), np.float32)), np.array([0, 1])); loss.backward()
        for level in ("op", "module", "overview"):
            fig = ad.draw(loss, model=net, level=level)
            for text in (fig.to_dot(), fig.to_mermaid(), fig.to_json(), fig.to_svg("builtin"), fig.to_html("builtin")):
                print(hashlib.sha256(text.encode()).hexdigest())
    """)
    outputs = [
        subprocess.run(
            [sys.executable, "-c", program_text], capture_output=True, text=True, check=True, cwd=os.getcwd(),
            env={**os.environ, "PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert outputs[0] == outputs[1] and len(outputs[0].splitlines()) == 15


def arrows_in(text):
    return sum("-->" in line or "-.-" in line for line in text.splitlines())


def test_mermaid_stays_below_its_limits():
    a = ad.scalar(1.0)
    for _ in range(400):
        a = a * 1.5 + a
    text = ad.draw(a, level="op", max_nodes=10_000).to_mermaid()
    assert arrows_in(text) <= 500 and len(text) <= 50_000 and "%% " in text
    values = [ad.scalar(float(k)) for k in range(2)]
    for _ in range(280):
        values.append(values[-1] * values[-2])
    text = ad.draw(values[-1], level="op", max_nodes=10_000, show={"value"}).to_mermaid()
    assert arrows_in(text) == 500 and "lines are not drawn" in text


@pytest.mark.parametrize("suffix", [".dot", ".mmd", ".md", ".json", ".html", ".svg"])
def test_formats_that_need_no_program_are_written_without_it(neuron, tmp_path, without_dot, suffix):
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        path = ad.draw(neuron[0]).save(tmp_path / f"picture{suffix}")
    assert path.read_text(encoding="utf-8").strip()


def test_without_dot_svg_comes_with_one_warning_naming_the_install(neuron, without_dot):
    with pytest.warns(DrawingWarning, match="install") as caught:
        svg = ad.draw(neuron[0]).to_svg()
    assert len(caught) == 1 and "\n" not in str(caught[0].message) and svg.startswith("<svg")


@pytest.mark.parametrize("suffix", [".png", ".pdf"])
def test_without_dot_png_and_pdf_say_what_to_install_and_what_still_works(neuron, tmp_path, without_dot, suffix):
    with pytest.raises(DrawingError) as error:
        ad.draw(neuron[0]).save(tmp_path / f"flow{suffix}")
    said = str(error.value)
    for expected in (
        f"flow{suffix}",
        "apt-get install graphviz",
        "brew install graphviz",
        "winget install graphviz",
        "pip install graphviz",
        "does not contain the program",
        "svg",
        "html",
    ):
        assert expected in said
    assert list(tmp_path.iterdir()) == []


def test_a_notebook_shows_a_picture_even_without_dot(neuron, without_dot, recwarn):
    bundle = ad.draw(neuron[0])._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<svg") and bundle["text/plain"].startswith("<Figure op")
    page = html.unescape(ET.fromstring(bundle["text/html"]).get("srcdoc"))
    assert page.startswith("<!doctype html>") and "default-src 'none'" in page
    assert not recwarn.list


@pytest.mark.parametrize("failure", ["crash", "hang", "nothing", "not startable"])
def test_a_failing_dot_raises_one_readable_error_and_a_notebook_none(neuron, tmp_path, monkeypatch, failure):
    def run(command, **options):
        assert options["timeout"] == 30 and "shell" not in options
        if command[1] == "-V":
            return subprocess.CompletedProcess(command, 0, b"", b"dot - graphviz version 2.43.0 (0)")
        assert options["input"].startswith(b"digraph")
        if failure == "hang":
            raise subprocess.TimeoutExpired(command, options["timeout"])
        if failure == "not startable":
            raise PermissionError(13, "Permission denied")
        return subprocess.CompletedProcess(command, 1 if failure == "crash" else 0, b"", b"dot: something broke\nmore")

    monkeypatch.setattr(program.shutil, "which", lambda name: "/usr/bin/dot")
    monkeypatch.setattr(program.subprocess, "run", run)
    figure = ad.draw(neuron[0])
    with pytest.raises(DrawingError, match=r"cannot write .*dot"):
        figure.to_svg("dot")
    assert figure._repr_mimebundle_()["image/svg+xml"].startswith("<svg")


@pytest.fixture
def program_called_dot(tmp_path, monkeypatch):
    """Puts a shell script in the place of the program."""

    def install(script):
        path = tmp_path / "bin" / "dot"
        path.parent.mkdir()
        path.write_text("#!/bin/sh\n" + script, encoding="utf-8")
        path.chmod(0o755)
        monkeypatch.setattr(program, "dot_command", lambda: str(path))

    return install


OLD = """
if [ "$1" = -V ]; then echo "dot - graphviz version 2.26.3 (20100126.1600)" >&2; exit 0; fi
cat > /dev/null
"""
COMPLAINT = 'echo "Warning: Illegal attribute STYLE in <TABLE> - ignored" >&2; echo "<svg>half a picture</svg>"'
REFUSAL = 'echo "Error: Renderer type: \\"svg\\" not recognized" >&2; exit 1'


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for dot is a shell script")
@pytest.mark.parametrize("answer", [COMPLAINT, REFUSAL], ids=["draws something else", "refuses"])
def test_a_dot_that_is_too_old_is_named_with_its_version_and_how_to_get_a_newer_one(
    neuron, tmp_path, program_called_dot, answer
):
    program_called_dot(OLD + answer)
    figure = ad.draw(neuron[0])
    for suffix in (".svg", ".png", ".pdf"):
        with pytest.raises(DrawingError) as error:
            figure.save(tmp_path / f"flow{suffix}")
        said = str(error.value)
        for expected in (f"cannot write flow{suffix}", "Graphviz 2.26.3", "2.40 or newer", "apt-get install", "html"):
            assert expected in said
    assert figure.save(tmp_path / "flow.svg", engine="builtin").exists()
    assert figure._repr_mimebundle_()["image/svg+xml"].startswith("<svg")


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for dot is a shell script")
def test_a_new_dot_may_grumble_about_the_machine(neuron, program_called_dot):
    program_called_dot("""
if [ "$1" = -V ]; then echo "dot - graphviz version 12.2.1 (20241206.2353)" >&2; exit 0; fi
cat > /dev/null; echo "Fontconfig warning: no cache directory" >&2
echo '<svg xmlns="http://www.w3.org/2000/svg" width="10pt" height="10pt"></svg>'
""")
    assert "<svg" in ad.draw(neuron[0]).to_svg("dot")


def test_an_unknown_suffix_lists_the_known_ones(neuron, tmp_path):
    with pytest.raises(ValueError, match=r"unknown suffix '\.bmp'") as error:
        ad.draw(neuron[0]).save(tmp_path / "a.bmp")
    assert all(suffix in str(error.value) for suffix in SUFFIXES)


def test_a_failed_save_leaves_the_old_file(neuron, tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    figure = ad.draw(neuron[0])
    figure.save(path)
    before = path.read_bytes()

    def broken(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr("autodiff.drawing.figure.os.replace", broken)
    with pytest.raises(OSError, match="disk full"):
        figure.save(path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_figure_is_immutable(neuron):
    figure = ad.draw(neuron[0])
    with pytest.raises(AttributeError):
        figure.alt = "other"
    with pytest.raises(AttributeError):
        figure.nodes[0].name = "other"


def test_json_holds_nodes_edges_modules_and_statistics(training_step):
    step = training_step
    data = json.loads(ad.draw(step.loss, model=step.model, level="op", names=step.names).to_json())
    weight = next(node for node in data["nodes"] if node["name"] == "fc1.weight")
    assert weight["shape"] == "8×12" and weight["stats"]["size"] == 96 and weight["grad"] > 0
    assert {edge["kind"] for edge in data["edges"]} == {"value"} and len(data["modules"]) == 3


def test_json_writes_nan_as_text():
    with ad.record():
        y = ad.tensor([1.0]).sum() * float("nan")

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    assert json.loads(ad.draw(y).to_json(), parse_constant=refuse)["nodes"][-1]["value"] == "nan"


def test_two_figures_may_share_a_page(neuron):
    y, names = neuron
    first, second = ad.draw(y, names=names).to_svg("builtin"), ad.draw(y).to_svg("builtin")
    ids = [{element.get("id") for element in ET.fromstring(svg).iter() if element.get("id")} for svg in (first, second)]
    assert ids[0].isdisjoint(ids[1])


def test_every_svg_has_a_role_a_title_and_a_description(neuron):
    figure = ad.draw(neuron[0], title="A neuron")
    root = ET.fromstring(figure.to_svg("builtin"))
    assert root.get("role") == "img"
    assert root.find(f"{SVG}title").text == "A neuron" and root.find(f"{SVG}desc").text == figure.alt


def test_the_description_names_kind_count_value_and_norms(neuron):
    y, names = neuron
    assert ad.draw(y, names=names).alt == (
        "Scalar graph of y 0.3799: 10 nodes. Gradient norms from 0.4278 to 1.711. No NaN."
    )


def test_the_package_loads_no_heavy_library():
    heavy = ("matplotlib", "graphviz", "IPython", "nn")
    code = f"import autodiff, sys; autodiff.draw; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_hand_made_picture_can_be_written():
    node = model.Node("n0", "tensor", cards.tensor_card("tensor", name="a", op="+", shape="3", dtype="float64"))
    figure = Figure(model.Picture("op", "TB", (node,)))
    assert (
        'id="n0"' in figure.to_dot()
        and "n0[" in figure.to_mermaid()
        and repr(figure) == "<Figure op: 1 nodes, 0 edges>"
    )


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(["", " ", "a", "\u00a0", "]"]), st.booleans()), max_size=4))
def test_any_run_of_a_card_title_or_edge_may_be_empty(parts):
    runs = tuple(model.Run(text, 12, "#1F2933", bold) for text, bold in parts)
    card = model.Card((model.Block(((model.Cell(runs), model.Cell(())),)),))
    nodes = tuple(model.Node(name, "tensor", card) for name in ("n0", "n1"))
    edge = model.Edge("e0", "n0", "n1", "value", label=runs)
    picture = model.Picture("op", "TB", nodes, (edge,), (model.Module("m0", "", runs, ("n0",)),), title="")
    assert not re.search(r"<FONT[^>]*></FONT>|<B></B>|label=<>", Figure(picture).to_dot())  # errors to Graphviz
    assert ET.fromstring(Figure(picture).to_svg("builtin")).get("role") == "img"


def test_neurons_that_ran_for_several_samples_are_drawn_by_dot(needs_dot):
    net = nn.MLP(2, [2, 1], rng=0)
    y = net([1.0, 2.0]) + net([3.0, 4.0])
    y.backward()
    figure = ad.draw(y, level="neuron")
    assert 'id="' in figure.to_svg("dot") and "ran 2 times" in figure.picture.footer[-1]


def test_html_never_needs_dot(neuron, monkeypatch):
    def broken(*args, **kwargs):
        raise DrawingError("cannot write html: the program dot failed")

    monkeypatch.setattr(program, "have_dot", lambda: True)
    monkeypatch.setattr(program, "run_dot", broken)
    y, names = neuron
    figure = ad.draw(y, names=names)
    with pytest.warns(DrawingWarning, match="built-in layout drew this page"):
        page = figure.to_html()
    assert page.count("<svg") == figure.to_html("builtin").count("<svg")
    with pytest.raises(DrawingError):
        figure.to_html("dot")


@pytest.mark.fonts
def test_a_png_takes_a_scale_and_other_formats_name_it(neuron, tmp_path, needs_dot):
    y, names = neuron
    figure = ad.draw(y, names=names)
    sizes = [
        int.from_bytes(figure.save(tmp_path / f"x{k}.png", scale=k).read_bytes()[16:20], "big") for k in (0.25, 0.5)
    ]
    assert abs(sizes[1] - 2 * sizes[0]) <= 2
    with pytest.raises(ValueError, match="only png has pixels"):
        figure.save(tmp_path / "x.svg", scale=2)
    with pytest.raises(ValueError, match="positive number"):
        figure.save(tmp_path / "x.png", scale=0)

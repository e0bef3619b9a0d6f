"""Training report, animation, notebook cards and function plots."""

import math
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autodiff as ad
import nn
from autodiff.drawing import animation, card
from autodiff.drawing.pages.function_plot import values_and_slopes
from nn.report.charts import Line, chart, round_steps

finite = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(st.lists(finite, min_size=1, max_size=30), min_size=1, max_size=4))
def test_any_numbers_make_a_well_formed_chart(columns):
    lines = [Line(f"line {k}", range(len(column)), column, "#0B5C99") for k, column in enumerate(columns)]
    text = chart(lines, x_name="epoch", y_name="loss")
    assert text == "" or ET.fromstring(text).tag == "svg"
    assert "nan" not in text and "inf" not in text


def test_a_single_point_and_a_point_between_gaps_can_be_seen():
    assert chart([Line("loss", [1], [2.0], "#0B5C99")]).count("<circle") == 1
    gaps = chart([Line("loss", [1, 2, 3, 4, 5], [1.0, math.nan, 2.0, math.nan, 3.0], "#0B5C99")])
    assert gaps.count("h0.01") == 3 and 'stroke-linecap="round"' in gaps and "<circle" not in gaps


@pytest.mark.parametrize(("seconds", "said"), [([0.0004, 0.0004], "2 epochs in 0.8 ms"), ([90.0], "1 epoch in 90 s")])
def test_the_heading_counts_and_times_in_fitting_units(seconds, said):
    history = SimpleNamespace(logs={"loss": [1.0] * len(seconds)}, seconds=seconds)
    assert f"<p>{said}" in nn.training_report(history).html


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_are_round_few_and_inside(low, length):
    ticks = round_steps(low, low + length, 5)
    rounding = 1e-6 * length + 2 * np.spacing(abs(low) + length)  # ticks are multiples of a rounded step
    assert len(ticks) <= 7 and all(low - rounding <= tick <= low + length + rounding for tick in ticks)


@pytest.fixture
def run(tmp_path):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(64, 4)).astype(np.float32)
    net = nn.Sequential(nn.Linear(4, 8, rng=0), nn.ReLU(), nn.Linear(8, 2, rng=1))
    path = tmp_path / "run.html"
    history = nn.fit(
        net, x, (x[:, 0] > 0).astype(int), loss=nn.CrossEntropyLoss(), optimizer=nn.Adam(net.parameters(), lr=0.01),
        epochs=4, validation_split=0.25, metrics=["accuracy"], progress=False, rng=0, report=path)  # fmt: skip
    return SimpleNamespace(history=history, path=path, net=net)


def test_fit_writes_a_report_that_stands_alone(run):
    html = run.path.read_text(encoding="utf-8")
    assert "default-src 'none'" in html and "src=" not in html and "http-equiv" in html
    for expected in ("Loss", "Metrics", "Gradient norms", "Update ratios", "0.weight", "val_accuracy", "4 epochs"):
        assert expected in html


@pytest.mark.chromium
def test_the_report_follows_its_slider(run, open_page):
    page, messages, requests = open_page(run.path.read_text(encoding="utf-8"))
    assert page.inner_text("#shown") == "epoch 4"
    last = page.inner_text("tr[data-row='0'] td.heat")
    page.focus("#epoch")
    page.keyboard.press("Home")
    assert page.inner_text("#shown") == "epoch 1" and page.inner_text("tr[data-row='0'] td.heat") != last
    assert not messages and not requests


def test_a_report_of_an_empty_run_is_a_page_too(tmp_path):
    page = nn.training_report(SimpleNamespace(logs={}), title="</title><script>alert(1)</script>")
    assert page.save(tmp_path / "empty.html").exists() and "<script>alert" not in page.html
    with pytest.raises(ValueError, match=r"must end in \.html"):
        page.save(tmp_path / "empty.pdf")


def test_a_report_survives_numbers_that_are_not_finite():
    rows = {"w": [(0.0, 0.0, 0.0), (math.inf, math.nan, 1.0)]}
    page = nn.training_report(SimpleNamespace(logs={"loss": [math.nan, 1.0]}, parameters=rows))
    assert "NaN" in page.html


def flow(scale):
    x = ad.tensor(np.ones(3))
    with ad.record():
        loss = (np.tanh(x) * scale).sum()
        loss.backward()
    return ad.draw(loss, level="module", heat="grad")


@pytest.mark.chromium
def test_an_animation_shows_one_picture_at_a_time(open_page):
    page_ = animation({"epoch 1": flow(1e-9), "epoch 2": flow(1.0), "epoch 3": flow(1e4)}, engine="builtin")
    page, messages, requests = open_page(page_.html)
    shown = "all => all.filter(one => !one.hidden).length"
    assert page.inner_text("#shown") == "epoch 3" and page.eval_on_selector_all(".frame", shown) == 1
    page.focus("#epoch")
    page.keyboard.press("ArrowLeft")
    assert page.inner_text("#shown") == "epoch 2" and page.eval_on_selector_all(".frame", shown) == 1
    assert not messages and not requests


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (lambda: ad.scalar(2.5), ["Scalar", "2.5"]),
        (lambda: ad.tensor(np.arange(60.0).reshape(20, 3)), ["20×3", "min 0", "<svg"]),
        (lambda: ad.tensor([[0.5, -1.25, 2.0], [3.0, 1e-9, 5.0]]), ["2×3", ">0.5<", ">−1.25<", ">2<", ">1e−9<", ">5<"]),
        (lambda: ad.tensor(np.zeros((0, 3))), ["0×3"]),
        (lambda: ad.tensor([np.nan, 1.0, np.inf]), [">NaN<", ">∞<"]),
        (lambda: ad.tensor([np.nan, np.inf] * 20), ["20 × NaN", "20 × ∞"]),
        (lambda: nn.Parameter(np.ones(3, np.float32)), ["Parameter", "float32"]),
        (lambda: ad.tensor([1e308, -1e308]), ["Tensor"]),
        (lambda: np.tanh(ad.tensor([1.0, 2.0])), ["tanh"]),
        (lambda: nn.Sequential(nn.Linear(3, 2), nn.ReLU()), ["Sequential", "8 parameters", "ReLU"]),
        (lambda: nn.MLP(3, [2, 1]), ["11 parameters", ">4</span>", ">3</span>"]),  # of a neuron: weights and bias
    ],
)
def test_notebook_cards_show_what_matters(value, expected):
    bundle = value()._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    for part in expected:
        assert part in bundle["text/html"].replace("\u00a0", " ")


def test_a_card_shows_the_gradient():
    x = ad.tensor(np.ones(4))
    (x * 3.0).sum().backward()
    assert "6" in card(x) and "‖g‖" in card(x)


def test_a_card_escapes_class_names(hostile):
    try:
        named = type(hostile, (nn.ReLU,), {})
    except (ValueError, UnicodeEncodeError):  # Python itself refuses this as the name of a class
        return
    html = card(nn.Sequential(named()))
    assert "<script" not in html.lower() and "<img" not in html.lower()


def test_a_figure_in_a_notebook_is_a_picture(neuron):
    bundle = ad.draw(neuron[0])._repr_mimebundle_()
    assert bundle["image/svg+xml"].lstrip().startswith("<svg") and bundle["text/plain"].startswith("<Figure")


def test_cards_and_figures_appear_in_a_real_notebook():
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    cells = [
        "import autodiff as ad, nn",
        "x = ad.scalar(2.0); x",
        "nn.Linear(3, 2, rng=0)",
        "ad.draw(x * 3.0)",
        "ad.tensor([1.0, 2.0])",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    kinds = [set(cell.outputs[0].data) if cell.outputs else set() for cell in notebook.cells]
    assert kinds[1] == {"text/plain", "text/html"} and kinds[2] == {"text/plain", "text/html"}
    assert "image/svg+xml" in kinds[3] and "text/html" in kinds[4]


def test_a_function_is_plotted_with_its_derivative():
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    figure = ad.draw_function(np.tanh, ad.relu, labels=("tanh", "relu"), title="Activations")
    lines = [line for line in figure.axes[0].lines if line.get_label()[0] != "_"]
    assert [line.get_label() for line in lines] == ["tanh", "tanh'", "relu", "relu'"]
    x, slope = lines[1].get_data()
    np.testing.assert_allclose(slope, 1 - np.tanh(x) ** 2, rtol=1e-12, atol=1e-15)  # the rule and this line round apart


def test_slopes_of_a_loss_against_its_prediction():
    x = np.linspace(-2, 2, 9)
    y, slope = values_and_slopes(lambda p: nn.mse_loss(p, np.zeros(9), reduction="none"), x)
    np.testing.assert_allclose(y, x**2)
    np.testing.assert_allclose(slope, 2 * x)
    with pytest.raises(ValueError, match="reduction='none'"):
        values_and_slopes(lambda p: nn.mse_loss(p, np.zeros(9)), x)


def test_draw_function_without_a_function_is_an_error():
    with pytest.raises(TypeError, match=r"draw_function\(np\.tanh\)"):
        ad.draw_function()


def test_the_report_of_a_run_is_a_name_of_nn_and_ad_says_so():
    with pytest.raises(AttributeError, match=r"nn\.training_report"):
        ad.training_report
    assert callable(nn.training_report) and "training_report" not in dir(ad)

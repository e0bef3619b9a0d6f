"""Every example runs with few steps, prints what it promises and writes its pictures."""

import re
import subprocess
import sys

import numpy as np
import pytest
from running_examples import EXAMPLES, load, run

from nn.data import load_digits

pytestmark = pytest.mark.sampled  # a program each


def test_digits_learns_the_packaged_digits(tmp_path, capsys):
    accuracy, text = run("digits", capsys, "--out", tmp_path)
    assert accuracy >= 0.96
    assert "1,437 digits to learn from" in text and "Accuracy on 360 unseen digits" in text
    assert (tmp_path / "digits_flow.svg").read_text(encoding="utf-8").count("fc1.weight") >= 1
    pytest.importorskip("matplotlib")
    assert {p.name for p in tmp_path.iterdir()} == {"digits_flow.svg", "digits_loss.png", "digits_mistakes.png"}


def test_cnn_digits_learns_within_a_few_steps_and_draws_its_filters(tmp_path, capsys):
    accuracy, text = run("cnn_digits", capsys, "--epochs", 2, "--limit", 400, "--out", tmp_path)
    assert accuracy > 0.3  # chance is 0.1; all 30 epochs reach 0.99
    assert "29,162 parameters" in text and "77,725,696 multiply-adds" in text
    before, after = map(float, re.search(r"loss ([\d.]+) -> ([\d.]+)", text).groups())
    assert after < before
    pytest.importorskip("matplotlib")
    assert (tmp_path / "cnn_digits.png").stat().st_size > 10_000


def test_digits_trains_the_articles_network_on_idx_files(tmp_path, capsys):
    """The MNIST path, on packaged digits written as 28x28 IDX files."""
    images, labels = load_digits(raw=True)
    large = np.zeros((len(images), 28, 28), np.uint8)
    large[:, 2:26, 2:26] = np.kron(images * 15, np.ones((3, 3), np.uint8))
    for part, rows in (("train", slice(0, 300)), ("t10k", slice(300, 360))):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte", large[rows])
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", labels[rows].astype(np.uint8))
    accuracy, text = run("digits", capsys, "--data", tmp_path, "--epochs", 3, "--no-pictures")
    assert "100,480 + 1,290 = 101,770 parameters" in text
    assert "Accuracy on 60 test images" in text and accuracy > 0.5


def write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    path.write_bytes(header + array.tobytes())


def test_neuron_shows_the_numbers_of_its_picture(tmp_path, capsys):
    _, text = run("neuron", capsys, "--out", tmp_path)
    assert re.search(r"w1\s+0\.5000\s+1\.7113", text) and "same value and gradients: yes" in text
    picture = (tmp_path / "neuron.svg").read_text(encoding="utf-8")
    assert "1.711" in picture and "0.8556" in picture


def test_moons_trains_and_draws_its_network(tmp_path, capsys):
    _, text = run("moons", capsys, "--steps", 4, "--points", 20, "--out", tmp_path)
    assert "337 parameters" in text and "step   4" in text
    assert (tmp_path / "moons_network.svg").stat().st_size > 0


def test_a_gaussian_process_finds_about_the_numbers_its_data_were_made_with(tmp_path, capsys):
    pytest.importorskip("scipy")
    fitted, text = run("gaussian_process", capsys, "--points", 40, "--out", tmp_path)
    assert fitted["noise"] == pytest.approx(0.2, abs=0.1) and "log likelihood" in text
    pytest.importorskip("jax")
    assert float(re.search(r"from jax.grad (\S+)", text)[1]) < 1e-12  # two ways to add 40 x 40 numbers


def test_predator_and_prey_are_fitted_to_the_first_years(tmp_path, capsys):
    pytest.importorskip("scipy")
    fitted, text = run("predator_prey", capsys, "--years", 5, "--iterations", 3, "--out", tmp_path)
    before, after = map(float, re.search(r"cost ([\d.]+) -> ([\d.]+)", text).groups())
    assert after < before and fitted["rates"].shape == (4,)
    pytest.importorskip("jax")
    assert float(re.search(r"through odeint (\S+)", text)[1]) < 1e-5  # both solvers end at a tolerance of 1e-9 a step


def test_maximum_likelihood_finds_the_law_within_its_errors(tmp_path, capsys):
    pytest.importorskip("scipy")
    fitted, text = run("maximum_likelihood", capsys, "--out", tmp_path)
    assert abs(fitted["slope"] + 0.8) < 3 * 0.051 and "383 broke" in text
    pytest.importorskip("jax")
    assert float(re.search(r"largest difference (\S+)", text)[1]) < 1e-6


def test_the_articles_example_has_its_right_numbers(tmp_path, capsys):
    _, text = run("article_example", capsys, "--out", tmp_path)
    for number in (
        "0.880797, 0.952574",
        "0.05268",
        "0.916291",
        "0.510826",
        "0.005544",
        "0.008811",
        "0.011088",
        "0.016632",
        "0.004158",
        "0.006633",
        "0.010197",
        "-0.01329982",
        "0.17670917",
        "0.10596015",
        "0.25000000",
        "2.000133, 2.59458788",
        "-0.00176709, 0.4038292",
        "2.5323936, 2.34436144",
        "0.5108256238 → 0.5093341490",
    ):
        assert number in text, number
    assert (tmp_path / "article_example.svg").stat().st_size > 0


def test_the_articles_gradients_agree_with_finite_differences(capsys):
    example = load("article_example")
    net = example.Network()
    # Central differences with h = 1e-5 in float64: h**2 plus rounding / h, about 1e-10.
    assert example.show_gradients(net, example.loss_of(net)) < 1e-9


def test_backprop_by_hand_gives_equal_numbers(tmp_path, capsys):
    _, text = run("backprop_by_hand", capsys, "--samples", 3, "--out", tmp_path)
    difference = float(re.search(r"Largest difference of all 17: (\S+)", text)[1])
    assert difference < 1e-15  # float64 sums of a few products near 0.01
    assert text.count("dL/d") >= 17 and "17 parameters" in text
    before, after = map(float, re.search(r"loss ([\d.]+) → ([\d.]+)", text).groups())
    assert after < before


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("digits", ("--data", "/nowhere"), "load_mnist: .*nowhere does not exist"),
        ("pictures", ("--suffix", "png"), r"no format 'png'; there are \.svg"),
    ],
)
def test_a_wrong_argument_is_answered_with_one_sentence(name, arguments, said, capsys):
    """A missing folder and a suffix without its dot ended in a traceback."""
    with pytest.raises(SystemExit):
        run(name, capsys, *arguments)
    assert re.search(said, capsys.readouterr().err)


def test_a_character_lstm_learns_of_a_text_it_has_not_seen(tmp_path, capsys):
    options = ("--epochs", 2, "--letters", 6000, "--hidden", 64, "--out", tmp_path)
    unseen, text = run("character_lstm", capsys, *options)
    assert unseen[-1] < unseen[0] < 3.6, "guessing costs 4.0"
    assert "epoch  2  unseen text costs" in text and "It writes:\nORLANDO. " in text
    assert "LSTM" in (tmp_path / "character_lstm.svg").read_text(encoding="utf-8")


def test_a_transformer_language_model_learns_of_a_text_it_has_not_seen(tmp_path, capsys):
    options = ("--epochs", 2, "--letters", 3000, "--width", 32, "--out", tmp_path)
    unseen, text = run("transformer_language_model", capsys, *options)
    assert unseen[-1] < unseen[0] < 3.6, "guessing costs 4.0"
    assert "It writes:\nROSALIND. " in text
    assert "MultiheadAttention" in (tmp_path / "transformer.svg").read_text(encoding="utf-8")
    pytest.importorskip("matplotlib")
    assert (tmp_path / "transformer_attention.png").stat().st_size > 0


def test_larger_than_memory_gives_numpys_gradient_and_descends():
    """A cluster of threads, which opens no port; in a process of its own, because it brings an event loop along."""
    pytest.importorskip("dask.array")
    pytest.importorskip("distributed")
    program = [sys.executable, EXAMPLES / "larger_than_memory.py", "--threads", "--workers", "1"]
    sizes = ["--rows", "2000", "--block", "300", "--steps", "3"]
    done = subprocess.run([*program, *sizes], capture_output=True, text=True, timeout=120, check=True)
    off = float(re.search(r"2,000 rows in blocks of 300: the gradient differs from NumPy's by (\S+)", done.stdout)[1])
    assert off < 1e-15  # sums of 2,000 shares of 1/2,000, in another order
    losses = [float(loss) for loss in re.findall(r"loss ([\d.]+)", done.stdout)]
    assert losses[0] == pytest.approx(np.log(2.0), abs=1e-6) and losses[2] < losses[1] < losses[0]

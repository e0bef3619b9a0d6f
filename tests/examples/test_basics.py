"""The programs of examples/basics: with few steps each shows what its first lines say."""

import numpy as np
import pytest
from running_examples import run


def picture(folder, name):
    pytest.importorskip("matplotlib")
    assert (folder / name).stat().st_size > 10_000


def test_the_squared_error_of_a_sigmoid_hardly_pulls_where_the_score_is_badly_wrong(tmp_path, capsys):
    slopes, text = run("basics/losses", capsys, "--out", tmp_path)
    assert slopes["cross-entropy"] == pytest.approx(-1 / (1 + np.exp(-4.0))) and slopes["hinge"] == -1
    assert abs(slopes["squared error of the sigmoid"]) < 0.04 and "slope -0.0347" in text
    picture(tmp_path, "losses.png")


def test_nothing_is_learnt_from_zeros_and_something_from_he(tmp_path, capsys):
    right, text = run("basics/initial_values", capsys, "--layers", 6, "--epochs", 2, "--out", tmp_path)
    assert right["zeros"] < 0.2 and right["He"] > right["zeros"] + 0.3
    assert "signal in the first, last" in text
    picture(tmp_path, "initial_values.png")


def test_every_optimizer_goes_down_the_valley_and_learns_digits(tmp_path, capsys):
    right, text = run("basics/optimizers", capsys, "--epochs", 4, "--out", tmp_path)
    assert min(right.values()) > 0.75 and len(right) == 5
    assert "height after 60 steps" in text
    picture(tmp_path, "optimizers.png")


def test_l1_sets_more_weights_to_zero_than_l2_and_l2_more_than_decoupled_decay(tmp_path, capsys):
    found, _ = run("basics/regularisation", capsys, "--seeds", 1, "--epochs", 40, "--digits", 60, "--out", tmp_path)
    near_zero = [found[way][0] for way in ("none", "decoupled (AdamW)", "L2 in the loss", "L1")]
    assert near_zero == sorted(near_zero) and near_zero[-1] > near_zero[0] + 0.2
    picture(tmp_path, "regularisation.png")


def test_three_last_layers_answer_three_questions(tmp_path, capsys):
    found, text = run("basics/last_layers", capsys, "--epochs", 4, "--out", tmp_path)
    assert found["how much ink?"] < 0.05 and found["is it odd?"] > 0.8 and found["which digit?"] > 0.6
    assert "BCEWithLogitsLoss" in text
    picture(tmp_path, "last_layers.png")


def test_pytorch_and_this_library_learn_the_same(tmp_path, capsys):
    pytest.importorskip("torch")
    (gradients, losses), _ = run("basics/frameworks", capsys, "--steps", 30, "--out", tmp_path)
    assert gradients < 1e-7 and losses < 1e-5  # float32: sums in another order
    picture(tmp_path, "frameworks.png")

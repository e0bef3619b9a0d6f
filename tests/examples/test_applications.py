"""The article's applications: with few steps each network does its task better than guessing, on data it never saw."""

import re

import numpy as np
import pytest
from running_examples import load, run

pytestmark = pytest.mark.sampled  # a program each


def test_the_language_of_an_unseen_piece_is_told(tmp_path, capsys):
    accuracy, text = run("applications/language", capsys, "--epochs", 3, "--out", tmp_path)
    assert accuracy > 0.5, "guessing gives 1 in 6"
    assert "Counting pairs of letters" in text and all(name in text for name in ("English", "Latin"))


def test_letters_lose_accents_and_punctuation():
    example = load("applications/language")
    assert "".join(example.LETTERS[i] for i in example.numbers("Où, à  Träume?\nSí.")) == "ou a traume si"


def test_vowels_of_new_speakers_are_heard(tmp_path, capsys):
    arguments = ("--epochs", 4, "--speakers", 12, "--noise", 0.5, "--out", tmp_path)
    accuracy, text = run("applications/speech", capsys, *arguments)
    assert accuracy > 0.5, "guessing gives 1 in 6"
    assert "of 72 vowels of new speakers" in text


def test_a_vowel_is_loudest_at_its_formants():
    example = load("applications/speech")
    sound = example.say("ɑ (father)", 100.0, 1.0, 0.0, np.random.default_rng(0))
    power = np.abs(np.fft.rfft(sound)) ** 2
    frequencies = np.fft.rfftfreq(len(sound), 1 / example.RATE)

    def near(frequency):
        return power[abs(frequencies - frequency) < 150].sum()

    assert min(near(730), near(1090)) > 10 * near(1750), "1750 Hz lies between the second formant and the third"


def test_a_car_learns_to_stay_on_the_road_from_the_simulator_alone(tmp_path, capsys):
    arguments = ("--steps", 25, "--seconds", 8, "--out", tmp_path)
    (before, after), text = run("applications/driving", capsys, *arguments)
    assert after < 1 < before
    shares = [int(share) for share in re.findall(r"(\d+)% stay on the road", text)]
    assert shares[0] < 50 < shares[1], "an untrained network drives off the road"


def test_a_car_on_a_straight_line_obeys_geometry():
    """Straight on it keeps its place; steering δ turns it on a circle of radius wheelbase / tan δ."""
    example = load("applications/driving")

    def straight(s):
        return 0 * s

    state = example.State(np.zeros(1), np.ones(1), np.zeros(1))
    moved = example.move(state, np.zeros(1), straight)
    assert (moved.d, moved.heading) == (1, 0) and moved.s == pytest.approx(example.SPEED * example.STEP)
    turned = example.move(state, np.array([0.2]), straight)
    radius = example.WHEELBASE / np.tan(0.2)
    assert turned.heading == pytest.approx(example.SPEED * example.STEP / radius)


def test_a_diagnosis_is_judged_by_what_it_finds_and_what_it_spares(tmp_path, capsys):
    pytest.importorskip("sklearn")
    result, text = run("applications/medicine", capsys, "--epochs", 15, "--out", tmp_path)
    assert result["area"] > 0.95 and result["sensitivity at chosen"] > 0.9
    assert "calibration" in text and "171 unseen" in text


def test_the_area_under_the_curve_counts_pairs():
    example = load("applications/medicine")
    p, truth = np.array([0.1, 0.4, 0.4, 0.9]), np.array([0, 1, 0, 1])
    assert example.area_under_curve(p, truth) == (1 + 0.5 + 1 + 1) / 4
    assert example.sensitivity_and_specificity(p >= 0.4, truth) == (1.0, 0.5)

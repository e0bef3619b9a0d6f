"""The programs of the article's outlook: with few steps each shows the behaviour that its first lines promise."""

import functools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from running_examples import load, run

import autodiff as ad
import nn

pytestmark = pytest.mark.sampled  # a program each


@functools.cache
def kept_example(name):
    """Loaded once for all examples of a property."""
    return load(name)


def test_attention_finds_the_token_that_was_asked_for(tmp_path, capsys):
    (right, found), _ = run("outlook/attention", capsys, "--steps", 90, "--length", 6, "--out", tmp_path)
    assert right > 0.9 and found > 0.9, "by chance 0.1 are right and 1 in 7 is found"
    assert "2 heads" in (tmp_path / "attention.svg").read_text(encoding="utf-8")
    pytest.importorskip("matplotlib")
    assert (tmp_path / "attention.png").stat().st_size > 10_000


def test_the_answer_to_a_line_stands_where_the_letter_stands():
    example = load("outlook/attention")
    letters, digits, answers, place = example.lines(np.random.default_rng(0), 50, 8)
    rows = np.arange(50)
    assert (digits[rows, place] == answers).all() and (letters[rows, place] == letters[:, -1]).all()
    assert (digits[:, -1] == example.QUESTION).all() and all(len(set(line)) == 8 for line in letters[:, :-1])


def test_transfer_compares_three_ways_and_leaves_a_frozen_body_as_it_was(tmp_path, capsys):
    arguments = ("--seeds", 1, "--steps", 40, "--sizes", 2, "--out", tmp_path)
    runs, text = run("outlook/transfer", capsys, *arguments)
    assert runs.shape == (1, 1, 3) and (runs >= 0).all() and (runs <= 1).all()
    assert runs[0, 0, 0] > 0.25, "guessing gives 0.2"
    assert re.search(r"frozen body, new head +\d+\.\d%", text)


def test_a_placed_digit_is_whole_wherever_it_stands():
    example = load("outlook/transfer")
    digits = np.random.default_rng(0).random((20, 8, 8)).astype(np.float32)
    field = example.placed(digits, np.random.default_rng(1))
    assert field.shape == (20, 1, example.SIDE, example.SIDE)
    places = set()
    for picture, digit in zip(field[:, 0], digits, strict=True):
        row, column = np.argwhere(picture)[0][0], np.argwhere(picture.T)[0][0]
        places.add((row, column))
        assert np.array_equal(picture[row : row + 8, column : column + 8], digit) and np.sum(picture != 0) == 64
    assert len(places) > 5


def test_image_and_words_together_are_worth_more_than_each_alone(tmp_path, capsys):
    accuracies, _ = run("outlook/two_inputs", capsys, "--epochs", 3, "--out", tmp_path)
    assert accuracies["both"] > max(accuracies["image"], accuracies["words"]) + 0.05
    assert "words" in (tmp_path / "two_inputs.svg").read_text(encoding="utf-8")


def test_the_words_about_a_digit_are_true():
    example = load("outlook/two_inputs")
    labels = np.arange(10).repeat(20)
    for label, words in zip(labels, example.describe(labels, np.random.default_rng(0)), strict=True):
        assert len(set(words)) == 2 and all(label in example.FACTS[example.WORDS[word]] for word in words)


def test_integrated_gradients_point_at_what_decides(tmp_path, capsys):
    (gap, curves), text = run("outlook/saliency", capsys, "--epochs", 3, "--out", tmp_path)
    assert gap < 1e-10  # tanh is smooth on the way: 32 points leave rounding alone
    assert curves["integrated gradients"][2] < curves["saliency"][2] < curves["at random"][2]
    assert "Completeness" in text


@given(
    weights=st.lists(st.floats(-2, 2), min_size=4, max_size=4),
    x=st.lists(st.floats(-2, 2), min_size=4, max_size=4),
    start=st.lists(st.floats(-2, 2), min_size=4, max_size=4),
    degree=st.integers(1, 7),
)
def test_integrated_gradients_add_up_to_the_difference_of_the_scores(weights, x, start, degree):
    """Completeness: exact for a polynomial of degree 8 along the way, which four points integrate."""
    x, start, weights = (np.array([values]) for values in (x, start, weights))

    def score(pixels):
        return ((weights * pixels).sum(axis=1)) ** degree * pixels[:, 0]

    shares = kept_example("outlook/saliency").integrated_gradients(score, x, start, points=4)
    difference = (score(x) - score(start)).item()
    size = np.abs(weights * x).sum() + np.abs(weights * start).sum()  # what cancels on the way
    assert abs(shares.sum() - difference) <= 1e-12 * (1 + size**degree * (abs(x).max() + abs(start).max()) * 4**degree)
    assert (shares[x == start] == 0).all(), "a pixel that does not change has no share"


def test_training_on_attacks_keeps_what_attacks_take_away(tmp_path, capsys):
    results, _ = run("outlook/adversarial", capsys, "--epochs", 5, "--epsilon", 0.12, "--out", tmp_path)
    plain, hardened = results["plain"], results["adversarial"]
    assert plain["clean"] > 0.9 > 0.6 > plain["FGSM"] >= plain["PGD"]
    assert hardened["PGD"] > plain["PGD"] + 0.2 and hardened["clean"] > 0.85


def test_an_attack_stays_within_epsilon_and_the_range_of_pixels():
    example = load("outlook/adversarial")
    rng = np.random.default_rng(0)
    net, x, y = example.network(rng), rng.random((5, 8, 8)).astype(np.float32), np.arange(5)
    for attacked in (example.fgsm(net, x, y, 0.1), example.pgd(net, x, y, 0.1, rng)):
        assert attacked.dtype == np.float32 and not isinstance(attacked, ad.Variable)
        assert np.abs(attacked - x).max() <= 0.1 + 1e-7  # float32's 0.1
        assert attacked.min() >= 0 and attacked.max() <= 1
    assert all(p.grad is None for p in net.parameters())


def test_remedies_bring_the_true_positive_rates_of_the_groups_together(tmp_path, capsys):
    table, _ = run("outlook/fairness", capsys, "--steps", 120, "--out", tmp_path)
    gaps = {way: groups["A"]["true positive"] - groups["B"]["true positive"] for way, groups in table.items()}
    assert gaps["no remedy"] > gaps["weights"] > gaps["a threshold for each group"] - 0.05
    assert gaps["no remedy"] > 0.15 and abs(gaps["a threshold for each group"]) < 0.06
    apart = table["a threshold for each group"]
    assert apart["B"]["false positive"] > apart["A"]["false positive"] + 0.05, "what one rate gains, another pays"


def test_rates_are_counted_among_those_who_repay_and_those_who_do_not():
    rates = load("outlook/fairness").rates
    granted, repays = np.array([1, 1, 0, 0, 1], bool), np.array([1, 0, 1, 0, 1], bool)
    assert rates(granted, repays) == {
        "accuracy": 0.6,
        "granted": 0.6,
        "true positive": pytest.approx(2 / 3),
        "false positive": 0.5,
    }


def test_costs_are_counted_exactly(tmp_path, capsys):
    costs, text = run("outlook/graph_cost", capsys, "--epochs", 1, "--batch", 16, "--out", tmp_path)
    linear, deep, convolutional = costs.values()
    assert (linear.parameters, linear.multiply_adds) == (650, 16 * 640)
    assert (deep.parameters, deep.multiply_adds) == (26_122, 16 * (64 * 128 + 128 * 128 + 1280))
    assert convolutional.multiply_adds == 16 * (64 * 9 * 16 + 64 * 9 * 16 * 32 + 512 * 10)
    assert linear.operations < deep.operations < convolutional.operations
    # float32 scores of ten classes and the loss: Flatten of an array is not recorded.
    assert linear.graph_bytes == 16 * 10 * 4 + 4
    assert all(cost.peak_training > cost.peak_inference for cost in costs.values())
    assert "joule" not in text


def test_a_deep_belief_network_is_fine_tuned_from_a_few_labels(tmp_path, capsys):
    arguments = ("--epochs", 3, "--seeds", 1, "--steps", 60, "--out", tmp_path)
    results, text = run("outlook/deep_belief", capsys, *arguments)
    assert results.shape == (1, 2) and results.min() > 0.4, "guessing gives 0.1"
    assert "50 labels" in text


def test_a_network_starts_from_what_the_machines_have_learnt():
    example = load("outlook/deep_belief")
    rng = np.random.default_rng(0)
    x = rng.random((30, 16))
    first = example.contrastive_divergence(x, 8, 1, rng)
    second = example.contrastive_divergence(first.up(x), 4, 1, rng)
    net = example.network((16, 8, 4), rng, [first, second])
    # float32 weights: two layers of at most 16 products near 1.
    assert np.allclose(net[:5](x.astype(np.float32)).data, second.up(first.up(x)), atol=1e-6)


def test_a_machine_learns_to_give_its_data_back():
    example = load("outlook/deep_belief")
    rng = np.random.default_rng(0)
    x = np.repeat(np.eye(4), 4, axis=1)[rng.integers(0, 4, 200)]  # four patterns of sixteen units
    untrained, machine = (example.contrastive_divergence(x, 8, epochs, rng) for epochs in (0, 40))
    error = [np.abs(m.down(m.up(x)) - x).mean() for m in (untrained, machine)]
    assert error[1] < 0.1 < 0.4 < error[0]


def test_cross_validation_chooses_a_size_that_is_large_enough(tmp_path, capsys):
    arguments = ("--sizes", 2, 16, "--folds", 3, "--epochs", 8, "--limit", 300, "--out", tmp_path)
    (results, chosen, test), text = run("outlook/cross_validation", capsys, *arguments)
    assert chosen == 16 and test > 0.7 and len(results[2]) == 3
    assert "Chosen: 16 hidden units" in text and "cross_val_score" in text


@given(labels=st.lists(st.integers(0, 3), min_size=10, max_size=60), k=st.integers(2, 5), seed=st.integers(0, 99))
def test_every_example_validates_once_and_folds_are_alike(labels, k, seed):
    y = np.array(labels)
    folds = list(kept_example("outlook/cross_validation").stratified_folds(y, k, np.random.default_rng(seed)))
    assert np.array_equal(np.sort(np.concatenate([held for _, held in folds])), np.arange(len(y)))
    for train, held in folds:
        assert not set(train) & set(held) and len(train) + len(held) == len(y)
    counts = np.array([[np.sum(y[held] == label) for label in range(4)] for _, held in folds])
    assert (counts.max(axis=0) - counts.min(axis=0) <= 1).all() and np.ptp(counts.sum(axis=1)) <= 1


def test_noise_costs_accuracy_and_a_gradient_is_clipped_to_its_limit(tmp_path, capsys):
    arguments = ("--epochs", 3, "--noise", 0, 8, "--out", tmp_path)
    results, text = run("outlook/per_example_gradients", capsys, *arguments)
    assert results[0] > 0.7 and results[0] > results[8] + 0.05
    assert "of the last gradients clipped" in text


def test_gradients_of_examples_are_those_of_one_example_at_a_time_and_add_up_to_the_batch():
    example = load("outlook/per_example_gradients")
    rng = np.random.default_rng(0)
    net = example.network(rng, hidden=5).astype(np.float64)
    x, y = rng.random((7, 8, 8)), rng.integers(0, 10, 7)
    gradients = example.per_example(net, x, y)

    def of(rows):
        net.zero_grad()
        nn.cross_entropy(net(x[rows]), y[rows], reduction="sum").backward()
        return {name: p.grad for name, p in net.named_parameters()}

    for i in range(7):
        for name, alone in of([i]).items():  # float64 sums of at most 64 products near 1, in another order
            np.testing.assert_allclose(gradients[name][i], alone, rtol=0, atol=1e-13)
    for name, batch in of(slice(None)).items():
        np.testing.assert_allclose(gradients[name].sum(axis=0), batch, rtol=0, atol=1e-13)


@given(scale=st.floats(1e-3, 1e3), limit=st.floats(0.1, 10.0), count=st.integers(1, 5))
def test_no_example_moves_the_clipped_sum_by_more_than_the_limit(scale, limit, count):
    example = kept_example("outlook/per_example_gradients")
    rng = np.random.default_rng(count)
    gradients = {"a": scale * rng.standard_normal((count, 3, 2)), "b": scale * rng.standard_normal((count, 4))}
    whole = example.clipped_sum(gradients, limit)
    for i in range(count):
        others = {name: np.delete(g, i, axis=0) for name, g in gradients.items()}
        less = example.clipped_sum(others, limit)
        moved = np.sqrt(sum(np.sum((whole[name] - less[name]) ** 2) for name in whole))
        assert moved <= limit * (1 + 1e-12 * count)


def test_a_mirrored_digit_is_another_one_and_does_not_help(tmp_path, capsys):
    arguments = ("--steps", 40, "--seeds", 1, "--out", tmp_path)
    runs, text = run("outlook/augmentation", capsys, *arguments)
    names = list(load("outlook/augmentation").WAYS)
    accuracy = dict(zip(names, runs[0], strict=True))
    assert runs.shape == (1, 9) and accuracy["none"] > accuracy["mirror"] + 0.02
    assert "better than none in" in text


def test_an_autoencoder_beats_independent_pixels(tmp_path, capsys):
    found, text = run("outlook/variational_autoencoder", capsys, "--epochs", 12, "--out", tmp_path)
    bound = found["bound of the network"]
    assert bound < found["independent pixels"] - 1 and found["  hidden numbers"] > 1
    assert bound == pytest.approx(found["  pixels"] + found["  hidden numbers"])
    assert re.search(r"independent pixels +\d+\.\d\d", text)


def test_the_cost_of_hidden_numbers_is_the_distance_from_a_standard_normal():
    example = load("outlook/variational_autoencoder")
    net = example.Autoencoder(np.random.default_rng(0)).astype("float64")
    x = np.random.default_rng(1).integers(0, 2, (1, 64)).astype(float)
    _, hidden = example.costs(net, x, np.zeros((1, 2)))
    _, mean, log_variance = (ad.plain(a)[0] for a in net(x, np.zeros((1, 2))))
    z = np.linspace(-12, 12, 4001)
    distance = 0.0
    for m, s in zip(mean, np.exp(0.5 * log_variance), strict=True):
        log_q, log_p = ad.stats.norm.logpdf(z, m, s), ad.stats.norm.logpdf(z)
        distance += np.trapezoid(np.exp(log_q) * (log_q - log_p), z)
    np.testing.assert_allclose(hidden.data[0], distance, rtol=1e-6)


def test_a_policy_gradient_keeps_the_pole_up_longer(tmp_path, capsys):
    lengths, _ = run("outlook/policy_gradient", capsys, "--steps", 12, "--carts", 16, "--out", tmp_path)
    assert lengths.shape == (12, 16) and lengths[-1].mean() > 1.7 * lengths[0].mean()


def test_the_surrogate_has_the_gradient_of_the_expected_reward():
    """Two pushes of one cart that falls at once on the left: the expected reward is known in closed form."""
    example = load("outlook/policy_gradient")
    policy = nn.Linear(4, 2, rng=0, dtype=np.float64)
    states = np.ones((1, 2, 4))
    pushes, standing = np.array([[0, 1]]), np.array([[True, True]])
    before = ad.softmax(policy(states[0]).data)
    example.surrogate(policy, states, pushes, standing).backward()
    assert np.all(policy.weight.grad == 0), "the same reward for both is no reason to change anything"
    policy.zero_grad()
    states, pushes = np.ones((2, 2, 4)), np.array([[0, 1], [0, 1]])
    standing = np.array([[True, True], [False, True]])  # the cart that was pushed left has fallen
    example.surrogate(policy, states, pushes, standing).backward()
    policy.weight.data = policy.weight.data - 0.1 * policy.weight.grad
    assert np.all(ad.softmax(policy(states[0]).data)[:, 1] > before[:, 1])

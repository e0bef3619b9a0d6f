"""A remedy computes what the expression computes where that is finite, and pictures give the same one."""

import numpy as np
import pytest

import autodiff as ad

LABELS = np.array([1.0, 0.0])


def by_hand(z):
    p = 1 / (1 + np.exp(-z))
    return -(LABELS * np.log(p) + (1 - LABELS) * np.log(1 - p))


FORMS = {
    "sigmoid": (lambda x: np.exp(x) / (1 + np.exp(x)), ad.sigmoid, [1.0, 800.0]),
    "tanh": (lambda x: np.sinh(x) / np.cosh(x), np.tanh, [1.0, 800.0]),
    "softmax": (lambda x: np.exp(x) / np.sum(np.exp(x)), ad.softmax, [1.0, 800.0]),
    "logsigmoid(-x)": (lambda x: np.log(1 - ad.sigmoid(x)), lambda x: ad.logsigmoid(-x), [1.0, 800.0]),
    "logsigmoid(x)": (lambda x: np.log(1 / (1 + np.exp(-x))), ad.logsigmoid, [1.0, -800.0]),
    "bce_with_logits": (by_hand, lambda x: ad.bce_with_logits(x, LABELS), [-800.0, 800.0]),
    "softplus": (lambda x: np.log(1 + np.exp(x)), ad.softplus, [1.0, 800.0]),
    "logsumexp": (lambda x: np.log(np.sum(np.exp(x))), ad.logsumexp, [1.0, 800.0]),
    "log_softmax": (lambda x: np.log(ad.softmax(x))[1:], lambda x: ad.log_softmax(x)[1:], [800.0, 1.0]),
    "np.linalg.norm(x, axis=axis)": (lambda x: np.sqrt((x**2).sum()), np.linalg.norm, [0.0, 0.0]),
    "np.hypot(x, y)": (lambda x: np.sqrt(x[0] ** 2 + x[1] ** 2), lambda x: np.hypot(x[0], x[1]), [0.0, 0.0]),
    "np.std(x, ...)": (lambda x: np.sqrt(np.var(x)), np.std, [1.0, 1.0]),
    "np.sinc(x / np.pi)": (lambda x: np.sin(x) / x, lambda x: np.sinc(x / np.pi), [0.0, 1.0]),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_form_of_several_operations_has_the_function_that_computes_it(name):
    written, instead, bad = FORMS[name]
    x = ad.tensor(bad)
    with ad.record(), np.errstate(all="ignore"):
        y = written(x).sum()
        y.backward()
    why = ad.explain(x)
    assert why.state in ("nan", "infinite") and name in why.cause.remedy and "np.where" not in why.cause.remedy
    assert name in ad.draw(y, focus="nan").alt
    fine = np.array([0.3, -1.2])
    np.testing.assert_allclose(written(ad.tensor(fine)).data, instead(ad.tensor(fine)).data, rtol=1e-12)
    z = ad.tensor(bad)
    instead(z).sum().backward()
    assert np.isfinite(z.grad).all()


def test_a_quotient_of_infinities_that_is_no_known_form_has_no_remedy():
    x = ad.tensor([1.0, 800.0])
    with ad.record(), np.errstate(all="ignore"):
        y = (np.exp(x) / np.exp(2 * x)).sum()
        y.backward()
    assert ad.explain(x).cause.remedy == "" and "Try" not in ad.draw(y, focus="nan").alt


@pytest.mark.parametrize(("f", "bad"), [(lambda x: x**0.5, -2.0), (np.log, 0.0), (np.sqrt, -1.0)])
def test_a_remedy_that_is_another_function_somewhere_says_so_and_is_the_one_of_the_picture(f, bad):
    x = ad.tensor([1.0, bad])
    with ad.record(), np.errstate(all="ignore"):
        y = f(x).sum()
        y.backward()
    remedy = ad.explain(x).cause.remedy
    assert "the same where ok is true, and 0 elsewhere" in remedy and "square" not in remedy
    assert remedy in ad.draw(y, focus="nan").alt


def test_the_same_letter_of_a_form_is_the_same_operand():
    x, y = ad.tensor([1.0, 800.0]), ad.tensor([2.0, 800.0])
    with ad.record(), np.errstate(all="ignore"):
        z = (np.exp(x) / (1 + np.exp(y))).sum()
        z.backward()
    assert "sigmoid" not in ad.explain(x).text


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.exp(x) / np.sum(np.exp(x)[1:]),
        lambda x: np.log(np.sum(np.exp(x)[1:])),
        lambda x: np.exp(x) / (1 + np.exp(x)[1]),
        lambda x: np.exp(x) / (2 + np.exp(x)),
    ],
)
def test_a_form_of_other_elements_or_numbers_is_another_function(f):
    x = ad.tensor([1.0, 800.0])
    with ad.record(), np.errstate(all="ignore"):
        y = f(x).sum()
        y.backward()
    assert "in place of" not in ad.explain(x).text + ad.draw(y, focus="nan").alt


def test_a_power_of_0_is_told_as_one():
    x = ad.tensor([0.0, 1.0])
    with ad.record(), np.errstate(all="ignore"):
        y = (x**-1.0).sum()
    assert "0 ^ (−1) = ∞" in ad.draw(y, focus="nan").alt


def test_elements_of_one_operation_have_causes_of_their_own_and_a_broken_loss_is_told():
    x = ad.tensor(np.ones((2, 2)))
    keep = np.array([[True, True], [False, False]])
    with ad.record(), np.errstate(all="ignore"):
        loss = (ad.softmax(np.where(keep, x, -np.inf), axis=1) ** 2).sum()
    why = ad.explain(loss, wrt=x)
    assert why.state == "zero" and [c.kind for c in why.causes[:2]] == ["stationary", "branch_not_taken"]
    assert "not used for 2 of 4 elements" in why.text and "the loss itself is NaN" in why.text


@pytest.mark.parametrize("f", [lambda x: -np.log(ad.softmax(x))[0], lambda x: np.log(x - x).sum()])
def test_without_record_a_picture_does_not_say_which_operation_made_an_infinity(f):
    x = ad.tensor([0.0, 800.0, 1.0])
    with np.errstate(all="ignore"):
        y = f(x)
    with pytest.raises(ValueError, match=r"run it under ad\.record"):
        ad.draw(y, focus="nan")
    assert "first" not in " ".join(p.text for p in ad.draw(y).problems)


def test_one_zero_is_one_and_a_leaf_is_no_constant():
    with ad.record(), np.errstate(all="ignore"):
        y = np.log(ad.tensor([0.0, 1.0])).sum()
    figure = ad.draw(y, focus="nan", radius=1)
    said = " ".join(node.tooltip for node in figure.nodes)
    assert "a leaf: 1 zero" in said and "constant" not in said and "1 zeros" not in said


def test_strict_names_the_operation_that_made_the_infinity():
    with (
        pytest.raises(ad.SingularPointError, match=r"derivative of sqrt .* is infinite, and var multiplies"),
        ad.strict(),
    ):
        np.sqrt(np.var(ad.tensor(np.ones(3)))).backward()


@pytest.mark.parametrize("f", [np.maximum, np.minimum, np.fmax, np.fmin])
def test_what_is_said_of_a_tie_computes_the_same(f):
    """minimum and fmin were told to write np.where(a > b, a, b), the maximum."""
    a, b = np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0])
    write = ad.ops.OPS[f.__name__].convention.write
    form = write.removeprefix("Write ").removesuffix(" to choose.")
    np.testing.assert_array_equal(eval(form, {"np": np, "a": a, "b": b}), f(a, b))

"""Of a second derivative the operation and the line that a user wrote are told, and not those of a rule or of NumPy."""

import inspect

import numpy as np
import pytest

import autodiff as ad


def here() -> str:
    """The file and line of the caller."""
    frame = inspect.currentframe().f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def second(f, at):
    """Explain the gradient of the sum of the gradient of f."""
    with ad.record():
        x = ad.tensor(at)
        s = ad.grad(f)(x).sum()
        s.backward()
    return ad.explain(s, wrt=x)


PLACES = {}


def norm(x):
    PLACES["norm2"] = here()
    return np.linalg.norm(x)


def root(x):
    PLACES["sqrt"] = here(); return np.sqrt(x).sum()  # fmt: skip  # noqa: E702


def test_the_second_derivative_of_a_norm_at_0_names_the_norm():
    why = second(norm, np.zeros(2))
    assert why.state == "nan" and why.cause.op == "norm2" and "convention has" not in why.text
    assert "np.linalg.norm has no second derivative where the norm is 0" in why.text
    assert why.cause.place.startswith(__file__) and "np.linalg.norm(x)" in why.cause.line


def test_the_second_derivative_of_a_root_at_0_names_the_root_and_no_division():
    why = second(root, np.array([0.0, 1.0]))
    assert why.state == "infinite" and why.cause.op == "sqrt" and why.cause.place == PLACES["sqrt"]
    assert "the second derivative of sqrt at 0 is infinite" in why.text and "/" not in why.cause.remedy


@pytest.mark.parametrize("f", [np.hypot, np.arctan2])
def test_one_cause_of_a_second_derivative_is_told_once(f):
    why = second(lambda x: f(x[0], x[1]), np.zeros(2))
    assert [cause.op for cause in why.causes] == [f.__name__] and why.text.count(f.__name__ + " has no second") == 1


def test_the_third_derivative_is_counted():
    why = second(lambda x: ad.grad(lambda x: (x**1.5).sum())(x).sum(), np.array([1.0, 0.0]))
    assert why.cause.op == "power" and "derivative of power" in why.text
    assert why.cause.place.startswith(__file__)


@pytest.mark.parametrize(("f", "op"), [(norm, "np.linalg.norm"), (root, "sqrt")])
def test_detect_anomaly_in_a_second_derivative_names_the_line_of_the_user(f, op):
    x = ad.tensor([0.0, 0.0])
    with pytest.raises(ad.AnomalyError, match=f"the derivative of {op} made .*{__file__}"), ad.detect_anomaly():
        ad.grad(f)(x).sum().backward()


def test_forward_mode_over_reverse_names_the_line_of_the_user():
    x = ad.tensor([0.0, 1.0])
    with pytest.raises(ad.AnomalyError, match=f"derivative of sqrt made .*{__file__}"), ad.detect_anomaly():
        ad.jvp(ad.grad(root), (x,), (np.ones(2),))


def test_frames_of_numpy_are_no_lines_of_a_user():
    x = ad.tensor([1.0, 2.0])
    with ad.record():
        y = np.apply_along_axis(np.sum, 0, np.ones(2)) * np.linalg.norm(x); line = here()  # fmt: skip  # noqa: E702
    assert y.node.source == line


@pytest.mark.parametrize(("f", "op"), [(np.abs, "absolute"), (ad.relu, "relu")])
def test_a_second_derivative_that_is_0_is_told_by_the_operation_of_the_user(f, op):
    why = second(lambda x: f(x).sum(), np.array([1.0, 2.0]))
    assert why.state in ("zero", "none") and f"derivative of {op}" in why.text

"""Every kind of cause that ``ad.explain`` tells: the right kind, the right operation, the right line of the program."""

from __future__ import annotations

import linecache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff as ad
import nn
from autodiff.registry.singular_points import SINGULAR

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
HERE = __file__.replace("\\", "/")


def told(why: Any, state: str, kind: str, op: str, line: str = "") -> None:
    """Check state, kind and operation; and that the place is the line of this file that has ``line`` in it."""
    assert (why.state, why.cause.kind, why.cause.op) == (state, kind, op), why.text
    if line:
        file, _, number = why.cause.place.rpartition(":")
        assert file == HERE, why.text
        assert line in linecache.getline(HERE, int(number)), why.text
        assert line in why.cause.line, "the text shows that line of the program"
        assert f"test_causes.py:{number}" in why.text
    assert why.cause.rule in why.text and why.cause.remedy in why.text and str(why) == repr(why) == why.text


# ---- no gradient at all
def test_plain_data_is_a_constant() -> None:
    told(ad.explain(np.ones(3)), "none", "constant", "")
    loss = ad.tensor([1.0]).sum()
    told(ad.explain(loss, wrt=np.ones(3)), "none", "constant", "")


def test_a_tensor_that_requires_no_gradient_is_a_constant() -> None:
    told(ad.explain(ad.tensor([1.0], requires_grad=False)), "none", "constant", "")


def test_a_detached_value_is_named_as_such() -> None:
    x = ad.tensor([1.0, 2.0])
    y = np.exp(x)
    why = ad.explain(y.detach())
    told(why, "none", "detached", "")
    assert "of exp" in why.cause.rule


def test_a_frozen_parameter_is_named_as_such() -> None:
    layer = nn.Linear(2, 1, rng=0)
    layer.weight.requires_grad = False
    loss = layer(ad.tensor(np.ones((1, 2), np.float32))).sum()
    told(ad.explain(loss, wrt=layer.weight), "none", "frozen", "")


def test_no_grad_around_the_forward_pass_is_found_at_its_line() -> None:
    x = ad.tensor([1.0, 2.0])
    with ad.record(), ad.no_grad():
        loss = (x * 2).sum()  # read by multiply first
    why = ad.explain(loss, wrt=x)
    told(why, "none", "no_grad", "multiply")
    assert why.cause.place.rpartition(":")[0] == HERE


def test_a_loss_made_under_no_grad_is_a_constant_without_a_record_too() -> None:
    x = ad.tensor([1.0, 2.0])
    with ad.no_grad():
        loss = (x * 2).sum()
        told(ad.explain(loss, wrt=x), "none", "no_grad", "")
    told(ad.explain(loss, wrt=x), "none", "constant", "")


def test_a_leaf_before_any_backward_pass() -> None:
    told(ad.explain(ad.tensor([1.0])), "none", "no_backward", "")


def test_a_leaf_that_the_loss_does_not_use() -> None:
    x, unused = ad.tensor([1.0]), ad.tensor([1.0])
    assert (unused * 2).size == 1
    told(ad.explain((x * 2).sum(), wrt=unused), "none", "unreached", "")


def test_a_value_made_after_the_loss() -> None:
    x = ad.tensor([1.0])
    loss = (x * 2).sum()
    why = ad.explain(loss, wrt=x * 3)
    told(why, "none", "unreached", "")
    assert "after the loss" in why.text


def test_an_interior_value_that_was_not_asked_to_keep_its_gradient() -> None:
    x = ad.tensor([1.0, 2.0])
    h = x * 2
    h.sum().backward()
    told(ad.explain(h), "none", "not_kept", "")


def test_a_flat_operation_is_found_at_its_line() -> None:
    with ad.record():
        x = ad.tensor([1.5, 2.5])
        steps = np.floor(x)  # flat here
        loss = (steps * ad.tensor([1.0, 2.0])).sum()
        loss.backward()
    why = ad.explain(loss, wrt=x)
    told(why, "zero", "flat", "floor")
    assert "flat here" in linecache.getline(HERE, int(why.cause.place.rpartition(":")[2]))


# ---- zero
def test_a_dead_relu() -> None:
    with ad.record():
        x = ad.tensor([-1.0, 4.0])
        h = x * 2 - 10
        loss = (ad.relu(h) * 3).sum()
        loss.backward()
    told(ad.explain(x), "zero", "dead_relu", "relu", "ad.relu(h)")
    told(ad.explain(h), "zero", "dead_relu", "relu", "ad.relu(h)")


def test_a_dead_relu_inside_a_model_names_module_and_parameter() -> None:
    net = nn.Sequential(nn.Linear(2, 3, rng=0), nn.ReLU(), nn.Linear(3, 1, rng=0))
    net[0].bias.data = np.full(3, -100.0, np.float32)
    with ad.record():
        loss = net(np.ones((4, 2), np.float32)).sum()
        loss.backward()
    why = ad.explain(net[0].weight, model=net)
    told(why, "zero", "dead_relu", "relu", "loss = net(")
    assert "The gradient of 0.weight" in why.text and why.cause.module == "1"


def test_a_saturated_sigmoid() -> None:
    s = ad.scalar(-800.0)
    told(ad.explain(ad.sigmoid(s), wrt=s), "zero", "saturated", "sigmoid")
    with ad.record():
        x = ad.tensor([400.0, -900.0])
        loss = (np.tanh(x) ** 2).sum()
    told(ad.explain(loss, wrt=x), "zero", "saturated", "tanh", "np.tanh(x)")


def test_underflow_of_a_product() -> None:
    x = ad.tensor(np.array([1.0], np.float32))
    loss = (np.sin(x * 1e-30) * 1e-30).sum()
    told(ad.explain(loss, wrt=x), "zero", "underflow", "multiply")


def test_the_branch_that_where_did_not_take() -> None:
    with ad.record():
        x = ad.tensor([-1.0, 4.0])
        loss = np.where(x.data > 0, np.sqrt(x), 0.0).sum()
        loss.backward()
    why = ad.explain(x, at=0)
    told(why, "zero", "branch_not_taken", "where", "np.where(x.data > 0")
    assert why.cause.index == (0,)
    assert ad.explain(x, at=1).state == "fine"


def test_what_max_does_not_pick() -> None:
    x = ad.tensor([1.0, 3.0])
    told(ad.explain(np.max(x), wrt=x, at=0), "zero", "not_picked", "max")
    a, b = ad.tensor([1.0]), ad.tensor([2.0])
    told(ad.explain(np.maximum(a, b).sum(), wrt=a), "zero", "not_picked", "maximum")


def test_what_clip_cuts_off() -> None:
    x = ad.tensor([5.0, 7.0])
    told(ad.explain(np.clip(x, 0, 1).sum(), wrt=x), "zero", "clipped", "clip")


COMPARING = [op for op in ad.ops.OPS.values() if op.selects and op.kink and not op.shown.flat]


@pytest.mark.parametrize("op", COMPARING, ids=lambda op: op.name)
def test_a_row_that_compares_needs_no_list_of_names(op: Any) -> None:
    if op.elementwise and len(op.inputs) == 1:
        x = ad.tensor([-9.0, 0.1, 9.0])
        answers = [ad.explain(op(x).sum(), wrt=x, at=k) for k in range(3)]
        zero = [why for why in answers if why.state == "zero" and op.name != "relu"]
        assert {why.cause.kind for why in zero} <= {"clipped"} and all(op.name in why.text for why in zero)
    elif len(op.inputs) == 2 and op.elementwise and op.name != "heaviside":
        a, b = ad.tensor([1.0]), ad.tensor([2.0])
        kinds = {why.cause.kind for why in (ad.explain(op(a, b).sum(), wrt=x) for x in (a, b)) if why.state == "zero"}
        assert kinds == {"not_picked"}


def test_an_element_that_no_index_reads() -> None:
    x = ad.tensor([1.0, 2.0, 3.0])
    told(ad.explain((x[1:] ** 2).sum(), wrt=x, at=0), "zero", "not_selected", "getitem")


def test_an_unused_output_of_a_split() -> None:
    x = ad.tensor([1.0, 2.0, 3.0, 4.0])
    _, used = np.split(x, 2)
    told(ad.explain((used**2).sum(), wrt=x, at=0), "zero", "not_selected", "getitem")


def test_a_multiplication_by_zero_names_the_zero() -> None:
    x, w = ad.tensor([[1.0, 2.0]]), ad.tensor(np.zeros((2, 3)))
    why = ad.explain((x @ w).sum(), wrt=x, names={"w": w})
    told(why, "zero", "times_zero", "matmul")
    assert "by w" in why.text and [o.name for o in why.cause.operands] == ["this value", "w"]
    told(ad.explain((x * 0.0).sum(), wrt=x), "zero", "times_zero", "multiply")


def test_a_mask_is_followed_through_sums_and_products() -> None:
    x, w = ad.tensor(np.ones((3, 2))), ad.tensor(np.ones((2, 2)))
    mask = np.array([1.0, 0.0, 1.0])
    loss = ((x @ w).sum(axis=1) * mask).sum()
    told(ad.explain(loss, wrt=x, at=(1, 0)), "zero", "times_zero", "multiply")


def test_a_stationary_point() -> None:
    x = ad.tensor([0.0, 0.0])
    why = ad.explain((x**2).sum(), wrt=x)
    told(why, "zero", "stationary", "power")
    assert "is 0 at 0." in why.text
    tiny = ad.tensor(np.array([1e-30], np.float32))  # 3e-60: no claim that the derivative is 0
    why = ad.explain((tiny**3).sum(), wrt=tiny)
    assert "is 0 at 1e-30, or smaller than float32 can hold." in why.text


def test_a_convention_at_a_kink() -> None:
    x = ad.tensor([0.0, 0.0])
    told(ad.explain(np.abs(x).sum(), wrt=x), "zero", "convention", "absolute")
    told(ad.explain(np.linalg.norm(x), wrt=x), "zero", "convention", "norm2")


def test_paths_that_cancel() -> None:
    x = ad.tensor([1.0, 2.0])
    told(ad.explain((np.sin(x) - np.sin(x)).sum(), wrt=x), "zero", "cancelled", "sin")


# ---- NaN
def test_a_computed_zero_times_infinity() -> None:
    with ad.record():
        x = ad.tensor([0.0, 4.0])
        root = np.sqrt(x)
        loss = (root**2).sum()
        loss.backward()
    why = ad.explain(x)
    told(why, "nan", "zero_times_infinity", "sqrt", "root = np.sqrt(x)")
    assert why.cause.index == (0,) and why.cause.rule.startswith("0 x inf in sqrt")
    assert "The 0 comes from power at test_causes.py" in why.text
    assert np.array_equal(x.grad, [np.nan, 1.0], equal_nan=True)


def test_a_mask_of_zeros_times_an_infinite_derivative() -> None:
    x = ad.tensor([0.0, 4.0])
    why = ad.explain((np.array([0.0, 1.0]) * np.sqrt(x)).sum(), wrt=x)
    told(why, "nan", "zero_times_infinity", "sqrt")
    assert "The 0 comes from multiply" in why.text


def test_nan_in_the_data_itself() -> None:
    x = ad.tensor([1.0, np.nan])
    why = ad.explain((x * x).sum(), wrt=x)
    told(why, "nan", "nan_in_data", "")
    assert why.cause.index == (1,)


def test_nan_in_a_constant() -> None:
    with ad.record():
        x = ad.tensor([1.0, 2.0])
        loss = (x * np.array([1.0, np.nan])).sum()
        loss.backward()
    told(ad.explain(x), "nan", "nan_in_data", "multiply", "np.array([1.0, np.nan])")


def test_at_tells_two_causes_in_one_gradient_apart() -> None:
    x = ad.tensor([0.0, np.nan, 4.0])
    loss = (np.sqrt(x) ** 2).sum()
    told(ad.explain(loss, wrt=x, at=0), "nan", "zero_times_infinity", "sqrt")
    told(ad.explain(loss, wrt=x, at=1), "nan", "nan_in_data", "")
    assert ad.explain(loss, wrt=x, at=2).state == "fine"


def test_the_logarithm_of_a_negative_number() -> None:
    with ad.record():
        x = ad.tensor([-1.0, 4.0])
        logs = np.log(x)
        loss = (logs * logs).sum()
        loss.backward()
    told(ad.explain(x), "nan", "outside_domain", "log", "logs = np.log(x)")


def test_infinity_minus_infinity() -> None:
    with ad.record():
        x = ad.tensor([1000.0, 1.0])
        difference = np.exp(x) - np.exp(2 * x)
        loss = (difference**2).sum()
        loss.backward()
    told(ad.explain(x), "nan", "inf_minus_inf", "subtract", "difference =")


def test_two_paths_whose_infinities_cancel() -> None:
    x = ad.tensor([1000.0, 1.0])
    why = ad.explain((np.exp(x) - np.exp(2 * x)).sum(), wrt=x)
    told(why, "nan", "inf_minus_inf", "exp")


def test_the_second_derivative_at_a_convention() -> None:
    x = ad.tensor(np.zeros(3))
    slope = ad.grad(np.linalg.norm)(x)
    why = ad.explain((slope * np.ones(3)).sum(), wrt=x)
    assert (why.state, why.cause.kind) == ("nan", "undefined"), why.text


def test_a_nan_loss_with_sound_gradients_is_told() -> None:
    x = ad.tensor([-1.0, 2.0])
    told(ad.explain(np.log(x).sum(), wrt=x), "fine", "outside_domain", "log")


def test_a_nan_that_an_earlier_pass_left() -> None:
    with ad.record():
        x = ad.tensor([0.0, 4.0])
        (np.sqrt(x) ** 2).sum().backward()
        loss = (x * 2.0).sum()
        loss.backward()
    told(ad.explain(x), "nan", "accumulated", "")


# ---- infinite
@pytest.mark.parametrize(
    ("f", "op"),
    [(np.sqrt, "sqrt"), (np.log, "log"), (lambda x: 1.0 / x, "divide"), (lambda x: x**0.5, "power")],
)
def test_an_infinite_derivative_at_zero(f: Any, op: str) -> None:
    with ad.record():
        x = ad.tensor([0.0, 4.0])
        loss = f(x * 1.0).sum()  # singular
        loss.backward()
    why = ad.explain(x)
    told(why, "infinite", "infinite_derivative", op)
    assert why.cause.index == (0,) and " 0 is infinite" in why.cause.rule
    s = ad.scalar(0.0)
    told(ad.explain(f(s), wrt=s), "infinite", "infinite_derivative", op)


def test_overflow_is_no_singular_point() -> None:
    x = ad.tensor([1000.0])
    told(ad.explain(np.exp(x).sum(), wrt=x), "infinite", "overflow", "exp")
    half = ad.tensor(np.array([300.0], np.float16))
    why = ad.explain((half * half * half).sum(), wrt=half)
    told(why, "infinite", "overflow", "multiply")
    assert "float64" in why.cause.remedy


# ---- huge
def test_a_chain_of_large_derivatives_names_the_worst() -> None:
    with ad.record():
        x = ad.tensor([1.0, 2.0])
        h = x
        for _ in range(3):
            h = np.sin(h) * 20.0
        loss = (h / 1e-4).sum()  # worst
        loss.backward()
    why = ad.explain(x)
    told(why, "huge", "large_derivatives", "divide", "h / 1e-4")
    assert "divide at test_causes.py" in why.text and "(3 times, together x 8000)" in why.text, why.text


def test_of_two_paths_the_one_that_sends_most_is_followed() -> None:
    with ad.record():
        x = ad.tensor([1.0, 2.0])
        large = x * 1e4
        loss = large.sum() + np.sin(x * 2.0).sum()
        loss.backward()
    told(ad.explain(x), "huge", "large_derivatives", "multiply", "large = x * 1e4")


def test_a_sound_gradient_has_no_cause() -> None:
    x = ad.tensor([1.0, 2.0])
    why = ad.explain((x * x).sum(), wrt=x)
    assert (why.state, why.cause, why.causes) == ("fine", None, ())


def test_an_empty_gradient_is_sound() -> None:
    x = ad.tensor(np.zeros((0, 2)))
    assert ad.explain(np.prod(x), wrt=x).state == ad.explain(np.var(x), wrt=x).state == "fine"


# ---- everywhere
POINTS = [(name, fn, point) for name, (fn, points) in SINGULAR.items() for point in points]


@pytest.mark.parametrize(("name", "fn", "point"), POINTS, ids=[f"{name}{p.operands}" for name, _, p in POINTS])
def test_every_singular_point_has_an_explanation(name: str, fn: Any, point: Any) -> None:
    operands = [
        a if g is None else ad.tensor(np.asarray(a, float)) for a, g in zip(point.operands, point.gradient, strict=True)
    ]
    with ad.record():
        out = fn(*operands, **point.static)
        loss = out.sum() if isinstance(out, ad.Tensor) else sum(part.sum() for part in out)
    for x in operands:
        if not isinstance(x, ad.Tensor):
            continue
        why = ad.explain(loss, wrt=x)
        (wanted,) = (
            ad.vjp(lambda x, x_=x: fn(*[x if g is x_ else g for g in operands], **point.static), x.data)[1](
                np.ones(out.shape)
            )
            if isinstance(out, ad.Tensor)
            else (None,)
        )
        if wanted is not None:
            state = "nan" if np.isnan(wanted).any() else "infinite" if np.isinf(wanted).any() else "zero"
            assert why.state == (state if state != "zero" or not np.any(wanted) else "fine"), why.text
        if why.state != "fine":
            assert why.cause.kind not in ("unknown", "accumulated") and why.cause.rule.endswith("."), why.text
            assert why.cause.place.startswith(HERE) or not why.cause.op, why.text


@settings(max_examples=30)
@given(st.data())
def test_an_explanation_agrees_with_the_gradient_and_changes_nothing(data: Any) -> None:
    row = data.draw(st.sampled_from([op for op in ad.ops.OPS.values() if op.elementwise and op.vjps[0] is not None]))
    number = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 800.0, -800.0, 1e200, 1e-300, np.inf, -np.inf, np.nan])
    operands = [ad.tensor(data.draw(st.lists(number, min_size=3, max_size=3))) for _ in row.inputs]
    weights = np.array(data.draw(st.lists(st.sampled_from([0.0, 1.0, 1e-200, 1e200]), min_size=3, max_size=3)))
    try:
        loss = (row(*operands) * weights).sum()
    except (TypeError, ValueError):  # an order must be a whole number, and the like
        return
    why = ad.explain(loss, wrt=operands[0])
    assert operands[0].grad is None
    loss.backward()
    g = operands[0].grad
    state = "nan" if np.isnan(g).any() else "infinite" if np.isinf(g).any() else "zero" if not g.any() else None
    assert (why.state == state) if state else why.state in ("fine", "huge")
    assert (why.cause is not None) or why.state == "fine"


# ---- how it works
def test_a_loss_alone_stands_for_its_worst_leaf() -> None:
    x, y = ad.tensor([0.0]), ad.tensor([2.0])
    why = ad.explain((np.sqrt(x) * y).sum(), names={"x": x, "y": y})
    told(why, "infinite", "infinite_derivative", "sqrt")
    assert "The gradient of x" in why.text


def test_without_a_record_the_text_tells_how_to_get_more() -> None:
    x = ad.tensor([0.0])
    assert "ad.record()" in ad.explain(np.sqrt(x).sum(), wrt=x).text
    loss = np.sqrt(x).sum()
    loss.backward()
    why = ad.explain(loss, wrt=x)
    assert why.state == "infinite" and "consumed" in why.text and why.cause is None
    assert "ad.explain(loss, wrt=x)" in ad.explain(x).text


def test_it_writes_nothing_and_keeps_the_graph_usable() -> None:
    x = ad.tensor([0.0, 4.0])
    loss = (np.sqrt(x) ** 2).sum()
    ad.explain(loss, wrt=x)
    assert x.grad is None
    loss.backward()
    kept = x.grad.copy()
    ad.explain(x)
    assert np.array_equal(x.grad, kept, equal_nan=True)


def test_a_long_chain_is_explained_without_recursion() -> None:
    x = ad.scalar(1.0)
    y = x
    for _ in range(20_000):
        y = y * 1.001
    told(ad.explain(y * 0.0, wrt=x), "zero", "times_zero", "multiply")


def test_the_picture_is_of_the_neighbourhood_of_the_cause() -> None:
    with ad.record():
        x = ad.tensor([0.0, 4.0])
        loss = (np.sqrt(x * 1.0) ** 2).sum()
        loss.backward()
    figure = ad.explain(x).draw(radius=1)
    assert {node.op for node in figure.nodes if node.op} >= {"sqrt"} or "√" in str(figure.nodes)
    assert len(figure.nodes) < 6
    with pytest.raises(ValueError, match="nothing to draw"):
        ad.explain(np.ones(2)).draw()


def test_a_record_keeps_no_loss_alive() -> None:
    with ad.record():
        x = ad.tensor([0.0, 4.0])
        np.sqrt(x).sum().backward()
    why = ad.explain(x)
    assert why.state == "infinite" and why.cause is None and "keep the loss" in why.text


def test_what_cannot_be_explained_is_refused() -> None:
    x = ad.tensor([1.0, 2.0])
    with pytest.raises(TypeError, match=r"explain\(loss, wrt=x\).*got float"):
        ad.explain(3.0, wrt=x)
    with pytest.raises(ad.GraphError, match=r"single number.*\(2,\).*\.sum\(\)"):
        ad.explain(x * 2, wrt=x)
    with pytest.raises(IndexError, match=r"at=7.*\(2,\)"):
        ad.explain((x * 2).sum(), wrt=x, at=7)


def test_independent_causes_are_told_in_one_answer() -> None:
    x = ad.tensor([0.0, 0.0, 4.0])
    loss = (np.sqrt(x) ** 2).sum() + (x / x).sum()
    why = ad.explain(loss, wrt=x)
    assert {(cause.kind, cause.op) for cause in why.causes} == {
        ("outside_domain", "divide"),
        ("zero_times_infinity", "sqrt"),
    }
    assert all(cause.rule in why.text and cause.remedy in why.text for cause in why.causes)
    loss = np.sqrt(x).sum() + np.cbrt(x).sum()
    assert [c.op for c in ad.explain(loss, wrt=x).causes] == ["cbrt", "sqrt"]


def test_one_cause_that_spoils_many_operations_is_told_once() -> None:
    x = ad.tensor([0.0, 4.0])
    q = x / x
    why = ad.explain((np.exp(q) + np.sin(q) * q).sum(), wrt=x)
    assert [(cause.kind, cause.op) for cause in why.causes] == [("outside_domain", "divide")]


def test_of_a_module_or_a_list_one_parameter_is_to_be_named():
    net = nn.Linear(2, 1, rng=0)
    loss = net(np.ones((3, 2))).sum()
    for why in (ad.explain(net), ad.explain(loss, wrt=net)):
        assert "a Linear is a module" in why.text and 'dict(model.named_parameters())["weight"]' in why.cause.remedy
    assert "one of its values" in ad.explain(list(net.parameters())).text

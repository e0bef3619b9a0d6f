"""Every way out of the graph is a named door or a named error; nothing leaves silently."""

from __future__ import annotations

import copy
import math
import operator
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn


def recorded() -> Any:
    """A recorded 0-d Tensor of value 6."""
    return ad.tensor(3.0) * 2.0


def recorded_scalar() -> Any:
    return ad.scalar(3.0) * 2.0


EXITS: dict[str, Callable[[Any], Any]] = {
    "float": float,
    "int": int,
    "round": round,
    "np.asarray": np.asarray,
    "np.array of a list": lambda x: np.array([x]),
    "np.float64": np.float64,
    "math.exp": math.exp,
    "math.sqrt": math.sqrt,
    "math.floor": math.floor,
    "complex": complex,
    "list index": lambda x: [1, 2, 3][x],
    "range": range,
}


@pytest.mark.parametrize(
    "make",
    [recorded, recorded_scalar, lambda: ad.tensor(3.0), lambda: ad.scalar(3.0)],
    ids=["tensor", "scalar", "tensor leaf", "scalar leaf"],
)
@pytest.mark.parametrize("name", EXITS)
def test_exit_from_a_recorded_value_is_refused(name: str, make: Any) -> None:
    with pytest.raises(TypeError):
        EXITS[name](make())


@pytest.mark.parametrize("name", ["float", "int", "np.asarray", "np.array of a list", "math.exp"])
def test_refused_exit_names_the_door_and_the_recorded_form(name: str) -> None:
    advice = r"For the plain value write \.(item\(\)|data); to keep the gradient write "
    with pytest.raises(ad.LeavesGraphError, match=advice):
        EXITS[name](recorded())


@pytest.mark.parametrize("make", [recorded, recorded_scalar])
def test_storing_a_recorded_value_in_an_array_is_refused(make: Any) -> None:
    array = np.zeros(3)
    with pytest.raises((ad.LeavesGraphError, ValueError)) as caught:
        array[0] = make()  # NumPy may put "a sequence" on top of our error, which stays its cause
    assert isinstance(caught.value, ad.LeavesGraphError) or isinstance(caught.value.__cause__, ad.LeavesGraphError)
    with pytest.raises(ad.LeavesGraphError):
        array[...] = make()
    assert not array.any()


def test_out_argument_is_refused_and_the_array_is_untouched() -> None:
    x, out = ad.tensor([1.0, 2.0]), np.zeros(2)
    for call in (lambda: np.add(x, 1.0, out=out), lambda: np.tanh(x, out=out), lambda: np.sum(x, axis=0, out=out[0])):
        with pytest.raises(TypeError, match="out="):
            call()
    assert not out.any()


def test_adding_a_recorded_value_into_a_plain_array_is_refused() -> None:
    total = np.zeros(2)
    with pytest.raises(ad.LeavesGraphError, match="in-place"):
        total += ad.tensor([1.0, 2.0])
    assert not total.any()


def test_where_argument_of_a_ufunc_is_refused_with_its_replacement() -> None:
    with pytest.raises(ad.MissingRuleError, match=r"np\.where"):
        np.exp(ad.tensor([1.0, 2.0]), where=[True, False])


@pytest.mark.parametrize(
    "make",
    [
        lambda: ad.tensor(3.0, requires_grad=False),
        lambda: ad.scalar(3.0, requires_grad=False),
        lambda: ad.tensor(3.0).detach(),
    ],
    ids=["tensor", "scalar", "detached"],
)
def test_unrecorded_value_leaves_freely(make: Any) -> None:
    x = make()
    assert float(x) == 3.0 and int(x) == 3 and math.sqrt(x) == math.sqrt(3.0)
    assert np.asarray(x) == 3.0 and np.array([x, x]).tolist() == [3.0, 3.0]
    array = np.zeros(2)
    array[1] = x
    assert array.tolist() == [0.0, 3.0]


def test_values_made_under_no_grad_leave_freely() -> None:
    x = ad.tensor([1.0, 2.0])
    with ad.no_grad():
        y = (x * 2).sum()
    assert float(y) == 6.0 and math.exp(y) == math.exp(6.0)


def test_the_doors_give_plain_values() -> None:
    x = ad.tensor([[1.0, 2.0], [3.0, 4.0]]) * 1.0
    assert type(x.data) is np.ndarray and type(x.numpy()) is np.ndarray
    assert x.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert type(x.sum().item()) is float and x.sum().item() == 10.0
    assert isinstance(x.detach(), ad.Tensor) and not x.detach().requires_grad
    s = ad.scalar(2.0) * 3
    assert type(s.data) is float and s.item() == 6.0 and s.tolist() == 6.0 and s.numpy().shape == ()
    with pytest.raises(ValueError, match=r"exactly one element.*\(2, 2\)"):
        x.item()


def test_detached_value_stops_the_gradient() -> None:
    x = ad.tensor([1.0, 2.0])
    (x * x.detach()).sum().backward()
    assert x.grad.tolist() == [1.0, 2.0]


# ---- functions without a rule
@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda x: np.char.center(x, 3), r"np\.(\w+\.)?center"),
        (lambda x: np.char.ljust(x, 3), r"np\.(\w+\.)?ljust"),
    ],
    ids=["char.center", "char.ljust"],
)
def test_function_without_a_rule_refuses_by_name(call: Any, name: str) -> None:
    # NumPy 2.0 does not dispatch them: they call np.asarray
    why = r".* (has no derivative rule here.*custom_vjp|would cut a recorded value out).*\.data"
    with pytest.raises((ad.MissingRuleError, ad.LeavesGraphError), match=name + why):
        call(ad.tensor([[1.0, 2.0], [3.0, 4.0]]))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.sum(foo=1),
        lambda x: np.tanh(x, casting="no"),
        lambda x: np.mean(x, 0, None, None, False, 5),
    ],
    ids=["unknown", "casting", "too many"],
)
def test_argument_that_cannot_be_recorded_is_refused(call: Any) -> None:
    with pytest.raises(TypeError):
        call(ad.tensor([1.0, 2.0]))


@pytest.mark.parametrize("other", ["a", None, object(), {}, b"x"], ids=["str", "None", "object", "dict", "bytes"])
@pytest.mark.parametrize("make", [recorded, recorded_scalar], ids=["tensor", "scalar"])
def test_arithmetic_with_what_is_no_number_is_a_type_error(make: Any, other: Any) -> None:
    for operate in (lambda a, b: a + b, lambda a, b: b + a, lambda a, b: a * b, lambda a, b: a**b, lambda a, b: a < b):
        with pytest.raises(TypeError):
            operate(make(), other)


def test_a_foreign_type_that_knows_us_is_asked() -> None:
    class Knows:
        def __radd__(self, other: Any) -> str:
            return "asked"

        def __gt__(self, other: Any) -> str:
            return "asked"

    for make in (recorded, recorded_scalar):
        assert make() + Knows() == "asked" and (make() < Knows()) == "asked"


# ---- copies and pickles
@pytest.mark.parametrize(
    "clone", [copy.deepcopy, copy.copy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "copy", "pickle"]
)
def test_leaves_are_copied_with_dtype_and_flag_but_no_history(clone: Any) -> None:
    x = ad.tensor(np.array([1.0, 2.0], np.float32))
    (x * x).sum().backward()
    y = clone(x)
    assert type(y) is ad.Tensor and y.requires_grad
    y.grad = None
    assert y.dtype == np.float32 and y.tolist() == [1.0, 2.0]
    (y * 3).sum().backward()
    assert y.grad.tolist() == [3.0, 3.0] and x.grad.tolist() == [2.0, 4.0]
    assert not clone(x.detach()).requires_grad
    s = clone(ad.scalar(2.0))
    assert type(s) is ad.Scalar and s.requires_grad and s.data == 2.0


def test_a_deep_copy_shares_no_memory() -> None:
    x = ad.tensor([1.0, 2.0])
    y = copy.deepcopy(x)
    assert not np.shares_memory(x.data, y.data)


def test_a_deep_copy_has_the_gradient_and_a_pickle_has_none_as_in_pytorch() -> None:
    """A model that is copied between two backward passes lost what it had gathered."""
    x, s = ad.tensor([1.0, 2.0]), ad.scalar(3.0)
    (x * s).sum().backward()
    y, t = copy.deepcopy([x, s])
    assert y.grad.tolist() == [3.0, 3.0] and t.grad == 3.0
    assert not np.shares_memory(x.grad, y.grad)
    (y * 2).sum().backward()
    assert y.grad.tolist() == [5.0, 5.0] and x.grad.tolist() == [3.0, 3.0]
    assert copy.copy(x).grad is None and pickle.loads(pickle.dumps(x)).grad is None


@pytest.mark.parametrize("clone", [copy.deepcopy, copy.copy, pickle.dumps], ids=["deepcopy", "copy", "pickle"])
@pytest.mark.parametrize("make", [recorded, recorded_scalar], ids=["tensor", "scalar"])
def test_recorded_values_refuse_to_be_copied(clone: Any, make: Any) -> None:
    with pytest.raises(ad.LeavesGraphError, match="detach"):
        clone(make())


# ---- words and habits from elsewhere
@pytest.mark.parametrize(("word", "written"), [("view", r"\.reshape"), ("cuda", "CPU"), ("requires_grad_", "= True")])
def test_a_word_of_another_library_says_what_it_is_here(word: str, written: str) -> None:
    for x in (ad.tensor([1.0, 2.0]), ad.scalar(1.0)):
        with pytest.raises(AttributeError, match=rf"a {type(x).__name__} has no \.{word}: .*{written}"):
            getattr(x, word)
        assert not hasattr(x, word) and word not in dir(x)


def test_an_argument_of_another_library_says_what_it_is_here() -> None:
    with pytest.raises(ad.MissingRuleError, match=r"mean\(\.\.\., dim=\.\.\.\).*axis="):
        ad.tensor([[1.0]]).mean(dim=1)


def test_a_ufunc_that_is_not_numpys_is_not_called_so() -> None:
    """Every ufunc without a rule was called np.something, also scipy.special's."""
    ours = np.frompyfunc(lambda v: v, 1, 1)
    with pytest.raises(ad.MissingRuleError, match=r"^<lambda> \(vectorized\) has no derivative rule"):
        ours(ad.tensor([1.0]))
    with pytest.raises(ad.MissingRuleError, match=r"^np\.gcd takes integers.* no derivative rule.*np\.gcd\(x\.data"):
        np.gcd(ad.tensor([1.0]), 1)


def test_a_format_that_needs_a_single_number_says_so() -> None:
    with pytest.raises(TypeError, match=r"f'\{x:\.3f\}' needs a single number.*has shape \(2,\).*array2string"):
        f"{ad.tensor([1.0, 2.0]):.3f}"
    with pytest.raises(TypeError, match=r"shape \(1,\)\. Write x\.item\(\)"):  # as NumPy and PyTorch
        f"{ad.tensor([2.0]):.3f}"
    assert f"{ad.tensor(2.0):.3f}" == f"{ad.scalar(2.0):.3f}" == "2.000" and f"{ad.tensor([2.0])}" == "[2.]"


@pytest.mark.parametrize("x", [ad.tensor([1.0, 2.0]), ad.tensor([1.0, 2.0], dtype=np.float32)], ids=["f8", "f4"])
def test_a_gradient_set_from_a_list_is_an_array(x: ad.Tensor) -> None:
    """The list was kept, and the optimizer failed on it a step later."""
    x.grad = [1, 2]
    assert isinstance(x.grad, np.ndarray) and x.grad.dtype == x.dtype


# ---- what works on recorded values
def test_formatting_shows_the_value() -> None:
    x, s = recorded(), recorded_scalar()
    assert f"{x:.2f}" == f"{s:.2f}" == "6.00"
    assert str(x) == "6.0" == str(s) and f"{x}" == "6.0"
    assert f"{ad.tensor([1.0, 2.0])}" == "[1. 2.]"
    assert repr(ad.tensor([1.0, 2.0])) == "tensor([1., 2.])"
    assert repr(ad.tensor(np.float32([1]))) == "tensor([1.], dtype=float32)"
    assert repr(x) == "tensor(6., op=multiply)" and repr(s) == "scalar(6.0, op=multiply)"
    assert repr(ad.tensor(1.0, requires_grad=False)) == "tensor(1., requires_grad=False)"


def test_truth_is_that_of_the_one_element() -> None:
    assert recorded() and recorded_scalar() and not ad.tensor([[0.0]]) and not ad.scalar(0.0)
    for many in (ad.tensor([1.0, 2.0]), ad.tensor(np.zeros(0))):
        with pytest.raises(ValueError, match=r"ambiguous.*np\.any"):
            bool(many)


def test_comparisons_are_plain_booleans() -> None:
    x, s = ad.tensor([1.0, 2.0, 3.0]), ad.scalar(2.0)
    for answer, expected in [
        (x > 2, [False, False, True]),
        (x == [1, 0, 3], [True, False, True]),
        (2 >= x, [True, True, False]),
        (x != x, [False] * 3),
        (np.less(x, 2.0), [True, False, False]),
        (np.array([1.0, 5.0, 3.0]) < x, [False] * 3),
    ]:
        assert type(answer) is np.ndarray and answer.dtype == bool and answer.tolist() == expected
    assert (s > 1) is True and (s == 2.0) is True and (3 < s) is False and type(x[0] < 2) in (bool, np.bool_)


@pytest.mark.parametrize("name", ["lt", "le", "eq", "ne", "gt", "ge"])
def test_every_comparison_is_pythons(name: str) -> None:
    compare = getattr(operator, name)
    numbers = [-1.0, 0.0, 1.0, math.nan]
    for a in numbers:
        for b in numbers:
            for left, right in [(ad.scalar(a), ad.scalar(b)), (ad.scalar(a), b), (a, ad.scalar(b)), (ad.tensor(a), b)]:
                assert bool(compare(left, right)) is compare(a, b)
        np.testing.assert_array_equal(compare(ad.tensor(numbers), a), compare(np.array(numbers), a))


def test_integer_and_boolean_answers_are_plain() -> None:
    x = ad.tensor([3.0, 1.0, 2.0])
    assert np.argmax(x) == 0 and np.argsort(x).tolist() == [1, 2, 0] and np.isnan(x).tolist() == [False] * 3
    assert x.argmax() == 0 and np.allclose(x, [3, 1, 2]) and np.shape(x) == (3,) and np.any(x > 2)
    assert type(np.zeros_like(x)) is np.ndarray and type(np.full_like(x, 2.0)) is np.ndarray
    assert x.argsort().tolist() == [1, 2, 0] and x.argmin(axis=0) == 1 and (x > 2).any() and x.all() and not x[:0].any()


def test_handles_are_hashable_by_identity() -> None:
    x, y = ad.tensor(1.0), ad.tensor(1.0)
    assert len({x, y, x}) == 2 and {x: 1}[x] == 1


def test_control_flow_follows_the_value() -> None:
    def f(x: Any) -> Any:
        return x * x if x > 0 else -x

    assert ad.grad(f)(3.0) == 6.0 and ad.grad(f)(-2.0) == -1.0


# ---- making values
@pytest.mark.parametrize(
    "value", [[1, 2], [True], np.arange(3), np.array([1], np.uint8)], ids=["ints", "bools", "int64", "uint8"]
)
def test_integers_and_booleans_need_a_decision(value: Any) -> None:
    for flag in (None, True):
        with pytest.raises(TypeError, match=r"dtype=float.*requires_grad=False"):
            ad.tensor(value, requires_grad=flag)
    assert ad.tensor(value, dtype=float).requires_grad
    constant = ad.tensor(value, requires_grad=False)
    assert not constant.requires_grad and constant.dtype == np.asarray(value).dtype


@pytest.mark.parametrize(
    "value", ["1.0", None, [None], ["a"], [[1.0], [1.0, 2.0]]], ids=["str", "None", "[None]", "['a']", "ragged"]
)
def test_what_is_no_array_of_numbers_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        ad.tensor(value)


def test_tensor_copies_unless_told_to_share() -> None:
    a = np.array([1.0, 2.0])
    assert not np.shares_memory(ad.tensor(a).data, a) and ad.tensor(a, copy=False).data is a


def test_scalars_are_floats() -> None:
    for value in (2, 2.0, np.float32(2), np.int64(2), np.array(2.0), True and 2):
        s = ad.scalar(value)
        assert type(s.data) is float and s.data == 2.0 and s.dtype == np.float64 and s.shape == ()
    for bad in ("2", None, 2j, [1.0, 2.0], np.array([1.0, 2.0])):
        with pytest.raises((TypeError, ValueError)):
            ad.scalar(bad)


def test_making_a_tensor_of_a_recorded_value_is_refused() -> None:
    with pytest.raises(ad.LeavesGraphError, match=r"ad.stack"):
        ad.tensor(recorded())


@pytest.mark.parametrize("start", [2.0, np.array([2.0, 3.0])], ids=["Scalar", "Tensor"])
@pytest.mark.parametrize(
    "leave",
    [
        copy.copy,
        copy.deepcopy,
        lambda x: pickle.loads(pickle.dumps(x)),
        nn.Parameter,
        nn.Buffer,
        ad.tensor,
        lambda x: nn.ParameterList([x])[0],
    ],
    ids=["copy", "deepcopy", "pickle", "Parameter", "Buffer", "tensor", "ParameterList"],
)
def test_a_copy_of_the_argument_of_a_transform_is_refused_as_of_any_recorded_value(leave: Any, start: Any) -> None:
    """It was a new leaf, and the gradient of the function 0 without a word."""
    for transform in (ad.grad, ad.value_and_grad, lambda f: lambda x: ad.jvp(f, (x,), (x,))):
        with pytest.raises(ad.LeavesGraphError, match=r"x\.data"):
            transform(lambda x: np.sum(leave(x) * 2.0))(start)
    with pytest.raises(ad.LeavesGraphError, match=r"x\.data"):
        leave(ad.tensor(start) * 1.0)
    assert np.all(ad.grad(lambda x: np.sum(np.copy(x) * 2.0))(start) == 2.0)
    assert isinstance(leave(ad.tensor(start)), ad.Tensor)  # a leaf of the user's own


def test_scalars_lead_into_tensors_and_back_recorded() -> None:
    a, b = ad.scalar(2.0), ad.scalar(3.0)
    t = ad.stack([a * b, b])
    assert type(t) is ad.Tensor and t.shape == (2,)
    s = ad.scalar(t[0] * t[1])
    assert type(s) is ad.Scalar
    s.backward()
    assert (a.grad, b.grad) == (9.0, 12.0)


def test_iteration_and_unpacking_stay_in_the_graph() -> None:
    x = ad.tensor([3.0, 5.0])
    a, b = x
    (a * b).backward()
    assert x.grad.tolist() == [5.0, 3.0]
    for bad in (iter, len):
        with pytest.raises(TypeError):
            bad(ad.tensor(1.0))


def test_a_complex_number_says_what_to_write() -> None:
    t, s = ad.tensor([1.0, 2.0]), ad.scalar(2.0)
    for use in (lambda: 1j * t, lambda: t * 1j, lambda: t + 1j):
        assert use().dtype == np.complex128
    for use in (lambda: s * 1j, lambda: 2j / s):
        with pytest.raises(TypeError, match=r"a Scalar is real. Write ad.tensor"):
            use()


def said(call: Callable[[Any], Any], x: Any) -> str:
    """The text of the refusal of ``call(x)``, which is short."""
    with pytest.raises(ad.LeavesGraphError) as error:
        call(x)
    assert len(str(error.value).split()) < 50
    return str(error.value)


def test_a_function_of_math_has_its_counterpart_in_numpy() -> None:
    """math.sin(t) was told to write np.exp."""
    t = ad.tensor(0.5)
    assert "math.sin would cut" in said(lambda t: math.sin(t), t) and "np.sin(x)" in said(lambda t: math.sin(t), t)
    assert "np.arctan2" in said(lambda t: 2.0 * math.atan2(1.0, t) + math.pi, t)
    assert "ad.special.gammaln" in said(lambda t: math.lgamma(t), t)
    sin = math.sin
    assert "np.sin(x)" in said(lambda t: float(1) + sin(t) if False else math.sin(t), t)
    assert "float()" in said(float, t)


def test_numpys_testing_and_vectorize_say_what_fits() -> None:
    y = ad.tensor([1.0, 2.0])
    assert "np.testing.assert_allclose compares plain values: write x.data" in said(
        lambda y: np.testing.assert_allclose(y, [1.0, 2.0]), y
    )
    assert "ad.vmap" in said(np.vectorize(lambda v: v), y)


def test_a_function_of_scipy_has_its_counterpart_here() -> None:
    special, linalg = pytest.importorskip("scipy.special"), pytest.importorskip("scipy.linalg")
    sparse, stats = pytest.importorskip("scipy.sparse"), pytest.importorskip("scipy.stats")
    y = ad.tensor([1.0, 2.0])
    for name in ("softmax", "logsumexp", "log_softmax"):
        assert f"scipy.special.{name} would cut" in said(getattr(special, name), y)
        assert f"write ad.{name}." in said(getattr(special, name), y)
    assert "write ad.linalg.solve." in said(lambda y: linalg.solve(np.eye(2), y), y)
    assert "write ad.stats.norm.logpdf." in said(stats.norm.logpdf, y)
    for product in (lambda y: sparse.eye(2).tocsr() @ y, lambda y: y @ sparse.eye(2).tocsr()):
        assert "A.toarray() @ x" in said(product, y)


@pytest.mark.parametrize(
    ("package", "call", "text"),
    [
        ("pandas", lambda m, y: y * m.Series([1.0, 2.0]), "frame.to_numpy()"),
        ("pandas", lambda m, y: m.DataFrame(np.eye(2)) @ y, "frame.to_numpy()"),
        ("matplotlib.pyplot", lambda m, y: m.plot(y), "write plt.plot(x.data)"),
        ("sklearn.preprocessing", lambda m, y: m.StandardScaler().fit(y[:, None]), "scikit-learn"),
    ],
    ids=["series", "frame", "plot", "estimator"],
)
def test_another_library_is_named_with_the_fix_that_fits(package: str, call: Any, text: str) -> None:
    """plt.plot(x) said that only leaves can be copied, of a leaf."""
    module = pytest.importorskip(package)
    if package.startswith("matplotlib"):
        module.switch_backend("Agg")
    assert text in said(lambda y: call(module, y), ad.tensor([1.0, 2.0]))


@pytest.mark.parametrize("kind", [ad.tensor, ad.scalar])
def test_an_array_of_pytorch_or_jax_beside_a_value_is_refused_by_name_on_both_sides(kind: Any) -> None:
    """Python's own error was "unsupported operand type(s) for *: 'Tensor' and 'Tensor'"; == was False."""
    torch, jnp = pytest.importorskip("torch"), pytest.importorskip("jax.numpy")
    t = kind(2.0)
    for x, plain in ((torch.tensor([1.0, 2.0]), r"x\.detach\(\)\.numpy\(\)"), (jnp.ones(2), r"np\.asarray\(x\)")):
        for call in (operator.mul, operator.pow, operator.lt, operator.eq):
            for pair in ((t, x), (x, t)):
                with pytest.raises(TypeError, match=f"autodiff.*{plain}"):
                    call(*pair)
    with pytest.raises(TypeError, match=r"torch's stack got a .* of autodiff.*functions of np and ad"):
        torch.stack([t, t])
    assert torch.tensor(ad.tensor([1.0], requires_grad=False)).item() == 1.0  # a constant may leave


def test_a_polars_series_beside_a_value_is_refused_by_name() -> None:
    series = pytest.importorskip("polars").Series([1.0, 2.0])
    with pytest.raises(TypeError, match=r"Series x of polars.*write x\.to_numpy\(\)"):
        ad.tensor(2.0) * series


def test_a_sparse_matrix_is_no_tensor_and_the_error_has_the_form_to_write() -> None:
    """The error named the dtype object."""
    a = pytest.importorskip("scipy.sparse").csr_array(np.eye(2))
    for make in (ad.tensor, nn.Parameter):
        with pytest.raises(TypeError, match=r"sparse csr_array of shape \(2, 2\)\. Write x\.toarray\(\)"):
            make(a)


def test_nditer_over_a_recorded_value_or_in_a_trace_is_refused_by_name() -> None:
    """NumPy replaces every TypeError there by one about flags of the iterator."""
    with pytest.raises(ad.GraphError, match=r"np\.nditer would cut .* loop over x\.ravel\(\)"):
        list(np.nditer(ad.tensor([1.0, 2.0])))
    with pytest.raises(ad.TraceError, match=r"np\.nditer reads plain memory.*loop over x\.ravel\(\)"):
        ad.compile(lambda x: sum(float(v) for v in np.nditer(x)))(np.ones(2))

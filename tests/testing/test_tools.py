"""Kink margins, the power of inputs, adapters of other libraries, and the strategies."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

import autodiff as ad
import autodiff.testing as testing
from autodiff.testing import (
    DerivativeError,
    broadcastable,
    check_derivatives,
    from_autograd,
    from_jax,
    from_pair,
    from_torch,
    indices,
    kink_margins,
    layouts,
    orthogonal,
    power,
    signature,
    spd,
    tensors,
    triangular,
    well_conditioned,
)
from autodiff.testing.planted_mistakes import MISTAKES

FEW = settings(max_examples=20)


def test_composite_kinks_that_cancel_are_found_in_the_graph() -> None:
    margins = kink_margins(lambda x: ad.relu(x) - ad.relu(-x), np.array([0.25, -3.0]))
    assert [(m.op, m.margin) for m in margins] == [("relu", 0.25), ("relu", 0.25)]
    assert "test_tools.py" in margins[0].source


def test_margins_of_operations_with_constants_use_the_constants() -> None:
    margins = kink_margins(lambda x: np.maximum(x, np.array([1.0, 5.0])), np.array([1.5, 2.0]))
    assert [m.margin for m in margins] == [0.5]
    assert kink_margins(np.tanh, np.ones(2)) == []


def test_power_names_the_mistakes_that_inputs_can_never_show() -> None:
    report = power(np.tanh, np.array([0.5, 1.5]), vjp=lambda g, y, x: (g * (1 - y * y),))
    assert {"factor 2", "wrong sign", "rounded to float32", "reversed"} <= set(report.caught)
    assert "doubled at ties" in report.missed and "halved for negatives" in report.missed
    assert "needs an input with equal entries" in str(report) == repr(report)  # repr: at Python's prompt
    wider = power(np.tanh, np.array([0.5, 0.5, -1.0, 0.0]), vjp=lambda g, y, x: (g * (1 - y * y),))
    assert {"doubled at ties", "halved for negatives", "nothing at zeros"} <= set(wider.caught)
    assert len(MISTAKES) >= 24


def test_a_torch_function_is_checked_backward_and_twice() -> None:
    torch = pytest.importorskip("torch")

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x.sin()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return -g * ctx.saved_tensors[0].cos()

    with pytest.raises(DerivativeError, match="sign"):
        check_derivatives(from_torch(Wrong), np.array([0.5, 1.0]))
    report = check_derivatives(from_torch(torch.tanh), tensors(wide=False), order=2, examples=4)
    assert report.tally.counts["P10"]["pass"] > 0


def test_a_jax_rule_is_checked() -> None:
    jax = pytest.importorskip("jax")

    @jax.custom_vjp
    def doubled(x: Any) -> Any:
        return 2.0 * x

    doubled.defvjp(lambda x: (doubled(x), None), lambda _, g: (3.0 * g,))
    with pytest.raises(DerivativeError, match=r"factor of 1\.5"):
        check_derivatives(from_jax(doubled), np.array([0.5, 1.0]), dtypes=())
    assert check_derivatives(from_jax(jax.numpy.tanh), np.array([0.5, 1.0]), dtypes=()).ok


def test_an_autograd_function_is_checked() -> None:
    pytest.importorskip("autograd")
    import autograd.numpy as anp

    assert check_derivatives(from_autograd(lambda x: anp.tanh(x) * anp.sum(x)), np.array([0.5, 1.0]), dtypes=()).ok


def test_a_pair_is_a_function_that_carries_its_rule() -> None:
    pair = from_pair(np.exp, lambda g, y, x: (g * y,))
    assert pair(0.0) == 1.0 and check_derivatives(pair, np.array([0.5])).ok


@given(signature("(m,k),(k,n)->(m,n)"))
@FEW
def test_signature_shares_axes(call: Any) -> None:
    a, b = call.args
    assert a.shape[1] == b.shape[0]


def test_a_bad_signature_is_refused() -> None:
    with pytest.raises(ValueError, match="signature"):
        signature("m,k->")


@given(broadcastable(3))
@FEW
def test_broadcastable_arguments_broadcast(call: Any) -> None:
    np.broadcast_shapes(*[a.shape for a in call.args])


@given(st.data())
@FEW
def test_indices_index_and_layouts_keep_the_numbers(data: Any) -> None:
    x = data.draw(tensors((2, 3)))
    x[data.draw(indices(x.shape))]
    assert np.array_equal(data.draw(layouts(x)), x)


@given(orthogonal(3), well_conditioned(3, 1e3), spd(3, 1e3), triangular(3), tensors(domain=(0.0, 1.0)))
@FEW
def test_matrices_are_what_their_names_say(q: Any, a: Any, s: Any, t: Any, x: Any) -> None:
    assert np.allclose(q @ q.T, np.eye(3)) and np.linalg.cond(a) < 1.01e3
    assert np.array_equal(s, s.T) and np.linalg.eigvalsh(s).min() > 0.9
    assert np.array_equal(t, np.tril(t)) and np.abs(np.diag(t)).min() >= 0.5
    assert ((x > 0) & (x < 1)).all()


def test_every_public_name_loads_and_none_hides_a_module() -> None:
    import pkgutil

    modules = {m.name for m in pkgutil.iter_modules(testing.__path__)}
    for name in testing.__all__:
        assert callable(getattr(testing, name)), name
        assert name not in modules, name


@pytest.mark.parametrize(
    ("name", "place"), [("check_module", "nn.testing.check_module"), ("GraphMachine", "tests/support")]
)
def test_a_name_that_moved_answers_with_its_new_place(name: str, place: str) -> None:
    with pytest.raises(AttributeError, match=place):
        getattr(testing, name)


def test_without_hypothesis_a_name_that_needs_it_says_how_to_install_it() -> None:
    code = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "import numpy as np, autodiff as ad\n"
        "assert ad.testing.check_derivatives(np.sin, np.array([0.5])).ok\n"
        "for name in ('tensors', 'check_op'):\n"
        "    try: getattr(ad.testing, name)\n"
        "    except ModuleNotFoundError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.count("pip install hypothesis") == 2, done.stdout


@given(signature("(n)->(n)", domain=(-1000, 1000)))
@settings(max_examples=100, derandomize=True)
def test_a_finite_domain_is_filled(call: Any) -> None:
    assert (np.abs(call.args[0]) < 1000).all()
    event("beyond 500" if (np.abs(call.args[0]) > 500).any() else "within 500")


def test_a_rule_wrong_far_out_in_its_domain_or_at_larger_sizes_is_wrong() -> None:
    far = check_derivatives(
        np.sin,
        signature("(n)->(n)", domain=(-1000, 1000)),
        vjp=lambda g, y, x: (g * np.cos(x) * np.where(np.abs(x) > 5, 2, 1),),
        raises=False,
        explain=False,
    )
    long = check_derivatives(
        np.sin,
        signature("(n)->(n)"),
        vjp=lambda g, y, x: (g * np.cos(x) * (2 if x.size >= 4 else 1),),
        raises=False,
        explain=False,
    )
    assert far.outcome == long.outcome == "wrong"


def test_a_rule_that_clips_or_adds_a_constant_is_wrong() -> None:
    for rule in (lambda g, y, x: (np.clip(g * np.cos(x), -50, 50),), lambda g, y, x: (g * np.cos(x) + 1e-30,)):
        with pytest.raises(DerivativeError, match=r"P04|P06"):
            check_derivatives(np.sin, np.array([0.5]), vjp=rule)


def test_the_range_and_sizes_tried_stand_beside_the_verdict() -> None:
    report = check_derivatives(np.sin, tensors((2,), (-1.0, 1.0)), examples=5)
    assert "tried: entries from -" in str(report) and ", 2 numbers in an example" in str(report)

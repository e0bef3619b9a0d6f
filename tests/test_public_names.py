"""The public names, written down: adding one is a decision and removing one is a break, and either shows here.

A new row adds its name to OPERATIONS, to AUTODIFF when it is public, and to TENSOR when it is a method.
"""

from __future__ import annotations

import inspect

import pytest

import autodiff as ad
import nn
from autodiff import foreign

AUTODIFF = """
AnomalyError ExitError GraphError MissingRuleError Scalar StaleValueError Tensor Variable WriteError WriteMark
absolute add arccos arccosh arcsin arcsinh arctan arctan2 arctanh astype atleast_1d atleast_2d atleast_3d average
bce_with_logits broadcast_to cbrt ceil checkpoint clip column_stack concatenate copy copysign cos cosh cross_entropy
cumprod cumsum current_scope custom_vjp degrees detect_anomaly diag diagonal diff divide dot draw draw_compare
draw_function drawing dstack einsum elu enable_grad erf erfc exp exp2 expand_dims expm1 flip fliplr flipud floor
floor_divide fmax fmin fmod gelu grad gradients_of_graph heaviside hessian hstack hvp hypot inner is_recording
jacobian jvp keeps_record leaky_relu linear log log10 log1p log2 log_softmax logaddexp logaddexp2 logsigmoid logsumexp
mark_written matmul max maximum mean median min minimum moveaxis multiply negative no_grad ops outer pad positive
power prod ptp radians ravel reciprocal record relu remainder repeat reshape rint roll rot90 round scalar scope
sigmoid sign silu sin sinc sinh softmax softplus sort split sqrt square squeeze stack std strict subtract sum swapaxes
take take_along_axis tan tanh tensor tensordot testing tile trace training_report transpose tril triu trunc unstack
value_and_grad var vdot vecdot vjp vstack weighted_sum where zeros_on_cache_lines
"""

NN = """
Adam AdamW BCELoss BCEWithLogitsLoss Buffer CrossEntropyLoss Dropout ELU EarlyStopping FileFormatError Flatten GELU
HingeLoss History HuberLoss L1Loss Layer LeakyReLU Linear LogSoftmax MLP MSELoss Module MultiMarginLoss NLLLoss
Neuron Parameter ReLU SGD Sequential SiLU Sigmoid Softmax Softplus Tanh accuracy binary_cross_entropy
binary_cross_entropy_with_logits clip_grad_norm_ clip_grad_value_ confusion_matrix cross_entropy data
default_generator evaluate fit functional functional_call hinge_loss huber_loss init l1_loss load metrics mse_loss
multi_margin_loss nll_loss optim predict save seed
"""

OPERATIONS = """
absolute add arccos arccosh arcsin arcsinh arctan arctan2 arctanh astype bce_with_logits broadcast_to cbrt ceil clip
concatenate copysign cos cosh cross_entropy cumsum degrees divide einsum elu erf erfc exp exp2 expand_dims expm1 flip
floor floor_divide fmax fmin fmod gelu getitem heaviside hypot inv ldexp leaky_relu linear log log10 log1p log2
log_softmax logaddexp logaddexp2 logsigmoid logsumexp matmul max maximum mean median min minimum multiply negative
norm2 positive power prod radians reciprocal relu remainder reshape rint roll round scatter setitem sigmoid sign
silu sin sinc sinh softmax softplus solve sqrt square squeeze stack std subtract sum swapaxes tan tanh to_scalar
transpose tril triu trunc var weighted_sum where
"""

VARIABLE = """
backward data detach dtype grad is_leaf item ndim node numpy register_hook requires_grad retain_grad shape size
tolist
"""

TENSOR = """
T abs all any argmax argmin argsort astype clip copy cos cumprod cumsum diagonal dot elu exp expm1 flatten gelu
leaky_relu log log1p log_softmax logsigmoid logsumexp mT max mean min nbytes nonzero prod ravel relu repeat reshape
round searchsorted sigmoid silu sin softmax softplus sqrt square squeeze std sum swapaxes take tanh trace transpose
var
"""

SCALAR = """
abs cos elu exp expm1 gelu leaky_relu log log1p logsigmoid relu round sigmoid silu sin softplus sqrt square tanh
"""


def words(text: str) -> set[str]:
    return set(text.split())


def members(cls: type) -> set[str]:
    return {name for name in dir(cls) if not name.startswith("_") and name not in foreign.WORDS}


@pytest.mark.parametrize(
    ("found", "pinned"),
    [
        (ad.__all__, AUTODIFF),
        (nn.__all__, NN),
        (ad.ops.OPS, OPERATIONS),
        (members(ad.Variable), VARIABLE),
        (members(ad.Tensor) - members(ad.Variable), TENSOR),
        (members(ad.Scalar) - members(ad.Variable), SCALAR),
    ],
    ids=["autodiff", "nn", "operations", "Variable", "Tensor", "Scalar"],
)
def test_public_names_are_these(found: object, pinned: str) -> None:
    names = set(found)  # type: ignore[call-overload]
    assert names - words(pinned) == set(), "new names: write them down here"
    assert words(pinned) - names == set(), "names that are gone: a break for whoever used them"


@pytest.mark.parametrize("package", [ad, nn], ids=["autodiff", "nn"])
def test_every_public_name_exists_once(package: object) -> None:
    names = package.__all__  # type: ignore[attr-defined]
    assert len(set(names)) == len(names)
    for name in names:
        assert getattr(package, name) is not None
    assert set(names) <= set(dir(package))


def test_names_that_do_not_exist_say_so() -> None:
    with pytest.raises(AttributeError, match=r"module 'autodiff' has no attribute 'tanhh'"):
        ad.tanhh  # type: ignore[attr-defined]


def test_the_stub_of_the_handles_is_what_the_rows_say() -> None:
    from autodiff.ops import stubs

    assert stubs.TARGET.read_text(encoding="utf-8") == stubs.stub(), "run: python -m autodiff.ops.stubs"


def test_the_stub_names_every_method() -> None:
    from autodiff.ops import stubs

    text = stubs.stub()
    for cls in (ad.Tensor, ad.Scalar):
        for name, value in vars(cls).items():
            if inspect.isfunction(value) and not name.startswith("__"):
                assert f"def {name}(" in text, name

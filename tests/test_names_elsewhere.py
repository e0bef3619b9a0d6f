"""Names of other libraries, and misspelt ones, are answered with what to write here; they are no names of ours."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff.names import elsewhere as names_elsewhere
from nn import names_elsewhere as nn_names


@pytest.mark.parametrize(
    ("package", "words"),
    [(ad, names_elsewhere.IN_PACKAGE), (nn, nn_names.IN_PACKAGE)],
    ids=["autodiff", "nn"],
)
def test_a_name_of_another_library_says_what_to_write(package: Any, words: dict[str, str]) -> None:
    answered = [name for name in words if name not in package.__all__]
    assert len(answered) > 20
    for name in answered:
        if name in vars(package):  # a submodule of this name
            continue
        assert not hasattr(package, name) and name not in dir(package)
        with pytest.raises(AttributeError) as error:
            getattr(package, name)
        assert str(error.value).endswith(f"has no attribute {name!r}: {words[name]}.")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("from autodiff import grad, elementwise_grad", "'autodiff': write ad.grad(lambda x: np.sum(f(x)))(x)."),
        ("from autodiff import nn", "'autodiff': write import nn."),
        ("from autodiff import write_all", "'autodiff': write autodiff.extend.write_all."),
        ("from autodiff import hessain", "'autodiff'. Did you mean hessian?"),
        ("from autodiff.special import betaincc_", "'autodiff.special'. Did you mean betaincc"),
        ("from autodiff.extend import defvjp", "'autodiff.extend': write f = ad.custom_vjp(f)"),
        ("from nn import Dense", "'nn': write nn.Linear(inputs, outputs)."),
    ],
)
def test_an_import_of_a_name_of_another_library_says_what_to_write(line: str, said: str) -> None:
    """Python replaces the text of an AttributeError there by "cannot import name"."""
    with pytest.raises(ImportError, match="cannot import name") as error:
        exec(line, {})
    assert said in str(error.value)


def test_a_constant_of_pytorchs_arguments_says_what_to_write() -> None:
    """ad.zeros(2, 3) said that _zeros() takes 1 positional argument."""
    with pytest.raises(TypeError, match=r"ad\.zeros: too many .*the shape is one argument, ad\.zeros\(\(2, 3\)\)"):
        ad.zeros(2, 3)
    with pytest.raises(TypeError, match=r"ad\.ones makes a constant: write ad\.tensor\(np\.ones"):
        ad.ones(3, requires_grad=True)


@pytest.mark.parametrize("module", [ad.special, ad.linalg], ids=["special", "linalg"])
def test_a_function_of_scipys_that_is_not_here_says_what_to_write(module: Any) -> None:
    assert not set(module._WORDS) & set(module.__all__)
    for name, word in module._WORDS.items():
        with pytest.raises(AttributeError, match=re.escape(f"has no attribute {name!r}: {word}.")):
            getattr(module, name)
        for function in re.findall(r"(?<![\w.])([a-z_]\w+)\(", word):  # without a dot: of this module
            assert function in module.__all__ or function in ("f", name)


ANSWERS = {
    "autodiff": names_elsewhere.IN_PACKAGE,
    "values": names_elsewhere.WORDS,
    "nn": nn_names.IN_PACKAGE,
    "models": nn_names.IN_MODULE,
    "functions of nn": nn_names.IN_FUNCTIONAL,
    "optimizers": nn_names.IN_OPTIMIZER,
}


@pytest.mark.parametrize("table", ANSWERS)
def test_what_an_answer_says_to_write_exists(table: str) -> None:
    """ad.jit was answered "leave it out: nothing is compiled", when ad.compile was there."""
    for name, text in ANSWERS[table].items():
        for package, path in re.findall(r"\b(ad|nn|np)\.([a-zA-Z_][\w.]*\w)", text):
            found: Any = {"ad": ad, "nn": nn, "np": np}[package]
            for part in path.split("."):
                assert hasattr(found, part), f"{name}: {text}"
                found = getattr(found, part)


def test_no_answer_is_given_for_a_name_that_is_there() -> None:
    assert not names_elsewhere.IN_PACKAGE.keys() & set(ad.__all__) and not nn_names.IN_PACKAGE.keys() & set(nn.__all__)
    for name in ("vmap", "jacfwd", "jacrev", "stop_gradient", "compile", "checkpoint"):
        assert name in ad.__all__


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("jit", "ad.compile"),
        ("lax", "ad.compile"),
        ("scan", "for"),
        ("remat", "ad.checkpoint"),
        ("pmap", "ad.parallel"),
    ],
)
def test_a_name_of_jax_has_its_counterpart(name: str, form: str) -> None:
    with pytest.raises(AttributeError, match=re.escape(form)):
        getattr(ad, name)


@pytest.mark.parametrize(
    ("package", "name", "meant"),
    [
        (ad, "tanhh", "tanh"),
        (ad, "Grad", "grad"),
        (ad, "nograd", "no_grad"),
        (ad, "value_and_gradient", "value_and_grad"),
        (ad, "jacobain", "jacobian"),
        (nn, "Lineer", "Linear"),
        (nn, "Relu", "ReLU"),
        (nn, "crossentropy", "cross_entropy"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest(package: Any, name: str, meant: str) -> None:
    with pytest.raises(AttributeError, match=rf"Did you mean .*\b{meant}\b"):
        getattr(package, name)


def test_python_adds_no_suggestion_of_its_own_to_an_answer() -> None:
    """It put ". Did you mean: 'lecun_uniform'?" behind the full stop of ours."""
    code = """if True:
        import sys, nn, autodiff.linalg
        for module, name in ((nn.init, "glorot_uniform"), (nn, "Lineer"), (autodiff.linalg, "chole")):
            try:
                getattr(module, name)
            except AttributeError:
                sys.excepthook(*sys.exc_info())
    """
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr
    answers = re.findall(r"^AttributeError: (.*)", printed, re.MULTILINE)
    assert answers[0].endswith(": write nn.init.xavier_uniform(p.shape).")
    assert [answer.count("Did you mean") for answer in answers] == [0, 1, 1]


def test_what_is_near_to_nothing_is_answered_plainly() -> None:
    for package in (ad, nn):
        with pytest.raises(AttributeError, match=r"has no attribute 'qqqqq'$"):
            package.qqqqq
        assert not hasattr(package, "__qqqqq__")


@pytest.mark.parametrize("name", nn_names.IN_MODULE)
def test_a_model_says_what_to_write_for_a_name_of_another_library(name: str) -> None:
    net = nn.Linear(2, 1, rng=0)
    assert not hasattr(net, name) and name not in dir(net)
    with pytest.raises(AttributeError) as error:
        getattr(net, name)
    assert str(error.value) == f"Linear has no .{name}: {nn_names.IN_MODULE[name]}."


def test_an_error_inside_a_property_of_a_model_is_not_hidden() -> None:
    class Net(nn.Module):
        @property
        def width(self) -> int:
            return self.missing.size  # type: ignore[attr-defined,no-any-return]

    with pytest.raises(AttributeError, match="'Net' object has no attribute 'missing'"):
        assert Net().width

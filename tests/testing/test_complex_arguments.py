"""Derivative checks of complex numbers: right functions pass, planted mistakes are found, reports show the inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.testing import check_derivatives, from_autograd, from_jax, from_torch
from autodiff.testing.inputs import strategies as s

Z = np.array([0.5 + 0.3j, -1.2 + 0.7j, 0.8 - 1.1j, -0.4 - 0.6j])
W = np.array([1.0 - 2.0j, 0.3 + 0.4j, -0.7 + 0.2j, 0.9 + 1.3j])
X = np.array([0.5, -1.25, 2.0, 0.75, -0.3])

RIGHT: dict[str, Any] = {
    "product": (lambda z, w: z * w / (z - 3), Z, W),
    "of both kinds": (lambda z, x: z * x + np.real(z), Z, X[:4]),
    "parts": (lambda z: (np.real(z) ** 2, np.imag(z) * z, np.conj(z)), Z),
    "modulus": (lambda z: np.abs(z) ** 3, Z),
    "elementary": (lambda z: np.exp(z) + np.sin(z) * np.log(z), Z),
    "matrix": (lambda z: np.linalg.inv(np.reshape(z, (2, 2))), Z),
    "sum": (lambda z: np.sum(z * W), Z),
    "number": (lambda z: z * z, np.array(0.5 - 0.7j)),
    "spectrum": (np.fft.fft, Z),
    "half a spectrum": (np.fft.rfft, X),
    "of half a spectrum": (lambda z: np.fft.irfft(z, 7), Z),
    "complex64": (lambda z: np.tanh(z), Z.astype(np.complex64)),
}


@pytest.mark.sampled
@pytest.mark.parametrize("name", RIGHT)
def test_right_derivatives_pass_at_both_orders(name: str) -> None:
    f, *inputs = RIGHT[name]
    assert check_derivatives(f, *inputs, order=2).ok


def test_a_search_draws_complex_arrays() -> None:
    arrays = s.tensors(s.shapes(1, 2), dtype=complex, wide=False)
    assert check_derivatives(lambda z: z * np.conj(z) * 1j, arrays, examples=20).ok


def rule(forward: Any, backward: Any) -> Any:
    """A function of this engine with a rule of its own, in the engine's convention."""
    made = ad.custom_vjp(forward)
    made.defvjp(lambda *xs: (forward(*xs), xs), lambda xs, g: backward(g, *xs))
    return made


def half(g: Any, twice: Any) -> Any:
    return np.conj(np.fft.rfft(np.real(g))) / 7 * twice


# forward, the right rule (a plain transpose), and wrong ones
PLANTED: dict[str, Any] = {
    "a conjugate too many": (lambda z: z * z, lambda g, z: (2 * g * z,), lambda g, z: (2 * g * np.conj(z),), Z),
    "a conjugate missing": (np.conj, lambda g, z: (np.conj(g),), lambda g, z: (g,), Z),
    "the imaginary part dropped": (
        lambda z: z * W,
        lambda g, z: (g * W,),
        lambda g, z: (np.real(g * W) + 0j,),
        Z,
    ),
    "a factor of 1j": (np.exp, lambda g, z: (g * np.exp(z),), lambda g, z: (1j * g * np.exp(z),), Z),
    "a real operand keeps the imaginary part's share": (
        lambda x: x * (1 + 2j),
        lambda g, x: (np.real(g * (1 + 2j)),),
        lambda g, x: (np.real(g) + np.imag(g) * 2,),
        X,
    ),
    "half a spectrum counted once": (
        lambda z: np.fft.irfft(z, 7),
        lambda g, z: (half(g, np.array([1.0, 2.0, 2.0, 2.0])),),
        lambda g, z: (half(g, 1.0),),
        Z,
    ),
    "the transform's inverse instead of its transpose": (
        np.fft.fft,
        lambda g, z: (np.fft.fft(g),),
        lambda g, z: (np.fft.ifft(g) * 4,),
        Z,
    ),
    "the phase of a modulus forgotten": (
        np.abs,
        lambda g, z: (g * np.conj(z) / np.abs(z),),
        lambda g, z: (g * z / np.abs(z),),
        Z,
    ),
}


@pytest.mark.sampled
@pytest.mark.parametrize("name", PLANTED)
def test_planted_mistakes_of_complex_rules_are_found(name: str) -> None:
    forward, right, wrong, z = PLANTED[name]
    assert check_derivatives(rule(forward, right), z, modes=["reverse"], properties=["P01", "P12"]).ok
    report = check_derivatives(rule(forward, wrong), z, modes=["reverse"], properties=["P01", "P12"], raises=False)
    assert not report.ok and {x.finding.property for x in report.failures} <= {"P01", "P02", "P25"}


def test_a_report_prints_the_complex_input_and_names_the_conjugate() -> None:
    report = check_derivatives(lambda z: z * z, np.array([0.5 + 2.0j]), vjp=lambda g, y, z: (g * 2 * z,), raises=False)
    failure = report.failures[0]
    assert failure.kind == "conjugate"
    assert "complex(0.5, 2.0)" in str(report)
    assert failure.finding.case.args[0].dtype == np.complex128


def test_a_rule_that_returns_real_gradients_for_complex_inputs_is_found() -> None:
    report = check_derivatives(np.sin, Z, vjp=lambda g, y, z: (np.real(g * np.conj(np.cos(z))),), raises=False)
    assert {x.finding.property for x in report.failures} & {"P01", "P12"}


def test_a_function_that_writes_into_its_complex_input_is_found() -> None:
    def double(z: Any) -> Any:
        z *= 2
        return z * 1j

    report = check_derivatives(double, Z.copy(), vjp=lambda g, y, z: (-2j * g,), raises=False)
    assert "P17" in {x.finding.property for x in report.failures}


def test_gradients_of_other_libraries_pass_in_complex_numbers() -> None:
    torch = pytest.importorskip("torch")
    assert check_derivatives(from_torch(lambda z, w: torch.exp(z) * w.conj()), Z, W).ok


def test_gradients_of_jax_pass_in_complex_numbers() -> None:
    jax = pytest.importorskip("jax")
    assert check_derivatives(from_jax(lambda z: jax.numpy.conj(z) * z * z), Z).ok


def test_gradients_of_autograd_pass_in_complex_numbers() -> None:
    numpy = pytest.importorskip("autograd.numpy")
    assert check_derivatives(from_autograd(lambda z: numpy.exp(z) * z), Z).ok

"""Proof that a derivative is right: numerical checks, generated inputs, readable counterexamples.

Import direction: this package reads the engine's public names; nothing in the engine imports it. The numerical core
(`autodiff.testing.numerical`) needs NumPy alone; Hypothesis is imported only where inputs are searched.
"""

from autodiff.testing.numerical import Estimate, numerical_derivative, power_of_two_direction

__all__ = ["Estimate", "numerical_derivative", "power_of_two_direction"]

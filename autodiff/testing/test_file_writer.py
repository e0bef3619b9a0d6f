"""`write_tests`: a ready pytest file for a function, from its name."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

__all__ = ["find_function", "write_tests"]


def find_function(target: str) -> Callable[..., Any]:
    """Return the function that "module:function" names (dots after the colon reach into classes).

    Raises:
        ValueError: the text has no colon, or the module has no such function.
        ImportError: the module cannot be imported.

    >>> find_function("math:hypot")(3, 4)
    5.0
    """
    module, colon, name = target.partition(":")
    if not colon or not name:
        raise ValueError(f'{target!r}: write "module:function", for example "mylib.ops:swish"')
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        if not hasattr(found, part):
            raise ValueError(f"{target!r}: {module} has no {name!r}")
        found = getattr(found, part)
    if not callable(found):
        raise ValueError(f"{target!r} is a {type(found).__name__}, not a function")
    return found


def array_arguments(f: Callable[..., Any]) -> int:
    """Return how many positional arguments without a default f takes; 1 when its signature is unknown."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return getattr(f, "nin", 1)
    return sum(p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters) or 1


def write_tests(
    target: str, signature: str | None = None, domain: tuple[float, float] | None = None, order: int = 1
) -> str:
    """Return a pytest file that checks the derivatives of "module:function".

    Args:
        target: the function to test.
        signature: shapes such as "(m,k),(k,n)->(m,n)"; without it arguments broadcast.
        domain: interval of the arguments' entries.
        order: 2 checks second derivatives as well.

    Returns:
        The text of the file.

    Raises:
        ValueError, ImportError: as `find_function`.

    >>> print(write_tests("numpy:tanh"))
    \"\"\"Derivative tests of numpy.tanh.\"\"\"
    <BLANKLINE>
    import numpy
    <BLANKLINE>
    from autodiff.testing import check_derivatives, tensors
    <BLANKLINE>
    <BLANKLINE>
    def test_derivatives_of_tanh():
        check_derivatives(numpy.tanh, tensors())
    <BLANKLINE>
    <BLANKLINE>
    def test_float32_keeps_up_in_tanh():
        check_derivatives(numpy.tanh, tensors(), properties=["P12", "P13", "P01"])
    <BLANKLINE>
    """
    f = find_function(target)
    module, _, name = target.partition(":")
    inputs, needed = strategy_text(array_arguments(f), signature, domain)
    plain = name.replace(".", "_").lower()
    more = f", order={order}" if order != 1 else ""
    return f'''"""Derivative tests of {module}.{name}."""

import {module}

from autodiff.testing import {", ".join(sorted(["check_derivatives", needed]))}


def test_derivatives_of_{plain}():
    check_derivatives({module}.{name}, {inputs}{more})


def test_float32_keeps_up_in_{plain}():
    check_derivatives({module}.{name}, {inputs}, properties=["P12", "P13", "P01"])
'''


def strategy_text(count: int, signature: str | None, domain: tuple[float, float] | None) -> tuple[str, str]:
    """Return the strategy as Python, and the name it needs."""
    interval = f"({domain[0]!r}, {domain[1]!r})" if domain else ""
    if signature:
        return f'signature("{signature}"{", " + interval if interval else ""})', "signature"
    if count == 1:
        return f"tensors({'domain=' + interval if interval else ''})", "tensors"
    return f"broadcastable({count}{', ' + interval if interval else ''})", "broadcastable"

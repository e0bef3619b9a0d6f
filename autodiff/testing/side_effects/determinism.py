"""Check that equal calls give equal results, in this process and in fresh ones."""

from __future__ import annotations

import copy
import importlib
import importlib.util
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import autodiff as ad
from autodiff.testing.side_effects.mutation import first_difference

__all__ = ["assert_deterministic"]

_CHILD = """
import importlib, pickle, sys
sys.path[:], module, name, call = pickle.load(sys.stdin.buffer)
from autodiff.testing.side_effects.determinism import _bare
target = importlib.import_module(module)
for part in name.split("."):
    target = getattr(target, part)
args, kwargs = pickle.loads(call)
result = pickle.dumps(_bare(target(*args, **kwargs)))
sys.stdout.buffer.write(b"result:" + result)
"""


def assert_deterministic(f: Callable[..., Any], *args: Any, processes: bool | None = None, **kwargs: Any) -> None:
    """Check that equal calls give equal results, bit for bit: two in this process and two in fresh ones.

    Each call gets copies of the arguments, so that a Generator starts from the same state. The fresh processes differ
    in their hash seed, which shows an order taken from a set.

    Args:
        processes: False stays in this process; by default others are used when f can be imported there by its name and
            the arguments can be pickled.

    Raises:
        AssertionError: results differ; the message names the first place.
        ValueError: processes=True and f cannot be imported by another process.

    >>> assert_deterministic(np.cumsum, np.array([0.1, 0.2]), processes=False)
    >>> rng = np.random.default_rng(0)
    >>> assert_deterministic(lambda: rng.integers(100, 1000000), processes=False)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: <lambda> is not deterministic: two calls in one process differ: the result was ... and then ...
    """
    name = getattr(f, "__qualname__", repr(f))
    results = [_bare(f(*copy.deepcopy(args), **copy.deepcopy(kwargs))) for _ in range(2)]
    _compare(results[0], results[1], f"{name} is not deterministic: two calls in one process differ")
    if processes is False:
        return
    call = _picklable((args, kwargs))
    if call is None or not _importable(f):
        if processes:
            why = "its arguments cannot be pickled" if call is None else "no other process can import it by its name"
            raise ValueError(f"assert_deterministic: {name} cannot be run in another process, for {why}.")
        return
    for seed in ("1", "2"):
        there = _in_process(f, call, seed)
        _compare(results[0], there, f"{name} is not deterministic: a fresh process with PYTHONHASHSEED={seed} differs")


def _bare(x: Any) -> Any:
    """Return a result without its graph: handles become their values, containers stay."""
    if isinstance(x, ad.Variable):
        return x.data
    if isinstance(x, dict):
        return {key: _bare(value) for key, value in x.items()}
    if isinstance(x, list | tuple):
        return [_bare(value) for value in x]
    return x


def _picklable(x: Any) -> bytes | None:
    try:
        return pickle.dumps(x)
    except Exception:  # pickling runs foreign code, which may raise anything
        return None


def _importable(f: Callable[..., Any]) -> bool:
    """Return whether another process would import this same function by its module and name."""
    module, name = getattr(f, "__module__", None), getattr(f, "__qualname__", "")
    if not module or module == "__main__" or "<" in name or not name:
        return False
    try:
        if module not in sys.builtin_module_names and importlib.util.find_spec(module) is None:
            return False
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError):
        return False
    return found is f


def _in_process(f: Callable[..., Any], call: bytes, seed: str) -> Any:
    request = pickle.dumps((sys.path, f.__module__, f.__qualname__, call))
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    command = [sys.executable, "-c", _CHILD]
    done = subprocess.run(command, input=request, capture_output=True, env=environment, check=False)
    _, found, result = done.stdout.partition(b"result:")
    problem = done.stderr.decode(errors="replace")
    if problem.strip().rpartition("\n")[2].startswith("ModuleNotFoundError"):
        raise ValueError(
            f"another process cannot import a name: {problem.strip().rpartition(': ')[2]}. Put the function and "
            "its rule into a module that stands on sys.path."
        )
    if done.returncode or not found:
        raise AssertionError(f"{f.__qualname__} failed in a fresh process:\n{problem}")
    return pickle.loads(result)


def _compare(a: Any, b: Any, complaint: str, place: str = "the result") -> None:
    """Raise AssertionError at the first place where two results differ in type, shape, dtype or bytes."""
    if isinstance(a, dict) and isinstance(b, dict) and list(a) == list(b):
        for key in a:
            _compare(a[key], b[key], complaint, f"{place}[{key!r}]")
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            _compare(x, y, complaint, f"{place}[{i}]")
    elif isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and (a.shape, a.dtype) == (b.shape, b.dtype):
        if a.tobytes() != b.tobytes() and a.dtype != object:
            at = first_difference(a, b)
            raise AssertionError(f"{complaint}: {place} at {at} was {a[at]} and then {b[at]}")
    elif not (a is b or (type(a) is type(b) and (a == b or a != a))):
        raise AssertionError(f"{complaint}: {place} was {a!r} and then {b!r}")

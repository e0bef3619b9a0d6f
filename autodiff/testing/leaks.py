"""Does a piece of work leave anything behind? Graph nodes, written arguments, answers that change.

Plain functions for tests: each runs a callable and raises AssertionError with what it found.
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.testing.numerical import as_outputs
from autodiff.testing.report import array_text

__all__ = ["assert_deterministic", "assert_unmutated", "graph_leak_check"]


def _graph_objects() -> dict[int, Any]:
    """Live objects of the engine's graph: nodes and handles."""
    import autodiff as ad
    from autodiff.graph import Node
    kinds = (Node, ad.Variable)
    return {id(o): o for o in gc.get_objects() if isinstance(o, kinds)}


def graph_leak_check(work: Callable[[], Any], raises: bool = True) -> int:
    """Run `work` and count the graph objects it leaves behind without help from the cyclic collector.

    Args:
        work: makes graphs and drops them; what it returns is dropped too.
        raises: False returns the count instead.

    Returns:
        How many nodes and handles are still alive.

    Raises:
        AssertionError: some are.

    >>> import autodiff as ad
    >>> graph_leak_check(lambda: (ad.tensor([1.0, 2.0]) ** 2).sum().backward())
    0
    """
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        before = set(_graph_objects())
        work()
        left = [o for key, o in _graph_objects().items() if key not in before]
    finally:
        if enabled:
            gc.enable()
    if left and raises:
        kinds = sorted({type(o).__name__ for o in left})
        raise AssertionError(f"graph_leak_check: {len(left)} graph objects ({', '.join(kinds)}) outlive the work; something holds "
                             "a result, or a cycle keeps them until the collector runs")
    return len(left)


def assert_unmutated(work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run work(*args, **kwargs) and check that no array among the arguments was written.

    Returns:
        What `work` returned.

    Raises:
        AssertionError: naming the argument and the first changed entry.

    >>> assert_unmutated(np.cumsum, np.array([1.0, 2.0])).tolist()
    [1.0, 3.0]
    """
    named = [*enumerate(args), *kwargs.items()]
    before = {key: a.copy() for key, a in named if isinstance(a, np.ndarray)}
    result = work(*args, **kwargs)
    for key, a in named:
        if isinstance(a, np.ndarray) and a.tobytes() != before[key].tobytes():
            same = (a == before[key]) | ((a != a) & (before[key] != before[key]))
            place = tuple(int(i) for i in np.argwhere(~np.asarray(same))[0]) if not np.all(same) else ()
            raise AssertionError(f"assert_unmutated: argument {key} was written: entry {place} was {before[key][place]!r} "
                                 f"and is {a[place]!r}")
    return result


def _digest(y: Any) -> str:
    code = hashlib.sha256()
    for a in as_outputs(y):
        code.update(f"{a.shape}{a.dtype.str}".encode() + np.ascontiguousarray(a).tobytes())
    return code.hexdigest()


def assert_deterministic(work: Callable[..., Any], *args: Any, processes: bool = False, **kwargs: Any) -> Any:
    """Run work(*args, **kwargs) twice and check that both results are the same, bit for bit.

    Args:
        processes: also run it in a new Python process with another hash seed; `work` must then be importable by name, and the
            arguments picklable.

    Returns:
        The first result.

    Raises:
        AssertionError: the results differ.
        ValueError: `processes` is set and `work` cannot be imported by name.
    """
    from autodiff.testing.engine import plain
    first, second = work(*args, **kwargs), work(*args, **kwargs)
    a, b = _digest(plain(first)), _digest(plain(second))
    if a != b:
        raise AssertionError(f"assert_deterministic: two calls give different results, {array_text(as_outputs(plain(first))[0])} "
                             f"and {array_text(as_outputs(plain(second))[0])}")
    if processes:
        module, name = getattr(work, "__module__", ""), getattr(work, "__qualname__", "")
        if not module or "<" in name or getattr(importlib.import_module(module), name, None) is not work:
            raise ValueError(f"assert_deterministic: {name or work!r} cannot be imported by name, so no other process can run it")
        program = ("import sys, pickle, importlib; sys.path[:] = pickle.load(sys.stdin.buffer); m, n, a, k = pickle.load(sys.stdin.buffer)\n"
                   "from autodiff.testing.leaks import _digest\nfrom autodiff.testing.engine import plain\n"
                   "print(_digest(plain(getattr(importlib.import_module(m), n)(*a, **k))))")
        given = pickle.dumps(sys.path) + pickle.dumps((module, name, args, kwargs))
        done = subprocess.run([sys.executable, "-c", program], input=given, capture_output=True, check=False)
        if done.returncode:
            raise AssertionError(f"assert_deterministic: the other process failed:\n{done.stderr.decode()}")
        if done.stdout.decode().strip() != a:
            raise AssertionError("assert_deterministic: another process gives a different result (a hash order, an address or an "
                                 "unseeded generator?)")
    return first



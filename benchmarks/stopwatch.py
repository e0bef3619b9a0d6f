"""The stopwatch of these benchmarks: contenders take turns in short bursts; medians, minima and ratios are printed.

The speed of a shared machine changes by the second. So each round has one burst of each contender, in a new random
order, and ratios are taken within a round before their median. The cyclic garbage collector stays on, as in a user's
program. Never here: code that is timed.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from importlib import metadata

import numpy as np

UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
Times = dict[str, list[float]]  # contender -> seconds per call, one number a round


def installed(*peers: str) -> dict[str, bool]:
    """Return which peers can be imported; print a line for each that cannot."""
    found = {peer: importlib.util.find_spec(peer) is not None for peer in peers}
    for peer in (peer for peer, here in found.items() if not here):
        print(f"  {peer}: not installed, skipped (pip install -e '.[bench]')")
    return found


def race(
    contenders: dict[str, Callable[[], object]], rounds: int, burst: int = 1, warmup: int = 1, settle: int = 0
) -> Times:
    """Return seconds per call of each contender in each round; a round makes ``burst`` calls of each in a row.

    settle: calls before each burst that are not counted. After them a training step is in its steady state: its data
    are in the caches, and the spinning threads of the contender before it are asleep.
    """
    for run in contenders.values():
        for _ in range(warmup):
            run()
    times: Times = {name: [] for name in contenders}
    order, rng = list(contenders), random.Random(0)
    for _ in range(rounds):
        rng.shuffle(order)
        for name in order:
            run = contenders[name]
            for _ in range(settle):
                run()
            started = time.perf_counter()
            for _ in range(burst):
                run()
            times[name].append((time.perf_counter() - started) / burst)
    return times


def work_alone(steps: Iterable[Callable[[], object]], calls: int) -> None:
    """Time one contender in this process, and print the median seconds of a call of each of its steps: the part of
    ``race_alone`` that runs in the contender's process."""
    medians = []
    for step in steps:
        seconds = []
        for _ in range(calls + 10):  # the first ten are not counted
            started = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - started)
        medians.append(statistics.median(seconds[10:]))
    print(json.dumps(medians))


def race_alone(script: str, names: list[str], steps: int, rounds: int, calls: int) -> list[Times]:
    """Time contenders that have a process of their own, in turns, and return the times of each of their steps.

    The script runs as ``script --worker NAME --calls CALLS``, which calls ``work_alone``.
    """
    times: list[Times] = [{name: [] for name in names} for _ in range(steps)]
    for _ in range(rounds):
        for name in random.sample(names, len(names)):
            command = [sys.executable, script, "--worker", name, "--calls", str(calls)]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            for found, seconds in zip(times, json.loads(printed), strict=True):
                found[name].append(seconds)
    return times


def table(times: Times, unit: str = "ms", divide: float = 1, ours: str = "backflow") -> None:
    """Print ratio, median and minimum of each contender; we are faster where a ratio is below 1."""
    scale = UNITS[unit] / divide
    width = max(map(len, times))
    print(f"  {'':{width}}  ours/theirs   median {unit:>2}      min {unit:>2}   rounds")
    for name, seconds in sorted(times.items(), key=lambda item: statistics.median(item[1])):
        middle = statistics.median(seconds)
        quotient = "          -" if name == ours else f"{ratio(times, name, ours):11.3f}"
        print(f"  {name:{width}}  {quotient}  {middle * scale:10.2f}  {min(seconds) * scale:10.2f}  {len(seconds):7d}")


def goal(what: str, value: float, limit: float, stretch: float | None = None) -> None:
    """Print a figure and its goal."""
    verdict = (
        "stretch reached" if stretch is not None and value <= stretch else "reached" if value <= limit else "MISSED"
    )
    aim = f"goal <= {limit:.4g}" + (f", stretch {stretch:.4g}" if stretch is not None else "")
    print(f"  {what}: {value:.3f} ({aim}): {verdict}")


def ratio(times: Times, theirs: str, ours: str = "backflow") -> float:
    """Return our time over theirs: the median of the ratios within rounds, or the ratio of medians for other rounds."""
    mine, other = times[ours], times[theirs]
    if len(mine) != len(other):
        return statistics.median(mine) / statistics.median(other)
    return statistics.median([a / b for a, b in zip(mine, other)])


def setting(title: str, *packages: str) -> None:
    """Print the title and the setting: cores, versions, BLAS and its kernel, the garbage collector."""
    versions = ", ".join(f"{p} {metadata.version(p)}" for p in packages if importlib.util.find_spec(p) is not None)
    print(title)
    print(
        f"  {os.cpu_count()} cores, {vectors()}, Python {platform.python_version()}, NumPy {np.__version__}"
        f"{', ' + versions if versions else ''}; {blas()}; garbage collector {'on' if gc.isenabled() else 'OFF'}"
    )


def vectors() -> str:
    """Return the widest vector instructions that NumPy found."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])  # type: ignore[call-overload, index]
    text = " ".join(found)
    return (
        "AVX-512" if "AVX512" in text or "X86_V4" in text else "AVX2" if "AVX2" in text or "X86_V3" in text else "SIMD"
    )


def blas() -> str:
    """Return the BLAS under NumPy, its kernel and threads, and the variables that set them."""
    asked = " ".join(
        f"{k}={v}"
        for k, v in os.environ.items()
        if k in ("OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
    )
    if importlib.util.find_spec("threadpoolctl") is None:
        built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]  # type: ignore[call-overload, index]
        return f"BLAS {built['name']} (install threadpoolctl to see its kernel) {asked}".rstrip()
    from threadpoolctl import threadpool_info

    pools = [p for p in threadpool_info() if p["user_api"] == "blas" and "numpy" in p["filepath"]]
    text = ", ".join(f"{p['internal_api']} kernel {p.get('architecture')}, {p['num_threads']} threads" for p in pools)
    return f"{text or 'BLAS unknown'} {asked}".rstrip()

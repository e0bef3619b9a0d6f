"""The time of ``import autodiff, nn`` beyond NumPy's own import: new processes, bytecode cached.

A user's second start finds compiled files, so a private cache (PYTHONPYCACHEPREFIX) is filled once, and every measured
process reads it. In each process NumPy is imported first and not counted. Peers are measured in the same way.

    python benchmarks/imports.py [--rounds 21]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from stopwatch import Times, goal, installed, setting, table

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = """
import time, numpy
t = time.perf_counter()
import {0}
print(time.perf_counter() - t)
"""
MODULES = {"backflow": "autodiff, nn", "autodiff alone": "autodiff"}


def seconds(modules: str, environment: dict[str, str]) -> float:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(modules)], env=environment, check=True, capture_output=True, text=True
    )
    return float(run.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    setting("import autodiff, nn beyond NumPy's own import; bytecode cached", "torch", "jax", "autograd", "mygrad")
    here = installed("autograd", "mygrad", "torch", "jax")
    with tempfile.TemporaryDirectory() as cache:
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = cache
        environment["PYTHONPATH"] = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH")) if p)
        modules = MODULES | {peer: peer for peer, found in here.items() if found}
        times: Times = {name: [] for name in modules}
        for what in modules.values():
            seconds(what, environment)  # fills the cache
        for i in range(rounds):
            for name, what in modules.items():
                if name in MODULES or i < 3:  # a peer's seconds need no more
                    times[name].append(seconds(what, environment))
    table(times)
    goal("seconds", sorted(times["backflow"])[rounds // 2], 0.060)


if __name__ == "__main__":
    main()

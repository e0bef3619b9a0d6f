"""Versions for a bug report: of this package, Python, NumPy with its BLAS, and the optional libraries."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata

import numpy as np

OPTIONAL = """graphviz scipy scikit-learn hypothesis matplotlib tqdm torch jax safetensors onnx mpi4py dask pandas
polars""".split()


def show_versions() -> None:
    """Print the versions of everything that can change a result, to be copied into a bug report.

    That is this package, Python, the platform, NumPy, its BLAS and number of threads, Graphviz's program, and the
    optional libraries that are installed. scikit-learn: ``sklearn.show_versions``.

    >>> import autodiff as ad
    >>> ad.show_versions()
    backflow...
    Python...
    """
    for name, version in _versions().items():
        print(f"{name:14}{version}")


def _versions() -> dict[str, str]:
    found = {
        "backflow": sys.modules[__package__].__version__,
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "platform": platform.platform(),
        "NumPy": np.__version__,
        "BLAS": _blas(),
        "dot": _dot(),
    }
    if os.environ.get("BACKFLOW_GENERATED_PATHS") == "0":
        found["generated"] = "off: BACKFLOW_GENERATED_PATHS=0"
    for name in OPTIONAL:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _blas() -> str:
    """Return the BLAS that NumPy was built with, and how many threads it may use."""
    built = np.show_config(mode="dicts")
    blas = built.get("Build Dependencies", {}).get("blas", {}) if isinstance(built, dict) else {}
    name = f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()
    threads = {key: os.environ[key] for key in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS") if key in os.environ}
    given = "".join(f", {key}={value}" for key, value in threads.items())
    return f"{name}, {os.cpu_count()} processors{given}"


def _dot() -> str:
    """Return the version of Graphviz's program."""
    program = shutil.which("dot")
    if program is None:
        return "not found: pictures are laid out by Backflow itself"
    try:
        printed = subprocess.run([program, "-V"], capture_output=True, text=True, timeout=10, check=False).stderr
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"found, but it does not run: {error}"
    return printed.strip().removeprefix("dot - ")

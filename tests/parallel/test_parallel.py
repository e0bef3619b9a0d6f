"""Several processes: collectives, averaged gradients, and jobs that fail; each job checks itself on every rank."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

import autodiff as ad
import nn

pytestmark = pytest.mark.mpiexec
HERE = Path(__file__).parent


def mpiexec(ranks: int, script: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a script on so many ranks of this machine; a job that hangs is ended."""
    pytest.importorskip("mpi4py")
    root = ["--allow-run-as-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    command = ["mpiexec", *root, "--oversubscribe", "-n", str(ranks), sys.executable, str(script), *map(str, arguments)]
    quiet = {"OPENBLAS_NUM_THREADS": "1", "OMPI_MCA_btl_vader_single_copy_mechanism": "none"}
    return subprocess.run(command, capture_output=True, text=True, timeout=100, env={**os.environ, **quiet})


@pytest.mark.sampled(2)  # a start takes seconds
@pytest.mark.parametrize("ranks", [2, 4])
def test_every_rank_finds_everything_right(ranks: int) -> None:
    done = mpiexec(ranks, HERE / "job_checks.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f"rank {rank} of {ranks}: all right" in done.stdout for rank in range(ranks))  # lines may interleave


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        ("raise", "rank 1 of 2 failed with ValueError: the disk is full. The job ends on every rank"),
        ("exit", "exit"),  # mpiexec's own words: it differs between MPIs
    ],
)
def test_a_rank_that_dies_ends_the_job_which_goes_on_from_its_checkpoint_bit_for_bit(
    end: str, sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "run.npz"
    died = mpiexec(2, HERE / "job_fit.py", path, end)
    assert died.returncode != 0 and sentence in died.stderr + died.stdout
    assert path.exists()
    went_on = mpiexec(2, HERE / "job_fit.py", path, "compare")
    assert went_on.returncode == 0, went_on.stdout + went_on.stderr
    assert "rank 0: equal bit for bit" in went_on.stdout and "rank 1: equal bit for bit" in went_on.stdout


def test_the_example_gives_the_numbers_of_one_process() -> None:
    done = mpiexec(4, HERE.parent.parent / "examples" / "parallel.py", "--epochs", 2, "--batch-size", 128)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 process, 4 parts of each batch" in done.stdout and "one after another: yes" in done.stdout
    whole = float(next(line for line in done.stdout.splitlines() if "whole batches" in line).split()[-1])
    assert whole < 1e-5  # sums in another order, through 22 steps of Adam in float32


def test_mpi4py_without_an_mpi_is_an_import_error_that_names_both(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoMPI(types.ModuleType):
        def __getattr__(self, name: str) -> object:
            raise RuntimeError("cannot load MPI library")

    for found in (NoMPI("mpi4py"), None):  # mpi4py as its wheels do; no mpi4py
        monkeypatch.setitem(sys.modules, "mpi4py", found)
        with pytest.raises(ImportError, match=r"apt install openmpi-bin, then pip install 'backflow\[mpi\]'"):
            ad.parallel.run(lambda: 0)


def test_what_cannot_be_averaged_is_refused_before_any_message() -> None:
    pytest.importorskip("mpi4py")
    p = ad.tensor([1.0])
    for optimizer, said in (
        ("adam", "takes an optimizer"),
        (nn.LBFGS([p]), "LBFGS"),
        (nn.SGD([ad.scalar(1.0)], lr=0.1), "Scalars"),
    ):
        with pytest.raises(TypeError, match=said):
            nn.distributed(optimizer)
    with pytest.raises(ValueError, match="bucket_bytes must be >= 1, got 0"):
        nn.distributed(nn.SGD([p], lr=0.1), bucket_bytes=0)
    with pytest.raises(TypeError, match="comm must be a communicator of mpi4py"):
        ad.parallel.allreduce([1.0], comm="world")
    with pytest.raises(ValueError, match="needs an axis 0 of length 1, the number of ranks"):
        ad.parallel.reduce_scatter([1.0, 2.0])
    with pytest.raises(ValueError, match="op='sum' or op='mean'; got 'max'"):
        ad.parallel.allreduce([1.0], op="max")
    with pytest.raises(ValueError, match="a rank from 0 to 0; got 1"):
        ad.parallel.broadcast([1.0], root=1)
    from mpi4py import MPI

    with pytest.raises(ValueError, match=r"comm is MPI\.COMM_NULL"):
        ad.parallel.allreduce([1.0], comm=MPI.COMM_NULL)

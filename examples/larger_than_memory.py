"""A logistic regression over more data than fit in memory: Dask arrays on a cluster of this machine's cores.

    python examples/larger_than_memory.py        # needs dask[array,distributed]

The workers make the data block by block, by a known law: 20 standard normal features a row, and a label that is 1 with
probability sigmoid(x w). The loss is written in NumPy's functions on Tensors. Each gradient is one lazy Dask array, so
that a block is made, used in the forward and backward pass, and freed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

import autodiff as ad

FEATURES = 20
TRUTH = np.linspace(-1.0, 1.0, FEATURES)


def block(first: int, rows: int) -> np.ndarray:
    """Return one block of the data, by its first row: features, and the label in the last column, (rows, 21)."""
    rng = np.random.default_rng([8, first])
    x = rng.normal(size=(rows, FEATURES))
    label = rng.uniform(size=rows) < 1.0 / (1.0 + np.exp(-x @ TRUTH))
    return np.column_stack([x, label])


def lazy_data(rows: int, block_rows: int) -> Any:
    """Return all rows as a lazy Dask array, (rows, 21)."""
    import dask.array as da

    sizes = tuple([min(block_rows, rows - first) for first in range(0, rows, block_rows)])

    def make(block_id: tuple[int, int]) -> np.ndarray:
        return block(block_id[0] * block_rows, sizes[block_id[0]])

    return da.map_blocks(make, chunks=(sizes, (FEATURES + 1,)), dtype=float, meta=np.empty((0, 0)))


def loss_of(w: Any, data: Any) -> Any:
    """Return the mean cross-entropy; ``data`` is an array of NumPy or of Dask."""
    return ad.bce_with_logits(data[:, :-1] @ w, data[:, -1]).mean()


def loss_and_gradient(w: np.ndarray, data: Any) -> tuple[Any, Any]:
    """Return loss and gradient, lazy for lazy data."""
    leaf = ad.tensor(w)
    loss = loss_of(leaf, data)
    loss.backward()
    return loss.data, leaf.grad


def compare_with_numpy(rows: int, block_rows: int) -> float:
    """Return the largest difference between the gradients on a Dask array and on a NumPy array of the same numbers."""
    w = np.full(FEATURES, 0.1)
    lazy = loss_and_gradient(w, lazy_data(rows, block_rows))[1]
    blocks = [block(first, min(block_rows, rows - first)) for first in range(0, rows, block_rows)]
    off = float(np.abs(lazy.compute() - loss_and_gradient(w, np.concatenate(blocks))[1]).max())
    print(f"{rows:,} rows in blocks of {block_rows:,}: the gradient differs from NumPy's by {off:.1e}")
    return off


def main(argv: Sequence[str] | None = None) -> tuple[float, list[float]]:
    """Return the difference from NumPy's gradient, and the losses."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--block", type=int, default=50_000, help="rows in a block")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rate", type=float, default=4.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--memory", default="350MB", help="of each worker, its Python included")
    parser.add_argument("--threads", action="store_true", help="workers in this process, without a memory of their own")
    args = parser.parse_args(argv)
    try:
        import dask
        from dask.distributed import Client, LocalCluster
    except ImportError:
        raise SystemExit("larger_than_memory needs Dask: pip install 'dask[array,distributed]'") from None
    with (
        LocalCluster(
            n_workers=args.workers,
            threads_per_worker=1,
            processes=not args.threads,
            memory_limit=args.memory,
            dashboard_address=None,
        ) as cluster,
        Client(cluster),
    ):
        off = compare_with_numpy(min(args.rows, 20_000), min(args.block, 3_000))
        data = lazy_data(args.rows, args.block)
        print(f"{data.nbytes / 1e6:,.0f} MB of data; {args.workers} workers of {args.memory}")
        w, losses = np.zeros(FEATURES), []
        for step in range(args.steps):
            loss, gradient = dask.compute(*loss_and_gradient(w, data))
            losses.append(float(loss))
            w = w - args.rate * gradient
            print(f"step {step + 1}: loss {loss:.6f}, largest error of a weight {np.abs(w - TRUTH).max():.4f}")
    return off, losses


if __name__ == "__main__":
    main()

"""Neurons written one by one are recognised as matrix products: many products of numbers, summed, are one ``matmul``.

Where the terms of a sum are the results of one multiplication that no other call reads, and its operands are evenly
spaced in the pool, one of them constant along the columns of the sum and the other along its rows, both calls become
one product of matrices. BLAS adds in an order of its own: the result is that of the chain within rounding, n ulp of the
largest partial sum for n terms, not to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

SMALLEST = 512  # products of numbers: below, a call of matmul saves nothing
COPIED = 8  # products for each number of a matrix that is copied for BLAS: with fewer, the copy costs too much


@dataclass(slots=True)
class Matrix:
    """An operand: (start, steps) of a matrix in the pool, or its numbers. copied: whether BLAS needs a copy of it."""

    start: int
    steps: tuple[int, int]
    numbers: Any = None
    copied: bool = False


@dataclass(slots=True)
class Product:
    """A sum as a product of matrices (n, k) and (k, m). maker: the number of the multiplication it makes needless."""

    maker: int
    shape: tuple[int, int, int]
    left: Matrix
    right: Matrix


def products(work: Any, nested: Any) -> dict[int, Product]:
    """Return the sums among the calls of ``work`` that are products of matrices. nested: ``packed_lines.nested``."""
    maker_at = {(call.dtype, start): k for k, (call, start) in enumerate(zip(work.calls, work.starts, strict=True))}
    candidates: dict[int, int] = {}
    for k, call in enumerate(work.calls):
        if call.sums and call.block and call.dtype.kind == "f" and call.dtype.itemsize >= 4:
            top, end = call.block
            places = work.operands[k][0][1]
            maker = maker_at.get((call.dtype, int(places[top, 0])))
            made = work.calls[maker] if maker is not None else None
            whole = made is not None and len(made.results) == (end - top) * len(call.results)
            if whole and made.function is np.multiply and len(made.results) >= SMALLEST:  # type: ignore[union-attr]
                candidates[k] = maker  # type: ignore[assignment]
    shared = _read_elsewhere(work, candidates)
    found = {}
    for k, maker in candidates.items():
        product = None if maker in shared else _product(work, k, maker, nested)
        if product is not None:
            found[k] = product
    return found


def _read_elsewhere(work: Any, candidates: dict[int, int]) -> set[int]:
    """Return the multiplications whose results are read by others than the sum they are for."""
    spans = {m: (work.starts[m], work.starts[m] + len(work.calls[m].results)) for m in candidates.values()}
    leaving = set(work.leaving)
    shared = {m for m in spans if not leaving.isdisjoint(work.calls[m].results)}
    for k, operands in enumerate(work.operands):
        for operand in operands:
            if isinstance(operand, np.ndarray):
                continue
            dtype, places = operand
            if k in candidates:
                top, end = work.calls[k].block
                places = np.concatenate([places[:top].reshape(-1), places[end:].reshape(-1)])
            own = candidates.get(k, -1)
            for m, (start, stop) in spans.items():
                read = operand[1] if m != own else places
                if work.calls[m].dtype == dtype and np.any((read >= start) & (read < stop)):
                    shared.add(m)
    return shared


def _product(work: Any, k: int, maker: int, nested: Any) -> Product | None:
    call, made = work.calls[k], work.calls[maker]
    top, end = call.block
    terms, columns = end - top, len(call.results)
    if any(not isinstance(o, np.ndarray) and o[0] != call.dtype for o in work.operands[maker]):
        return None
    places = [o[1] for o in work.operands[maker] if not isinstance(o, np.ndarray)]
    shape, steps = nested(places, len(made.results))
    if shape is None or shape[0] != terms or len(shape) not in (2, 3):
        return None
    rows = shape[1] if len(shape) == 3 else 1
    full = (terms, rows, columns // rows)
    operands, at = [], iter(zip(places, steps, strict=True))
    for o in work.operands[maker]:
        if isinstance(o, np.ndarray):
            operands.append((o.reshape(full), None))
        else:
            place, step = next(at)
            operands.append((int(place[0]), step if len(step) == 3 else (step[0], 0, step[1])))  # type: ignore[arg-type]
    for first, second in (operands, operands[::-1]):
        if _constant(first, 2) and _constant(second, 1):
            left, right = _matrix(first, (1, 0)), _matrix(second, (0, 2))
            if left.steps[1] < 0 or right.steps[0] < 0:  # the sum from its other end
                left, right = _reversed(left, 1, terms), _reversed(right, 0, terms)
            left.copied, right.copied = not _blas(left, (rows, terms)), not _blas(right, (terms, full[2]))
            if terms * (left.copied * rows + right.copied * full[2]) * COPIED <= len(made.results):
                return Product(maker, (rows, terms, full[2]), left, right)
    return None


def _constant(operand: Any, axis: int) -> bool:
    numbers, steps = operand
    if steps is not None:
        return bool(steps[axis] == 0)
    return bool(np.array_equal(numbers, np.broadcast_to(np.take(numbers, [0], axis=axis), numbers.shape)))


def _matrix(operand: Any, axes: tuple[int, int]) -> Matrix:
    numbers, steps = operand
    if steps is not None:
        return Matrix(numbers, (steps[axes[0]], steps[axes[1]]))
    other = ({0, 1, 2} - set(axes)).pop()
    flat = np.take(numbers, 0, axis=other)
    return Matrix(0, (0, 0), np.ascontiguousarray(flat if axes[0] < axes[1] else flat.T))


def _reversed(matrix: Matrix, axis: int, length: int) -> Matrix:
    """Return the same matrix with one axis the other way round."""
    if matrix.numbers is not None:
        return Matrix(0, (0, 0), np.ascontiguousarray(np.flip(matrix.numbers, axis)))
    steps = [-step if k == axis else step for k, step in enumerate(matrix.steps)]
    return Matrix(matrix.start + (length - 1) * matrix.steps[axis], (steps[0], steps[1]))


def _blas(matrix: Matrix, shape: tuple[int, int]) -> bool:
    """Return whether BLAS can read a matrix in place: neighbours along one axis, no overlap along the other."""
    if matrix.numbers is not None or 1 in shape:
        return True
    a, b = matrix.steps
    return (b == 1 and a >= shape[1]) or (a == 1 and b >= shape[0])

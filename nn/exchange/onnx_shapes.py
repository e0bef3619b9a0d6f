"""How the rows that change shapes, select and pad become operators of ONNX.

The number of examples is free: a shape has -1 (Reshape) or 1 (Expand) in its place. An operation that selects some of
the examples, or depends on their number in another way, is an error.
"""

from __future__ import annotations

from typing import Any

from .onnx_writer import Writer, axes_of, integers, rank, refuse
from .steps import Step, Value, Varies

FAR = 2**63 - 1  # beyond every length: to the end
WHOLE = (0, FAR, 1)


def reshape(to: Writer, step: Step) -> str:
    """Write Reshape. At most one length may depend on the number of examples: it becomes -1."""
    shape = step.result.shape
    if step.static["order"] != "C":
        raise refuse(step, "in Fortran order cannot be exported")
    if sum(isinstance(n, Varies) for n in shape) > 1:
        raise refuse(step, f"gives two axes that depend on the number of examples: {shape}")
    if 0 in shape:
        raise refuse(step, f"gives an empty array: {shape}")
    return to.emit("Reshape", to.operand(step, 0), integers(to, *(-1 if isinstance(n, Varies) else n for n in shape)))


def broadcast_to(to: Writer, step: Step) -> str:
    before, after = step.operands[0].shape, step.result.shape
    before = (1,) * (len(after) - len(before)) + before
    if any(isinstance(n, Varies) and m != n for m, n in zip(before, after, strict=True)):
        raise refuse(step, "repeats an array for each example")
    lengths = [1 if isinstance(n, Varies) else n for n in after]  # 1: as long as the operand is
    return to.emit("Expand", to.operand(step, 0), integers(to, *lengths))


def transpose(to: Writer, step: Step) -> str:
    n = rank(step)
    axes = step.static["axes"] if step.static["axes"] is not None else range(n)[::-1]
    return to.emit("Transpose", to.operand(step, 0), perm=[a % n for a in axes])


def swapaxes(to: Writer, step: Step) -> str:
    perm = list(range(rank(step)))
    a, b = step.static["axis1"], step.static["axis2"]
    perm[a], perm[b] = perm[b], perm[a]
    return to.emit("Transpose", to.operand(step, 0), perm=perm)


def expand_dims(to: Writer, step: Step) -> str:
    axis, n = step.static["axis"], len(step.result.shape)
    return to.emit(
        "Unsqueeze",
        to.operand(step, 0),
        integers(to, *(a % n for a in (axis if isinstance(axis, tuple) else (axis,)))),
    )


def squeeze(to: Writer, step: Step) -> str:
    ones = [k for k, n in enumerate(step.operands[0].shape) if n == 1]
    axes = ones if step.static["axis"] is None else axes_of(step)
    return to.emit("Squeeze", to.operand(step, 0), integers(to, *axes))


def concatenate(to: Writer, step: Step) -> str:
    parts = [to.operand(step, k) for k in range(len(step.operands))]
    if step.static["axis"] is None:
        parts = [to.emit("Reshape", part, integers(to, -1)) for part in parts]
    return to.emit("Concat", *parts, axis=step.static["axis"] or 0)


def stack(to: Writer, step: Step) -> str:
    axis = step.static["axis"] % len(step.result.shape)
    parts = [to.emit("Unsqueeze", to.operand(step, k), integers(to, axis)) for k in range(len(step.operands))]
    return to.emit("Concat", *parts, axis=axis)


def flip(to: Writer, step: Step) -> str:
    return flipped(to, to.operand(step, 0), axes_of(step))


def flipped(to: Writer, x: str, axes: list[int]) -> str:
    """Return the name of x reversed along these axes."""
    back = integers(to, *[-1] * len(axes))
    return to.emit("Slice", x, back, integers(to, *[-FAR] * len(axes)), integers(to, *axes), back)


def _entries(step: Step) -> list[Any]:
    """Return the index of getitem, one entry an axis or None for a new one, without an Ellipsis."""
    index = step.static["index"]
    entries = list(index) if isinstance(index, tuple) else [index]
    taken = sum(e is not None and e is not Ellipsis for e in entries)
    at = next((k for k, e in enumerate(entries) if e is Ellipsis), len(entries))
    return [*entries[:at], *[slice(None)] * (rank(step) - taken), *entries[at + 1 :]]


def getitem(to: Writer, step: Step) -> str:
    """Write slices, single positions, new axes and one array of integers, whose axes take its position."""
    entries = _entries(step)
    arrays = [e for e in entries if isinstance(e, Value)]
    if len(arrays) > 1 or (arrays and any(isinstance(e, int) for e in entries)):
        raise refuse(step, "with several index arrays cannot be exported")
    if arrays and arrays[0].array.dtype.kind not in "iu":
        raise refuse(step, "with a mask cannot be exported: how many it selects depends on its values")
    cuts: list[tuple[int, int, int, int]] = []  # start, stop, axis, step
    squeezed: list[int] = []
    new: list[int] = []
    gather, axis = 0, 0
    for e in entries:
        if e is None:
            new.append(len(new) + axis - len(squeezed))
            continue
        if isinstance(e, Value):
            gather = axis - len(squeezed)
        elif isinstance(e, slice):
            start, stop, by = _bounds(step, e, step.operands[0].shape[axis])
            if (start, stop, by) != WHOLE:
                cuts.append((start, stop, axis, by))
        elif isinstance(e, int) and not isinstance(e, bool):
            cuts.append((e, e + 1 if e != -1 else FAR, axis, 1))
            squeezed.append(axis)
        else:
            raise refuse(step, f"with the index {e!r} cannot be exported")
        axis += 1
    x = to.raw(step.operands[0])
    if cuts:
        x = to.emit("Slice", x, *(integers(to, *numbers) for numbers in zip(*cuts, strict=True)))
    if squeezed:
        x = to.emit("Squeeze", x, integers(to, *squeezed))
    if arrays:
        x = to.emit("Gather", x, to.raw(arrays[0]), axis=gather)
        longer = len(arrays[0].shape) - 1
        new = [k if k <= gather else k + longer for k in new]
    return to.emit("Unsqueeze", x, integers(to, *new)) if new else x


def _bounds(step: Step, e: slice, n: int | Varies) -> tuple[int, int, int]:
    """Return start, stop and step of a slice along an axis of length n."""
    if isinstance(n, Varies):
        if e.start not in (None, 0) or e.stop not in (None, n) or e.step not in (None, 1):
            raise refuse(step, "takes some of the examples")
        return WHOLE
    if any(isinstance(x, Varies) for x in (e.start, e.stop, e.step)):
        raise refuse(step, "takes a number of elements that depends on the number of examples")
    start, stop, by = e.indices(n)
    return WHOLE if (start, stop, by) == (0, n, 1) else (start, stop if stop >= 0 else -FAR, by)


def scatter(to: Writer, step: Step) -> str:
    """Write Pad: slices without gaps, scattered into zeros, are the operand with zeros around it."""
    entries, shape = step.static["index"], step.result.shape
    entries = entries if isinstance(entries, tuple) else (entries,)
    if len(entries) != len(shape) or len(shape) != rank(step):
        raise refuse(step, "with that index cannot be exported")
    before, after = [], []
    for e, m, n in zip(entries, step.operands[0].shape, shape, strict=True):
        if not isinstance(e, slice):
            raise refuse(step, "with that index cannot be exported")
        start, _, by = _bounds(step, e, n)
        if by != 1 or isinstance(m, Varies) != isinstance(n, Varies):
            raise refuse(step, "with that index cannot be exported")
        before.append(start)
        after.append(0 if isinstance(m, Varies) or isinstance(n, Varies) else n - start - m)
    return to.emit("Pad", to.operand(step, 0), integers(to, *before, *after))


def _astype(to: Writer, step: Step) -> str:
    return to.operand(step, 0)  # an operand is converted to the dtype of the result

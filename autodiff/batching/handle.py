"""The handle of a value inside ``vmap``: it has the shape of one example, and holds all examples.

A ``Batched`` is a frame and a payload: an array, a Tensor, or a ``Batched`` of a frame further out, whose first axis
counts the examples. It has no graph of its own: its node is that of the Tensor at the bottom. Every way to one plain
value is an error with the form to write, because there is no one value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..errors import BatchedValueError
from ..graph import Node
from ..other_arrays import as_array
from ..variable import TENSORS, Tensor, Variable


class Frame:
    """One call of ``vmap``: how many examples, and the name of the function.

    A frame is open while the function runs; frames are nested, the outermost first. draws: under
    ``randomness="different"``, the check of the generators (``transforms.vmap._Draws``).
    """

    __slots__ = ("size", "name", "depth", "draws")

    def __init__(self, size: int, name: str, depth: int) -> None:
        self.size, self.name, self.depth = size, name, depth
        self.draws: Any = None


_open: ContextVar[tuple[Frame, ...]] = ContextVar("autodiff_frames", default=())
open_frames = _open.get


def inside(frames: tuple[Frame, ...], f: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Return ``f(*args, **kwargs)``, run while these frames are open."""
    token = _open.set(frames)
    try:
        return f(*args, **kwargs)
    finally:
        _open.reset(token)


def no_single_value(what: str, instead: str) -> BatchedValueError:
    """Return the error of every way to a plain value."""
    return BatchedValueError(f"{what} inside vmap: the value is another one in every example. Write {instead}.")


def _refuse(what: str, instead: str) -> Any:
    def refuse(self: Any, *_: Any, **__: Any) -> Any:
        raise no_single_value(what, instead)

    return refuse


def _refuse_write(self: Any, *_: Any) -> Any:
    raise BatchedValueError(
        "x[i] = v and x += v inside vmap write into a value that other names may show. Write x = x + v, "
        "x = ad.where(mask, v, x), or np.concatenate of the parts."
    )


_MASKS = "ad.where(condition, a, b) to choose in each example; or compute it outside vmap"
_ARRAYS = "the NumPy function of it (ad.take(a, x) for a[x]), or do it on what vmap returns"


class Batched(Tensor):
    """A value inside ``vmap``: the shape and dtype of one example; all of them are in the payload.

    >>> import autodiff as ad, numpy as np
    >>> ad.vmap(lambda x: x * x.shape[0])(np.ones((5, 3))).shape
    (5, 3)
    """

    __slots__ = ("frame", "payload")

    def __init__(self, frame: Frame, payload: Any) -> None:
        self.frame, self.payload = frame, payload

    shape = property(lambda self: self.payload.shape[1:], doc="Shape of one example.")
    ndim = property(lambda self: self.payload.ndim - 1, doc="Number of axes of one example.")
    size = property(lambda self: int(np.prod(self.shape)), doc="Number of elements of one example.")
    dtype = property(lambda self: self.payload.dtype, doc="NumPy dtype of the values.")
    nbytes = property(lambda self: self.payload.nbytes, doc="Bytes of all examples.")
    grad = property(
        _refuse("x.grad", "ad.grad(f)(x), which gives a gradient for each example"), doc="Refused: see ad.grad."
    )

    @property
    def node(self) -> Node | None:  # type: ignore[override]
        """The node of the Tensor at the bottom."""
        return self.payload.node if isinstance(self.payload, Variable) else None

    @property
    def _data(self) -> Any:
        raise no_single_value("a plain value (x.data, float(x), np.asarray(x), if x > 0:)", _MASKS)

    def detach(self) -> Batched:
        """Return the same values as constants: derivatives stop here."""
        return Batched(self.frame, self.payload.detach() if isinstance(self.payload, Variable) else self.payload)

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of a 0-d Tensor")
        return int(self.shape[0])

    def __iter__(self) -> Iterator[Any]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d Tensor; inside vmap an example of shape () is one number")
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"<{self.frame.size} examples of shape {self.shape}, {self.dtype}, inside vmap({self.frame.name})>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    __bool__ = _refuse("if x: or bool(x)", _MASKS)
    __float__ = _refuse("float(x) or a math function", "np.exp and the like instead of math.exp")
    __int__ = _refuse("int(x)", "x.astype(int), or np.floor(x)")
    __index__ = _refuse("a[x] of a plain array, or range(x)", "ad.take(a, x, axis=0), or ad.where with a mask")
    __complex__ = _refuse("complex(x)", "x + 0j")
    __round__ = _refuse("round(x)", "np.round(x)")
    __array__ = _refuse("np.asarray(x), np.array([x, ...])", _ARRAYS + ", ad.stack([x, ...]) for a list")
    item = _refuse("x.item()", _MASKS)
    numpy = _refuse("x.numpy()", _ARRAYS)
    tolist = _refuse("x.tolist()", _ARRAYS)
    backward = _refuse("x.backward()", "ad.grad(f)(x), which gives a gradient for each example")
    retain_grad = _refuse("x.retain_grad()", "ad.grad(f)(x)")
    register_hook = _refuse("x.register_hook(f)", "the hook on what goes into vmap")
    __reduce__ = _refuse("copying or pickling x", "x itself")
    __deepcopy__ = _refuse("copy.deepcopy(x)", "np.copy(x)")
    __setitem__ = __iadd__ = __isub__ = __imul__ = __itruediv__ = __ipow__ = __imatmul__ = _refuse_write
    __imod__ = __ifloordiv__ = __iand__ = __ior__ = __ixor__ = _refuse_write
    __hash__ = object.__hash__


del TENSORS[Batched]  # the fast paths read ``_data``: they hand it on to ``recording``


def innermost(values: Any) -> Frame | None:
    """Return the innermost frame of some values, which must be open; None when none is batched."""
    found: Frame | None = None
    for x in values:
        if x.__class__ is Batched and (found is None or x.frame.depth > found.depth):
            found = x.frame
    if found is not None and found not in open_frames():
        raise BatchedValueError(
            f"a value of vmap({found.name}) is used after the function has returned (it was kept in a list, an "
            "attribute or a global). Return it from the function; vmap then gives the values of all examples."
        )
    return found


def bottom(x: Any) -> Any:
    """Return the Tensor or array with the values of all examples of all frames; x itself outside vmap."""
    while x.__class__ is Batched:
        x = x.payload
    return x


def with_bottom(x: Any, made: Any) -> Any:
    """Return ``made``, values at the bottom, in the frames of x."""
    return Batched(x.frame, with_bottom(x.payload, made)) if x.__class__ is Batched else made


def bare(x: Any) -> Any:
    """Return the value without its graph: an array or a float; a Batched without a node."""
    if x.__class__ is Batched:
        return x if x.payload.__class__ is np.ndarray else Batched(x.frame, bare(x.payload))
    return x.data if isinstance(x, Variable) else x


def all_examples(x: Any) -> Any:
    """Return the plain array of a value; inside ``vmap`` that of all examples, whose axes come first. For checks, which
    an array of another library does not get (``is_foreign``).

    >>> import autodiff as ad, numpy as np
    >>> from autodiff import extend
    >>> ad.vmap(lambda i: i * extend.all_examples(i).max())(np.array([1, 3]))
    array([3, 9])
    """
    return as_array(bare(bottom(x)))


def over_all(x: Any, frames: tuple[Frame, ...]) -> Any:
    """Return x with a batch axis for each of these frames: repeated over those that it does not depend on."""
    if not frames:
        return x
    *outer, last = frames
    if x.__class__ is Batched and x.frame is last:
        return Batched(last, over_all(x.payload, tuple(outer)))
    x = over_all(x, tuple(outer))
    return Batched(last, np.broadcast_to(x, (last.size, *np.shape(x))))


def frames_of(x: Any) -> tuple[Frame, ...]:
    """Return the frames of a value inside ``vmap``, the outermost first."""
    found: tuple[Frame, ...] = ()
    while x.__class__ is Batched:
        found, x = (x.frame, *found), x.payload
    return found


def in_frames(x: Any, frames: tuple[Frame, ...]) -> Any:
    """Return values at the bottom as a value of these frames, the outermost first."""
    for frame in frames:
        x = Batched(frame, x)
    return x

"""The functions, dtypes and constants of the Array API standard that have no derivative; all others are rows.

With them the package itself is a namespace of the standard, 2024.12, beside NumPy's names: code written against the
standard runs on Tensors and is differentiated. Arrays of floats and of complex numbers that are made here are constant
Tensors, into which recorded values may be written (``out = ad.zeros(3); out[0] = x``). Integers and booleans, and
results of comparisons and searches, are NumPy's own arrays: nothing flows through them. Never here: a function with a
rule.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from .errors import leaves_graph
from .leaves import tensor
from .variable import Variable, is_live, plain

Function = Callable[..., Any]

CONSTANTS: dict[str, Any] = {name: getattr(np, name) for name in "e inf nan newaxis pi".split()}
CONSTANTS["__array_api_version__"] = "2024.12"
_DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64 complex128"
DTYPES: dict[str, Any] = {name: getattr(np, name) for name in _DTYPES.split()}
PUBLIC: dict[str, Function] = {}


def _public(f: Function) -> Function:
    PUBLIC[f.__name__] = f
    return f


# ---- comparisons, tests, and operations on booleans and integers: NumPy's ufuncs on plain values
def _plain_ufunc(name: str, sentence: str, example: str) -> None:
    ufunc = getattr(np, name)
    names = ("x",) if ufunc.nin == 1 else ("x1", "x2")

    def function(*xs: Any) -> Any:
        return ufunc(*xs)

    kind = inspect.Parameter.POSITIONAL_ONLY
    function.__name__ = function.__qualname__ = name
    function.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in names])  # type: ignore[attr-defined]
    call, output = example.split(" -> ")
    function.__doc__ = f"{sentence} (``np.{name}``). Plain: nothing flows through it.\n\n>>> import autodiff as ad\n"
    function.__doc__ += f">>> ad.{name}({call})\n{output}\n"
    _public(function)


for _row in """
equal: Return where two values are equal: [1, 2], [1, 3] -> array([ True, False])
not_equal: Return where two values differ: [1, 2], [1, 3] -> array([False,  True])
less: Return where one value is less than the other: [1, 2], [1, 3] -> array([False,  True])
less_equal: Return where one value is at most the other: [1, 2], [1, 1] -> array([ True, False])
greater: Return where one value is greater than the other: [1, 2], [1, 1] -> array([False,  True])
greater_equal: Return where one value is at least the other: [1, 2], [1, 3] -> array([ True, False])
isfinite: Return where a value is neither infinite nor NaN: [1.0, ad.inf] -> array([ True, False])
isinf: Return where a value is infinite: [1.0, ad.inf] -> array([False,  True])
isnan: Return where a value is NaN: [1.0, ad.nan] -> array([False,  True])
signbit: Return where a value has its sign bit set, as -0.0 has: [1.0, -0.0] -> array([False,  True])
logical_and: Return where both values are true: [True, True], [True, False] -> array([ True, False])
logical_or: Return where a value is true: [True, False], [False, False] -> array([ True, False])
logical_xor: Return where one of two values is true: [True, True], [True, False] -> array([False,  True])
logical_not: Return where a value is false: [True, False] -> array([False,  True])
bitwise_and: Compute the bits that both integers have: [6], [3] -> array([2])
bitwise_or: Compute the bits that one of two integers has: [6], [3] -> array([7])
bitwise_xor: Compute the bits in which two integers differ: [6], [3] -> array([5])
bitwise_invert: Compute the integers with every bit changed: [6] -> array([-7])
bitwise_left_shift: Shift the bits of integers to the left: [1, 2], [3, 1] -> array([8, 4])
bitwise_right_shift: Shift the bits of integers to the right: [8, 4], [3, 1] -> array([1, 2])
""".strip().splitlines():
    _plain_ufunc(*_row.split(": "))


@_public
def nextafter(x1: Any, x2: Any, /) -> Any:
    """Return the next number from one value towards the other (``np.nextafter``). Recorded values are refused.

    >>> import autodiff as ad
    >>> ad.nextafter([1.0], [2.0]) - 1
    array([2.22044605e-16])
    """
    recorded = [x for x in (x1, x2) if isinstance(x, Variable) and is_live(x)]
    return np.nextafter(x1, x2) if recorded else np.nextafter(plain(x1), plain(x2))


def _axes(x: Any, name: str, axis: Any, keepdims: Any) -> Any:
    return getattr(np, name)(x, axis=axis, keepdims=keepdims)


@_public
def all(x: Any, /, *, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Any:
    """Return whether all elements are true, over all axes or some (``np.all``). Plain: nothing flows through it.

    >>> import autodiff as ad
    >>> ad.all([[True, False], [True, True]], axis=1)
    array([False,  True])
    """
    return _axes(x, "all", axis, keepdims)


@_public
def any(x: Any, /, *, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Any:
    """Return whether an element is true, over all axes or some (``np.any``). Plain: nothing flows through it.

    >>> import autodiff as ad
    >>> ad.any([[True, False], [False, False]], axis=1)
    array([ True, False])
    """
    return _axes(x, "any", axis, keepdims)


@_public
def count_nonzero(x: Any, /, *, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Any:
    """Count the elements that are not 0 (``np.count_nonzero``). Plain: nothing flows through it.

    >>> import autodiff as ad
    >>> print(ad.count_nonzero(ad.tensor([1.0, 0.0, 3.0])))
    2
    """
    return _axes(x, "count_nonzero", axis, keepdims)


@_public
def argmax(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return the index of the greatest element, the first of equal ones (``np.argmax``). Plain.

    >>> import autodiff as ad
    >>> print(ad.argmax(ad.tensor([1.0, 3.0, 2.0])))
    1
    """
    return _axes(x, "argmax", axis, keepdims)


@_public
def argmin(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return the index of the least element, the first of equal ones (``np.argmin``). Plain.

    For the minimum of a function see ``ad.minimize``.

    >>> import autodiff as ad
    >>> print(ad.argmin(ad.tensor([1.0, 3.0, 2.0])))
    0
    """
    return _axes(x, "argmin", axis, keepdims)


@_public
def argsort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    """Return the indices that sort the elements (``np.argsort``); equal ones keep their order when stable. Plain.

    >>> import autodiff as ad
    >>> ad.argsort([1.0, 3.0, 3.0, 2.0], descending=True)
    array([1, 2, 3, 0])
    """
    values = np.asarray(plain(x))
    if not descending:
        return np.argsort(values, axis=axis, stable=stable)
    found = np.flip(np.argsort(np.flip(values, axis=axis), axis=axis, stable=stable), axis=axis)
    return values.shape[axis] - 1 - found


@_public
def nonzero(x: Any, /) -> tuple[Any, ...]:
    """Return the indices of the elements that are not 0, one array an axis (``np.nonzero``). Plain.

    >>> import autodiff as ad
    >>> ad.nonzero([0.0, 2.0, 3.0])
    (array([1, 2]),)
    """
    return np.nonzero(x if isinstance(x, Variable) else np.asarray(x))


@_public
def searchsorted(x1: Any, x2: Any, /, *, side: Any = "left", sorter: Any = None) -> Any:
    """Return where values would be inserted into a sorted array (``np.searchsorted``). Plain.

    >>> import autodiff as ad
    >>> ad.searchsorted([1.0, 2.0, 3.0], [2.5])
    array([2])
    """
    return np.searchsorted(x1, x2, side=side, sorter=sorter)


# ---- dtypes
def _dtype(x: Any) -> Any:
    return x.dtype if isinstance(x, Variable | np.ndarray) else x


@_public
def can_cast(from_: Any, to: Any, /) -> bool:
    """Return whether a value of one dtype can become another dtype without loss (``np.can_cast``).

    >>> import autodiff as ad
    >>> ad.can_cast(ad.float32, ad.float64), ad.can_cast(ad.tensor([1.0]), ad.float32)
    (True, False)
    """
    return np.can_cast(_dtype(from_), to)


@_public
def finfo(type: Any, /) -> Any:
    """Return the limits of a floating dtype, or of a value's dtype (``np.finfo``).

    >>> import autodiff as ad
    >>> print(ad.finfo(ad.float32).eps)
    1.1920929e-07
    """
    return np.finfo(_dtype(type))


@_public
def iinfo(type: Any, /) -> Any:
    """Return the limits of an integer dtype, or of an array's dtype (``np.iinfo``).

    >>> import autodiff as ad
    >>> ad.iinfo(ad.int8).max
    127
    """
    return np.iinfo(_dtype(type))


@_public
def isdtype(dtype: Any, kind: Any) -> bool:
    """Return whether a dtype is of a kind: "bool", "integral", "real floating", "numeric", ... (``np.isdtype``).

    >>> import autodiff as ad
    >>> ad.isdtype(ad.tensor([1.0]).dtype, "real floating")
    True
    """
    return np.isdtype(np.dtype(dtype), kind)


@_public
def result_type(*arrays_and_dtypes: Any) -> Any:
    """Return the dtype that an operation on these values and dtypes gives (``np.result_type``).

    >>> import autodiff as ad
    >>> ad.result_type(ad.tensor([1.0]), ad.float32), ad.result_type(ad.float32, 1.0)
    (dtype('float64'), dtype('float32'))
    """
    return np.result_type(*map(_dtype, arrays_and_dtypes))


@_public
def __array_namespace_info__() -> Any:
    """Return the standard's inspection object: ``capabilities()``, ``devices()``, ``dtypes()`` and the defaults.

    >>> import autodiff as ad
    >>> ad.__array_namespace_info__().default_device()
    'cpu'
    """
    return np.__array_namespace_info__()


# ---- new arrays
def _made(y: np.ndarray) -> Any:
    """Return a constant: floats and complex numbers as a Tensor, into which recorded values may be written."""
    return tensor(y, requires_grad=False, copy=False) if y.dtype.kind in "fc" else y


def _check_call(name: str, signature: inspect.Signature, args: Any, kwargs: Any) -> None:
    """Raise TypeError for arguments that the function does not have, as PyTorch's functions of this name do."""
    if "requires_grad" in kwargs:
        raise TypeError(f"ad.{name} makes a constant: write ad.tensor(np.{name}(...)) for a value to differentiate")
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        shape = next(iter(signature.parameters)) == "shape" and all(isinstance(n, int | np.integer) for n in args)
        one = f": the shape is one argument, ad.{name}({args})" if shape and len(args) > 1 else ""
        raise TypeError(f"ad.{name}: {error}{one}") from None


def _creation(name: str, f: Function, sentence: str, example: str, recorded: str = "") -> None:
    """Publish a function that makes constants. recorded: what to write instead for a recorded argument; "": it is
    taken as its plain value."""

    def number(v: Any) -> Any:
        if recorded and isinstance(v, Variable) and is_live(v):
            raise leaves_graph(f"ad.{name}", ".data", recorded)
        return plain(v)

    signature = inspect.signature(f)

    def function(*args: Any, **kwargs: Any) -> Any:
        try:
            return _made(f(*map(number, args), **{k: number(v) for k, v in kwargs.items()}))
        except TypeError:
            _check_call(name, signature, args, kwargs)
            raise

    function.__name__ = function.__qualname__ = name
    function.__signature__ = signature  # type: ignore[attr-defined]
    call, output = example.split(" -> ")
    function.__doc__ = f"{sentence} (``np.{name}``). A constant.\n\n>>> import autodiff as ad\n"
    function.__doc__ += f">>> ad.{call}\n{output}\n"
    _public(function)


def _ones(shape: Any, *, dtype: Any = None, device: Any = None) -> np.ndarray:
    return np.ones(shape, dtype, device=device)


def _zeros(shape: Any, *, dtype: Any = None, device: Any = None) -> np.ndarray:
    return np.zeros(shape, dtype or np.float64, device=device)


def _empty(shape: Any, *, dtype: Any = None, device: Any = None) -> np.ndarray:
    return np.empty(shape, dtype or np.float64, device=device)


def _full(shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> np.ndarray:
    return np.full(shape, fill_value, dtype, device=device)


def _shape_and_dtype(x: Any, dtype: Any) -> tuple[Any, Any]:
    if dtype is None:
        dtype = x.dtype if isinstance(x, Variable) else np.asarray(x).dtype
    return np.shape(x), dtype


def _ones_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> np.ndarray:
    return np.ones(*_shape_and_dtype(x, dtype), device=device)


def _zeros_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> np.ndarray:
    return np.zeros(*_shape_and_dtype(x, dtype), device=device)


def _empty_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> np.ndarray:
    return np.empty(*_shape_and_dtype(x, dtype), device=device)


def _eye(n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None) -> np.ndarray:
    return np.eye(n_rows, n_cols, k, dtype or np.float64, device=device)


def _arange(start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None) -> np.ndarray:
    first, end = (0, start) if stop is None else (start, stop)
    return np.arange(first, end, step, dtype=dtype, device=device)


def _from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> np.ndarray:
    if device is None and copy is None:
        return np.from_dlpack(x)  # NumPy 2.0 takes no keywords
    return np.from_dlpack(x, device=device, copy=copy)


_creation("ones", _ones, "Make an array of ones", "ones(2).data -> array([1., 1.])")
_creation("zeros", _zeros, "Make an array of zeros", "zeros(2).data -> array([0., 0.])")
_creation("empty", _empty, "Make an array of any values", "empty((2, 3)).shape -> (2, 3)")
_creation(
    "full",
    _full,
    "Make an array of one value",
    "full(2, 3.0).data -> array([3., 3.])",
    recorded="np.broadcast_to(v, shape)",
)
_creation("ones_like", _ones_like, "Make ones in a value's shape and dtype", "ones_like([2.0]).data -> array([1.])")
_creation("zeros_like", _zeros_like, "Make zeros in a value's shape and dtype", "zeros_like([2.0]).data -> array([0.])")
_creation("empty_like", _empty_like, "Make an array in a value's shape and dtype", "empty_like([2.0]).shape -> (1,)")
_creation("eye", _eye, "Make ones on a diagonal and zeros elsewhere", "eye(2)[0].data -> array([1., 0.])")
_creation(
    "arange",
    _arange,
    "Make evenly spaced numbers of a given step",
    "arange(3) -> array([0, 1, 2])",
    recorded="start + step * ad.arange(n)",
)
_creation(
    "from_dlpack",
    _from_dlpack,
    "Make an array that shows the memory of another library's array, without a copy",
    "from_dlpack(ad.ones(2)).data -> array([1., 1.])",
    recorded="x itself",
)

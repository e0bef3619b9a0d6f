"""Variable -> Tensor, Scalar: thin handles over (value, node), and the one function that records an operation.

A Tensor's value is always an array (0-d included), a Scalar's a Python float; both live in one graph. NumPy's protocols
lead every NumPy function here. Every way out of the graph is a named door (``.data``, ``.item()``, ``.numpy()``,
``.tolist()``, ``detach()``) or a named error. Never here: formulas; the rows in ``ops`` have them.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from . import registry
from .errors import ExitError, GraphError, MissingRuleError, kind_of, leaves_graph
from .graph import EMPTY, FLOAT64, Node, leaf, notes_of, tick
from .modes import State, state
from .registry import DISPATCH, METHODS, OPS, Op
from .watch import observe

ARITHMETIC = (ZeroDivisionError, OverflowError, ValueError)  # what Python's floats raise where NumPy gives inf or nan
PLAIN: set[Any] = set()  # NumPy functions whose answer is not differentiable: run on the bare values


class Variable:
    """What Tensor and Scalar share."""

    __slots__ = ("_data", "node", "__weakref__")
    __array_priority__ = 1000.0
    _data: Any
    node: Node | None
    __hash__ = object.__hash__

    # ---- what it is
    shape = property(lambda self: np.shape(self._data), doc="Shape of the value: a tuple of ints.")
    ndim = property(lambda self: np.ndim(self._data), doc="Number of axes.")
    size = property(lambda self: int(np.size(self._data)), doc="Number of elements.")
    dtype = property(lambda self: self._data.dtype if self.__class__ is not Scalar else FLOAT64, doc="NumPy dtype of the value.")
    is_leaf = property(lambda self: self.node is None or self.node.op is None, doc="Not made by a recorded operation.")

    @property
    def requires_grad(self) -> bool:
        """Whether derivatives flow to this value. Settable on leaves: ``w.requires_grad = False`` freezes ``w``."""
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, on: bool) -> None:
        if not self.is_leaf:
            raise GraphError("requires_grad can be set on leaves only; write x.detach() for a constant copy of this value.")
        if on and self.node is None:
            self.node = leaf(_differentiable(self._data))
        elif not on:
            self.node = None

    @property
    def grad(self) -> Any:
        """The gradient that ``backward()`` left, or None: for leaves, Scalars, ``retain_grad()`` and under ``record()``."""
        return None if self.node is None else self.node.grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if self.node is None or self.node.op is not None:
            raise GraphError("only the .grad of a leaf that requires a gradient can be set.")
        if value is not None and np.shape(getattr(value, "_data", value)) != self.shape:
            raise ValueError(f".grad must have the shape of the value, {self.shape}; got {kind_of(value)}.")
        self.node.grad = value

    # ---- doors
    @property
    def data(self) -> Any:
        """The plain value: an ndarray (shared, not a copy), or a float. Setting it on a leaf copies the new value in."""
        return self._data if isinstance(self._data, float | np.ndarray) else np.asarray(self._data)  # a stale view refuses

    def item(self) -> float:
        """The only element, as a Python number."""
        if self.size != 1:
            raise ValueError(f"item() needs exactly one element; this {type(self).__name__} has shape {self.shape}.")
        return self._data if self._data.__class__ is float else self._data.item()  # type: ignore[no-any-return]

    def numpy(self) -> Any:
        """The plain value as an ndarray (a Tensor's own array, not a copy)."""
        return np.asarray(self.data)

    def tolist(self) -> Any:
        """The plain value as nested lists of Python numbers."""
        return np.asarray(self.data).tolist()

    def detach(self) -> Any:
        """The same value as a constant: derivatives stop here."""
        return wrap(self.data, None)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if self.node is not None:
            raise leaves_graph("np.asarray of it, or storing it in an array,", ".data", "ad.stack([...]), or the NumPy function itself")
        return np.array(self._data, dtype=dtype, copy=copy)

    def __float__(self) -> float:
        if self.node is not None:
            raise leaves_graph("float() or a math function", ".item()", "np.exp and the like instead of math.exp")
        return float(self.item())

    def __int__(self) -> int:
        if self.node is not None:
            raise leaves_graph("int()", ".item()", "np.rint, np.floor or np.trunc")
        return int(self.item())

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ValueError(f"the truth of {self.size} elements is ambiguous: write np.any(x.data != 0) or np.all(...).")
        return bool(self._data)

    def __reduce__(self) -> Any:
        if not self.is_leaf:
            raise ExitError("only leaves can be copied or pickled: a recorded value would lose its graph. Write x.detach() first.")
        return _rebuild, (type(self), self._data, self.requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        rebuild, (cls, data, live) = self.__reduce__()
        return rebuild(cls, data.copy() if self.__class__ is not Scalar else data, live)

    # ---- NumPy's protocols
    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__":
            run = DISPATCH.get(ufunc)
            if run is not None and not (kwargs.get("out") or _given(kwargs.get("where", True))):
                return run(*inputs, **{k: v for k, v in kwargs.items() if k not in ("out", "where")} if kwargs else EMPTY)
            if ufunc in PLAIN:
                return ufunc(*(plain(x) for x in inputs), **kwargs)
        elif method == "reduce":
            run = DISPATCH.get((ufunc, "reduce"))
            if run is not None:
                return run(*inputs, **{"axis": 0, **kwargs})  # ufunc.reduce goes along axis 0 unless told
        if kwargs.get("out") is not None:
            raise leaves_graph(f"np.{ufunc.__name__}(..., out=...) or an in-place operator on a plain array", ".data", "y = a + b")
        if _given(kwargs.get("where", True)):
            raise registry.MissingArgument(f"np.{ufunc.__name__}", "where", ())
        name = ufunc.__name__ + ("" if method == "__call__" else "." + method)
        raise no_rule(f"np.{name}")

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        run = DISPATCH.get(function)
        if run is not None:
            return run(*args, **kwargs)
        if function in PLAIN:
            return function(*plain_tree(args), **{k: plain_tree(v) for k, v in kwargs.items()})
        module = str(getattr(function, "__module__", "numpy")).replace("numpy", "np")
        raise no_rule(f"{module}.{function.__name__}")

    def retain_grad(self) -> None:
        """Keep the gradient of this interior value in ``.grad`` when ``backward()`` passes it."""
        if self.node is None:
            raise GraphError("retain_grad() on a constant: it has no gradient. Make it with ad.tensor(x) first.")
        if self.node.op is not None and self.node.static is not None:
            notes_of(self.node).keep_grad = True

    def register_hook(self, hook: Callable[[Any], Any]) -> Callable[[], None]:
        """Call ``hook(gradient)`` when the gradient of this value is complete; what it returns (not None) replaces it.

        Returns a function that removes the hook.
        """
        if self.node is None:
            raise GraphError("register_hook() on a constant: no gradient will ever arrive.")
        hooks = notes_of(self.node).hooks
        hooks.append(hook)
        return lambda: hooks.remove(hook) if hook in hooks else None

    def __repr__(self) -> str:
        if not isinstance(self._data, float | np.ndarray) and hasattr(type(self._data), "why"):
            return f"<{type(self).__name__.lower()}: {self._data.why}>"
        kind = type(self).__name__.lower()
        value = repr(self._data) if self.__class__ is Scalar else np.array2string(self._data, separator=", ", prefix=kind + "(")
        facts = [] if self.dtype == FLOAT64 else [f"dtype={self.dtype}"]
        if self.node is None:
            facts.append("requires_grad=False")
        elif self.node.op is not None:
            facts.append(f"op={self.node.op.name}")
        return f"{kind}({', '.join([value, *facts])})"

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __str__(self) -> str:
        return str(self.data)


class Tensor(Variable):
    """An array in the graph: NumPy's operators, methods and functions all record on it.

    Made by ``ad.tensor(x)`` (a leaf) and by every operation.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> y = np.tanh(x @ x.T).sum()
    >>> y.backward()
    >>> x.grad.shape
    (2, 2)
    """

    __slots__ = ("_views", "_base")
    _views: list[weakref.ref[Tensor]]
    _base: weakref.ref[Tensor]

    T = property(lambda self: METHODS["transpose"](self), doc="The axes reversed.")
    mT = property(lambda self: METHODS["swapaxes"](self, -1, -2), doc="The last two axes swapped.")
    nbytes = property(lambda self: self._data.nbytes, doc="Bytes of the value.")

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of a 0-d Tensor")
        return len(self._data)

    def __iter__(self) -> Iterator[Any]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d Tensor; it holds one number: .item()")
        return (self[i] for i in range(len(self._data)))

    def __getitem__(self, index: Any) -> Any:
        return OPS["getitem"](self, index=plain_tree(index))

class Scalar(Variable):
    """A Python float in the graph. Made by ``ad.scalar(2.0)`` and by operations of Scalars and numbers.

    >>> import autodiff as ad
    >>> a = ad.scalar(2.0)
    >>> b = (a * 3).tanh()
    >>> b.backward()
    >>> a.grad
    7.372...e-05
    """

    __slots__ = ()


# ---- making handles ---------------------------------------------------------------------------------------------------


def wrap(value: Any, node: Node | None) -> Any:
    """A handle over a value and its node."""
    handle = (Scalar if value.__class__ is float else Tensor)()
    handle._data, handle.node = value, node
    return handle


def tensor(x: Any, dtype: Any = None, requires_grad: bool | None = None, copy: bool = True) -> Tensor:
    """An array to differentiate with respect to.

    x: anything ``np.asarray`` takes, any shape, floating dtype. The value is copied unless ``copy=False``.
    ``requires_grad`` is True by default; integers and booleans raise TypeError unless ``dtype=float`` or
    ``requires_grad=False`` says what is meant.

    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, 2.0])
    >>> (x * x).sum().backward()
    >>> x.grad
    array([2., 4.])
    >>> ad.tensor([1, 2])
    Traceback (most recent call last):
    TypeError: a Tensor of int64 cannot have a gradient: write dtype=float to differentiate, or requires_grad=False for a constant.
    """
    if isinstance(x, Variable):
        if is_live(x) and not x.is_leaf:
            raise leaves_graph("ad.tensor(recorded value)", "ad.tensor(x.data)", "x itself, or ad.stack([x]) for a Scalar")
        x = x.data
    data = np.array(x, dtype=dtype) if copy else np.asarray(x, dtype=dtype)
    handle: Tensor = Tensor()
    handle._data = data
    handle.node = None if requires_grad is False else leaf(_differentiable(data))
    return handle


def scalar(x: Any, requires_grad: bool = True) -> Scalar:
    """A Python float to differentiate with respect to; or one element of a Tensor as a recorded Scalar.

    >>> import autodiff as ad
    >>> t = ad.tensor([2.0, 5.0])
    >>> s = ad.scalar(t[1]) * 3.0
    >>> s.backward(); t.grad
    array([0., 3.])
    """
    if isinstance(x, Scalar):
        return x
    if isinstance(x, Tensor):
        if x.size != 1:
            raise ValueError(f"ad.scalar needs one element; got {kind_of(x)}. Write ad.scalar(x[i]).")
        return OPS["to_scalar"](x)  # type: ignore[no-any-return]
    if isinstance(x, complex | np.complexfloating) or not isinstance(x, float | int | np.number | np.ndarray | np.bool_):
        raise TypeError(f"ad.scalar needs a real number; got {kind_of(x)}.")
    value = float(x)
    return wrap(value, leaf(value) if requires_grad else None)  # type: ignore[no-any-return]


def _differentiable(data: Any) -> Any:
    if data.__class__ is float or data.dtype.kind == "f":
        return data
    if data.dtype.kind == "c":
        raise TypeError(f"a Tensor of {data.dtype} has no derivative rules yet: differentiate its real and imaginary parts as two Tensors.")
    if data.dtype.kind in "biu":
        raise TypeError(f"a Tensor of {data.dtype} cannot have a gradient: write dtype=float to differentiate, "
                        "or requires_grad=False for a constant.")
    raise TypeError(f"a Tensor needs numbers; got dtype {data.dtype}.")


def _rebuild(cls: Any, data: Any, live: bool) -> Any:
    handle = cls()
    handle._data, handle.node = data, leaf(data) if live else None
    return handle


def is_live(x: Variable) -> bool:
    """Whether an operation on x would be recorded here and now."""
    return x.node is not None and x.node.serial >= state().floor


def plain(x: Any) -> Any:
    """The bare value of a handle; anything else as it is."""
    return x.data if isinstance(x, Variable) else x


def plain_tree(x: Any) -> Any:
    if isinstance(x, Variable):
        return x.data
    if isinstance(x, tuple | list) and not hasattr(x, "_fields"):
        return type(x)(plain_tree(v) for v in x)
    return x


def _given(where: Any) -> bool:
    return where is not True


def no_rule(name: str) -> MissingRuleError:
    """The error for a NumPy function that has no row."""
    return MissingRuleError(f"{name} has no derivative rule here. Use functions listed in ad.ops.OPS, write the rule with ad.custom_vjp, "
                            f"or take the plain value: {name}(x.data).")


# ---- recording --------------------------------------------------------------------------------------------------------
def record(op: Op, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Evaluate an operation, and record it when a derivative can flow through it."""
    if op.fast is not None and not kwargs and len(args) == 1 and isinstance(args[0], Variable):
        return op.fast(args[0])
    operands, static = op.bind(args, kwargs)
    if not any([isinstance(x, Variable) for x in operands]):
        return op.fn(*operands, **static)
    return record_operands(op, operands, static)


def record_operands(op: Op, operands: Iterable[Any], static: dict[str, Any]) -> Any:
    """``record`` after the arguments were sorted into operands and static ones."""
    now = state()
    raw: list[Any] = []
    parents: list[Any] = []
    arrays = False
    for x in operands:
        node: Any = None
        if isinstance(x, Variable):
            value = x._data
            node = x.node
            if value.__class__ is not float:
                arrays = True
            if node is None or node.serial < now.floor or op.rule(len(raw)) is None:
                node = value if value.__class__ is float else None
        elif x.__class__ is float or x.__class__ is int or x.__class__ is bool:
            value, node = x, float(x)
        elif isinstance(x, np.generic):
            value = x.item()  # weak, as a Python number is: it never upcasts float32
            node = float(value)
        else:
            value = x if x is None or isinstance(x, np.ndarray) else np.asarray(x)
            arrays = arrays or x is not None
        raw.append(value)
        parents.append(node)
    if op.elementwise and not arrays and (static is op.defaults or not static):
        return _record_scalar(op, [float(v) if v is not None else None for v in raw], parents, static, now)
    y = op.fn(*raw, **static)
    if y.__class__ is not np.ndarray and isinstance(y, np.generic | float | int):
        y = float(y) if not arrays or op.name == "to_scalar" else np.asarray(y)
    if y.__class__ is not float and y.dtype.kind == "c":
        raise MissingRuleError(f"{op.name} gave complex numbers, which have no derivative rules yet: keep real and imaginary parts apart.")
    save, many = op.save, op.variadic
    saved = tuple([save[0 if many else i](y, raw, static, i) if isinstance(p, Node) else None for i, p in enumerate(parents)])
    out = wrap(y, None)
    if any([s is not None for s in saved]):
        n = out.node = Node()
        n.serial, n.op, n.parents, n.saved, n.static, n.scope = tick(), op, tuple(parents), saved, static, now.scope
        n.value = n.grad = n.notes = None
        if y.__class__ is float:  # a Scalar's node keeps its value and gradient
            n.shape, n.dtype, n.value = None, FLOAT64, y
            notes_of(n).keep_grad = True
        else:
            n.shape, n.dtype = y.shape, y.dtype
    if not now.plain:
        observe(op, out, raw, now)
    if op.linear and y.__class__ is np.ndarray and y.base is not None and np.may_share_memory(y, raw[0]):
        _note_view(next(iter(operands)), out)
    return out


def _record_scalar(op: Op, raw: list[Any], parents: list[Any], static: dict[str, Any], now: State) -> Any:
    """An elementwise operation on floats: its local derivatives are computed now, by the same rules."""
    live = [isinstance(p, Node) for p in parents]
    try:
        y: Any = (op.scalar or op.fn)(*raw, **static)
        partials = [op.rule(i)(1.0, *op.save[0 if op.variadic else i](y, raw, static, i)) if on else 0.0 for i, on in enumerate(live)]  # type: ignore[misc]
    except ARITHMETIC:  # where Python raises, NumPy has an answer
        values = [v if v is None else np.float64(v) for v in raw]
        y = op.fn(*values, **static)
        with np.errstate(all="ignore"):
            partials = [op.rule(i)(np.float64(1.0), *op.save[0 if op.variadic else i](y, values, static, i)) if on else 0.0  # type: ignore[misc]
                        for i, on in enumerate(live)]
    y = float(y)
    out = wrap(y, None)
    if any(live):
        n = out.node = Node()
        n.serial, n.op, n.scope, n.notes, n.value, n.grad, n.static = tick(), op, now.scope, None, y, None, None
        n.shape, n.dtype = None, FLOAT64
        n.parents = tuple([p if on else v for p, on, v in zip(parents, live, raw, strict=True)])
        n.saved = tuple([float(d) for d in partials])
    if not now.plain:
        observe(op, out, raw, now)
    return out


def _note_view(x: Any, view: Tensor) -> None:
    if isinstance(x, Tensor):
        refs = getattr(x, "_views", None)
        if refs is None or len(refs) > 32:
            refs = x._views = [r for r in refs or () if r() is not None]
        refs.append(weakref.ref(view))
        view._base = weakref.ref(x)

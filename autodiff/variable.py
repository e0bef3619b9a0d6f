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
from .errors import AnomalyError, ExitError, GraphError, MissingRuleError, StaleValueError, WriteError, kind_of, leaves_graph
from .graph import EMPTY, FLOAT64, OFF, Leaf, Node, ScalarNode, State, TensorNode, notes_of, source_line, state, tick
from .registry import DISPATCH, METHODS, OPS, Op

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
            self.node = Leaf(_differentiable(self._data))
        elif not on:
            self.node = None

    @property
    def grad(self) -> Any:
        """The gradient that ``backward()`` left, or None: for leaves, Scalars, ``retain_grad()`` and under ``record()``."""
        return None if self.node is None else self.node.grad  # type: ignore[attr-defined]

    @grad.setter
    def grad(self, value: Any) -> None:
        if not isinstance(self.node, Leaf):
            raise GraphError("only the .grad of a leaf that requires a gradient can be set.")
        if value is not None and np.shape(getattr(value, "_data", value)) != self.shape:
            raise ValueError(f".grad must have the shape of the value, {self.shape}; got {kind_of(value)}.")
        self.node.grad = value

    # ---- doors
    @property
    def data(self) -> Any:
        """The plain value: an ndarray (shared, not a copy), or a float. Setting it on a leaf copies the new value in."""
        return self._data if self._data.__class__ is not Stale else self._data.refuse()

    @data.setter
    def data(self, value: Any) -> None:
        write(self, value)

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
            return function(*_plain_tree(args), **{k: _plain_tree(v) for k, v in kwargs.items()})
        module = str(getattr(function, "__module__", "numpy")).replace("numpy", "np")
        raise no_rule(f"{module}.{function.__name__}")

    def retain_grad(self) -> None:
        """Keep the gradient of this interior value in ``.grad`` when ``backward()`` passes it."""
        if self.node is None:
            raise GraphError("retain_grad() on a constant: it has no gradient. Make it with ad.tensor(x) first.")
        if not isinstance(self.node, Leaf | ScalarNode):
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
        if self._data.__class__ is Stale:
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
        return OPS["getitem"](self, index=_plain_tree(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        index = _plain_tree(index)
        if not is_live(self) and not (isinstance(value, Variable) and is_live(value)):
            _may_write(self, "x[i] = v")
            self._data[index] = plain(value)
        else:
            _may_write(self, "x[i] = v", "np.where(mask, v, x)")
            rebind(self, OPS["setitem"](self, value, index=index))


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


class Stale:
    """Stands in a view whose base was overwritten: every use says so."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        self.why = why

    def refuse(self, *_: Any, **__: Any) -> Any:
        raise StaleValueError(f"this view shows a value that was overwritten ({self.why}); take the view again after the write.")

    def __getattr__(self, name: str) -> Any:
        self.refuse()

    __array_ufunc__ = __array_function__ = __array__ = __float__ = __len__ = __getitem__ = __bool__ = refuse


# ---- making handles ---------------------------------------------------------------------------------------------------
_new = object.__new__


def wrap(value: Any, node: Node | None) -> Any:
    """A handle over a value and its node."""
    handle = _new(Scalar if value.__class__ is float else Tensor)
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
    handle: Tensor = _new(Tensor)
    handle._data = data
    handle.node = None if requires_grad is False else Leaf(_differentiable(data))
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
    return wrap(value, Leaf(value) if requires_grad else None)  # type: ignore[no-any-return]


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
    handle = _new(cls)
    handle._data, handle.node = data, Leaf(data) if live else None
    return handle


def is_live(x: Variable) -> bool:
    """Whether an operation on x would be recorded here and now."""
    return x.node is not None and x.node.serial >= state().floor


def plain(x: Any) -> Any:
    """The bare value of a handle; anything else as it is."""
    return x.data if isinstance(x, Variable) else x


def _plain_tree(x: Any) -> Any:
    if isinstance(x, Variable):
        return x.data
    if isinstance(x, tuple | list) and not hasattr(x, "_fields"):
        return type(x)(_plain_tree(v) for v in x)
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
            value = node = x
        elif isinstance(x, np.generic):
            value = node = x.item()  # weak, as a Python number is: it never upcasts float32
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
        n = out.node = _new(TensorNode)
        n.serial, n.op, n.parents, n.saved, n.static, n.scope, n.notes = tick(), op, tuple(parents), saved, static, now.scope, None
        n.shape, n.dtype = (None, FLOAT64) if y.__class__ is float else (y.shape, y.dtype)
        if y.__class__ is float:
            notes_of(n).value, n.notes.keep_grad = y, True  # a Scalar's node keeps its value and gradient
    if not now.plain:
        _observe(op, out, raw, now)
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
        n = out.node = _new(ScalarNode)
        n.serial, n.op, n.scope, n.notes, n.value, n.grad = tick(), op, now.scope, None, y, None
        n.parents = tuple([p if on else v for p, on, v in zip(parents, live, raw, strict=True)])
        n.saved = tuple([float(d) for d in partials])
    if not now.plain:
        _observe(op, out, raw, now)
    return out


def _observe(op: Op, out: Any, raw: list[Any], now: State) -> None:
    """What the modes ask for: notes for pictures, the anomaly check, fingerprints."""
    value = out._data
    if out.node is not None and (now.record or now.anomaly or now.strict):
        notes = notes_of(out.node)
        if now.record or now.anomaly:
            notes.source = source_line()
        if now.record:
            notes.value, notes.keep_grad = value, True
        if now.strict and out.node.__class__ is TensorNode:
            notes.prints = [(a, fingerprint(a)) for s in out.node.saved if s for a in s if isinstance(a, np.ndarray)]
    if now.anomaly:
        check_finite(op, value, raw, "made", out.node)


def fingerprint(a: Any) -> int:
    """A number that changes when the bytes of an array change."""
    return hash(np.ascontiguousarray(a).tobytes())


def check_finite(op: Op, value: Any, raw: Iterable[Any], verb: str, node: Node | None, inputs: str = "finite inputs") -> None:
    """Raise AnomalyError when value has a NaN or an infinity and no input has one."""
    bad = ~np.isfinite(value)
    if not bad.any() or not all(np.isfinite(x).all() for x in raw if isinstance(x, float | int | np.ndarray)):
        return
    nans = int(np.isnan(value).sum())
    infinities = int(bad.sum()) - nans
    counts = [f"{n} {one if n == 1 else many}" for n, one, many in ((nans, "NaN", "NaNs"), (infinities, "infinity", "infinities")) if n]
    where = "" if np.ndim(value) == 0 else f" (first at index {tuple(int(i) for i in np.argwhere(bad)[0])})"
    shapes = ", ".join(str(np.shape(x)) for x in raw if x is not None)
    raise AnomalyError(f"{op.name} {verb} {' and '.join(counts)}{where} from {inputs} of shapes {shapes}{place(node)}.")


def place(node: Node | None) -> str:
    """Where a node was made, as the end of a sentence: module path always, source line when it was kept."""
    scope = state().scope if node is None else node.scope
    inside = f", in module {scope.path or type(scope.owner()).__name__}" if scope is not None else ""
    source = node.source if node is not None else source_line()
    return inside + (f", at {source}" if source else "; run it under ad.detect_anomaly() or ad.record() for the source line")


# ---- writing ----------------------------------------------------------------------------------------------------------
def write(x: Variable, value: Any) -> None:
    """``x.data = value`` on a leaf: the value is checked and copied in; an older graph that read it will refuse."""
    if not x.is_leaf:
        raise WriteError("the .data of a recorded value cannot be set; write x[...] = v, which is recorded, or make a new value.")
    if isinstance(value, Variable):
        value = value.data
    if isinstance(x, Scalar):
        old, x._data = x.node, float(value)
        if old is not None:  # older graphs keep the old leaf and so the value they read
            x.node = Leaf(x._data)
            x.node.grad, x.node.name = old.grad, old.name  # type: ignore[attr-defined]
        return
    new = np.asarray(value)
    if new.shape != x.shape:
        raise ValueError(f".data of shape {x.shape} cannot be set to {kind_of(new)}; broadcast or reshape it first.")
    if new.dtype != x.dtype and not np.can_cast(new.dtype, x.dtype, "same_kind"):
        raise TypeError(f".data of dtype {x.dtype} cannot be set to {kind_of(new)}; write it with .astype({str(x.dtype)!r}).")
    x._data[...] = new
    mark_written(x)


def mark_written(x: Variable) -> None:
    """Say that the array of leaf ``x`` was written in place: a graph that read it before will refuse ``backward()``."""
    if isinstance(x.node, Leaf):
        x.node.stamp = tick()
        x.node.written_at = source_line() if not state().plain else None


def rebind(x: Tensor, new: Tensor) -> None:
    """Let handle x stand for a new recorded value; older views of it refuse further use."""
    for ref in getattr(x, "_views", ()):
        view = ref()
        if view is not None:
            rebind(view, wrap(Stale(f"at a write to the {type(x).__name__} it was taken from"), view.node))
    if getattr(x, "_views", None):
        x._views = []
    x._data, x.node = new._data, new.node


def _note_view(x: Any, view: Tensor) -> None:
    if isinstance(x, Tensor):
        refs = getattr(x, "_views", None)
        if refs is None or len(refs) > 32:
            refs = x._views = [r for r in refs or () if r() is not None]
        refs.append(weakref.ref(view))
        view._base = weakref.ref(x)


def _may_write(x: Tensor, what: str, recorded: str = "y = x + v") -> None:
    base = getattr(x, "_base", None)
    if base is not None and base() is not None and x.node is not None and state().floor != OFF:
        raise WriteError(f"{what} on a view: the value it was taken from would not follow. Write into that value, or into x * 1.")
    if isinstance(x.node, Leaf):
        if is_live(x):
            raise WriteError(f"{what} on a leaf: it would change under the graph. Write {recorded} (recorded), or do it inside ad.no_grad().")
        mark_written(x)


def _inplace(name: str) -> Callable[[Tensor, Any], Tensor]:
    def run(x: Tensor, o: Any) -> Tensor:
        live = is_live(x) or (isinstance(o, Variable) and is_live(o))
        _may_write(x, f"x {OPS[name].symbol}= v", f"x = x {OPS[name].symbol} v")
        new = OPS[name](x, o)
        if new.shape != x.shape or not np.can_cast(new.dtype, x.dtype, "same_kind"):
            raise ValueError(f"in-place {name}: {kind_of(new)} does not fit into {kind_of(x)}; write y = x {OPS[name].symbol} v.")
        if live:
            rebind(x, new if new.dtype == x.dtype else METHODS["astype"](new, x.dtype))
        else:
            x._data[...] = new._data
        return x
    return run


# ---- fast paths: one source template a kind, filled in from the row -------------------------------------------------------
_NODE = """
    n = new({node}); n.serial = tick(); n.op = op; n.parents = {parents}; n.saved = {saved}; n.scope = s.scope; n.notes = None"""
_TENSOR = """
    if y.__class__ is not ndarray: y = asarray(y)""" + _NODE.replace("{node}", "TensorNode") + """
    n.shape = y.shape; n.dtype = y.dtype; n.static = EMPTY
    t = new(Tensor); t._data = y; t.node = n
    return t
"""
_SCALAR = _NODE.replace("{node}", "ScalarNode") + """
    n.value = y; n.grad = None
    t = new(Scalar); t._data = y; t.node = n
    return t
"""
_HEAD = """
def {name}(x{o}):
    s = state(); p = x.node
    if p is None or not s.plain: return slow(x{o})
"""
_BINARY = _HEAD + """
    c = o.__class__; {x} = x._data
    if c is Tensor:
        {o_} = o._data; q = o.node
    elif c is float or c is int: {o_} = q = o
    elif c is ndarray and o.dtype.kind == "f": {o_} = o; q = None
    else: return slow(x, o)
    y = fn(a, b)
    so = {save_o} if c is Tensor and q is not None else None""" + _TENSOR
_SCALAR_BINARY = _HEAD + """
    c = o.__class__; {x} = x._data
    if c is Scalar:
        {o_} = o._data; q = o.node
        if q is None: q = {o_}
    elif c is float or c is int: {o_} = q = float(o)
    else: return slow(x, o)
    try: y = f(a, b); dx = {dx}; do = {do} if q.__class__ is not float else 0.0
    except ARITHMETIC: return slow(x, o)
    if y.__class__ is not float or dx.__class__ is not float or do.__class__ is not float: return slow(x, o)""" + _SCALAR
_UNARY = _HEAD + """
    x0 = x; x = x._data
    y = fn(x)""" + _TENSOR
_SCALAR_UNARY = _HEAD + """
    x0 = x; x = x._data
    try: y = f(x); dx = {dx}
    except ARITHMETIC: return slow(x0)
    if y.__class__ is not float or dx.__class__ is not float: return slow(x0)""" + _SCALAR


def _compile(op: Op, template: str, name: str, **parts: str) -> Callable[..., Any]:
    def slow(*operands: Any) -> Any:
        for x in operands:  # let the other side try, and then Python say "unsupported operand"
            if not isinstance(x, Variable | float | int | np.generic | np.ndarray | list | tuple):
                return NotImplemented
        return record_operands(op, operands, op.defaults)

    def swapped(x: Any, o: Any) -> Any:
        return slow(o, x)

    names = dict(op=op, fn=op.fn, f=op.scalar, new=_new, tick=tick, state=state, EMPTY=EMPTY, ndarray=np.ndarray, asarray=np.asarray,
                 TensorNode=TensorNode, ScalarNode=ScalarNode, Tensor=Tensor, Scalar=Scalar, ARITHMETIC=ARITHMETIC, float=float,
                 slow=swapped if parts.get("reflected") else slow, shape=np.shape,
                 **{f"rule{i}": rule for i, rule in enumerate(op.vjps)})
    exec(compile(template.format(name=name, **parts), f"<{op.name}.{name}>", "exec"), names)
    made: Callable[..., Any] = names[name]
    made.__doc__ = op.doc
    return made


def _tuple(op: Op, i: int) -> str:
    return "(" + "".join(f"shape({n[:-6]}), " if n.endswith("_shape") else f"{n}, " for n in op.reads[i]) + ")"


def _partial(op: Op, i: int) -> str:
    return f"rule{i}(1.0{''.join(', ' + n for n in op.reads[i])})"


def _simple(op: Op) -> bool:
    return all(n in ("y", *op.inputs) for names in op.reads for n in names) and all(rule is not None for rule in op.vjps)


def unary(op: Op, name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The Tensor and Scalar methods of a row with one operand."""
    tensor_method = _compile(op, _UNARY, name, o="", parents="(p,)", saved=f"({_tuple(op, 0)},)")
    if op.scalar is None:
        return tensor_method, lambda x: record_operands(op, (x,), op.defaults)
    return tensor_method, _compile(op, _SCALAR_UNARY, name, o="", dx=_partial(op, 0), parents="(p,)", saved="(dx,)")


def binary(op: Op, name: str, reflected: bool = False) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The Tensor and Scalar operators of a row with two operands; reflected: x is the right one."""
    mine, other = (1, 0) if reflected else (0, 1)
    both = dict(o=", o", x="ab"[mine], o_="ab"[other], reflected="yes" if reflected else "", parents="(q, p)" if reflected else "(p, q)")
    saves = (_tuple(op, mine), "so")
    tensor_op = _compile(op, _BINARY, name, **both, save_o=_tuple(op, other), saved="({1}, {0})".format(*saves) if reflected
                         else "({0}, {1})".format(*saves))
    if op.scalar is None:
        return tensor_op, tensor_op
    scalar_op = _compile(op, _SCALAR_BINARY, name, **both, dx=_partial(op, mine), do=_partial(op, other),
                         saved="(do, dx)" if reflected else "(dx, do)")
    return tensor_op, scalar_op


OPERATORS = {"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "power", "matmul": "matmul",
             "mod": "remainder", "floordiv": "floor_divide"}
COMPARISONS = {"lt": np.less, "le": np.less_equal, "eq": np.equal, "ne": np.not_equal, "gt": np.greater, "ge": np.greater_equal}


def _comparison(ufunc: Any) -> Callable[[Any, Any], Any]:
    def compare(x: Variable, o: Any) -> Any:
        if not isinstance(o, Variable | float | int | np.generic | np.ndarray | list | tuple):
            return NotImplemented
        y = ufunc(x._data, plain(o))
        return bool(y) if x.__class__ is Scalar and np.ndim(y) == 0 else y
    return compare


def install() -> None:
    """Give the handles what the rows define: operators, methods, comparisons. Called once, when all rows are there."""
    registry.set_recorder(record)
    for dunder, row in OPERATORS.items():
        for name, swap in ((f"__{dunder}__", False), (f"__r{dunder}__", True)):
            on_tensor, on_scalar = binary(OPS[row], name, swap)
            setattr(Tensor, name, on_tensor)
            if dunder != "matmul":
                setattr(Scalar, name, on_scalar)
        setattr(Tensor, f"__i{dunder}__", _inplace(row))
    for dunder, row in {"neg": "negative", "pos": "positive", "abs": "absolute"}.items():
        for cls, function in zip((Tensor, Scalar), unary(OPS[row], f"__{dunder}__"), strict=True):
            setattr(cls, f"__{dunder}__", function)
    for dunder, ufunc in COMPARISONS.items():
        setattr(Variable, f"__{dunder}__", _comparison(ufunc))
    Variable.__hash__ = object.__hash__  # type: ignore[method-assign]
    for row in OPS.values():
        if row.elementwise and len(row.inputs) == 1 and not row.variadic and not row.statics and _simple(row):
            on_tensor, on_scalar = unary(row, row.name if row.name.isidentifier() else "record")
            row.fast = _either(on_tensor, on_scalar)
            for name in [m for m, f in METHODS.items() if f is row]:
                setattr(Tensor, name, on_tensor)
                setattr(Scalar, name, on_scalar)
    for name, function in METHODS.items():
        if name not in Tensor.__dict__:
            setattr(Tensor, name, _method(name, function))
            if isinstance(function, Op) and function.elementwise:
                setattr(Scalar, name, _method(name, function))


def _either(on_tensor: Callable[[Any], Any], on_scalar: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: on_scalar(x) if x.__class__ is Scalar else on_tensor(x)


def _method(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)
    method.__name__, method.__doc__ = name, function.__doc__
    return method

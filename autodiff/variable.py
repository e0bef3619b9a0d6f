"""Variable -> Tensor, Scalar: thin handles over (value, node).

A Tensor's value is always an array (0-d included), a Scalar's a Python float; both live in one graph. NumPy's protocols
bring every NumPy function here. Every way out of the graph has a name (``.data``, ``.item()``, ``.numpy()``,
``.tolist()``, ``detach()``) or is a named error. Never here: formulas; the rows in ``ops`` have them.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

import numpy as np
from numpy import ndarray  # by name: `np.ndarray` is an attribute lookup each time

from .errors import BatchedValueError, GraphError, kind_of, leaves_graph, missing_argument, no_derivative, no_rule
from .gradient_buffers import forget_gradients
from .graph import FLOAT64, Node, leaf, notes_of
from .modes import exits, state
from .other_arrays import as_array, is_foreign, numbers, without_copies
from .registry import DISPATCH, METHODS, OPS, PUBLIC, UFUNCS
from .registry.picture_facts import is_flat

TRACED: set[type] = set()  # classes that stand for an array, or (``_weak``) for a number, in a trace of ``ad.compile``
TENSORS: dict[type, bool] = {}  # subclasses of Tensor (Parameter): the fast paths compare exact classes
PLAIN: set[Any] = set()  # NumPy functions whose result is not differentiable: run on the bare values


class Variable:
    """The class of both kinds of graph value: Tensor and Scalar.

    >>> import autodiff as ad, numpy as np
    >>> isinstance(ad.tensor([1.0]), ad.Variable), isinstance(ad.scalar(1.0), ad.Variable)
    (True, True)
    """

    __slots__ = ("_data", "node", "_frozen", "_argument", "__weakref__")
    __array_priority__ = 1000.0
    _data: Any
    node: Node | None
    _frozen: Node | None  # the leaf before ``requires_grad = False``: graphs that read it deliver there
    _argument: bool  # set on the arguments of the function that a transform runs
    __hash__ = object.__hash__

    # ---- facts of the value
    shape = property(lambda self: np.shape(self._data), doc="Shape of the value: a tuple of ints.")
    ndim = property(lambda self: np.ndim(self._data), doc="Number of axes.")
    size = property(lambda self: int(getattr(self._data, "size", 1)), doc="Number of elements.")
    dtype = property(
        lambda self: self._data.dtype if self.__class__ is not Scalar else FLOAT64, doc="NumPy dtype of the value."
    )
    is_leaf = property(
        lambda self: self.node is None or (self.node.op is None and not hasattr(self, "_argument")),
        doc="Neither made by a recorded operation nor the argument of a function that a transform runs (``ad.grad``).",
    )

    @property
    def requires_grad(self) -> bool:
        """Whether derivatives flow to this value. Settable on leaves: ``w.requires_grad = False`` freezes ``w``.

        A graph made before keeps its gradient for ``w``: it is there when ``w`` requires a gradient again."""
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, on: bool) -> None:
        if not self.is_leaf:
            raise GraphError(
                "requires_grad can be set on leaves only; write x.detach() for a constant copy of this value."
            )
        if on and self.node is None:
            old = getattr(self, "_frozen", None)
            same = old is not None and (old.value is self._data or (old.shape is None and old.value == self._data))
            self.node, self._frozen = old if same else leaf(differentiable(self._data)), None
        elif not on and self.node is not None:
            forget_gradients([self.node])
            self._frozen, self.node = self.node, None

    @property
    def grad(self) -> Any:
        """The gradient of ``backward()``: of leaves and Scalars; of others after ``retain_grad()`` or ``record()``."""
        return None if self.node is None else self.node.in_use().grad

    @grad.setter
    def grad(self, value: Any) -> None:
        node = self.node
        if value is None and (node is None or node.op is None):
            node = node if node is not None else getattr(self, "_frozen", None)
            if node is not None and node.spare is None:
                node.grad = None
            elif node is not None:
                forget_gradients([node])
            return
        if node is None or node.op is not None:
            raise GraphError("only the .grad of a leaf that requires a gradient can be set.")
        if np.shape(getattr(value, "_data", value)) != self.shape:
            raise ValueError(f".grad must have the shape of the value, {self.shape}; got {kind_of(value)}.")
        node.grad = np.asarray(value, self.dtype) if isinstance(value, list | tuple) else value

    # ---- ways out of the graph
    @property
    def data(self) -> Any:
        """The plain value: an array (shared, not a copy), or a float. Set on a leaf, the new value is copied in."""
        data = self._data
        if data.__class__ is ndarray or data.__class__ is float:
            return data
        return data if isinstance(data, (float, np.ndarray)) else as_array(data)  # a stale view refuses

    def item(self, *index: Any) -> float:
        """Return the only element, as a Python number; or the one at an index, as ``ndarray.item`` does."""
        data = self.data
        if index:
            return np.asarray(numbers(data, "item()")).item(*index)
        if data.__class__ is float:
            return data
        if data.size != 1:
            raise ValueError(f"item() needs exactly one element; this {type(self).__name__} has shape {self.shape}.")
        return numbers(data, "item()").item()

    def numpy(self) -> Any:
        """Return the plain value as an ndarray (a Tensor's own array, not a copy)."""
        return np.asarray(numbers(self.data, "numpy()"))

    def tolist(self) -> Any:
        """Return the plain value as nested lists of Python numbers."""
        return np.asarray(numbers(self.data, "tolist()")).tolist()

    def detach(self) -> Any:
        """Return the same value as a constant: derivatives stop here. The array is shared; write into ``np.copy`` of
        it.
        """
        made = wrap(self.data, None)
        if isinstance(self, Tensor):
            made._owner = owner_of(self)
        return made

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if self.node is not None and not is_flat(self.node):
            raise exits.of_array()
        return np.array(numbers(self.data, "np.asarray"), dtype=dtype, copy=copy)

    def __float__(self) -> float:
        if self.node is not None and not is_flat(self.node):
            raise exits.of_number()
        return float(self.item())

    def __int__(self) -> int:
        if self.node is not None and not is_flat(self.node):
            raise leaves_graph("int()", ".item()", "np.rint, np.floor or np.trunc")
        return int(self.item())

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ValueError(f"the truth of {self.size} elements is ambiguous: write np.any(x.data) or np.all(x.data).")
        return bool(numbers(self.data, "if x: or bool(x)"))

    # ---- NumPy's protocols
    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__":
            run = DISPATCH.get(ufunc) or (None if _is_numpys(ufunc) else UFUNCS.get(ufunc.__name__))
            if run is not None and not (kwargs.get("out") or kwargs.get("where", True) is not True):
                return run(*inputs, **{k: v for k, v in kwargs.items() if k not in ("out", "where")})
            if ufunc in PLAIN:
                return ufunc(*(plain(x) for x in inputs), **kwargs)
        else:
            run = DISPATCH.get((ufunc, method))
            if run is not None and not kwargs.get("out"):
                if method == "reduce":
                    kwargs = {"axis": 0, **kwargs}  # the default axis of ufunc.reduce is 0
                return run(*inputs, **kwargs)
            if (ufunc, method) in PLAIN:
                return getattr(ufunc, method)(*(plain(x) for x in inputs), **kwargs)
        name = ("np." if _is_numpys(ufunc) else "") + ufunc.__name__.lstrip("_")
        if kwargs.get("out") is not None:
            raise leaves_graph(f"{name}(..., out=...) or an in-place operator on a plain array", ".data", "y = a + b")
        if kwargs.get("where", True) is not True:
            raise missing_argument(name, "where")
        raise no_rule(name + ("" if method == "__call__" else "." + method))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        run = DISPATCH.get(function)
        if run is not None:
            return run(*args, **kwargs)
        if function in PLAIN:
            if isinstance(kwargs.get("out"), Variable):
                raise missing_argument(f"np.{function.__name__}", "out")
            args, kwargs = plain_tree(args), {k: plain_tree(v) for k, v in kwargs.items()}
            return without_copies(function, args, kwargs) if is_foreign(self._data) else function(*args, **kwargs)
        module = str(getattr(function, "__module__", "numpy")).replace("numpy", "np")
        module = module.replace("._", ".").removesuffix("_impl")  # NumPy 2.0: np.lib._scimath_impl
        raise no_rule(f"{module}.{function.__name__}")

    def retain_grad(self) -> None:
        """Keep the gradient of this interior value in ``.grad`` when ``backward()`` passes it."""
        if self.node is None:
            raise GraphError("retain_grad() on a constant: it has no gradient. Make it with ad.tensor(x) first.")
        if self.node.op is not None and not self.node.is_float_operation:
            notes_of(self.node.in_use()).keep_grad = True

    def register_hook(self, hook: Callable[[Any], Any]) -> Callable[[], None]:
        """Call ``hook(gradient)`` when the gradient of this value is complete; a result other than None replaces it.
        An array it is given is read-only.

        Returns a function that removes the hook.
        """
        if self.node is None:
            raise GraphError("register_hook() on a constant: no gradient will ever arrive.")
        if not callable(hook):
            raise TypeError(f"register_hook needs a function of the gradient; got {kind_of(hook)}.")
        hooks = notes_of(self.node.in_use()).hooks
        hooks.append(hook)
        here = [hook]  # removed once: the same function may have been registered again
        return lambda: hooks.remove(here.pop()) if here else None


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

    __slots__ = ("_views", "_base", "_owner")
    _views: list[weakref.ref[Tensor]]
    _base: weakref.ref[Tensor]  # of a view: the handle it was taken from
    _picked: Callable[[Any, Any], Any]  # set by ``operators``
    _owner: weakref.ref[Node] | None  # of a view or a detached value: the node whose array it shows

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        TENSORS[cls] = True

    shape, ndim, size, dtype = (  # Variable's, without a Python call: layers and losses read them at every step
        property(attrgetter(f"_data.{fact}"), doc=getattr(Variable, fact).__doc__)
        for fact in ("shape", "ndim", "size", "dtype")
    )
    T = property(lambda self: METHODS["transpose"](self), doc="The axes reversed.")
    mT = property(lambda self: METHODS["swapaxes"](self, -1, -2), doc="The last two axes swapped.")
    real = property(lambda self: PUBLIC["real"](self), doc="The real part (``np.real``), a view.")
    imag = property(lambda self: PUBLIC["imag"](self), doc="The imaginary part (``np.imag``).")
    nbytes = property(lambda self: self._data.nbytes, doc="Bytes of the value.")

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of a 0-d Tensor")
        return len(self._data)

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d Tensor; it holds one number: .item()")
        return (self[i] for i in range(len(self._data)))

    def __getitem__(self, index: Any) -> Tensor:
        try:
            static = {"index": plain_tree(index)}
        except BatchedValueError:  # an index that differs between examples, under vmap
            return self._picked(self, index)
        return OPS["getitem"].run(self, static)


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


def wrap(value: Any, node: Node | None) -> Any:
    """Return a handle over a value and its node."""
    number = value.__class__ is float or (type(value) in TRACED and value._weak)
    handle = (Scalar if number else Tensor)()
    handle._data, handle.node = value, node
    return handle


def _is_numpys(ufunc: Any) -> bool:
    return getattr(np, ufunc.__name__, None) is ufunc


def is_live(x: Variable) -> bool:
    """Return whether an operation on x would be recorded here and now."""
    return x.node is not None and x.node.serial >= state().floor


def owner_of(x: Tensor) -> weakref.ref[Node] | None:
    """Return the node whose array x shows: its own, or that of the value it was taken from."""
    owner = getattr(x, "_owner", None)
    return owner if owner is not None or x.node is None else weakref.ref(x.node)


def plain(x: Any) -> Any:
    """Return the plain value of a Tensor (an ndarray, shared) or of a Scalar (a float); return anything else unchanged.

    >>> import autodiff as ad
    >>> ad.plain(ad.tensor([1.0, 2.0])), ad.plain(ad.scalar(3.0)), ad.plain(4)
    (array([1., 2.]), 3.0, 4)
    """
    try:
        return x.data if isinstance(x, Variable) else x
    except BatchedValueError:  # inside vmap there is no one array: the values of all examples, without their graph
        return x.detach()


def plain_tree(x: Any) -> Any:
    """Return the same nested lists and tuples with bare values in place of handles."""
    if isinstance(x, Variable):
        return x.data
    if isinstance(x, (tuple, list)) and not hasattr(x, "_fields"):
        return type(x)(plain_tree(v) for v in x)
    return x


def differentiable(data: Any) -> Any:
    """Return the value of a leaf; raise TypeError for a dtype that has no derivative."""
    if data.__class__ is float or data.dtype.kind in "fc":
        return data
    raise no_derivative(data.dtype)

"""Rows: an operation is defined once, and everything else follows from its row.

A row (``Op``) holds the NumPy function, the derivative rules in plain NumPy, and a few facts. From it come the public
function, the method, the NumPy dispatch, forward mode, higher orders, the picture's badge, the documentation and the
property tests. Never here: a particular operation, or a handle; ``recording`` sets the function that records.

A rule ``lambda g, y, x, axis: ...`` receives the cotangent ``g`` and the values that its other parameters name;
these are saved: ``y`` (the output), an input, a static argument, ``<input>_shape`` / ``<input>_dtype``, and in a row
with any number of operands ``i`` (the operand's position). It must be linear in ``g``, must not write into anything,
and must not undo broadcasting: the walk does. On Tensors the same line is recorded, which gives every higher order.
Two names are for speed and may be None: ``buffer``, an array of the operand's shape and dtype that the rule may write
its result into and return; and in a row with ``keep`` ``kept``, values of the forward pass, None where the pass is
recorded, so that no derivative is ever taken past it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import missing_argument
from .picture_facts import PictureFacts
from .saved_values import Rule, keywords, names_read, saver
from .singular_points import Convention, Point, state_points

OPS: dict[str, Op] = {}  # name -> row
DISPATCH: dict[Any, Callable[..., Any]] = {}  # NumPy function -> the function that runs for a graph value
UFUNCS: dict[str, Callable[..., Any]] = {}  # the same for ufuncs of other packages (SciPy's), by their name
METHODS: dict[str, Callable[..., Any]] = {}  # method name -> function of (self, ...)
PUBLIC: dict[str, Callable[..., Any]] = {}  # name under ``ad.`` -> function
REAL = (float("-inf"), float("inf"))
_record: Callable[..., Any]
_record_operands: Callable[..., Any]


def set_recorder(record: Callable[..., Any], record_operands: Callable[..., Any]) -> None:
    """Set the functions that evaluate and record an operation. Called once, by ``recording``."""
    global _record, _record_operands
    _record, _record_operands = record, record_operands


class Op:
    """One row of the registry. Call it like the NumPy function it stands for.

    Attributes a reader or a checker may rely on: ``name``, ``symbol`` (the badge in pictures), ``fn`` (plain NumPy),
    ``scalar`` (the same on Python floats, or None), ``vjps`` (a rule an operand; None: no derivative in it),
    ``inputs`` and ``statics`` (argument names), ``reads`` (what each rule names), ``elementwise``, ``linear`` (J t =
    fn(t)), ``singular`` (its derivative can be infinite), ``domain`` (an interval for each input where it is smooth and
    finite), ``kink`` (a function of the operands: how far they are from the nearest point where the slope jumps or the
    value does; tests keep away from there), ``samples`` (static arguments and shapes that a generated test tries),
    ``draw`` (``draw(rng, *shapes)``: operands for a test, where independent numbers from ``domain`` will not do: a
    mask, labels, an invertible matrix), ``reference`` (the composite that a fused row replaces), ``keep`` (fn for a
    recorded call: returns (y, kept)), ``add_into`` (called with a buffer, g and what the rule reads: adds to the buffer
    what the rule of the one operand would return, where that is mostly zeros; the rule's own result is then always a
    new array), ``widened`` (the composite that runs instead when a call has arguments that the row lacks and this one
    takes), ``explain`` (called with the operands that ``fn`` refused: a clearer sentence than NumPy's, or None),
    ``batch`` (how it does many examples at once under ``vmap``: a function of ``batching.ways``; an elementwise row
    needs none, and any other without one runs in a loop), ``doc``, ``example`` (a doctest, where the one that
    ``descriptions`` makes of the other facts will not do), ``complex`` (right for complex numbers: the rule is the
    plain transpose, and nothing in it is conjugated but what the formula conjugates), ``weak`` (a Python number among
    the operands of a row that is not elementwise stays one, where an array of the others' dtype would round it).

    For zeros by construction (``reach``): ``selects`` (some elements of an operand do not enter the result at all, and
    the rule gives exactly 0 for these: an index, a condition or a comparison left them out, as in getitem, where,
    maximum and relu), ``product`` (a sum of products: einsum, a convolution; "matrices" where the derivative in a
    matrix is one product of matrices: matmul, a linear layer), ``opaque`` (its rule may only be run on the true
    operands). ``selects`` together with ``kink``: the values of the operands decide, by a comparison.
    For singular points: ``convention`` (where the derivative is a convention, which ``strict()`` refuses) and
    ``points`` (values there: lines of docs/singular_points.md, and tests); ``free`` (called with what the rule reads: a
    tangent of the value that changes an arbitrary choice only, the phases of complex vectors; forward mode refuses a
    result that it changes).
    ``shown``: facts for pictures and explanations (the remaining arguments; see ``PictureFacts``).
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        vjp: Any,
        *,
        name: str,
        doc: str,
        inputs: str | None = None,
        symbol: str | None = None,
        scalar: Callable[..., float] | None = None,
        elementwise: bool = False,
        linear: bool = False,
        singular: bool = False,
        domain: Any = REAL,
        kink: Callable[..., Any] | None = None,
        samples: tuple[Any, ...] | None = None,
        draw: Callable[..., tuple[Any, ...]] | None = None,
        reference: Callable[..., Any] | None = None,
        keep: Callable[..., tuple[Any, Any]] | None = None,
        add_into: Callable[..., None] | None = None,
        widened: Callable[..., Any] | None = None,
        explain: Callable[..., str | None] | None = None,
        example: str = "",
        selects: bool = False,
        product: bool | str = False,
        opaque: bool = False,
        batch: Callable[..., Any] | None = None,
        convention: Convention | None = None,
        points: tuple[Point, ...] = (),
        free: Callable[..., Any] | None = None,
        complex: bool = False,
        weak: bool = False,
        **shown: Any,
    ) -> None:
        self.fn, self.name, self.__name__, self.symbol, self.doc = fn, name, name, symbol or name, doc
        self.scalar, self.elementwise, self.linear, self.singular = scalar, elementwise, linear, singular
        self.kink, self.samples, self.draw, self.reference, self.keep = kink, samples, draw, reference, keep
        self.add_into, self.explain, self.example, self.complex, self.weak = add_into, explain, example, complex, weak
        self.selects, self.product, self.opaque, self.batch = selects, product, opaque, batch
        self.convention, self.points, self.free, self.shown = convention, points, free, PictureFacts(**shown)
        self.variadic = inputs is not None and inputs.startswith("*")
        self.vjps = vjp if isinstance(vjp, tuple) else (vjp,)
        names = inputs or ("x", "a b", "a b c")[len(self.vjps) - 1]
        self.inputs: tuple[str, ...] = tuple(names.replace("*", "").split())
        self.domain = domain if isinstance(domain[0], tuple) else (domain,) * len(self.inputs)
        self.defaults = {} if isinstance(fn, np.ufunc) else keywords(fn, 0 if self.variadic else len(self.inputs))
        self.statics = tuple(self.defaults)
        self.reads = tuple(names_read(self, rule) for rule in self.vjps)
        self.save = tuple(saver(self, names) for names in self.reads)
        self.widened = widened
        self.more = frozenset(keywords(widened, 1) if widened else ()) - set(self.statics)
        self.save_convention = convention and saver(self, tuple(keywords(convention.where, 0)))
        self.fast: dict[type, Callable[[Any], Any]] = {}  # set by ``generated_paths``: calls with one operand
        self.pull: Callable[..., None] | None = None  # set by ``generated_paths``: its part of the walk
        self.pull_selected: Callable[..., None] | None = None  # the same, of a row that selects

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.fast and len(args) == 1 and not kwargs:
            fast = self.fast.get(args[0].__class__)
            if fast is not None:
                return fast(args[0])
        if kwargs and self.widened is not None and not self.more.isdisjoint(kwargs):
            return self.widened(*args, **kwargs)
        return _record(self, args, kwargs)

    def run(self, *operands_and_static: Any) -> Any:
        """Evaluate and record, after the arguments were sorted: the operands one by one, then the static arguments."""
        return _record_operands(self, operands_and_static[:-1], operands_and_static[-1])

    def rule(self, i: int) -> Rule | None:
        """Return the rule of operand ``i``."""
        vjp: Rule | None = self.vjps[0 if self.variadic else i]
        return vjp

    def names(self, i: int) -> tuple[str, ...]:
        """Return the names that the rule of operand ``i`` reads after ``g``."""
        return self.reads[0 if self.variadic else i]

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Return operands, and static arguments with their defaults, from a call in NumPy's own signature."""
        if self.variadic:  # NumPy's joining functions take one sequence; einsum takes the subscripts first
            operands, args = tuple(args[0]), args[1:]
        else:
            n = len(self.inputs)
            operands, args = args[:n], args[n:]
            for name in self.inputs[len(operands) :]:
                if name not in kwargs:
                    raise TypeError(
                        f"{self.name}() is missing its argument {name!r}: {self.name}{inspect.signature(self)}"
                    )
                operands += (kwargs[name],)
                kwargs = {k: v for k, v in kwargs.items() if k != name}
        if not args and not kwargs:
            return operands, self.defaults
        static = dict(self.defaults)
        static.update(zip(self.statics, args, strict=False))
        if len(args) > len(self.statics):
            raise TypeError(f"too many arguments: {self.name}{inspect.signature(self)}")
        for key, value in kwargs.items():
            if key not in self.defaults:
                if value is None or value is np._NoValue or (key == "inplace" and value is False):
                    continue  # out=None, where=<no value>: as if the argument were not given
                raise missing_argument(self.name, key, self.statics)
            if value is not np._NoValue:
                static[key] = value
        for key, value in static.items():
            if isinstance(value, np.integer):  # rules test isinstance(axis, int)
                static[key] = int(value)
        return operands, static

    def __repr__(self) -> str:
        return f"<op {self.name}{inspect.signature(self)}>"

    def __reduce__(self) -> Any:
        if OPS.get(self.name) is not self:
            raise TypeError(f"{self!r} is no row of the registry, so it can be neither pickled nor copied.")
        return row_named, (self.name,)


def row_named(name: str) -> Op:
    """Return the row of that name; pickle finds rows in this way."""
    if name not in OPS:
        raise LookupError(f"no row is named {name!r}: import the module that defines it before unpickling.")
    return OPS[name]


def op(
    fn: Callable[..., Any],
    *,
    vjp: Any,
    name: str | None = None,
    numpy: tuple[Any, ...] | None = None,
    method: bool | str = False,
    public: bool = True,
    **facts: Any,
) -> Op:
    """Add a row. ``numpy``: the NumPy functions it stands for (``fn`` itself when that is one). facts: see ``Op``.

    >>> from autodiff.registry import op
    >>> import numpy as np
    >>> def _doubled(x): return 2 * x
    >>> doubled = op(_doubled, name="doubled", vjp=lambda g: 2 * g, elementwise=True, public=False, doc="2 x.")
    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, 3.0])
    >>> doubled(x).sum().backward(); x.grad
    array([2., 2.])
    >>> _ = ad.ops.OPS.pop("doubled")
    """
    name = name or fn.__name__
    if name in OPS:
        raise ValueError(f"there is a row named {name!r} already")
    row = OPS[name] = Op(fn, vjp, name=name, **facts)
    numpy = numpy if numpy is not None else (fn,) if _is_numpy(fn) else ()
    _publish(row, name, numpy, method, public)
    state_points(row, name, numpy, row.points)
    return row


def composite(
    fn: Callable[..., Any], *, numpy: Any = (), method: bool | str = False, public: bool = True, points: Any = ()
) -> Callable[..., Any]:
    """Add a recorded function made of rows, with no rule of its own. points: its singular points, as for a row."""
    _publish(fn, fn.__name__.rstrip("_"), numpy, method, public)
    state_points(fn, fn.__name__.rstrip("_"), numpy, points)
    return fn


def _is_numpy(fn: Any) -> bool:
    return isinstance(fn, np.ufunc) or str(getattr(fn, "__module__", "")).partition(".")[0] == "numpy"


def _publish(fn: Any, name: str, numpy: tuple[Any, ...], method: bool | str, public: bool) -> None:
    for function in numpy:
        DISPATCH[function] = fn
    if method:
        METHODS[name if method is True else method] = fn
    if public:
        PUBLIC[name] = fn
        if "<locals>" in getattr(fn, "__qualname__", ""):  # made by a function: pickle finds it in its module
            fn.__qualname__ = name

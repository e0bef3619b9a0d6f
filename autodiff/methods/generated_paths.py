"""Generated paths: operators, and each row's part of recording and of the walk, written out from the row as
straight-line source.

An operator, and a row's ``run``, do what ``recording.record_operands`` does, for the common case only (plain state,
Tensors and arrays), and call it for everything else; a row's ``pull`` does what ``backward.pull_operands`` does, when
nothing is recorded or checked. One template for each kind of operation; the row's rules name the saved values. Sources
are in ``linecache``, so that tracebacks and debuggers show them.

With ``BACKFLOW_GENERATED_PATHS=0`` in the environment nothing here is used: the same results, two to four times slower.
Use it to find out whether this file has a fault.
"""

from __future__ import annotations

import builtins
import linecache
import operator
import os
from collections.abc import Callable, Iterable
from functools import cache
from textwrap import indent
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from ..backward import fit, own_buffer
from ..gradient_buffers import spare_buffer
from ..graph import EMPTY, FloatNode, GeneralNode, tick
from ..modes import state
from ..modes.diagnostics import explain
from ..other_arrays import as_array
from ..recording import ARITHMETIC, REFUSALS, record_operands
from ..registry import OPS, Op, saved_source
from ..variable import TENSORS, Scalar, Tensor
from ..writes.views import note_view
from .holders import NAMES, SUM_OF_PRODUCT

ON = os.environ.get("BACKFLOW_GENERATED_PATHS", "1") != "0"
# ``graph.new_node`` and ``new_float_node`` written out: a call would cost a tenth of an operation.
_NODE = """n = GeneralNode(); n.serial = tick(); n.op = op; n.parents = {parents}; n.saved = {saved}; n.scope = s.scope
    n.notes = n.grad = None"""
_TENSOR = f"""
    if y.__class__ is not ndarray: y = asarray(y) if isinstance(y, generic) else as_array(y)
    {_NODE}; n.static = EMPTY; n.shape = y.shape; n.dtype = y.dtype; n.value = None
    t = Tensor(); t._data = y; t.node = n
    return t
"""
_SCALAR = """
    n = FloatNode(); n.serial = tick(); n.op = op; n.value = y; n.scope = s.scope; n.notes = n.grad = None
    n.a = {a}; n.da = {da}; n.b = {b}; n.db = {db}
    t = Scalar(); t._data = y; t.node = n
    return t
"""
_HEAD = """
def made(x{o}):
    s = state(); p = x.node
    if p is None or not s.plain: return slow(x{o})
"""
_BINARY = (
    _HEAD
    + """
    c = o.__class__; {x} = x._data
    if c is Tensor or c in TENSORS:
        {o_} = o._data; q = o.node
    elif c is float or c is int: {o_} = o; q = float(o)
    elif c is ndarray and o.dtype.kind == "f": {o_} = o; q = None
    else: return slow(x, o)
    try: y = fn(a, b)
    except REFUSALS as error: explain(op, error, (a, b)); raise
    so = {save_o} if q is not None and q.__class__ is not float else None"""
    + _TENSOR
)
_SCALAR_BINARY = (
    _HEAD
    + """
    c = o.__class__; {x} = x._data
    if c is Scalar:
        {o_} = o._data; q = o.node; do = {do}
        if q is None: q = {o_}; do = 0.0
    elif c is float: {o_} = q = o; do = 0.0
    elif c is int: {o_} = q = float(o); do = 0.0
    else: return slow(x, o)
    try: y = {y}{called}
    except ARITHMETIC: y = None
    if y.__class__ is not float{unlike}: return slow(x, o){taken}"""
    + _SCALAR
)
_RUN = """
def made({xs}, static):
    s = state()
    if s.plain{no_out}:"""
_RUN_ONE = """
        c = x{i}.__class__
        if c is Tensor or c in TENSORS: r{i} = x{i}._data; p{i} = {node}
        else: r{i} = x{i}; p{i} = None"""
_RUN_END = """
        if ({live}) and {arrays}:
            try: {y}({rs}{statics})
            except REFUSALS as error: explain(op, error, ({rs},)); raise
            if y.__class__ is not ndarray: y = asarray(y)
            d = y.dtype
            if d.kind {kinds}:
                {node}; n.static = static; n.shape = y.shape; n.dtype = d; n.value = None
                t = Tensor(); t._data = y; t.node = n
                {view}return t
    return slow({xs}, static)
""".replace("{node}", _NODE.replace("\n", "\n            "))
_VIEW = """if y.base is not None and may_share_memory(y, r0): note_view(x0, t)
                """
_UNARY = (
    _HEAD
    + """
    x0 = x; x = x._data{real}
    try: y = fn(x)
    except REFUSALS as error: explain(op, error, (x,)); raise"""
    + _TENSOR
)
_SCALAR_UNARY = (
    _HEAD
    + """
    x0 = x; x = x._data
    try: y = {y}{called}
    except ARITHMETIC: y = None
    if y.__class__ is not float{unlike}: return slow(x0)"""
    + _SCALAR
)


_SHARED = dict(
    tick=tick, state=state, EMPTY=EMPTY, ndarray=np.ndarray, asarray=np.asarray, as_array=as_array,
    generic=np.generic, GeneralNode=GeneralNode, FloatNode=FloatNode, Tensor=Tensor, Scalar=Scalar, TENSORS=TENSORS,
    ARITHMETIC=ARITHMETIC, REFUSALS=REFUSALS, explain=explain, float=float, int=int, shape=np.shape,
    dtype=np.result_type, may_share_memory=np.may_share_memory, note_view=note_view, fit=fit, own_buffer=own_buffer,
    spare_buffer=spare_buffer, **NAMES, __builtins__=builtins,  # NumPy imports by the caller's when it words an error
)  # fmt: skip


def run(op: Op) -> Callable[..., Any]:
    """Return ``record_operands`` of a row for tensors and arrays, written and compiled when it is first recorded."""

    def slow(*operands_and_static: Any) -> Any:
        *operands, static = operands_and_static
        return record_operands(op, operands, static)

    def first(*args: Any) -> Any:
        rules = dict(enumerate(op.vjps))
        xs, rs = (", ".join(f"{v}{i}" for i in rules) for v in "xr")

        def saved(i: int) -> str:
            return saved_source(op, op.reads[i], "r{}")

        real = "" if op.complex else ' and r{i}.dtype.kind != "c"'  # the slow path has the error message
        source = _RUN.format(xs=xs, no_out=' and static["out"] is None' if "out" in op.statics else "")
        for i, rule in rules.items():
            source += _RUN_ONE.format(i=i, node="None" if rule is None else f"x{i}.node")
        source += _RUN_END.format(
            xs=xs,
            rs=rs,
            statics="".join(f", {name}=static[{name!r}]" for name in op.statics),
            live=" or ".join(f"p{i} is not None" for i in rules),
            arrays=" and ".join(f"(r{i}.__class__ is ndarray{real.format(i=i)} or r{i} is None)" for i in rules),
            kinds='in "fc"' if op.complex else '== "f"',
            y="y, kept = keep" if op.keep is not None else "y = fn",
            parents="(" + "".join(f"p{i}, " for i in rules) + ")",
            saved="(" + "".join(f"None if p{i} is None else {saved(i)}, " for i in rules) + ")",
            view=_VIEW if op.linear else "",
        )
        op.run = made = _function(op, source, "run", slow=slow)  # type: ignore[method-assign]
        return made(*args)

    return first


_PULL = """
def made(node, g, cotangents, owned, release):
    {p}, = node.parents
    {s}, = node.saved
    if release: node.saved = None
"""
_PULL_ONE = """
    if s{i} is not None:
        {buffer}d = rule{i}(g{args})
        if d.__class__ is not ndarray or d.dtype is not p{i}.dtype or d.shape != p{i}.shape: d = fit(d, p{i})
        h = cotangents[p{i}]
        if h is None:
            cotangents[p{i}] = d
            if p{i}.op is None and d is not g and d.__class__ is ndarray and (d.base is None{own}): owned[p{i}] = True
        elif p{i} in owned: h += d
        else:
            cotangents[p{i}] = h = h + d
            if h.__class__ is ndarray: owned[p{i}] = True
            elif p{i}.shape is not None: cotangents[p{i}] = as_array(h)
"""
_ADD_INTO = """
    if s{i} is not None:
        h = cotangents[p{i}]
        if h.__class__ is ndarray and g.__class__ is ndarray:
            add_into(h if p{i} in owned else own_buffer(p{i}, cotangents, owned), g{args})
        elif h is None:
            d = rule{i}(g{args})
            if d.__class__ is not ndarray or d.dtype is not p{i}.dtype or d.shape != p{i}.shape: d = fit(d, p{i})
            cotangents[p{i}] = d
            if d.__class__ is ndarray and d.base is None: owned[p{i}] = True
        else: cotangents[p{i}] = h + fit(rule{i}(g{args}), p{i})
"""
_BUFFER = "buffer = spare_buffer(p{i}) if p{i}.op is None and cotangents[p{i}] is None else None\n        "


@cache
def _compiled(source: str, own: tuple[str, ...]) -> tuple[CodeType, list[str]]:
    """Return the code of a function that takes the names of one row and returns the function that source defines; and
    its lines."""
    text = f"def maker({', '.join(own)}):{indent(source, '    ')}    return made"
    (code,) = (c for c in compile(text, "<generated>", "exec").co_consts if isinstance(c, CodeType))
    return code, text.splitlines(keepends=True)


def _function(op: Op, source: str, name: str, slow: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """Return the function ``made`` that source defines, for one row. Equal sources are compiled once, since compiling
    takes time; each row gets a copy, because the interpreter adapts a code object to the calls of one function. Names
    that all rows read are in one place, which stays in the processor's cache."""
    own = dict(op=op, fn=op.fn, f=op.scalar, keep=op.keep, add_into=op.add_into, slow=slow, times=OPS.get("multiply"))
    own |= {f"rule{i}": rule for i, rule in enumerate(op.vjps)}
    code, lines = _compiled(source, tuple(own))
    made: Callable[..., Any] = FunctionType(code, _SHARED)(**own)
    file = f"<autodiff {op.name}.{name}>"
    linecache.cache[file] = sum(map(len, lines)), None, lines, file
    made.__code__ = made.__code__.replace(co_name=name, co_qualname=name, co_filename=file)
    made.__name__, made.__qualname__, made.__doc__ = name, name, op.doc
    return made


def pull(op: Op) -> Callable[..., None]:
    """Return the row's part of the walk, written and compiled when a backward pass first comes to the row."""

    def first(*args: Any) -> None:
        numbers = range(len(op.vjps))
        source = _PULL.format(p=", ".join(f"p{i}" for i in numbers), s=", ".join(f"s{i}" for i in numbers))
        for i in numbers:
            if op.vjps[i] is not None:
                read = "".join(", buffer" if n == "buffer" else f", s{i}[{k}]" for k, n in enumerate(op.reads[i]))
                buffered = "buffer" in op.reads[i]
                if op.add_into is not None:
                    source += _ADD_INTO.format(i=i, args=read)
                    continue
                source += _PULL_ONE.format(
                    i=i,
                    args=read,
                    buffer=_BUFFER.format(i=i) if buffered else "",
                    own=" or d is buffer" if buffered else "",
                )
        made = _function(op, source, "pull")
        _give_pull(op, made)
        made(*args)

    return first


def _give_pull(op: Op, function: Callable[..., None]) -> None:
    if op.selects:
        op.pull_selected = function
    else:
        op.pull = function


def _tuple(op: Op, i: int) -> str:
    read = ("None" if n == "buffer" else f"shape({n[:-6]})" if n.endswith("_shape") else n for n in op.reads[i])
    return "(" + "".join(f"{n}, " for n in read) + ")"


# A Python operator is written as such, and so is the local derivative of a rule ``g * x``: each saves a call.
_WRITTEN = {
    operator.add: "a + b",
    operator.sub: "a - b",
    operator.mul: "a * b",
    operator.truediv: "a / b",
    operator.neg: "-x",
    operator.pos: "+x",
}
_TIMES = (lambda g, x: g * x).__code__.co_code


def _written_partial(op: Op, i: int) -> str:
    """Return the local derivative of a float operation without a call: a number or a name; empty where there is
    none."""
    rule: Any = op.vjps[i]
    if not op.reads[i]:
        constant = rule(1.0)
        return repr(constant) if constant.__class__ is float else ""
    (name, *_) = op.reads[i]
    return name if rule.__code__.co_code == _TIMES and name in op.inputs else ""


def _called_partial(op: Op, i: int) -> str:
    return f"rule{i}(1.0{''.join(', ' + n for n in op.reads[i])})"


def has_fast_call(op: Op) -> bool:
    """Return whether a call of this row can go straight to a generated function: one elementwise operand, nothing
    else."""
    if not op.elementwise or len(op.inputs) != 1 or op.variadic or op.statics:
        return False
    if op.linear and not isinstance(op.fn, np.ufunc):  # it may give a view, which is to be noted
        return False
    return all(n in ("y", *op.inputs) for names in op.reads for n in names) and all(
        rule is not None for rule in op.vjps
    )


Pair = tuple[Callable[..., Any], Callable[..., Any]]


def unary(op: Op, name: str, slow: Callable[..., Any]) -> Pair:
    """Return the Tensor and Scalar methods of a row with one operand. slow: the function that runs where these do not
    apply."""
    real = "" if op.complex else '\n    if x.dtype.kind == "c": return slow(x0)'
    if not isinstance(op.fn, np.ufunc):  # it might copy an array of another library into NumPy: the slow path looks
        real = "\n    if x.__class__ is not ndarray: return slow(x0)" + real
    source = _UNARY.format(o="", parents="(p,)", saved=f"({_tuple(op, 0)},)", real=real)
    tensor_method = _function(op, source, name, slow)
    if op.scalar is None:
        return tensor_method, slow
    written, y = _written_partial(op, 0), _WRITTEN.get(op.scalar, "f(x)")
    called, unlike = ("", "") if written else (f"; dx = {_called_partial(op, 0)}", " or dx.__class__ is not float")
    node = dict(a="p", da=written or "dx", b="None", db="0.0")
    source = _SCALAR_UNARY.format(o="", y=y, called=called, unlike=unlike, **node)
    return tensor_method, _function(op, source, name, slow)


def binary(op: Op, name: str, slow: Callable[..., Any], reflected: bool = False) -> Pair:
    """Return the Tensor and Scalar operators of a row with two operands; reflected: x is the right one. slow: the
    function that runs where these do not apply."""
    if None in op.vjps:
        return slow, slow
    mine, other = (1, 0) if reflected else (0, 1)
    names = dict(o=", o", x="ab"[mine], o_="ab"[other])
    dx, do = _written_partial(op, mine), _written_partial(op, other)
    nodes, saves, partials = (
        pair[::-1] if reflected else pair for pair in (("p", "q"), (_tuple(op, mine), "so"), (dx or "dx", "do"))
    )
    tensor = {"parents": f"({', '.join(nodes)})", "saved": f"({', '.join(saves)})", "save_o": _tuple(op, other)}
    tensor_op = _function(op, _BINARY.format(**names, **tensor), name, slow)
    if op.scalar is None:
        return tensor_op, slow
    floats = dict(zip(("a", "b", "da", "db"), (*nodes, *partials), strict=True))
    called = "" if dx else f"; dx = {_called_partial(op, mine)}"
    called += "" if do else f"; do = {_called_partial(op, other)} if q.__class__ is not float else 0.0"
    unlike = "".join(f" or {d}.__class__ is not float" for d, known in (("dx", dx), ("do", do)) if not known)
    y = _WRITTEN.get(op.scalar, "f(a, b)")
    taken = SUM_OF_PRODUCT if op.scalar is operator.add and not reflected else ""
    source = _SCALAR_BINARY.format(**names, **floats, y=y, do=do or "0.0", called=called, unlike=unlike, taken=taken)
    scalar_op = _function(op, source, name, slow)
    return tensor_op, scalar_op


def attach(rows: Iterable[Op]) -> None:
    """Give rows their generated functions: their part of recording, of the walk, and the call of an elementwise one."""
    for op in rows:
        if op.variadic:
            continue
        _give_pull(op, pull(op))
        if op.name != "to_scalar":
            op.run = run(op)  # type: ignore[method-assign]
        if has_fast_call(op):
            on_tensor, on_scalar = unary(op, op.name if op.name.isidentifier() else "record", _recorded(op))
            op.fast = {Tensor: on_tensor, Scalar: on_scalar}


def _recorded(op: Op) -> Callable[..., Any]:
    return lambda x: record_operands(op, (x,), op.defaults)

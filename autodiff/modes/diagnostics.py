"""Work of the modes on an operation: notes for pictures, checks for NaN and infinity, fingerprints of saved arrays.

Runs only when the state is not plain; the fast paths never call it.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from types import FrameType
from typing import Any

import numpy as np

from ..errors import AnomalyError, GraphError, MissingRuleError, kind_of
from ..graph import Node, notes_of
from ..other_arrays import by_library, is_foreign, numbers, refusal
from .blocks import mode
from .states import OFF, State, state

ROWS = frozenset({"rows"})
_watcher: ContextVar[Callable[..., None]] = ContextVar("autodiff_watcher")


@contextlib.contextmanager
def watch_rows(seen: Callable[..., None]) -> Iterator[None]:
    """Call ``seen(row, operands, static, y)`` after each operation with a graph value in this block: plain values.

    operands: arrays, numbers or None, the ones that the row computed with; an array that is the ``y`` of an earlier
    operation is that same object. Operations inside transforms and backward passes are seen too.

    >>> import autodiff as ad, numpy as np
    >>> from autodiff import extend
    >>> with extend.watch_rows(lambda row, operands, static, y: print(row.name, static, y)):
    ...     _ = np.tanh(ad.tensor([0.0, 0.0])).sum()
    tanh {} [0. 0.]
    sum {'axis': None, 'dtype': None, 'out': None, 'keepdims': False} 0.0
    """
    token = _watcher.set(seen)
    try:
        with mode(record=state().record | ROWS):
            yield
    finally:
        _watcher.reset(token)


def observe(op: Any, out: Any, raw: list[Any], now: State, operands: Iterable[Any], static: dict[str, Any]) -> None:
    """Do the work of the modes in force: notes for pictures, the anomaly check, fingerprints."""
    value = out._data
    if now.anomaly or now.strict:
        numbers(value, "detect_anomaly() or strict()")
    if "rows" in now.record:
        _watcher.get()(op, raw, static, value)
    if out.node is None and now.record and now.record != ROWS:
        note_end(op, operands, now.floor)
    if out.node is not None and (now.record or now.anomaly or now.strict):
        notes = notes_of(out.node)
        if now.anomaly or now.strict or "source" in now.record:
            notes.source, notes.rule = _made_at()
        if "grads" in now.record:
            notes.keep_grad = True
        if "stats" in now.record:
            out.node.value = value
            notes.operands = tuple(
                [None if isinstance(p, Node) else a for p, a in zip(out.node.parents, raw, strict=True)]
            )
        if now.strict:
            notes.strict = True
            if (nans := np.isnan(value)).any() and not any([np.isnan(x).any() for x in numbers_in(raw)]):
                notes.made_nan = nans
            if not out.node.is_float_operation:
                notes.prints = [(a, fingerprint(a)) for a in arrays_in(out.node.saved)]
            if op.convention is not None:
                read = op.save_convention(value, raw, out.node.static or {}, 0)
                note_convention(name_of(op), out, op.convention.where(*read), op.convention)
    if now.anomaly:
        check_finite(op, value, raw, "made", "finite inputs", out.node)


def note_end(op: Any, operands: Iterable[Any], floor: float) -> None:
    """Note, under ``record()``, that an operation made a constant of recorded values, by its nature or under
    ``no_grad()``."""
    if floor not in (0, OFF):  # inside a transform, where values from outside are constants
        return
    line, rule = _made_at()
    name = op.name if rule is None else f"the derivative of {name_of(rule.op)}"
    end = name, line, "no_grad" if floor else "flat"
    for x in operands:
        node = getattr(x, "node", None)
        if isinstance(node, Node) and end not in notes_of(node).ends[-16:]:
            notes_of(node).ends += (end,)


def note_convention(name: str, out: Any, at: Any, convention: Any) -> None:
    """Note, under ``strict()``, that the derivative of a value is a convention where ``at`` is True. Functions made of
    rows call it themselves; for a row ``observe`` does."""
    if state().strict and out.node is not None and np.any(at):
        notes_of(out.node).conventional = name, at, convention


def arrays_in(saved: Any) -> Iterator[Any]:
    """Yield every array among the saved values of a node."""
    for args in saved or ():
        for a in args or ():
            if isinstance(a, np.ndarray):
                yield a
            elif isinstance(a, tuple | list):
                yield from (b for b in a if isinstance(b, np.ndarray))


def fingerprint(a: Any) -> int:
    """Return a number that changes when the bytes of an array change."""
    return hash(np.ascontiguousarray(a).tobytes())


def numbers_in(raw: Iterable[Any]) -> list[Any]:
    """Return the operands that are numbers or arrays; others are None, labels or subscripts."""
    return [x for x in raw if isinstance(x, float | int | np.ndarray)]


def check_finite(op: Any, value: Any, raw: Iterable[Any], verb: str, inputs: str, node: Node | None) -> None:
    """Raise AnomalyError when value has a NaN or an infinity and no input has one."""
    bad = ~np.isfinite(value)
    if not bad.any() or not all([np.isfinite(x).all() for x in numbers_in(raw)]):
        return
    nans = int(np.isnan(value).sum())
    infinities = int(bad.sum()) - nans
    counts = [
        f"{n} {one if n == 1 else many}"
        for n, one, many in ((nans, "NaN", "NaNs"), (infinities, "infinity", "infinities"))
        if n
    ]
    where = "" if np.ndim(value) == 0 else f" (first at index {tuple(int(i) for i in np.argwhere(bad)[0])})"
    shapes = ", ".join(str(np.shape(x)) for x in raw if x is not None)
    name = name_of(op) if node is None else op_text(node)
    raise AnomalyError(f"{name} {verb} {' and '.join(counts)}{where} from {inputs} of shapes {shapes}{place(node)}.")


_HERE = __file__.rsplit("modes", 1)[0]  # the package autodiff
_PASSES = (os.path.join(_HERE, "backward", "walk.py"), os.path.join(_HERE, "transforms", "forward.py"))
_STANDARD = os.path.dirname(os.__file__) + os.sep
_OWN = frozenset({"nn", "numpy"})
_rule: ContextVar[Node | None] = ContextVar("autodiff_rule", default=None)


@contextlib.contextmanager
def rules_known() -> Iterator[Callable[[Node], Any] | None]:
    """Yield, around a pass whose rules are recorded, a function to call with each node before its rules run: the nodes
    that they make then refer to it. None where no mode needs that."""
    now = state()
    if not (now.anomaly or now.strict or "source" in now.record):
        yield None
        return
    token = _rule.set(None)
    try:
        yield _rule.set
    finally:
        _rule.reset(token)


def source_line() -> str:
    """Return ``file.py:12`` of the nearest caller that a user wrote: outside this package, ``nn`` and NumPy, and
    outside other libraries where there is one. No frame is kept."""
    return _made_at()[0]


def _made_at() -> tuple[str, Node | None]:
    """Return the source line, and the operation whose rule runs, if a pass is nearer than the line."""
    frame, rule, library, inside = sys._getframe(2), _rule.get(), "?", None
    while frame is not None:
        name = frame.f_code.co_filename
        if inside is None and rule is not None and name in _PASSES:
            inside = rule
            if rule.source and rule.source != "?":
                return rule.source, rule
        kind = whose(frame)
        if kind == "user" or (kind == "library" and library == "?"):
            library = f"{name.replace(chr(92), '/')}:{frame.f_lineno}"
        if kind == "user":
            break
        frame = frame.f_back  # type: ignore[assignment]
    return library, inside


def whose(frame: FrameType) -> str:
    """Return who wrote the code of a frame: "user", "library", or "ours" for this package, ``nn``, NumPy, and code that
    has no file."""
    name, module = frame.f_code.co_filename, frame.f_globals.get("__name__", "")
    if name.startswith(_HERE) or module.partition(".")[0] in _OWN:
        return "ours"
    if name.startswith("<doctest"):
        return "user"
    if name.startswith("<") and (module != "__main__" or name.startswith("<frozen")):
        return "ours"
    return "library" if name.startswith(_STANDARD) or f"-packages{os.sep}" in name else "user"


def written(node: Node) -> tuple[Node, int]:
    """Return the operation that a user wrote: this one, or the one whose derivative it computes; and which one, 0 for
    none, 1 for the first. Found only where source lines are kept."""
    order = 0
    while node.notes is not None and node.notes.rule is not None:
        node, order = node.notes.rule, order + 1
    return node, order


def op_text(node: Node) -> str:
    """Return the name of an operation for a message, such as ``the second derivative of exp`` for one of a rule."""
    site, order = written(node)
    return f"the {ordinal(order)}derivative of {name_of(site.op)}" if order else name_of(node.op)


def name_of(op: Any) -> str:
    """Return the public name of an operation: of the function that calls it, or its own."""
    call = op.shown.call.partition("(")[0]
    return call if call.startswith("np.") else str(op.name)


def ordinal(order: int) -> str:
    """Return ``second `` for 2, and "" for 1."""
    return {1: "", 2: "second ", 3: "third "}.get(order, f"{order}th ")


def place(node: Node | None) -> str:
    """Return where a node was made, as the end of a sentence: module path always, source line when it was kept."""
    scope = state().scope if node is None else node.scope
    inside = f", in module {scope.path or type(scope.owner()).__name__}" if scope is not None else ""
    source = node.source if node is not None else source_line()
    return inside + (f", at {source}" if source and source != "?" else "")


def describe(node: Node) -> str:
    """Return a node in an error: operation, shapes, module path, and the source line when it was kept."""
    if node.op is None:
        return f"a leaf of shape {node.shape or ()}"
    shapes = ", ".join(str(p.shape or ()) if isinstance(p, Node) else "constant" for p in node.parents)
    return f"{op_text(node)} (inputs {shapes}; output {node.shape or ()}{place(node)})"


def hint(node: Node) -> str:
    """Return a sentence on how to get the source line that an error could not give; empty when it could."""
    return "" if node.source else " Run the forward pass under ad.detect_anomaly() or ad.record() for the source line."


def explain(op: Any, error: Exception, raw: Iterable[Any]) -> None:
    """Explain the error of an operation that refused its operands: raise the row's own sentence or a general
    one where there is one; otherwise add a note to the error, which the caller raises."""
    if isinstance(error, GraphError):  # a view of an overwritten value: the message is complete
        return
    raw, where = list(raw), place(None)
    sentence = op.explain(*raw) if op.explain is not None else None
    text = f"{sentence}{where}" if sentence is not None else misfit(op, error, raw, where)
    if text is None and not isinstance(error, np.linalg.LinAlgError):
        for x in filter(is_foreign, raw):
            raise refusal(op.name, x, error) from error
    if text is not None:
        raise (TypeError if isinstance(error, TypeError) else type(error))(text) from None
    error.add_note(f"in {op.name} of {' and '.join(kind_of(x) for x in raw)}{where}.")


def run_by_library(op: Any, operands: Iterable[Any], static: dict[str, Any]) -> Any:
    """Return the result of an operation on arrays of another library, not recorded; name the operation in errors."""
    try:
        return by_library(op.fn, operands, static)
    except (ValueError, TypeError, IndexError, NotImplementedError, AttributeError) as error:
        explain(op, error, operands)
        raise


def misfit(op: Any, error: Exception, raw: list[Any], where: str) -> str | None:
    """Return a sentence for the mistakes with operands that are alike in every operation; None for others."""
    text, shapes = str(error).strip(), ", ".join(str(np.shape(x)) for x in raw if x is not None)
    for x in raw:
        if getattr(x, "dtype", None) is not None and x.dtype.kind in "OSUMmV":
            return f"{op.name}: {kind_of(x)} holds no numbers{where}. Write np.asarray(x, dtype=float) if they can be."
    if isinstance(error, np.exceptions.AxisError):
        return f"{op.name}: {text}; got shape {shapes}{where}. Axes count from 0, or from -1 backwards."
    if text.startswith("operands could not be broadcast together with shapes"):
        return (
            f"{op.name}: {text}{where}. From the last axis on, lengths must be equal or 1: write x[:, None], x.T or "
            "x.reshape(...)."
        )
    if isinstance(error, np.linalg.LinAlgError) and "must be square" in text:
        return f"{op.name} needs square matrices, (..., n, n); got shape {shapes}{where}."
    return None


def refuse_complex(op: Any, raw: list[Any], arrays: bool) -> None:
    """Raise when an operand is complex: of a row whose rule is not right for it, and beside a Scalar."""
    for value in raw:
        if value.__class__ is complex and not arrays:
            raise TypeError(
                f"{op.name} of a Scalar and the complex number {value}: a Scalar is real. "
                "Write ad.tensor(...), whose values may be complex."
            )
        if (value.__class__ is complex or np.iscomplexobj(value)) and not op.complex:
            raise MissingRuleError(
                f"{op.name} has no derivative rule for complex numbers; got {kind_of(value)}. "
                "Write it in np.real(x), np.imag(x) and np.abs(x), or with x.data for a constant."
            )

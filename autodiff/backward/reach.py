"""The elements of a value that can reach the result: zeros by construction, as distinct from computed zeros.

A cotangent element is zero BY CONSTRUCTION where no path of operations leads from it to the result: the branch that
``where`` did not take, an element that was not selected, an output that was not used. It contributes zero, even
times an infinity or NaN. A zero that was COMPUTED (the 2 sqrt(x) of sqrt(x)**2 at 0) times infinity is NaN.

The walk needs it only where a NaN appeared, or where the pass is recorded: ``Reach`` then goes over the same nodes once
more with masks (True: every element; an array of booleans otherwise), from the roots down to the node in question. How
a mask passes a row follows from the row's facts:

    elementwise     the mask itself
    selects, linear the row's own rule on the mask: its coefficients are 0, 1 or fixed numbers
    anything else   its own rule on the mask at generic operands: products and reductions pass it on at any values
    opaque          a function made on the spot: all or nothing

Never here: the name of an operation, or a write into any node.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..errors import SingularPointError
from ..graph import Node
from ..modes.diagnostics import describe, hint, op_text
from ..variable import Variable, plain

Mask = Any  # True, False, or an array of booleans
outer: ContextVar[Mask] = ContextVar("outer", default=True)  # of the cotangent that a walk inside a rule starts from


class Reach:
    """Masks of the nodes of one backward pass, found as far down as they are needed."""

    def __init__(self, masks: dict[Node, Mask], nodes: list[Node]) -> None:
        self._masks = dict(masks)
        self._nodes, self._at = nodes, 0  # nodes before this one have passed their mask on
        self._among = frozenset(nodes)
        self.selects = any([n.op is not None and n.op.selects for n in nodes])
        self._passed: tuple[Node | None, dict[int, Mask]] = (None, {})
        self.infinite: list[Node] = []  # under strict(): operations whose rule made an infinity of a finite cotangent

    def of(self, node: Node) -> Mask:
        """Return which elements of a node can reach a seed that is not zero; called in the order of the walk."""
        masks, nodes = self._masks, self._nodes
        while self._at < len(nodes) and nodes[self._at] is not node:
            n = nodes[self._at]
            self._at += 1
            mask = masks.get(n, False)
            if mask is False or n.op is None:
                continue
            for i, p in enumerate(n.parents):
                if p in self._among and masks.get(p) is not True:
                    masks[p] = either(masks.get(p, False), within(through(n, i, mask), p.shape))
        return masks.get(node, False)

    def passed(self, node: Node, i: int) -> Mask:
        """Return which elements of a rule's result are reached through this operand, before broadcasting is undone."""
        if self._passed[0] is not node:
            self._passed = node, {}
        found = self._passed[1]
        if i not in found:
            found[i] = through(node, i, self.of(node))
        return found[i]

    def came(self, node: Node, i: int) -> Mask:
        """Return the mask of the cotangent that the rule of operand i is given."""
        return self.of(node)

    def apply(self, node: Node, i: int, g: Any, args: Any) -> Any:
        """Apply the rule of operand i to g."""
        return node.op.rule(i)(g, *args)


class ForwardReach(Reach):
    """Masks of the nodes of one forward pass: which elements depend on a tangent that is not zero."""

    def __init__(self, masks: dict[Node, Mask], nodes: list[Node], push: Callable[..., Any]) -> None:
        super().__init__(masks, nodes[::-1])
        self._push = push

    def of(self, node: Node) -> Mask:
        """Return which elements of a node depend on a tangent that is not zero; called in the order of the walk."""
        masks, nodes = self._masks, self._nodes
        while self._at < len(nodes) and nodes[self._at].serial <= node.serial:
            n = nodes[self._at]
            self._at += 1
            if n not in masks and n.op is not None:
                masks[n] = False
                for i, p in enumerate(n.parents):
                    if isinstance(p, Node) and masks[n] is not True:
                        masks[n] = either(masks[n], self._through(n, i))
        return masks.get(node, False)

    def passed(self, node: Node, i: int) -> Mask:
        """Return which elements of the output depend on such a tangent through this operand."""
        self.of(node)
        return self._through(node, i)

    def _through(self, node: Node, i: int) -> Mask:
        def apply(t: Any, args: Any) -> Any:
            return self._push(node, i, t, args, False)

        return within(through(node, i, self._masks.get(node.parents[i], False), apply), node.shape)

    def arrived(self, node: Node) -> Mask:
        """Return where a convention of a node is used: elements that such a tangent arrives at, also where a rule that
        selects (relu, floor) passes nothing on."""
        reached = self.of(node)
        if node.op is None or not (node.op.elementwise and node.op.selects):
            return reached
        for p in node.parents:
            mask = self._masks.get(p, False) if isinstance(p, Node) else False
            if mask is not False and reached is not True:
                reached = either(reached, np.broadcast_to(mask, node.shape or ()))
        return reached

    def came(self, node: Node, i: int) -> Mask:
        """Return the mask of the tangent of operand i."""
        self.of(node)
        return self._masks.get(node.parents[i], False)

    def apply(self, node: Node, i: int, t: Any, args: Any) -> Any:
        """Return J t for operand i."""
        recorded = isinstance(t, Variable) or any([isinstance(a, Variable) for a in args])
        return self._push(node, i, t, args, recorded)


def either(a: Mask, b: Mask) -> Mask:
    """Return the union of two masks."""
    if a is False or b is True:
        return b
    both = np.logical_or(a, b)
    return True if both.all() else both


def within(mask: Mask, shape: tuple[int, ...] | None) -> Mask:
    """Return a mask in another shape: where broadcasting is undone, an element is reached if one of its copies is."""
    if mask is True or mask is False:
        return mask
    if not np.any(mask):
        return False
    if shape is None or np.all(mask):
        return True
    have = np.shape(mask)
    if have == shape:
        return mask
    lead = max(len(have) - len(shape), 0)
    mask = np.any(mask, axis=tuple(range(lead)))
    shared = shape[len(shape) - mask.ndim :]
    axes = tuple([k for k, (n, m) in enumerate(zip(shared, mask.shape, strict=True)) if n == 1 != m])
    return np.broadcast_to(np.any(mask, axis=axes, keepdims=True), shape)


def _weights(mask: Mask, node: Node, ones: bool = False) -> Any:
    """Return a cotangent that is positive where the mask is True, and zero elsewhere. ones: all ones, for sums of
    selected elements, where nothing can cancel."""
    if node.shape is None:
        return 1.0 if np.all(mask) else 0.0
    if ones:
        return np.broadcast_to(np.asarray(mask, node.dtype), node.shape)
    return np.where(mask, _generic(np.empty(node.shape, node.dtype), np.random.default_rng(0)), 0.0).astype(node.dtype)


def _generic(a: Any, rng: np.random.Generator) -> Any:
    """Return numbers between 1 and 2 without a pattern, in place of the floats in a."""
    if isinstance(a, tuple | list):
        return type(a)([_generic(b, rng) for b in a])
    if a.__class__ is float:
        return rng.uniform(1.0, 2.0)
    if a is None:
        return None
    if getattr(a, "dtype", np.dtype(int)).kind not in "fc":
        return a
    return np.asarray(rng.uniform(1.0, 2.0, a.shape)).astype(a.dtype)


def through(node: Node, i: int, mask: Mask, apply: Any = None) -> Mask:
    """Return how a mask passes operand i of a row: from the output to the operand, or the other way with ``apply``."""
    op = node.op
    if mask is False or (mask is True and not op.selects):
        return mask
    if node.is_float_operation:
        return not op.selects or node.saved[i] != 0.0
    if op.elementwise and not op.selects:
        return mask
    known = op.selects or op.linear or op.product or op.kink is None or op.convention is not None
    if op.opaque or not known or node.saved is None or node.saved[i] is None:
        return bool(np.any(mask))
    args = node.saved[i] if (op.linear or op.selects) and not op.product else _generic_arguments(node, i)
    if args is None:
        return bool(np.any(mask))
    given = _weights(mask, node if apply is None else node.parents[i], ones=op.linear and op.selects)
    d = op.rule(i)(given, *args) if apply is None else apply(given, args)
    # A rule that gives NaN for a NaN operand gives it also for an element that nothing reads.
    return np.not_equal(d, 0) & mask if op.elementwise else np.not_equal(d, 0)


def _generic_arguments(node: Node, i: int) -> list[Any] | None:
    """Return the values that the rule of operand i reads, at generic operands, so that no coefficient is 0 by chance;
    None where they cannot be made: an operand was not kept, or the function refuses the numbers."""
    op, names, rng = node.op, node.op.names(i), np.random.default_rng(1)
    given = dict(zip(names, node.saved[i], strict=True))
    if op.variadic and op.inputs[0] in given:
        operands = _generic(list(given[op.inputs[0]]), rng)
    else:
        operands = [
            _generic(np.empty(p.shape or (), p.dtype) if isinstance(p, Node) else given.get(name), rng)
            for name, p in zip(op.inputs if not op.variadic else [""] * len(node.parents), node.parents, strict=True)
        ]
    made: dict[str, Any] = {"kept": None, "buffer": None}
    if op.variadic:
        made[op.inputs[0]] = tuple(operands)
    else:
        made.update(zip(op.inputs, operands, strict=True))
    if "y" in names:
        if any([a is None for a in operands]):
            return None
        try:
            made["y"] = op.fn(*operands, **(node.static or {}))
        except (np.linalg.LinAlgError, ValueError, TypeError):
            return None
    return [made.get(name, a) for name, a in given.items()]


def apply_rule(reach: Reach, node: Node, i: int, args: Any, g: Any, recorded: bool) -> Any:
    """Apply the rule of operand i to g, with zero where no reached element contributes; None if none is reached.

    args: the values that the rule reads, as handles when the pass is recorded. Then elements that are not reached are
    cut off also where nothing is NaN yet, because a later derivative may be infinite there.
    """
    op = node.op
    token = outer.set(reach.came(node, i))
    try:
        d = reach.apply(node, i, g, args)
    finally:
        outer.reset(token)
    note_infinite(reach, node, g, d)
    cut = recorded and _reads_values(op, i) and (reach.selects or not op.product) and not np.all(plain(g))
    if not cut and not np.isnan(plain(d)).any():
        return d
    passed = reach.passed(node, i)
    if passed is not True:
        if not np.any(passed):
            return None
        if op.product and node.shape is not None:
            d = _product(reach, node, i, args, g, d, recorded)
        value = plain(d)
        keep = passed | (np.isfinite(value) & (value != 0))  # and nothing that is there already
        if not np.all(keep):
            d = np.where(keep, d, 0.0)
    refuse_product(node, g, d, reach)
    return d


def _reads_values(op: Any, i: int) -> bool:
    """Return whether the rule of operand i reads values, so that its result can be differentiated in them."""
    return not op.linear and not op.selects and any(name == "y" or name in op.inputs for name in op.names(i))


def _product(reach: Reach, node: Node, i: int, args: Any, g: Any, d: Any, recorded: bool) -> Any:
    """Apply the rule of a row that multiplies and adds, without the products of an element that is not reached and an
    infinity or NaN. The rule itself, run on masks, counts these products."""
    op, names = node.op, node.op.names(i)
    read = [name in op.inputs for name in names]

    def each(f: Any, values: Any) -> list[Any]:
        return [
            a if not r else tuple([f(b, j) for j, b in enumerate(a)]) if op.variadic else f(a, op.inputs.index(name))
            for a, r, name in zip(values, read, names, strict=True)
        ]

    def clean(a: Any, j: int) -> Any:
        good: Any = np.isfinite(plain(a))
        if recorded and not isinstance(reach, ForwardReach) and isinstance(node.parents[j], Node):
            # a later derivative may be infinite in an element that nothing reads
            good = good & within(reach.passed(node, j), node.parents[j].shape)
        return a if np.all(good) else np.where(good, a, 0.0)

    seen = np.where(reach.came(node, i), 1.0, np.zeros(np.shape(plain(g))))
    pairs = reach.apply(node, i, seen, each(lambda a, j: np.ones(np.shape(a)), args))
    bad = reach.apply(node, i, seen, each(lambda a, j: 1.0 + ~np.isfinite(plain(a)), args))
    spoilt, base = np.greater(bad, pairs), reach.apply(node, i, g, each(clean, args))
    return np.where(spoilt, d, base) if np.any(spoilt) else base


def refuse_convention(node: Node, mask: Mask) -> None:
    """Raise, under ``strict()``, where a node that is reached has a derivative only by convention."""
    notes = node.notes
    if mask is False or notes is None or notes.conventional is None:
        return
    name, at, convention = notes.conventional
    hit = at if mask is True else np.logical_and(at, mask) if np.shape(at) == (node.shape or ()) else at
    if np.any(hit):
        where = "" if np.ndim(hit) == 0 else f" at index {tuple(int(k) for k in np.argwhere(hit)[0])}"
        raise SingularPointError(
            f"strict: {name} has no derivative{where}, where {convention.at}; {convention.gives} is given by "
            f"convention. {convention.write} This is {describe(node)}.{hint(node)}"
        )


def maker_of_nan(node: Node, bad: Any) -> Node | None:
    """Return the first operation, among a node and all it was computed from, whose value became NaN; None where no
    value is NaN, so that the derivative alone made it. bad: where the rule's result is NaN."""
    found, seen, todo = None, {node}, [node]
    while todo:
        n = todo.pop()
        made = n.notes.made_nan if n.notes is not None else None
        if made is not None and (np.shape(made) != np.shape(bad) or np.any(made & bad)):
            found = n if found is None or n.serial < found.serial else found
        parents = [p for p in n.parents if isinstance(p, Node) and p not in seen]
        seen.update(parents)
        todo += parents
    return found


def note_infinite(reach: Reach, node: Node, g: Any, d: Any) -> None:
    """Note, under ``strict()``, an operation whose rule made an infinity of a cotangent without one."""
    notes = node.notes
    if notes is not None and notes.strict and np.isinf(plain(d)).any() and not np.isinf(plain(g)).any():
        reach.infinite.append(node)


def refuse_product(node: Node, g: Any, d: Any, reach: Reach) -> None:
    """Raise, under ``strict()``, where a rule made a NaN of a cotangent without one."""
    notes = node.notes
    if notes is None or not notes.strict or d is None:
        return
    bad = np.isnan(plain(d))
    if bad.any() and not np.isnan(plain(g)).any():
        maker = maker_of_nan(node, bad)
        if maker is not None and maker.notes is not None:
            made = maker.notes.made_nan
            at = "" if np.ndim(made) == 0 else f" at index {tuple(int(k) for k in np.argwhere(made)[0])}"
            raise SingularPointError(
                f"strict: the value of {describe(maker)} is NaN{at}, of operands that are not, and has no derivative "
                f"there. Keep such elements out with np.where before the operation.{hint(maker)}"
            )
        where = "" if np.ndim(bad) == 0 else f" at index {tuple(int(k) for k in np.argwhere(bad)[0])}"
        source = reach.infinite[0] if reach.infinite and np.isinf(plain(g)).any() else None
        if source is not None:
            raise SingularPointError(
                f"strict: the derivative of {describe(source)} is infinite, and {op_text(node)} multiplies it by a "
                f"computed 0{where}: there the derivative is not defined. Keep such elements out with np.where before "
                f"{op_text(source)}, or write the formula without the point where it is singular.{hint(source)}"
            )
        raise SingularPointError(
            f"strict: a computed 0 times infinity or NaN{where} in the derivative of {describe(node)}: its derivative "
            "there is not defined. Keep such elements out with np.where before the operation, or write the formula "
            f"without the point where it is singular.{hint(node)}"
        )

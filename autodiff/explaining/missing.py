"""Why a value has no gradient at all."""

from __future__ import annotations

from typing import Any

from .. import Scalar, Variable, is_recording
from ..drawing.levels.parts.value_texts import source_text
from ..graph import Node
from .explanations import Cause
from .graph_pass import GraphPass


def of_constant(x: Variable) -> Cause:
    """Return why a value that requires no gradient does not."""
    if getattr(x, "_frozen", None) is not None:
        return Cause(
            "frozen",
            "it is frozen: requires_grad was set to False, so that no derivative flows to it.",
            "x.requires_grad = True before the forward pass, and then backward() again.",
        )
    owner = getattr(x, "_owner", None)
    if owner is not None:
        node = owner()
        made = f" of {node.op.name}" if node is not None and node.op is not None else ""
        return Cause(
            "detached",
            f"it was made by detach() or stop_gradient(): a constant that shares the array of a recorded value{made}.",
            "the recorded value itself, without detach(), where the gradient should flow.",
        )
    if not is_recording():
        return Cause(
            "no_grad",
            "recording is off here, under ad.no_grad(): results are constants.",
            "the forward pass outside ad.no_grad(), or under ad.enable_grad().",
        )
    if type(x).__name__ == "Buffer":
        return Cause("constant", "a Buffer is a constant of its model.", "nn.Parameter for what is to be trained.")
    return Cause(
        "constant",
        "it is a constant: made with requires_grad=False, from plain arrays alone, under ad.no_grad(), or by an "
        "operation through which no derivative flows (floor, round, sign, comparisons).",
        "ad.tensor(x) or ad.scalar(x) for what you differentiate, and the computation outside ad.no_grad().",
    )


def of_plain(x: Any) -> Cause:
    """Return why something that is no value of a graph has no gradient."""
    if hasattr(x, "named_parameters"):
        name = next((name for name, _ in x.named_parameters()), "weight")
        return Cause(
            "constant",
            f"a {type(x).__name__} is a module: gradients are those of its parameters.",
            f'ad.explain(p, model=model) with p = dict(model.named_parameters())["{name}"], or another of them.',
        )
    if isinstance(x, list | tuple | dict):
        return Cause("constant", f"a {type(x).__name__} is no value of a graph.", "ad.explain of one of its values.")
    if isinstance(x, str):
        return Cause("constant", f"{x!r} is a str, not a value.", "ad.explain(loss, wrt=x), with the value x.")
    article = "an" if type(x).__name__ in ("ndarray", "int") else "a"
    return Cause(
        "constant",
        f"{article} {type(x).__name__} is plain data: it is a constant for the graph.",
        "ad.tensor(x) or ad.scalar(x) for what you differentiate, before it is used.",
    )


def of_leaf_alone(x: Variable) -> Cause:
    """Return why a leaf has no gradient, without its loss."""
    node: Node = x.node  # type: ignore[assignment]
    ended = end_of(node)
    if ended is not None:
        return ended
    return Cause(
        "no_backward",
        "no backward pass has reached it: backward() has not run since it was made or its gradient was cleared, or the "
        "loss does not depend on it.",
        "loss.backward(), or name the loss: ad.explain(loss, wrt=x).",
    )


def of_interior(x: Variable) -> Cause:
    """Return why an interior value shows no gradient."""
    return Cause(
        "not_kept",
        f"it is not a leaf: a {'Scalar' if isinstance(x, Scalar) else 'Tensor'} made by an operation keeps its "
        "gradient only on request.",
        "x.retain_grad() before backward(), or the whole step under ad.record().",
    )


def of_unreached(x: Variable, graph: GraphPass) -> Cause:
    """Return why a root was not computed from a value."""
    node: Node = x.node  # type: ignore[assignment]
    ended = end_of(node)
    if ended is not None:
        return ended
    written = graph.root.serial < node.serial
    if written:
        return Cause(
            "unreached",
            "it was made after the loss, which cannot depend on it.",
            "the loss computed again from this value.",
        )
    return Cause(
        "unreached",
        "the loss does not depend on it: nothing that was computed from it is used, or only behind detach(), "
        "stop_gradient(), .data, ad.no_grad() or an operation that returns integers (argmax).",
        "a loss that uses what was computed from this value; ad.draw(loss) shows what it does depend on.",
    )


def end_of(node: Node) -> Cause | None:
    """Return the operation that made a constant of this value, where ``record()`` noticed one."""
    if node.notes is None or not node.notes.ends:
        return None
    op, place, how = node.notes.ends[0]
    at = "" if place == "?" else f" at {source_text(place)}"
    place = "" if place == "?" else place
    if how == "no_grad":
        return Cause(
            "no_grad",
            f"{op} read it{at} under ad.no_grad(), so that its result is a constant.",
            "the computation outside ad.no_grad().",
            op,
            place,
        )
    return Cause(
        "flat",
        f"{op} read it{at}, through which no derivative flows: its result is a constant.",
        f"a smooth function in place of {op}.",
        op,
        place,
    )

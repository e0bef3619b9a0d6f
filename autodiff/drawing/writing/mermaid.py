"""The picture as Mermaid text, which many sites show without any program.

Mermaid refuses more than 500 edges or 50,000 characters, so gradient lines, then nodes, are left out before that, with
a comment. Labels are always quoted, and every character of user text beyond letters, digits and a few
marks is written as a numeric code.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from ..picture.model import Edge, Node, Picture, Run
from ..picture.style import (
    BORDER,
    CLUSTER_FILL,
    CLUSTER_LINE,
    ERROR,
    ERROR_FILL,
    FORWARD,
    GRAD,
    INK,
    INPUT_FILL,
    NEGATIVE,
    PARAM,
    PARAM_FILL,
    POSITIVE,
    REPEAT,
    UPDATE,
    UPDATE_FILL,
    WARN,
    WARN_FILL,
    WHITE,
)
from ..picture.text import escape_mermaid, escape_mermaid_label

MOST_EDGES = 500
MOST_TEXT = 50_000
ARROWS = {"value": "-->", "gradient": "-.->", "update": "==>", "nan": "==>", "note": "-.-"}
CLASSES = {
    "data": f"fill:{INPUT_FILL},stroke:{BORDER},color:{INK}",
    "plain": f"fill:{WHITE},stroke:{BORDER},color:{INK}",
    "loss": f"fill:{WHITE},stroke:{INK},stroke-width:2px,color:{INK}",
    "param": f"fill:{PARAM_FILL},stroke:{PARAM},stroke-width:2px,color:{PARAM}",
    "repeat": f"fill:{WHITE},stroke:{REPEAT},stroke-width:2px,color:{INK}",
    "update": f"fill:{UPDATE_FILL},stroke:{UPDATE},stroke-width:2px,color:{UPDATE}",
    "warning": f"fill:{WARN_FILL},stroke:{WARN},stroke-width:2px,color:{INK}",
    "first": f"fill:{WHITE},stroke:{ERROR},stroke-width:4px,color:{ERROR}",
    "broken": f"fill:{ERROR_FILL},stroke:{ERROR},color:{ERROR}",
    "note": f"fill:{WHITE},stroke:{ERROR},color:{INK}",
}
CLASS_OF_KIND = {
    "input": "data",
    "constant": "data",
    "frozen": "data",
    "reference": "data",
    "output": "loss",
    "parameter": "param",
    "repeat": "repeat",
    "optimizer": "update",
    "note": "note",
}
CLASS_OF_STATUS = {"warning": "warning", "first-nan": "first", "nan": "broken", "dead": "broken"}
COLORS = {"gradient": GRAD, "update": UPDATE, "nan": ERROR, "note": ERROR}


def to_mermaid(picture: Picture) -> str:
    """Return the Mermaid flowchart text of a picture."""
    edges = [edge for edge in picture.edges if edge.dash != "invis"]
    dropped = ""
    if len(edges) > MOST_EDGES:
        kept = [edge for edge in edges if edge.kind != "gradient"][:MOST_EDGES]
        dropped = f"{len(edges) - len(kept)} of {len(edges)} lines are not drawn: Mermaid takes {MOST_EDGES}"
        edges = kept
    text = write(picture, edges, picture.nodes, dropped)
    if len(text) > MOST_TEXT:
        few = picture.nodes[:150]
        ids = {node.id for node in few}
        inside = [edge for edge in edges if edge.source in ids and edge.target in ids]
        text = write(
            picture,
            inside,
            few,
            f"only {len(few)} of {len(picture.nodes)} nodes are drawn: Mermaid takes "
            f"{MOST_TEXT} characters; fold the picture",
        )
    return text


def write(picture: Picture, edges: Sequence[Edge], nodes: Sequence[Node], dropped: str) -> str:
    """Return the text for a choice of edges and nodes: the data path first, so that Mermaid lays out the flow along it.
    """
    aside = {companion for _, companion, _ in picture.beside}
    nodes = sorted(nodes, key=lambda node: node.id in aside)
    edges = sorted(edges, key=lambda edge: place_of(edge, aside))
    theme: dict[str, Any] = {
        "theme": "base",
        "themeVariables": {
            "lineColor": FORWARD,
            "primaryColor": WHITE,
            "primaryTextColor": INK,
            "primaryBorderColor": BORDER,
            "clusterBkg": CLUSTER_FILL,
            "clusterBorder": CLUSTER_LINE,
        },
        "flowchart": {"wrappingWidth": 460},  # rows of cards are not broken
    }
    if picture.level == "compare":  # titles of groups always are
        theme["flowchart"]["subGraphTitleMargin"] = {"top": 2, "bottom": 26}
    lines = [f"%%{{init: {json.dumps(theme)}}}%%", f"flowchart {'LR' if picture.direction == 'LR' else 'TD'}"]
    if dropped:
        lines.append(f"  %% {dropped}")
    if picture.title:
        lines.append(f"  accTitle: {plain_line(picture.title)}")
    if picture.alt:
        lines.append(f"  accDescr: {plain_line(picture.alt)}")
    lines += node_lines(picture, nodes)
    lines += [edge_line(edge, upstream=picture.level == "op") for edge in edges]
    used = sorted({class_of(node) for node in nodes}, key=list(CLASSES).index)
    lines += [f"  classDef {name} {CLASSES[name]}" for name in used]
    for color, numbers in styles(edges).items():
        lines.append(f"  linkStyle {','.join(map(str, numbers))} stroke:{color},color:{color}")
    return "\n".join(lines) + "\n"


def place_of(edge: Edge, aside: Collection[str]) -> int:
    """Return the place of an edge in the text: data, values read beside it, gradients, gradients of these values."""
    beside = (edge.source in aside) + (edge.target in aside)
    return 2 * (edge.kind in ("gradient", "update")) + min(beside, 1) + (edge.kind == "update")


def plain_line(text: str) -> str:
    """Return one line without the characters that end or break a Mermaid statement."""
    return "".join(
        character if character.isalnum() or character in " _.,:=()/+*×−‖" else " " for character in text
    ).strip()


def node_lines(picture: Picture, nodes: Sequence[Node]) -> list[str]:
    """Return node statements, those of a module inside a subgraph."""
    by_id = {node.id: node for node in nodes}
    inside = {node_id for module in picture.modules for node_id in module.nodes}
    lines = [node_line(node) for node in nodes if node.id not in inside]
    children: dict[str, list[str]] = {}
    modules = {module.id: module for module in picture.modules}
    for module in picture.modules:
        children.setdefault(module.parent, []).append(module.id)
    stack = [(key, False) for key in reversed(children.get("", []))]
    if picture.level == "compare":
        stack.reverse()  # Mermaid sets groups without lines between them from the last to the first
    while stack:
        key, closing = stack.pop()
        if closing:
            lines.append("  end")
            continue
        module = modules[key]
        lines.append(f'  subgraph {key}["{escape_mermaid("".join(run.text for run in module.title))}"]')
        if picture.level == "compare":  # a group without lines to the outside would be laid out across
            lines.append(f"  direction {'LR' if picture.direction == 'LR' else 'TB'}")
        lines += [node_line(by_id[node_id]) for node_id in module.nodes if node_id in by_id]
        stack.append((key, True))
        stack += [(child, False) for child in reversed(children.get(key, []))]
    return lines


def class_of(node: Node) -> str:
    """Return the style class of a node."""
    return CLASS_OF_STATUS.get(node.status) or CLASS_OF_KIND.get(node.kind, "plain")


def node_line(node: Node) -> str:
    """Return one node statement: the rows of its card, the shape of its kind."""
    rows = [runs_mermaid(runs, escape_mermaid_label) for runs in node.card.lines()]
    label = "<br>".join(row for row in rows if row)
    opening, closing = (
        ('{{"', '"}}') if node.kind == "optimizer" else ('("', '")') if node.card.rounded else ('["', '"]')
    )
    return f"  {node.id}{opening}{label}{closing}:::{class_of(node)}"


def runs_mermaid(runs: Iterable[Run], escape: Callable[[str], str]) -> str:
    """Return the runs of one row, bold ones as bold, with single spaces between."""
    parts = []
    for run in runs:
        text = escape(" ".join(run.text.replace("\u00a0", " ").split()))
        if text:
            parts.append(f"<b>{text}</b>" if run.bold else text)
    return " ".join(parts)


def edge_line(edge: Edge, upstream: bool = False) -> str:
    """Return one edge statement; gradients are written in the direction they run.

    upstream: in a graph with many inputs that would turn the layout round, because Mermaid puts the target of a line
    lower; there a gradient is a line without a head, and an arrow in its label.
    """
    if upstream and edge.kind == "gradient":
        return f'  {edge.source} -.-|"{" ".join(("←", runs_mermaid(edge.label, escape_mermaid)))}"| {edge.target}'
    source, target = (edge.target, edge.source) if edge.back else (edge.source, edge.target)
    label = runs_mermaid(edge.label, escape_mermaid)
    if edge.kind == "weight":
        arrow = "---" if edge.dash == "solid" else "-.-"
    else:
        arrow = ARROWS.get(edge.kind, "-->")
    return f'  {source} {arrow}|"{label}"| {target}' if label else f"  {source} {arrow} {target}"


def styles(edges: Sequence[Edge]) -> dict[str, list[int]]:
    """Return colours of lines, by their position in the text."""
    found: dict[str, list[int]] = {}
    for i, edge in enumerate(edges):
        color = edge.color if edge.color in (POSITIVE, NEGATIVE) else COLORS.get(edge.kind)
        if color:
            found.setdefault(color, []).append(i)
    return found

"""The picture as DOT text for Graphviz.

Nodes are `shape=plain` with an HTML-like table made from the node's card. Faults of Graphviz to avoid: record
shapes break on `{ | }` in names; an edge between neighbours of one rank must not use ports, or its arrowhead turns
round; an empty FONT element is a syntax error; rounded tables do not clip the colour of their cells, so coloured
cells are inset by a nested table and the port stands on the outer cell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ..layout.card_sizes import CellBox, place_block
from ..picture.model import Block, Card, Cell, Edge, Key, Module, Node, Picture, Run
from ..picture.style import BORDER, CLUSTER_FILL, CLUSTER_LINE, FONT, FORWARD, INK, MUTED
from ..picture.text import escape_label, escape_quoted, text_width


def to_dot(picture: Picture) -> str:
    """Return the DOT text of a picture. Needs no program; equal pictures give equal text."""
    lines = [
        "digraph autodiff {",
        "  " + graph_attributes(picture),
        f'  node [shape=plain, fontname="{FONT}", fontsize=12, fontcolor="{INK}", color="{BORDER}"];',
        f'  edge [fontname="{FONT}", fontsize=10, fontcolor="{MUTED}", color="{FORWARD}", arrowsize=0.7];',
    ]
    if picture.title:
        lines.append(
            f"  subgraph cluster_title {{ graph [label=<{runs_html((Run(picture.title, 14, INK, True),))}>, "
            "labelloc=t, peripheries=0, margin=4];"
        )
    lines += node_lines(picture)
    if picture.title:
        lines.append("  }")
    companions = {(host, companion): side for host, companion, side in picture.beside}
    slanting = slanting_edges(picture)
    for edge in picture.edges:
        lines.append("  " + edge_line(edge, picture, companions, edge.id in slanting))
    lines.append("}")
    return "\n".join(lines) + "\n"


def graph_attributes(picture: Picture) -> str:
    """Return the graph statement: direction, distances, font, tooltip and the legend as the graph's label."""
    parts = [
        f"rankdir={picture.direction}",
        'bgcolor="white"',
        f'fontname="{FONT}"',
        "fontsize=12",
        f'fontcolor="{INK}"',
        "pad=0.15",
        f"nodesep={picture.node_gap:g}",
        f"ranksep={picture.rank_gap:g}",
        f'tooltip="{escape_quoted(picture.alt or "graph")}"',
        "outputorder=edgesfirst",
        "labelloc=b",
        "compound=true",
        'charset="UTF-8"',
    ]
    if picture.straight:
        parts += ["splines=line", "mclimit=0.001"]  # neurons in their order: no search for fewer crossings
    legend = legend_html(picture)
    if legend:
        parts.append(f"label=<{legend}>")
    return f"graph [{', '.join(parts)}];"


def node_lines(picture: Picture) -> list[str]:
    """Return node statements, those of a module inside its cluster, in the order of the picture."""
    nodes = {node.id: node for node in picture.nodes}
    owner = {node_id: module.id for module in picture.modules for node_id in module.nodes}
    children: dict[str, list[Module]] = {}
    for frame in picture.modules:
        children.setdefault(frame.parent, []).append(frame)
    ranks = rank_lines(picture)
    free = [node for node in picture.nodes if node.id not in owner]
    if picture.level == "compare" and picture.direction == "LR":
        free.reverse()  # Graphviz stacks separate rows from the bottom to the top
    lines = [node_line(node, picture) for node in free] + [ranks[node.id] for node in free if node.id in ranks]
    stack: list[Module | None] = list(reversed(children.get("", [])))
    while stack:
        module = stack.pop()
        if module is None:
            lines.append("  }")
            continue
        lines.append(
            f'  subgraph "cluster_{module.id}" {{ graph [label=<{runs_html(module.title)}>, '
            f'id="{module.id}", class="cluster", tooltip="{escape_quoted(module.path or "module")}", '
            f"labeljust={module.align[0]}, labelloc=t, "
            f'style="rounded,filled", fillcolor="{CLUSTER_FILL}", color="{CLUSTER_LINE}", penwidth=1, peripheries=1, '
            f"margin={12 if picture.level == 'compare' else 9}];"
        )
        lines += [node_line(nodes[node_id], picture) for node_id in module.nodes if node_id in nodes]
        lines += [ranks[node_id] for node_id in module.nodes if node_id in ranks]
        stack.append(None)
        stack.extend(reversed(children.get(module.id, [])))
    return ["  " + line.strip() for line in lines]


def node_line(node: Node, picture: Picture) -> str:
    """Return one node statement."""
    group = ', group="spine"' if node.id in picture.spine else ""
    tooltip = escape_quoted(node.tooltip or node.label or " ")
    look = f'label=<{card_html(node.card)}>, id="{node.id}", class="node {node.kind}"{group}'
    return f'"{node.id}" [{look}, tooltip="{tooltip}"];'


def rank_lines(picture: Picture) -> dict[str, str]:
    """Return `rank=same` for every host and its companions, to be written inside the host's cluster to keep them there.
    """
    groups: dict[str, list[str]] = {}
    for host, companion, side in picture.beside:
        names = groups.setdefault(host, [host])
        names.insert(0 if side == "left" else len(names), companion)
    return {host: "{rank=same; " + "; ".join(f'"{name}"' for name in names) + "}" for host, names in groups.items()}


def slanting_edges(picture: Picture) -> set[str]:
    """Return ids of the lane edges between cards that cannot be below each other, because several meet at one end.

    Graphviz bends such an edge behind its own card when it must leave straight down and arrive straight from above.
    """
    strong = [edge for edge in picture.edges if edge.lane in ("f", "b") and edge.weight > 1]
    ends = Counter(end for edge in strong for end in ((edge.lane, "from", edge.source), (edge.lane, "to", edge.target)))
    return {
        edge.id
        for edge in strong
        if max(ends[edge.lane, "from", edge.source], ends[edge.lane, "to", edge.target]) > 1
    }


def edge_line(edge: Edge, picture: Picture, companions: dict[tuple[str, str], str], slanting: bool) -> str:
    """Return one edge statement. An edge to a companion has no port, and is written from left to right in its rank."""
    source, target, back = edge.source, edge.target, edge.back
    beside = companions.get((target, source), "") or companions.get((source, target), "")
    if beside:
        companion_is_source = (target, source) in companions
        if companion_is_source == (beside == "right"):
            source, target, back = target, source, not back
        ends = f'"{source}" -> "{target}"'
    else:
        tail, head = {
            "v": (":v:e", ":v:w"),
            "g": (":g:e", ":g:w"),
            "f": (":fb:s", ":ft:n"),
            "b": (":bb:s", ":bt:n"),
            "side": (":e", ":w"),
        }.get(edge.lane, ("", ""))
        if slanting:
            tail, head = tail[:-2], head[:-2]  # the port without the side of it
        ends = f'"{source}"{tail} -> "{target}"{head}'
    parts = [f'id="{edge.id}"', f'class="edge {edge.kind}"', f'color="{edge.color}"', f"penwidth={edge.width:g}"]
    if edge.dash != "solid":
        parts.append(f"style={edge.dash}")
    parts.append(f"dir=back, arrowtail={edge.arrow}" if back else f"arrowhead={edge.arrow}")
    if edge.arrow_size != 0.7:
        parts.append(f"arrowsize={edge.arrow_size:g}")
    if edge.weight > 1:  # without a small weight Graphviz draws a bent line far away from the cards
        parts.append(f"weight={edge.weight}")
    tooltip = escape_quoted(edge.tooltip or " ")
    parts.append(f'edgetooltip="{tooltip}"')
    if edge.label:
        parts.append(f'label=<{edge_label(edge, bool(beside))}>, labeltooltip="{tooltip}"')
    return f"{ends} [{', '.join(parts)}];"


def edge_label(edge: Edge, beside: bool) -> str:
    """Return the label of an edge: lanes get a gap to the line, curves a small pad."""
    gap = '<TD WIDTH="7"></TD>' if edge.lane in ("f", "b") and not beside else ""
    pad = 0 if gap else 2
    return (
        f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="{pad}"><TR>{gap}<TD>{runs_html(edge.label)}'
        "</TD></TR></TABLE>"
    )


def runs_html(runs: Iterable[Run]) -> str:
    """Return runs as FONT elements; runs of spaces survive as no-break spaces.

    A run without text is left out: an empty FONT element is a syntax error to Graphviz.
    """
    parts = []
    for run in runs:
        if not run.text:
            continue
        text = escape_label(run.text).replace("\u00a0", "&#160;")
        if run.text.startswith(" "):
            text = "&#160;" + text[1:]
        if run.text.endswith(" ") and len(run.text) > 1:
            text = text[:-1] + "&#160;"
        if run.bold:
            text = f"<B>{text}</B>"
        parts.append(f'<FONT POINT-SIZE="{run.size:g}" COLOR="{run.color}">{text}</FONT>')
    return "".join(parts) or "&#160;"


def card_html(card: Card) -> str:
    """Return a card as an HTML-like table, one row for each block."""
    width = card.inner_width
    span = ' COLSPAN="3"' if card.lanes else ""
    style = ' STYLE="ROUNDED"' if card.rounded else ""
    rows = []
    if card.lanes:
        rows.append(lane_row("ft", "bt", width / 3))
    for block in card.blocks:
        port = f' PORT="{block.port}"' if block.port else ""
        rows.append(f'<TR><TD{port}{span} CELLPADDING="{block.inset:g}">{block_html(block, width)}</TD></TR>')
    if card.lanes:
        rows.append(lane_row("fb", "bb", width / 3))
    return (
        f'<TABLE BORDER="{card.border_width:g}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" COLOR="{card.border}" '
        f'BGCOLOR="{card.fill}"{style}>{"".join(rows)}</TABLE>'
    )


def lane_row(forward: str, backward: str, third: float) -> str:
    """Return three empty cells: the ports of the forward lane (left) and of the backward lane (right)."""
    return (
        f'<TR><TD PORT="{forward}" WIDTH="{third:.0f}" HEIGHT="1"></TD><TD WIDTH="{third:.0f}" HEIGHT="1"></TD>'
        f'<TD PORT="{backward}" WIDTH="{third:.0f}" HEIGHT="1"></TD></TR>'
    )


def block_html(block: Block, width: float) -> str:
    """Return a block as a nested table whose columns have the measured widths."""
    fill = f' BGCOLOR="{block.fill}"' if block.fill else ""
    box = place_block(block, 0, 0, width)
    cells = iter(box.cells)
    rows = ["<TR>" + "".join(cell_html(cell, next(cells)) for cell in row) + "</TR>" for row in block.rows]
    return (
        f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="{block.spacing:g}" CELLPADDING="0"{fill}>{"".join(rows)}'
        "</TABLE>"
    )


def cell_html(cell: Cell, box: CellBox) -> str:
    """Return one cell. Graphviz counts whole points, so its two ends are rounded: rows of equal width stay equal."""
    fill = f' BGCOLOR="{cell.fill}"' if cell.fill else ""
    height = f' HEIGHT="{cell.min_height:g}"' if cell.min_height else ""
    width = int(box.x + box.width) - int(box.x)
    return (
        f'<TD ALIGN="{cell.align.upper()}" CELLPADDING="{cell.pad:g}" WIDTH="{width}"{height}{fill}>'
        f"{runs_html(cell.runs) if cell.runs or not height else ''}</TD>"
    )


KEY_ROOM = 46  # points of a legend entry beside its text: the mark and the gaps


def legend_html(picture: Picture) -> str:
    """Return the legend and the footer lines under it."""
    rows: list[str] = []
    keys: list[str] = []
    lines = legend_lines(picture)
    widest = max((text_width(line, 10) for line in (picture.legend_title, *picture.footer)), default=0.0)
    spare = widest - max((sum(text_width(key.text, 10) + KEY_ROOM for key in line) for line in lines), default=0.0)
    spacer = f'<TD WIDTH="{spare / 2:.0f}"></TD>' if spare > 2 else ""  # or the boxes would be stretched to the footer
    if picture.legend_title and picture.legend:
        rows.append(f"<TR><TD>{runs_html((Run(picture.legend_title, 10, INK, True),))}</TD></TR>")
    for line in lines:
        cells = "".join(
            f'<TD>{key_html(key)}</TD><TD ALIGN="LEFT">{runs_html((Run(key.text, 10, MUTED),))}</TD><TD WIDTH="8"></TD>'
            for key in line
        )
        blank = "<TD></TD>" * 3 * (len(lines[0]) - len(line))  # or the spacer would stand under a mark, and widen it
        keys.append(f"<TR>{spacer}{cells}{blank}{spacer}</TR>")
    if keys:  # one table for all lines, or Graphviz would stretch the boxes of a short last line
        table = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="2" CELLPADDING="2">{"".join(keys)}</TABLE>'
        rows.append(f"<TR><TD>{table}</TD></TR>")
    rows += [f"<TR><TD>{runs_html((Run(line, 10, MUTED),))}</TD></TR>" for line in picture.footer]
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">{"".join(rows)}</TABLE>' if rows else ""


def legend_lines(picture: Picture) -> list[tuple[Key, ...]]:
    """Return the legend broken into lines that fit a page: narrow top-down operation pictures get two entries a line.
    """
    wide = picture.direction == "LR" or any(node.kind == "note" for node in picture.nodes)
    most = 6 if wide or picture.level != "op" else 2
    return [picture.legend[i : i + most] for i in range(0, len(picture.legend), most)]


def key_html(key: Key) -> str:
    """Return the mark of a legend entry: a small box, or a line drawn with characters."""
    if key.mark == "line":
        glyph = {
            ("solid", False): "━▶",
            ("solid", True): "◀━",
            ("dashed", False): "╌╌▶",
            ("dashed", True): "◀╌╌",
            ("dotted", False): "┈┈▶",
            ("dotted", True): "◀┈┈",
        }[key.dash, key.back]
        if key.glyph == "plain":
            glyph = {"solid": "━━━", "dashed": "╍╍╍"}.get(key.dash, "┈┈┈")
        return runs_html((Run(glyph, 10 if key.width < 2.5 else 14, key.color),))
    text = runs_html((Run(key.glyph or "\u00a0", 9, key.ink, True),))
    style = ' STYLE="ROUNDED"' if key.rounded else ""
    return (
        f'<TABLE BORDER="{key.width:g}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1" COLOR="{key.color}" '
        f'BGCOLOR="{key.fill}"{style}><TR><TD WIDTH="16" HEIGHT="11">{text}</TD></TR></TABLE>'
    )

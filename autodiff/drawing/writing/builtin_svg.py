"""SVG drawn from the built-in layout.

Its structure is that of `graphviz_svg`, which the explorer and the tests read: one group for each node
(`class="node"`), edge and cluster, with ids `n0`, `e0`, `m0` behind a prefix that is unique to the figure, so that two
figures can share a page; `role="img"`, a title and a description; tooltips as title elements. There is no script, link,
image or event handler in the output, for any text in the labels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ..layout.card_sizes import Box, CardBox, Layout, Point, Route
from ..layout.placement import lay_out
from ..layout.titles import along, place_of_title
from ..picture.model import Edge, Key, Module, Picture, Run, runs_width
from ..picture.style import CLUSTER_FILL, CLUSTER_LINE, FONT, GRAD, GRAD_FILL, INK, MUTED, WHITE
from ..picture.text import escape_xml, text_width
from ..picture.words import word
from .dot import legend_lines

PAD = 11.0
SVG_NAMESPACE = "http://www.w3.org/2000/svg"
BOLD = ' font-weight="bold"'
DASHES = {"dashed": "6 4", "dotted": "1.5 4"}


NO_PREFIX = "\ue000"  # stands for the prefix until the text is complete; no cleaned text holds this character


def prefix_of(text: str) -> str:
    """Return a short prefix for ids that depends only on the text of the picture."""
    return "p" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8]


def builtin_svg(picture: Picture) -> str:
    """Return the picture as SVG, drawn by the built-in layout."""
    text = svg_text(picture, NO_PREFIX)
    return text.replace(NO_PREFIX, prefix_of(text))


def svg_text(picture: Picture, prefix: str) -> str:
    """Return the SVG with this prefix before every id."""
    layout = lay_out(picture)
    legend, legend_width, legend_height = legend_svg(picture)
    title_height = 26.0 if picture.title else 0.0
    left, right = label_overhang(layout)
    content = max(layout.width + left + right, legend_width, text_width(picture.title, 14, True))
    width, height = content + 2 * PAD, layout.height + title_height + legend_height + 2 * PAD
    x = PAD + left + (content - layout.width - left - right) / 2
    parts = [
        svg_head(picture, prefix, width, height),
        f'<rect width="{width:.2f}" height="{height:.2f}" fill="{WHITE}"/>',
    ]
    if picture.title:
        parts.append(text_svg((Run(picture.title, 14, INK, True),), width / 2, PAD + 14, "middle"))
    parts.append(f'<g class="graph" transform="translate({x:.2f} {PAD + title_height:.2f})">')
    drawn = [edge for edge in picture.edges if edge.dash != "invis"]
    lines = [along(points_along(layout.routes[edge.id])) for edge in drawn] if picture.modules else []
    for module in picture.modules:
        parts.append(cluster_svg(module, layout.clusters[module.id], lines, prefix))
    parts += [edge_svg(edge, layout.routes[edge.id], prefix) for edge in drawn]
    for node in picture.nodes:
        box = layout.nodes[node.id]
        parts.append(
            f'<g id="{prefix}-{node.id}" class="node {node.kind}" transform="translate({box.x:.2f} {box.y:.2f})">'
            f"<title>{escape_xml(node.tooltip or node.label)}</title>{card_svg(layout.cards[node.id])}</g>"
        )
    parts += [label_svg(edge, layout.routes[edge.id], prefix) for edge in picture.edges if edge.label]
    parts.append("</g>")
    if legend:
        parts.append(
            f'<g class="legend" transform="translate({(width - legend_width) / 2:.2f} '
            f'{height - PAD - legend_height:.2f})">{legend}</g>'
        )
    parts.append("</svg>\n")
    return "\n".join(part for part in parts if part)


def svg_head(picture: Picture, prefix: str, width: float, height: float) -> str:
    """Return the opening tag with role, title and description."""
    title = picture.title or word(picture.lang, "graph title")
    lang = "" if picture.lang == "en" else f'lang="{picture.lang}" '
    return (
        f'<svg xmlns="{SVG_NAMESPACE}" {lang}width="{width:.2f}pt" height="{height:.2f}pt" '
        f'viewBox="0 0 {width:.2f} {height:.2f}" role="img" aria-labelledby="{prefix}-title {prefix}-desc" '
        f'font-family="{escape_xml(FONT)}">\n<title id="{prefix}-title">{escape_xml(title)}'
        f'</title>\n<desc id="{prefix}-desc">{escape_xml(picture.alt)}</desc>'
    )


def label_overhang(layout: Layout) -> tuple[float, float]:
    """Return how far edge labels reach beyond the boxes on the left and on the right."""
    labels = [route.label for route in layout.routes.values() if route.label]
    left = max((-label.x for label in labels), default=0.0)
    right = max((label.x + label.width - layout.width for label in labels), default=0.0)
    return max(0.0, left), max(0.0, right)


def text_svg(runs: Sequence[Run], x: float, y: float, anchor: str = "start", css: str = "") -> str:
    """Return runs on one baseline. Spaces at run ends are kept as no-break spaces."""
    spans = "".join(
        f'<tspan font-size="{run.size:g}" fill="{run.color}"{BOLD if run.bold else ""}>{escape_xml(run.text)}</tspan>'
        for run in runs
    )
    anchored = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:.2f}" y="{y:.2f}"{anchored}{css}>{spans}</text>'


def box_svg(
    x: float,
    y: float,
    width: float,
    height: float,
    fill: str,
    border: str = "none",
    line: float = 0,
    radius: float = 0,
    css: str = "",
) -> str:
    """Return a rectangle whose border lies inside the given size."""
    inset = line / 2
    stroke = f' stroke="{border}" stroke-width="{line:g}"' if line else ""
    round_ = f' rx="{radius:g}"' if radius else ""
    return (
        f'<rect x="{x + inset:.2f}" y="{y + inset:.2f}" width="{width - line:.2f}" height="{height - line:.2f}" '
        f'fill="{fill}"{stroke}{round_}{css}/>'
    )


def card_svg(box: CardBox) -> str:
    """Return a card at the origin of its group."""
    card = box.card
    radius = 10 if card.rounded else 0
    parts = [box_svg(0, 0, box.width, box.height, card.fill, css=' class="body"', radius=radius)]
    for block in box.blocks:
        inset = block.block.inset
        css = ' class="grad"' if block.block.fill == GRAD_FILL else ""
        if block.block.fill:
            parts.append(
                box_svg(
                    block.x + inset,
                    block.y + inset,
                    block.width - 2 * inset,
                    block.height - 2 * inset,
                    block.block.fill,
                    css=css,
                )
            )
        for cell in block.cells:
            grad = css or (' class="grad"' if any(run.color == GRAD for run in cell.cell.runs) else "")
            if cell.cell.fill:
                parts.append(box_svg(cell.x, cell.y, cell.width, cell.height, cell.cell.fill, css=grad))
            if cell.cell.runs:
                pad, size = cell.cell.pad, max(run.size for run in cell.cell.runs)
                x, anchor = {"left": (cell.x + pad, "start"), "right": (cell.x + cell.width - pad, "end")}.get(
                    cell.cell.align, (cell.x + cell.width / 2, "middle")
                )
                parts.append(text_svg(cell.cell.runs, x, cell.y + cell.height / 2 + size * 0.35, anchor, grad))
    if card.border_width:
        parts.append(box_svg(0, 0, box.width, box.height, "none", card.border, card.border_width, radius))
    return "".join(parts)


def cluster_svg(module: Module, box: Box, lines: Sequence[Sequence[Point]], prefix: str) -> str:
    """Return the frame of a module and its label, where no line passes."""
    width, base, size = runs_width(module.title), box.y + 15, max((run.size for run in module.title), default=0)
    start = box.x + {"left": 9.0, "center": (box.width - width) / 2, "right": box.width - width - 9}[module.align]
    x = place_of_title(start, width, (box.x, box.x + box.width), lines, (base - size, base + 3))
    return (
        f'<g id="{prefix}-{module.id}" class="cluster"><title>{escape_xml(module.path or "module")}</title>'
        + box_svg(box.x, box.y, box.width, box.height, CLUSTER_FILL, CLUSTER_LINE, 1, 12)
        + text_svg(module.title, x, base)
        + "</g>"
    )


def points_along(route: Route) -> list[Point]:
    """Return the start of a line, and three points for each of its curves."""
    return [route.start, *(point for piece in route.pieces for point in piece)]


def edge_svg(edge: Edge, route: Route, prefix: str) -> str:
    """Return the line of an edge and its arrow."""
    points = points_along(route)
    drawn = points[::-1] if edge.back else points  # a gradient is drawn in the direction it runs
    path = f"M{drawn[0][0]:.2f},{drawn[0][1]:.2f}" + "".join(
        "C" + " ".join(f"{x:.2f},{y:.2f}" for x, y in drawn[k : k + 3]) for k in range(1, len(drawn), 3)
    )
    dash = f' stroke-dasharray="{DASHES[edge.dash]}"' if edge.dash in DASHES else ""
    arrow = arrow_svg(edge, points)
    return (
        f'<g id="{prefix}-{edge.id}" class="edge {edge.kind}"><title>{escape_xml(edge.tooltip or edge.kind)}</title>'
        f'<path d="{path}" fill="none" stroke="{edge.color}" stroke-width="{edge.width:g}"{dash}/>{arrow}</g>'
    )


def arrow_svg(edge: Edge, points: Sequence[tuple[float, float]]) -> str:
    """Return the arrow head at the end that receives: filled, or an open `vee`."""
    if edge.arrow == "none" or len(points) < 4:
        return ""
    tip, before = (
        (points[0], next((p for p in points[1:] if p != points[0]), points[1]))
        if edge.back
        else (points[-1], next((p for p in points[-2::-1] if p != points[-1]), points[-2]))
    )
    dx, dy = tip[0] - before[0], tip[1] - before[1]
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    dx, dy = dx / length, dy / length
    size = 10 * edge.arrow_size + edge.width * 1.2
    half = size * 0.42
    base = (tip[0] - dx * size, tip[1] - dy * size)
    corners = [tip, (base[0] - dy * half, base[1] + dx * half), (base[0] + dy * half, base[1] - dx * half)]
    if edge.arrow == "vee":
        notch = (tip[0] - dx * size * 0.55, tip[1] - dy * size * 0.55)
        corners = [corners[0], corners[1], notch, corners[2]]
    shape = " ".join(f"{x:.2f},{y:.2f}" for x, y in corners)
    return f'<polygon points="{shape}" fill="{edge.color}" stroke="{edge.color}" stroke-width="0.6"/>'


def label_svg(edge: Edge, route: Route, prefix: str) -> str:
    """Return the label of an edge, on a white chip where the line is curved."""
    box = route.label
    if box is None:
        return ""
    chip = box_svg(box.x - 2, box.y, box.width + 4, box.height, WHITE, css=' opacity="0.9"') if route.chip else ""
    size = max(run.size for run in edge.label)
    return (
        f'<g class="edge-label {edge.kind}" data-edge="{prefix}-{edge.id}">{chip}'
        + text_svg(edge.label, box.x, box.y + box.height / 2 + size * 0.35)
        + "</g>"
    )


def legend_svg(picture: Picture) -> tuple[str, float, float]:
    """Return legend and footer: SVG text, width and height."""
    lines: list[tuple[str, float]] = []
    if picture.legend and picture.legend_title:
        runs = (Run(picture.legend_title, 10, INK, True),)
        lines.append((text_svg(runs, 0, 12), runs_width(runs)))
    for keys in legend_lines(picture):
        x, parts = 0.0, []
        for key in keys:
            runs = (Run(key.text, 10, MUTED),)
            parts += [key_svg(key, x), text_svg(runs, x + 30, 12)]
            x += 30 + runs_width(runs) + 18
        lines.append(("".join(parts), x - 18))
    for line in picture.footer:
        runs = (Run(line, 10, MUTED),)
        lines.append((text_svg(runs, 0, 12), runs_width(runs)))
    width = max((w for _, w in lines), default=0.0)
    rows = (
        f'<g transform="translate({(width - w) / 2:.2f} {10 + 20 * i})">{text}</g>' for i, (text, w) in enumerate(lines)
    )
    return "".join(rows), width, 10 + 20.0 * len(lines) if lines else 0.0


def key_svg(key: Key, x: float) -> str:
    """Return the mark of a legend entry in a field of 24 by 16 points."""
    if key.mark == "line":
        edge = Edge(
            "",
            "",
            "",
            "",
            color=key.color,
            width=key.width,
            dash=key.dash,
            back=key.back,
            arrow="none" if key.glyph == "plain" else "normal",
        )
        start, stop = (x, 8.5), (x + 24, 8.5)
        dash = f' stroke-dasharray="{DASHES[key.dash]}"' if key.dash in DASHES else ""
        return (
            f'<path d="M{x:.2f},8.5h24" stroke="{key.color}" stroke-width="{key.width:g}"{dash} fill="none"/>'
            + arrow_svg(edge, [start, start, stop, stop])
        )
    text = text_svg((Run(key.glyph, 9, key.ink, True),), x + 12, 12, "middle") if key.glyph else ""
    return box_svg(x + 2, 1, 20, 15, key.fill, key.color, key.width, 4 if key.rounded else 0) + text

"""The size of a picture, estimated from its cards alone, without a layout."""

from __future__ import annotations

from ..picture.model import Picture

WIDEST, HIGHEST = 2400, 5000  # points; wider or higher pictures cannot be read on a screen
INCH = 72
LABEL = 60  # points of a row that lines and their labels take beside a card


def estimated_size(picture: Picture) -> tuple[float, float]:
    """Return an estimate of the width and the height of the picture, in points.

    A box stands one rank after the last box that it has a line from; the boxes of one rank stand side by side.
    """
    rank = {node.id: 0 for node in picture.nodes}
    beside = {companion: host for host, companion, _ in picture.beside}
    targets: dict[str, list[str]] = {}
    waiting = dict.fromkeys(rank, 0)
    for edge in picture.edges:
        if edge.source not in beside and edge.target not in beside and edge.source != edge.target:
            targets.setdefault(edge.source, []).append(edge.target)
            waiting[edge.target] += 1
    ready = [node for node, count in waiting.items() if not count]
    while ready:
        source = ready.pop()
        for target in targets.get(source, ()):
            rank[target] = max(rank[target], rank[source] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    fed = {target for several in targets.values() for target in several}
    for source, several in targets.items():  # data stands right before its first reader
        if source not in fed:
            rank[source] = min(rank[target] for target in several) - 1
    across: dict[int, float] = {}
    along: dict[int, float] = {}
    down = picture.direction == "TB"
    for node in picture.nodes:
        place = rank[beside.get(node.id, node.id)]
        width = node.card.inner_width
        height = 1.0 * sum(max(cell.size[1] for cell in row) for block in node.card.blocks for row in block.rows)
        own, other = (width, height) if down else (height, width)
        across[place] = across.get(place, 0.0) + own + picture.node_gap * INCH
        along[place] = max(along.get(place, 0.0), other + picture.rank_gap * INCH + (0 if down else LABEL))
    sizes = max(across.values(), default=0.0), sum(along.values())
    return sizes if down else (sizes[1], sizes[0])

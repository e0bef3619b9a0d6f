"""One picture for every step of the forward and the backward pass, in one layout.

Operations that have not run yet are pale; gradients are blank until the backward pass reaches them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from ..picture.cards import faded_card
from ..picture.model import Block, Card, Cell, Edge, Node, Picture, Run
from ..picture.style import GRAD, GRAD_FILL, WHITE, faded
from ..picture.words import word


def step_pictures(picture: Picture) -> Iterator[Picture]:
    """Yield the pictures, first the forward steps, then the backward steps."""
    feeds: dict[str, list[str]] = {}
    for edge in picture.edges:
        if edge.kind == "value":
            feeds.setdefault(edge.target, []).append(edge.source)
    done: set[str] = set()
    for i, node in enumerate(picture.forward):
        done |= {node, *feeds.get(node, ())}
        yield step(picture, done, set(), word(picture.lang, "forward step", i + 1, len(picture.forward)))
    reached: set[str] = set(picture.backward[:1])
    everything = {node.id for node in picture.nodes}
    for i, node in enumerate(picture.backward):
        reached |= {node, *feeds.get(node, ())}
        yield step(picture, everything, reached, word(picture.lang, "backward step", i + 1, len(picture.backward)))


def step(picture: Picture, done: set[str], reached: set[str], title: str) -> Picture:
    """Return the picture with nodes outside `done` pale and gradients outside `reached` blank."""
    nodes = tuple(paint(node, node.id in done, node.id in reached) for node in picture.nodes)
    edges = tuple(paint_edge(edge, done, reached) for edge in picture.edges)
    return dataclasses.replace(picture, nodes=nodes, edges=edges, title=title)


def paint(node: Node, done: bool, reached: bool) -> Node:
    """Return one node of a step."""
    card = node.card if reached else blank_gradient(node.card)
    return dataclasses.replace(node, card=card if done else faded_card(card))


def blank_gradient(card: Card) -> Card:
    """Return the card with its gradient text in the colour of its background: the box keeps its size."""

    def hide(run: Run, fill: str) -> Run:
        return dataclasses.replace(run, color=fill) if run.color == GRAD else run

    def blank(cell: Cell, block: Block) -> Cell:
        fill = card.fill if cell.fill in (None, GRAD_FILL) else cell.fill
        return dataclasses.replace(
            cell, runs=tuple(hide(run, fill) for run in cell.runs), fill=None if cell.fill == GRAD_FILL else cell.fill
        )

    blocks = tuple(
        dataclasses.replace(
            block,
            fill=None if block.fill == GRAD_FILL else block.fill,
            rows=tuple(tuple(blank(cell, block) for cell in row) for row in block.rows),
        )
        for block in card.blocks
    )
    return dataclasses.replace(card, blocks=blocks)


def paint_edge(edge: Edge, done: set[str], reached: set[str]) -> Edge:
    """Return one line of a step."""
    happened = (
        edge.source in reached and edge.target in reached
        if edge.kind in ("gradient", "update")
        else edge.source in done and edge.target in done
    )
    if happened:
        return edge
    label = tuple(dataclasses.replace(run, color=WHITE) for run in edge.label)
    return dataclasses.replace(edge, color=faded(edge.color) if edge.kind == "value" else WHITE, label=label)

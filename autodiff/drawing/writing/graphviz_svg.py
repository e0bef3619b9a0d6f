"""Graphviz's SVG made presentable: role, title, description, ids of our own, plain tooltips, no links.

Graphviz writes a tooltip as an `a` element around the shapes, and escapes ids; here they become title elements and ids
behind the figure's prefix, so that this SVG has the same structure as the one of the built-in layout. It also lays
lines across the titles of frames; here such a title moves along its frame to where no line passes.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from ..layout.card_sizes import Point
from ..layout.titles import along, place_of_title
from ..picture.model import Picture
from ..picture.style import GRAD, GRAD_FILL
from ..picture.text import text_width
from ..picture.words import word

SVG_NAMESPACE = "http://www.w3.org/2000/svg"
TOOLTIP = "{http://www.w3.org/1999/xlink}title"


def finish_svg(raw: bytes, picture: Picture, prefix: str) -> str:
    """Return SVG text from the output of the program `dot`."""
    root = ET.fromstring(raw)
    for element in root.iter():  # plain names and one xmlns attribute, without touching ElementTree's global table
        element.tag = element.tag.rpartition("}")[2]
    root.set("xmlns", SVG_NAMESPACE)
    drop_titles(root)
    unlink(root)
    clear_titles(root)
    for element in root.iter():
        if element.get("id"):
            element.set("id", f"{prefix}-{element.get('id')}")
        if element.get("fill", "").upper() in (GRAD, GRAD_FILL) and element.tag in ("text", "polygon", "path"):
            element.set("class", "grad")
    describe(root, picture, prefix)
    return re.sub(r"\n+", "\n", ET.tostring(root, encoding="unicode")) + "\n"


def drop_titles(root: ET.Element) -> None:
    """Remove Graphviz's own titles, which repeat ids."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == "title":
                parent.remove(child)


def unlink(root: ET.Element) -> None:
    """Replace every `a` by a title with its tooltip, and lift the content of the groups around them."""
    for parent in list(root.iter()):
        for link in [child for child in parent if child.tag == "a"]:
            title = ET.Element("title")
            title.text = link.get(TOOLTIP, "").replace("\\\\", "\\")
            replace(parent, link, [title, *link])
    for parent in list(root.iter()):
        for group in [child for child in parent if child.tag == "g" and child.get("id", "").startswith("a_")]:
            replace(parent, group, list(group))


def replace(parent: ET.Element, child: ET.Element, others: list[ET.Element]) -> None:
    """Put elements in place of one."""
    at = list(parent).index(child)
    parent.remove(child)
    for i, other in enumerate(others):
        parent.insert(at + i, other)


def clear_titles(root: ET.Element) -> None:
    """Move the title of every frame along its upper side to where no line passes."""
    groups = list(root.iter("g"))
    lines = [
        points_of(path.get("d", ""))
        for group in groups
        if group.get("class", "").startswith("edge")
        for path in group.iter("path")
    ]
    for frame in groups:
        texts, shape = frame.findall("text"), frame.find("path")
        if not frame.get("class", "").startswith("cluster") or not texts or shape is None:
            continue
        sides = [x for x, _ in points_of(shape.get("d", ""))]
        start = min(float(text.get("x", 0)) for text in texts)
        width = max(float(text.get("x", 0)) + width_of(text) for text in texts) - start
        base, size = float(texts[0].get("y", 0)), float(texts[0].get("font-size", 11))
        place = place_of_title(start, width, (min(sides), max(sides)), lines, (base - size, base + 3))
        for text in texts if place != start else []:
            text.set("x", f"{float(text.get('x', 0)) + place - start:.2f}")


def width_of(text: ET.Element) -> float:
    """Return the width of a line of text."""
    bold = text.get("font-weight") == "bold"
    return text_width("".join(text.itertext()), float(text.get("font-size", 11)), bold)


def points_of(path: str) -> list[Point]:
    """Return points along a path of Graphviz: a start, and curves of three points each."""
    return along([(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+)[, ](-?[\d.]+)", path)])


def describe(root: ET.Element, picture: Picture, prefix: str) -> None:
    """Add role, title and description for readers who cannot see the picture."""
    title, desc = ET.Element("title", {"id": f"{prefix}-title"}), ET.Element("desc", {"id": f"{prefix}-desc"})
    title.text, desc.text = picture.title or word(picture.lang, "graph title"), picture.alt
    root.insert(0, title)
    root.insert(1, desc)
    root.set("role", "img")
    if picture.lang != "en":
        root.set("lang", picture.lang)  # for screen readers, and for the forms of characters that languages share
    root.set("aria-labelledby", f"{prefix}-title {prefix}-desc")

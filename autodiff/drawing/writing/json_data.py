"""The picture as JSON: nodes, edges, modules, statistics and problems. Looks (cards, colours, widths) are left out."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

from ..picture.model import Picture

LOOKS = ("label", "color", "width", "dash", "arrow", "arrow_size", "weight", "lane")


def to_json(picture: Picture) -> str:
    """Return the JSON text of a picture. NaN and infinities, which JSON has no numbers for, are texts."""
    return json.dumps(as_data(picture), ensure_ascii=False, indent=1) + "\n"


def as_data(picture: Picture) -> dict[str, Any]:
    """Return a picture as plain values."""
    edges = [{**record(edge, *LOOKS), "label": "".join(run.text for run in edge.label)} for edge in picture.edges]
    modules = [
        {**record(module, "title", "align"), "title": "".join(run.text for run in module.title)}
        for module in picture.modules
    ]
    return {
        "level": picture.level,
        "title": picture.title,
        "alt": picture.alt,
        "lang": picture.lang,
        "nodes": [record(node, "card") for node in picture.nodes],
        "edges": edges,
        "modules": modules,
        "problems": [record(problem) for problem in picture.problems],
        "footer": list(picture.footer),
        "forward": list(picture.forward),
        "backward": list(picture.backward),
    }


def record(item: Any, *dropped: str) -> dict[str, Any]:
    """Return a dataclass as a dict of plain values, without some fields."""
    return {f.name: plain(getattr(item, f.name)) for f in dataclasses.fields(item) if f.name not in dropped}


def plain(value: Any) -> Any:
    """Return a value that JSON can hold."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return record(value)
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [plain(part) for part in value]
    return value

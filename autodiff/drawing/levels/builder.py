"""What is shared while an operation-level picture is built."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..picture.model import Edge, Node
from ..reading.records import Snapshot
from . import parts as build
from .options import Options


@dataclass(slots=True)
class Mark:
    """What a reader of troubles wants shown on one value: status, note and headline."""

    status: str = ""
    note: str = ""
    headline: str = ""
    stats: str = ""


@dataclass(slots=True)
class OpPicture:
    """The picture being built. `keep`: indices drawn; `marks`: troubles by index;

    troubled: the picture is about them, and its legend explains nothing else.
    """

    snapshot: Snapshot
    options: Options
    keep: list[int]
    marks: dict[int, Mark] = field(default_factory=dict)
    troubled: bool = False
    ids: build.Ids = field(default_factory=build.Ids)
    node_of: dict[int, str] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    beside: list[tuple[str, str, str]] = field(default_factory=list)
    homes: dict[str, str] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    sideways: bool = False
    mixed: bool = False

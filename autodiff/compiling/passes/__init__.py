"""Passes: each takes a program and returns one that gives the same results for less. None changes its argument."""

from __future__ import annotations

from .blocks import in_blocks
from .common_subexpressions import without_repetitions
from .constants import folded
from .dead_code import without_dead_code
from .exact_algebra import simplified
from .packing import packed
from .plain_calls import in_plain_calls
from .whole_writes import without_whole_writes

PASSES = (
    without_dead_code,
    folded,
    without_whole_writes,
    simplified,
    in_plain_calls,
    without_repetitions,
    without_dead_code,
    packed,
)

__all__ = ["PASSES", "in_blocks", "packed"]

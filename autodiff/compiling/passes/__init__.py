"""Passes: each takes a program and returns one that gives the same results for less. None changes its argument."""

from __future__ import annotations

from .blocks import in_blocks
from .common_subexpressions import without_repetitions
from .constants import folded, spread_folded
from .dead_code import without_dead_code
from .exact_algebra import simplified
from .idle_writes import without_idle_writes
from .packing import packed
from .plain_calls import in_plain_calls
from .signs import without_signs
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

# For programs with arrays: these need the order of the elements of a value in memory.
ORDERED = (without_idle_writes, spread_folded, without_signs)
AFTER = (simplified, without_repetitions, without_dead_code)

__all__ = ["AFTER", "ORDERED", "PASSES", "in_blocks", "packed", "simplified"]

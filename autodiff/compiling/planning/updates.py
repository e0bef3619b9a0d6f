"""Updates: the last calls of a program, which write new values of states over the old ones.

They run when all guards hold, one after the other with no signal in between. So they may only be functions written in C
that write into given memory: ufuncs, and writes at an index.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from operator import setitem
from typing import Any

import numpy as np

from .. import functional
from ..knowledge import VIEWS, is_known, takes_out
from ..program import Instruction, Program, Ref, operands, refs
from .layouts import Strides
from .memory import is_view, roots_of


def divided(program: Program, strides: list[Strides], in_place: set[int]) -> tuple[Program, int]:
    """Return the program with its update at the end, and the number of its first instruction.

    in_place: states that may be written where they stand.
    """
    written = {ref.index for index, ref in program.writes if index in in_place}
    roots = roots_of(program)
    late: list[Instruction] = []
    early: list[Instruction] = []
    needed = {ref.index for ref in refs((program.outputs, [ref for ref, _ in program.guards]))}
    needed |= {ref.index for _, ref in program.writes} - written
    for instruction in reversed(program.instructions):
        if needed.isdisjoint(instruction.results) and _can_be_late(instruction, program, strides, roots):
            late.append(instruction)
        else:
            early.append(instruction)
            needed.update(operands(instruction))
    instructions = [*reversed(early), *reversed(late)]
    return replace(program, instructions=instructions), len(early)


def _can_be_late(
    instruction: Instruction, program: Program, strides: list[Strides], roots: dict[int, frozenset[int]]
) -> bool:
    """Return whether a call can be in the update. One that reads arguments or captured arrays cannot: they may be the
    memory of a state, which is written by then."""
    if not instruction.pure or instruction.unpacks or not program.values[instruction.results[0]].shape:
        return False
    read = {root for index in operands(instruction) for root in roots.get(index, (index,))}
    if any(program.values[i].shape and program.values[i].kind in ("input", "constant") for i in read):
        return False
    function = instruction.function
    if is_view_of_one(instruction):
        return is_view(instruction, program, strides)
    if function is functional.write_at:
        base, dtype = instruction.arguments[0], program.values[instruction.results[0]].dtype
        same = base.__class__ is Ref and program.values[base.index].dtype == dtype
        return same and not any(True for _ in refs(instruction.arguments[1]))
    return isinstance(function, np.ufunc) and takes_out(instruction) and not instruction.keywords


def is_view_of_one(instruction: Instruction) -> bool:
    """Return whether a call may make a view of its one operand."""
    function = instruction.function
    known = is_known(function) and (function in VIEWS or function is functional.getitem)
    return known and len(operands(instruction)) == 1


def made_late(program: Program, late: int | None) -> set[int]:
    """Return the results of the update; none where there is no update."""
    after = [] if late is None else program.instructions[late:]
    return {index for instruction in after for index in instruction.results}


def calls_of_update(writer: Any, instructions: list[Instruction]) -> list[tuple[str, Instruction]]:
    """Return the calls (function, *arguments) of the update as source, each with its instruction; views and buffers are
    written before them."""
    program, plan = writer.program, writer.plan
    calls: list[tuple[str, Instruction]] = []
    for instruction in instructions:
        (index,) = instruction.results
        if is_view_of_one(instruction):
            writer.instruction(instruction)
            continue
        value, home = program.values[index], plan.homes.get(index)
        if home is None:
            target = writer.names[index] = writer.fresh(writer.value_name(instruction, index))
            writer.room(target, plan.places[index], value.shape, value.dtype, plan.strides[index])
        else:
            target = writer.names[index] = writer.names[home]
        calls += [(text, instruction) for text in _calls(writer, instruction, target)]
    late = made_late(program, plan.late)
    for state, ref in program.writes:
        if ref.index in late and plan.homes.get(ref.index) != state:
            text = f"({writer.called(setitem)}, {writer.names[state]}, ..., {writer.names[ref.index]}),"
            calls.append((text, instructions[-1]))
    return calls


def _calls(writer: Any, instruction: Instruction, target: str) -> Iterator[str]:
    function, note = instruction.function, writer.comment(instruction)
    if function is functional.write_at:
        base, at, new = instruction.arguments
        if writer.names[base.index] != target and instruction.results[0] not in writer.plan.inherited:
            yield f"({writer.called(setitem)}, {target}, ..., {writer.text(base)}),"
        yield f"({writer.called(setitem)}, {target}, {writer.text(at)}, {writer.text(new)}),{note}"
    elif function in (np.maximum, np.minimum):  # they take no output by position
        whole = f"{writer.called(partial)}({writer.called(function)}, out={target})"
        yield f"({', '.join([whole, *map(writer.text, instruction.arguments)])}),{note}"
    else:
        yield f"({', '.join([writer.called(function), *map(writer.text, instruction.arguments), target])}),{note}"

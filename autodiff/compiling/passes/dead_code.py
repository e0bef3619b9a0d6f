"""Dead code: calls and constants whose results are not read are left out."""

from __future__ import annotations

from dataclasses import replace

from ..program import Program, operands


def without_dead_code(program: Program) -> Program:
    """Leave out every pure call that no output, guard, write or impure call depends on."""
    needed = set(program.roots())
    kept = []
    for instruction in reversed(program.instructions):
        if not instruction.pure or not needed.isdisjoint(instruction.results):
            kept.append(instruction)
            needed.update(operands(instruction))
    kept.reverse()
    constants = {index: array for index, array in program.constants.items() if index in needed}
    return replace(program, constants=constants, instructions=kept)

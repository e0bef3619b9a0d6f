"""A trace in pieces: the forward program, and for each live output a backward program that starts from its values."""

from __future__ import annotations

from collections.abc import Iterator

from ..program import Instruction, Program, Ref, operands, refs
from .twice import Traced


def _give_inputs(back: Program, program: Program, seed: int) -> list[int]:
    """Set inputs and constants of a backward program; return the values that the forward program keeps for it."""
    ends = (back.outputs, [r for r, _ in back.guards], [(i.arguments, i.keywords) for i in back.instructions])
    read = dict.fromkeys(ref.index for ref in refs(ends))
    inside = {seed} | {r for i in back.instructions for r in i.results}
    back.constants = {i: program.constants[i] for i in read if i in program.constants}
    residuals = [i for i in read if i not in inside and i not in back.constants]
    back.inputs = [*residuals, seed]
    for i in back.inputs:
        v = program.values[i]
        back.values[i] = type(v)(v.index, v.shape, v.dtype, v.name, "input")
    return residuals


def pieces(traced: Traced) -> Iterator[Program]:
    """Yield the forward program and, for each live output in order, its backward program."""
    program = traced.program
    backs = list(traced.pullbacks.values())
    of: dict[int, set[int]] = {p.seed: {p.seed} for p in backs}
    forward: list[Instruction] = []
    parts: dict[int, list[Instruction]] = {p.seed: [] for p in backs}
    for instruction in program.instructions:
        read = operands(instruction)
        seed = next((s for s, reached in of.items() if not reached.isdisjoint(read)), None)
        if seed is None:
            forward.append(instruction)
        else:
            parts[seed].append(instruction)
            of[seed].update(instruction.results)
    back_values = set().union(*of.values()) if of else set()
    kept: list[list[int]] = []
    backwards: list[Program] = []
    for p in backs:
        guards = [(ref, expected) for ref, expected in program.guards if ref.index in of[p.seed]]
        back = Program(instructions=parts[p.seed], outputs=p.shares, guards=guards, values=list(program.values))
        _prune(back)
        kept.append(_give_inputs(back, program, p.seed))
        backwards.append(back)
    first = Program(
        inputs=[i for i in program.inputs if i not in of],
        states=program.states,
        constants=dict(program.constants),
        values=program.values,
        instructions=forward,
        outputs=[*program.outputs, [[Ref(i) for i in residuals] for residuals in kept]],
        guards=[(ref, expected) for ref, expected in program.guards if ref.index not in back_values],
        writes=program.writes,
    )
    _prune(first)
    used = {index for i in first.instructions for index in operands(i)} | set(first.roots())
    first.constants = {i: a for i, a in first.constants.items() if i in used}
    yield first
    yield from backwards


def _prune(program: Program) -> None:
    """Leave out the calls whose results are not needed."""
    needed = set(program.roots())
    kept: list[Instruction] = []
    for instruction in reversed(program.instructions):
        if not instruction.pure or not needed.isdisjoint(instruction.results):
            kept.append(instruction)
            needed.update(operands(instruction))
    program.instructions = kept[::-1]

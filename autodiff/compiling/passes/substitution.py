"""Reading one value in the place of another, throughout a program: what several passes end with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..program import Instruction, Program, Ref, mapped


class Substitution:
    """Values that are read in the place of others. ``instead[old] = new`` once ``new`` itself is settled."""

    __slots__ = ("instead",)

    def __init__(self) -> None:
        self.instead: dict[int, int] = {}

    def of(self, tree: Any) -> Any:
        """Return a tree of references with each read by its new name; the same object where nothing changes."""
        instead = self.instead
        if tree.__class__ is Ref:
            return Ref(instead[tree.index]) if tree.index in instead else tree
        return mapped(tree, lambda ref: Ref(instead[ref.index]) if ref.index in instead else ref)

    def in_call(self, instruction: Instruction) -> Instruction:
        """Return the instruction with its operands renamed."""
        if not self.instead:
            return instruction
        arguments = self.of(instruction.arguments)
        keywords = self.of(instruction.keywords) if instruction.keywords else instruction.keywords
        return replace(instruction, arguments=arguments, keywords=keywords)

    def in_ends(self, program: Program, instructions: list[Instruction]) -> Program:
        """Return the program with these instructions, its outputs, guards and writes renamed."""
        return replace(
            program,
            instructions=instructions,
            outputs=self.of(program.outputs),
            guards=[(self.of(ref), expected) for ref, expected in program.guards],
            writes=[(index, self.of(ref)) for index, ref in program.writes],
        )

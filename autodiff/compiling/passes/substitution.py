"""Replacement of one value by another throughout a program: the last step of several passes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..program import Instruction, Program, Ref, mapped, operands


def with_arguments(old: Instruction, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Instruction:
    """Return the same call of other arguments; ``dataclasses.replace`` takes five times as long."""
    facts = old.results, old.unpacks, old.pure, old.place, old.module, old.backward
    return Instruction(old.function, arguments, keywords, *facts)


class Substitution:
    """Values that are read in place of others. ``instead[old] = new`` once ``new`` itself is settled."""

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
        if self.instead.keys().isdisjoint(operands(instruction)):
            return instruction
        keywords = self.of(instruction.keywords) if instruction.keywords else instruction.keywords
        return with_arguments(instruction, self.of(instruction.arguments), keywords)

    def in_ends(self, program: Program, instructions: list[Instruction]) -> Program:
        """Return the program with these instructions, its outputs, guards and writes renamed."""
        return replace(
            program,
            instructions=instructions,
            outputs=self.of(program.outputs),
            guards=[(self.of(ref), expected) for ref, expected in program.guards],
            writes=[(index, self.of(ref)) for index, ref in program.writes],
        )

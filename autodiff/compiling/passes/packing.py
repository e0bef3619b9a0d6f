"""Packing: programs of thousands of 0-d calls become a few calls on vectors.

Calls of one function that depend on each other in no way, all on the same level of the graph, become one call: its
operands are gathered from a pool that holds every number, its results are neighbours in the pool. Chains of sums, as
``act = act + w * x`` and the accumulation of gradients make them, become one sum over the rows of a matrix, which adds
in the order in which the chain did: no bit changes. (A power is the exception: NumPy's ``x ** 2`` of one number is
C's ``pow``, that of many is x * x, which may differ in the last place.)

    levels   1 + the highest level of the operands; a number from outside of the pool is on level 0
    phases   numbers lead into arrays and back (``stack``, ``matmul``, ``a[i]``): the calls after such a detour are in a
             later phase, and each phase is packed by itself
    order    results lie in the order in which their reader takes them, so that most sums gather nothing

The time is linear in the number of calls. ``calls.packed`` runs a packed phase.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

import numpy as np

from .. import functional
from ..calls.packed import Call, PackedCalls
from ..knowledge import uses
from ..program import Instruction, Program, Ref, is_fixed, operands

LEAST = 64  # calls in a phase: with fewer, filling the pool costs more than it saves
WORTH_A_CALL = 64  # elements: gathering as many takes as long as a call
_NUMBERS = "fiub"


def packed(program: Program, least: int = LEAST, exact: bool = False) -> Program:
    """Pack the 0-d calls of every phase that has at least ``least`` of them; without products of matrices if exact."""
    if sum(not program.values[i.results[0]].shape for i in program.instructions if i.results) < least:
        return program
    nodes = _candidates(program)
    if len(nodes) < least:
        return program
    phases = _phases(program, nodes)
    counts: dict[int, int] = {}
    for k in nodes:
        counts[phases[k]] = counts.get(phases[k], 0) + 1
    nodes = {k: node for k, node in nodes.items() if counts[phases[k]] >= least}
    if not nodes:
        return program
    for k, node in nodes.items():
        node.phase = phases[k]
    _join_chains(program, nodes)
    outside: dict[int, list[Instruction]] = {}
    inside: dict[int, list[_Node]] = {}
    for k, instruction in enumerate(program.instructions):
        if k not in nodes:
            outside.setdefault(phases[k], []).append(instruction)
        elif nodes[k].terms:
            inside.setdefault(phases[k], []).append(nodes[k])
    made: list[Instruction] = []
    wanted = _read_elsewhere(program, nodes)
    for phase in sorted({*outside, *inside}):
        made += outside.get(phase, [])
        if phase in inside:
            made.append(_packed_phase(program, inside[phase], wanted, exact))
    return replace(program, instructions=made)


class _Node:
    """A 0-d call. terms: values, or numbers of the right dtype; () once it has become part of a longer sum."""

    __slots__ = ("dtypes", "function", "group", "level", "phase", "rank", "reader", "result", "terms")

    def __init__(self, function: Any, terms: list[Any], dtypes: tuple[Any, ...], result: int) -> None:
        self.function, self.terms, self.dtypes, self.result = function, terms, dtypes, result
        self.level = self.phase = self.group = self.rank = 0
        self.reader: tuple[_Node, int] | None = None  # the node it is ordered after, and its place among the terms


def _candidates(program: Program) -> dict[int, _Node]:
    """Return a node for each call that can be packed, by the number of its instruction."""
    values, found = program.values, {}
    fixed = {i: a[()] for i, a in program.constants.items() if is_fixed(a) and not np.shape(a)}
    plain = [not value.shape and value.dtype.kind in _NUMBERS for value in values]
    for k, instruction in enumerate(program.instructions):
        function: Any = instruction.function
        if len(instruction.results) != 1 or not plain[instruction.results[0]] or instruction.keywords:
            continue
        if not instruction.pure or instruction.unpacks:
            continue
        terms, kinds = list(instruction.arguments), []
        if function is functional.astype:
            function, terms = (function, np.dtype(terms[1])), terms[:1]
        for place, term in enumerate(terms):
            kind = term.__class__
            if kind is Ref and term.index in fixed:
                term = terms[place] = fixed[term.index]
                kind = term.__class__
            if kind is Ref and plain[term.index]:
                kinds.append(values[term.index].dtype)
            elif kind in (float, int, bool):
                kinds.append(kind)
            elif isinstance(term, np.generic) and term.dtype.kind in _NUMBERS:
                kinds.append(term.dtype)
            else:
                break
        else:
            loop = _loop(function, tuple(kinds))
            if loop is None or loop[-1] != values[instruction.results[0]].dtype:
                continue
            dtypes = kinds
            for place, term in enumerate(terms):
                if term.__class__ is not Ref:
                    terms[place] = _number(term, term.__class__, repr(term), loop[place])
                    dtypes = [*dtypes[:place], loop[place], *dtypes[place + 1 :]]
            if None not in terms:
                found[k] = _Node(function, terms, tuple(dtypes), instruction.results[0])
    return found


@lru_cache(4096)
def _number(number: Any, kind: type, text: str, dtype: np.dtype[Any]) -> Any:
    """Return a number in a dtype, None if it does not fit. kind and text distinguish 1 from True, 0.0 from -0.0 (the
    function is cached)."""
    try:
        return np.array(number, dtype)[()]
    except OverflowError:
        return None


@cache
def _loop(function: Any, kinds: tuple[Any, ...]) -> tuple[np.dtype[Any], ...] | None:
    """Return the dtypes a function computes in, the result's last; None if it cannot be packed."""
    if isinstance(function, tuple):
        return (kinds[0], function[1]) if isinstance(kinds[0], np.dtype) else None
    if function is np.where and len(kinds) == 3:
        if kinds[0] != np.dtype(bool):
            return None
        wide = [k for k in kinds[1:] if isinstance(k, np.dtype)]
        weak = [k(1) for k in kinds[1:] if not isinstance(k, np.dtype)]
        dtype = np.result_type(*wide, *weak)
        return np.dtype(bool), dtype, dtype, dtype
    function = np.power if function is functional.power else function
    if not isinstance(function, np.ufunc) or function.signature is not None or function.nout != 1:
        return None
    if len(kinds) != function.nin or not any(isinstance(k, np.dtype) for k in kinds):
        return None
    try:
        return tuple(function.resolve_dtypes((*kinds, None)))
    except TypeError:
        return None


def _phases(program: Program, nodes: dict[int, _Node]) -> list[int]:
    """Return the phase of each instruction: one more after a path from a packed number through a call that is not."""
    of_value, packed_value = [0] * len(program.values), [False] * len(program.values)
    phases, latest = [], 0
    for k, instruction in enumerate(program.instructions):
        inside, phase = k in nodes, 0
        for index in operands(instruction):
            phase = max(phase, of_value[index] + (packed_value[index] and not inside))
        if not instruction.pure:  # these keep their order
            phase = latest = max(phase, latest)
        for index in instruction.results:
            of_value[index], packed_value[index] = phase, inside
        phases.append(phase)
    return phases


def _join_chains(program: Program, nodes: dict[int, _Node]) -> None:
    """Make one sum of a chain of additions in which every partial sum is read once."""
    count, by_value = uses(program), {}
    for node in nodes.values():
        if node.function is not np.add or node.dtypes != (program.values[node.result].dtype,) * 2:
            continue
        by_value[node.result] = node
        for k, term in enumerate(node.terms):
            inner = by_value.get(term.index) if term.__class__ is Ref else None
            if inner is not None and count[inner.result] == 1 and inner.dtypes == node.dtypes:
                inner.terms.append(node.terms[1 - k])  # a + b is b + a, to the bit
                node.terms, inner.terms = inner.terms, []
                break


def _read_elsewhere(program: Program, nodes: dict[int, _Node]) -> dict[int, int]:
    """Return the packed values that are read outside the calls of their own phase, in the order of the program."""
    found = dict.fromkeys(program.roots())
    phase_of = {node.result: node.phase for node in nodes.values()}
    for k, instruction in enumerate(program.instructions):
        if k not in nodes:
            found.update(dict.fromkeys(operands(instruction)))
        else:
            here = nodes[k].phase
            found.update(
                (t.index, None) for t in nodes[k].terms if t.__class__ is Ref and phase_of.get(t.index) != here
            )
    return {index: k for k, index in enumerate(index for index in found if index in phase_of)}


def _packed_phase(program: Program, nodes: list[_Node], wanted: dict[int, int], exact: bool) -> Instruction:
    """Return one instruction for the nodes of a phase."""
    values, by_value = program.values, {node.result: node for node in nodes}
    groups: dict[Any, list[_Node]] = {}
    for node in nodes:  # operands come before their readers
        level = 0
        for term in node.terms:
            inner = by_value.get(term.index) if term.__class__ is Ref else None
            if inner is not None:
                level = max(level, inner.level)
        node.level = level + 1
        key = (node.level, len(node.terms), node.function, node.dtypes, values[node.result].dtype)
        groups.setdefault(key, []).append(node)
    order = sorted(groups, key=lambda key: key[0])
    _arrange([groups[key] for key in order], by_value, wanted)
    parts = [(key, part) for key in order for part in _by_reader(groups[key])]
    parts.sort(key=lambda pair: (pair[0][0], _reading(pair[1][0])))  # rows of one reader one after the other
    calls = [Call(*key[2:], [node.terms for node in part], [node.result for node in part]) for key, part in parts]  # type: ignore[call-arg]
    leaving = [node.result for _, part in parts for node in part if node.result in wanted]
    largest = sorted((part for _, part in parts), key=len, reverse=True)
    terms = (t.index for part in largest for c in zip(*[n.terms for n in part]) for t in c if t.__class__ is Ref)
    entering = [index for index in dict.fromkeys(terms) if index not in by_value]  # as their largest reader has them
    work = PackedCalls(calls, [(index, values[index].dtype) for index in entering], leaving, exact)
    return Instruction(work, (tuple(map(Ref, entering)),), {}, tuple(leaving), unpacks=True)


def _reading(node: _Node) -> tuple[int, int]:
    """Return the group that reads a node, and which of its terms it is."""
    return (node.reader[0].group, node.reader[1]) if node.reader is not None else (-1, 0)


def _by_reader(group: list[_Node]) -> list[list[_Node]]:
    """Cut a group where its reader changes, if the parts are long: each part then has the order of its reader."""
    parts: list[list[_Node]] = []
    before: int | None = -2
    for node in group:
        reader = _reading(node)[0]
        if reader != before:
            parts.append([])
            before = reader
        parts[-1].append(node)
    return parts if len(parts) > 1 and len(group) >= WORTH_A_CALL * len(parts) else [group]


def _arrange(groups: list[list[_Node]], by_value: dict[int, _Node], wanted: dict[int, int]) -> None:
    """Order the nodes of each group as their readers read them, last group first."""
    for number, group in enumerate(groups):
        for node in group:
            node.group = number
    start = 0
    for group in reversed(groups):
        keyed = []
        for k, node in enumerate(group):
            if node.reader is not None:
                reader, place = node.reader
                key = (reader.group, place, reader.rank, k)
            else:
                key = (len(groups), 0, wanted.get(node.result, 0), k)
            keyed.append((key, node))
        keyed.sort(key=lambda pair: pair[0])
        group[:] = [node for _, node in keyed]
        start -= len(group)
        for k, node in enumerate(group):
            node.rank = start + k
            for place, term in enumerate(node.terms):
                inner = by_value.get(term.index) if term.__class__ is Ref else None
                if inner is not None and (inner.reader is None or len(node.terms) > len(inner.reader[0].terms)):
                    inner.reader = (node, place)

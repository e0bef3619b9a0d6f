"""``draw`` of a compiled function: its program as a graph of calls in frames of modules, for Graphviz, and as text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .program import Instruction, Program, name_of, operands


class Listing:
    """A program to look at: ``str`` of it is its text, call by call; ``to_dot`` and ``to_svg`` are its graph."""

    def __init__(self, program: Program, title: str) -> None:
        self.program, self.title = program, title

    def __str__(self) -> str:
        return str(self.program)

    def __repr__(self) -> str:
        return f"<Listing of {self.title}: {len(self.program.instructions)} calls>"

    def to_dot(self) -> str:
        """Return DOT text for Graphviz: a box for each call, a frame for each module."""
        return "\n".join(self._lines())

    def to_svg(self) -> str:
        """Return an SVG. Needs the program ``dot`` of Graphviz."""
        import graphviz

        return str(graphviz.Source(self.to_dot()).pipe("svg", encoding="utf-8"))

    def save(self, path: str) -> None:
        """Write a file: ``.dot`` and ``.gv`` hold the graph as text, ``.txt`` the listing, ``.svg`` the picture.

        Raises ValueError for another kind of file.
        """
        makers = {".dot": self.to_dot, ".gv": self.to_dot, ".txt": self.__str__, ".svg": self.to_svg}
        kind = Path(path).suffix
        if kind not in makers:
            raise ValueError(f"a listing is saved as {', '.join(makers)}; got {path!r}.")
        Path(path).write_text(makers[kind](), encoding="utf-8")

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def _lines(self) -> Iterator[str]:
        program, values = self.program, self.program.values
        yield f"digraph {_quoted(self.title)} {{"
        yield from (f"  {line};" for line in _LOOKS)
        read = {index for instruction in program.instructions for index in operands(instruction)}
        maker: dict[int, str] = {}
        for kind, indices in (("input", program.inputs), ("state", program.states), ("constant", program.constants)):
            for index in indices:
                maker[index] = f"v{index}"
                if index in read or kind == "input":
                    label = f"{values[index].name or kind}\n{_shape(values[index])}"
                    yield f"  v{index} [label={_quoted(label)}, {_FILLS[kind]}];"
        by_module: dict[str, list[int]] = {}
        for k, instruction in enumerate(program.instructions):
            by_module.setdefault(instruction.module, []).append(k)
            maker.update(dict.fromkeys(instruction.results, f"c{k}"))
        for number, (module, calls) in enumerate(by_module.items()):
            yield f"  subgraph cluster_{number} {{ label={_quoted(module)}; {_FRAME}" if module else "  {"
            yield from (f"    c{k} [label={_quoted(self._label(program.instructions[k]))}];" for k in calls)
            yield "  }"
        for k, instruction in enumerate(program.instructions):
            for source in dict.fromkeys(maker[index] for index in operands(instruction)):
                yield f"  {source} -> c{k};"
        for place, index in enumerate(program.roots()):
            if maker[index].startswith("c"):  # a result of a call, not a number that only a guard reads
                yield f"  end{place} [label={_quoted(values[index].name or 'result')}, shape=plaintext, style=solid];"
                yield f"  {maker[index]} -> end{place};"
        yield "}"

    def _label(self, instruction: Instruction) -> str:
        kinds = [_shape(v) for v in map(self.program.values.__getitem__, instruction.results[:3])]
        more = [f"and {len(instruction.results) - 3} more"] if len(instruction.results) > 3 else []
        return "\n".join([name_of(instruction.function), *kinds, *more])


def _shape(value: Any) -> str:
    return f"{'×'.join(map(str, value.shape)) or 'scalar'} {value.dtype}"


# The colours of ``ad.draw``: plain data grey, parameters and other state blue.
_FONT = 'fontname="Helvetica,Arial,sans-serif", fontsize=11, fontcolor="#1F2933"'
_LOOKS = (
    "rankdir=TB; ranksep=0.3; nodesep=0.25; pad=0.15; bgcolor=white",
    f"graph [{_FONT}, labeljust=l]",
    f'node [shape=box, style=filled, fillcolor=white, color="#7B8794", height=0.4, margin="0.1,0.05", {_FONT}]',
    'edge [color="#3E4C59", arrowsize=0.7]',
)
_FRAME = 'style="rounded,filled"; fillcolor="#FAFBFC"; color="#CBD2D9"; fontcolor="#52606D";'
_FILLS = {
    "input": 'fillcolor="#F5F7FA"',
    "state": 'fillcolor="#E6F1FA", color="#0B5C99", penwidth=2',
    "constant": 'fillcolor="#F5F7FA", fontcolor="#52606D"',
}


def _quoted(text: Any) -> str:
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'

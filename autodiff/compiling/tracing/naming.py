"""Names for the values of a program that come from outside: those that the user's code has for them."""

from __future__ import annotations

from typing import Any


def give_names(traced: Any) -> None:
    """Give captured arrays, states and their new gradients the names that the user's code has for them."""
    names_of = traced.around.names()
    for index, array, _ in traced.trace.constants.values():
        traced.program.values[index].name = traced.program.values[index].name or names_of.get(id(array), "")
    for h in traced.held:
        if h.handle is None:
            traced.program.values[h.indices[0]].name = ".".join(filter(None, [names_of.get(id(h.of), ""), h.name]))
            continue
        name = names_of.get(id(h.handle), "")
        indices = [*h.indices[:1], *([h.new_grad.index] if h.new_grad is not None else h.indices[1:])]
        for index, text in zip(indices, (name, name and f"{name}.grad"), strict=False):
            traced.program.values[index].name = text

"""The local derivative of an operation, and a chain of operations, as a reader would write them.

Only text: the numbers come from the graph, the formulas from the rows of the registry. Where a row has no formula, the
number alone is shown.
"""

from __future__ import annotations

from collections.abc import Sequence

from ....registry.picture_facts import PictureFacts
from ...picture.text import number
from ...reading.records import Value
from .value_texts import sign_of

LONGEST_OF_NUMBERS = 16  # characters; a longer formula of a Scalar has no room on its line
POWERS = {"2": "²", "3": "³"}


def local_formula(value: Value, position: int, names: Sequence[str], output: str) -> str:
    """Return the text of ∂output/∂operand, or "" where the row has none, it is long, or a name in it is unknown."""
    if value.row is None or position >= len(value.row.shown.formula):
        return ""
    form = value.row.shown.formula[position]
    known = {"a": names[0] if names else "", "b": names[1] if len(names) > 1 else "", "y": output}
    if any(not name for key, name in known.items() if "{" + key + "}" in form):
        return ""
    text = form.format(**known)
    return text if len(text) <= LONGEST_OF_NUMBERS or not value.scalar else ""


def chain_text(steps: Sequence[Value], name: str, start: Sequence[int]) -> str:
    """Return a chain of operations as a formula of `name`, `(out − 1)²`; the operations when it is no chain.

    start: indices of that value.
    """
    text, whole, before = name, True, start
    for step in steps:
        given = [p for p in step.operands if isinstance(p, int)]
        constants = [number(p) for p in step.operands if isinstance(p, float)]
        if len(given) != 1 or given[0] not in before or len(constants) != len(step.operands) - 1 or len(constants) > 1:
            return " → ".join(one.badge for one in steps)
        inner, before = text if whole else f"({text})", [step.index]
        shown = step.row.shown if step.row is not None else PictureFacts()
        power = POWERS.get(constants[0] if constants else "2") if shown.power else None
        if power is not None and step.operands[0] == given[0]:
            text, whole = inner + power, True
        elif not constants:
            text, whole = (f"{step.badge}{inner}", False) if shown.prefix else (f"{step.badge}({text})", True)
        else:
            pair = (inner, constants[0]) if step.operands[0] == given[0] else (constants[0], inner)
            text, whole = f"{pair[0]} {sign_of(step)} {pair[1]}", False
    return text

"""The local derivative of an operation, and a chain of operations, as a reader would write them.

Only text: the numbers come from the graph. Where an operation is not listed, the number alone is shown.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..picture.text import number
from ..reading.records import Value

ONES = {"add": ("1", "1"), "subtract": ("1", "−1"), "negative": ("−1",), "positive": ("1",)}
POWERS = {"2": "²", "3": "³"}
# y: the output, a and b: the operands.
FORMULAS = {
    "multiply": ("{b}", "{a}"),
    "divide": ("1/{b}", "−{a}/{b}²"),
    "tanh": ("1 − {y}²",),
    "exp": ("{y}",),
    "log": ("1/{a}",),
    "sigmoid": ("{y}(1 − {y})",),
    "expit": ("{y}(1 − {y})",),
    "square": ("2{a}",),
    "sqrt": ("1/(2{y})",),
    "sin": ("cos {a}",),
    "cos": ("−sin {a}",),
    "reciprocal": ("−{y}²",),
    "log1p": ("1/(1 + {a})",),
    "expm1": ("{y} + 1",),
}
# Of arrays: what the gradient is multiplied with.
ARRAY_FORMULAS = {
    **FORMULAS,
    "matmul": ("{b}ᵀ", "{a}ᵀ"),
    "relu": ("1 where {a} > 0, else 0",),
    "sum": ("1",),
    "softmax": ("diag({y}) − {y} {y}ᵀ",),
    "power": ("{b} {a}^({b} − 1)",),
}


def local_formula(op: str, position: int, names: Sequence[str], output: str, arrays: bool = False) -> str:
    """Text of ∂output/∂operand, or "" when there is no short one or a name in it is unknown.

    >>> local_formula("multiply", 0, ["x", "w"], "p"), local_formula("tanh", 0, [""], "y")
    ('w', '1 − y²')
    """
    if op in ONES:
        return ONES[op][position] if position < len(ONES[op]) else ""
    if op == "weighted_sum":
        return ""
    forms = (ARRAY_FORMULAS if arrays else FORMULAS).get(op, ())
    if position >= len(forms):
        return ""
    form = forms[position]
    known = {"a": names[0] if names else "", "b": names[1] if len(names) > 1 else "", "y": output}
    needed = [key for key in known if "{" + key + "}" in form]
    if any(not known[key] for key in needed):
        return ""
    text = form.format(**known)
    return text if arrays or len(text) <= 16 else ""


def chain_text(steps: Sequence[Value], name: str, start: Sequence[int]) -> str:
    """What a chain of operations does to the value called `name`, `(out − 1)²`; the operations when it is no chain.

    start: indices of that value.
    """
    text, whole, before = name, True, start
    for step in steps:
        given = [p for p in step.operands if isinstance(p, int)]
        constants = [number(p) for p in step.operands if isinstance(p, float)]
        if len(given) != 1 or given[0] not in before or len(constants) != len(step.operands) - 1 or len(constants) > 1:
            return " → ".join(one.badge for one in steps)
        inner, before = text if whole else f"({text})", [step.index]
        power = POWERS.get(constants[0] if constants else "2") if step.op in ("power", "square") else None
        if power is not None and step.operands[0] == given[0]:
            text, whole = inner + power, True
        elif not constants:
            text, whole = (f"−{inner}", False) if step.op == "negative" else (f"{step.badge}({text})", True)
        else:
            badge = "^" if step.op == "power" else step.badge
            pair = (inner, constants[0]) if step.operands[0] == given[0] else (constants[0], inner)
            text, whole = f"{pair[0]} {badge} {pair[1]}", False
    return text

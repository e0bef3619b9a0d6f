"""Problems in a graph: NaN and infinite values, dead activations, vanishing and exploding gradients."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ...picture.model import Problem
from ...picture.style import heat_of
from ...picture.text import number, short_number
from ...picture.words import word
from ...reading.records import Value
from .value_texts import name_of


def find_problems(values: Sequence[Value], lang: str = "en") -> tuple[Problem, ...]:
    """Return problems of a graph, causes first: NaN or infinite values and dead activations in the order in which they
    were computed, then NaN gradients in the order in which they came back."""
    found: list[Problem] = []
    gradients: list[Problem] = []
    for value in values:
        number_, stats, grad = value.number, value.stats, value.grad
        sound = stats is None or not (stats.nans or stats.posinf or stats.neginf or stats.zeros)
        if (
            sound
            and (number_.__class__ is not float or math.isfinite(number_))
            and (grad is None or math.isfinite(grad))
        ):
            continue  # nearly all values: a graph may have a hundred thousand
        found += problems_of(value, lang)
        if grad is not None and not math.isfinite(grad):
            where = where_of(value)
            gradients.append(Problem("nan", where, word(lang, "gradient is", where, number(grad))))
    return (*found, *reversed(gradients))


def problems_of(value: Value, lang: str) -> list[Problem]:
    """Return the problem of one value, apart from its gradient."""
    found, stats = [], value.stats
    where = where_of(value)
    single = value.number if isinstance(value.number, float) else 0.0
    if (stats is not None and stats.nans) or math.isnan(single):
        many = stats is not None and stats.size > 1
        count = (
            word(lang, "values are NaN", stats.nans, stats.size, where)
            if stats and many
            else word(lang, "is NaN", where)
        )
        found.append(Problem("nan", where, count))
    elif (stats is not None and (stats.posinf or (stats.neginf and not value.masked))) or math.isinf(single):
        found.append(Problem("inf", where, word(lang, "has infinite", where)))
    elif is_dead(value):
        found.append(
            Problem(
                "dead",
                where,
                word(lang, "in outputs zero", where, value.path) if value.path else word(lang, "only zero", where),
            )
        )
    return found


def where_of(value: Value) -> str:
    """Return the name of a value in a problem."""
    return name_of(value) or value.badge or "value"


def is_dead(value: Value) -> bool:
    """Return whether a value is that of a rectifier, and all zero."""
    return (
        value.row is not None
        and value.row.shown.rectifier
        and value.stats is not None
        and value.stats.size > 1
        and value.stats.zeros == value.stats.size
    )


def gradient_problems(norms: Iterable[tuple[str, float]], lang: str = "en") -> tuple[Problem, ...]:
    """Return the problems among named norms: vanishing and exploding gradients."""
    found = []
    for where, norm in norms:
        heat = heat_of(norm)
        if heat.name in ("vanishing", "exploding"):
            found.append(
                Problem(
                    heat.name, where, word(lang, "gradient class", where, word(lang, heat.name), short_number(norm))
                )
            )
    return tuple(found)

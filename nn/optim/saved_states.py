"""The layout of a saved optimizer: what every ``load_state_dict`` checks before it reads a number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["array_of", "check_kinds", "check_layout", "number_of"]


def check_layout(who: str, saved: Any) -> None:
    """Raise TypeError or ValueError, with the part that does not fit, for what ``state_dict`` cannot have returned."""
    if not isinstance(saved, Mapping):
        raise TypeError(f"{who}.load_state_dict needs what state_dict() returned, got {saved!r:.60}")
    if not {"state", "param_groups"} <= set(saved):
        held = ", ".join(map(str, saved)) or "nothing"
        raise ValueError(f"{who}: this is no optimizer's state_dict: it holds {held}")
    groups, state = saved["param_groups"], saved["state"]
    if not _is_list(groups) or not all(isinstance(group, Mapping) for group in groups):
        raise TypeError(f"{who}: the saved 'param_groups' must be a list of dicts, got {groups!r:.60}")
    numbers: list[int | None] = []
    for group in groups:
        if not _is_list(group.get("params")):
            raise TypeError(f"{who}: a saved group must have a list 'params', got {group.get('params')!r:.60}")
        numbers += map(_whole, group["params"])
    if None in numbers or len(set(numbers)) != len(numbers):
        named = [list(group["params"]) for group in groups]
        raise ValueError(f"{who}: 'params' of the saved groups must number each parameter once, got {named!r:.60}")
    if not isinstance(state, Mapping):
        raise TypeError(f"{who}: the saved 'state' must be a dict, got {state!r:.60}")
    for key, entry in state.items():
        if _whole(key) not in numbers:
            raise ValueError(f"{who}: the saved 'state' has {key!r}, which is no parameter of the saved groups")
        if entry is None:
            continue
        if not isinstance(entry, Mapping):
            raise TypeError(f"{who}: the saved state of parameter {key} must be a dict, got {entry!r:.60}")
        step = entry.get("step")
        if step is not None and (_whole(step) is None or int(step) < 0):
            raise ValueError(f"{who}: the saved 'step' of parameter {key} must be a whole number, got {step!r:.60}")


def check_kinds(who: str, saved: Any, own: Mapping[str, Any]) -> None:
    """Raise ValueError for the state of another scheduler, TypeError for one whose values are of other kinds."""
    if not isinstance(saved, Mapping):
        raise TypeError(f"{who}.load_state_dict needs what state_dict() returned, got {saved!r:.60}")
    if set(saved) != set(own):
        raise ValueError(
            f"{who}: the state of another scheduler: it has {', '.join(sorted(map(str, saved)))}; this one has "
            f"{', '.join(sorted(own))}"
        )
    for name, value in own.items():
        if not _alike(saved[name], value):
            raise TypeError(f"{who}: the saved {name!r} must be like {value!r:.60}, got {saved[name]!r:.60}")


def _alike(saved: Any, own: Any) -> bool:
    """Return whether both are numbers, strings, lists or dicts; lists whose elements are alike."""
    if isinstance(own, list | tuple) and isinstance(saved, list | tuple):
        return not own or all(_alike(value, own[0]) for value in saved)
    for kind in (int | float | np.number, str, list | tuple, Mapping):
        if isinstance(own, kind):
            return isinstance(saved, kind)
    return True


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple | range) or (isinstance(value, np.ndarray) and value.ndim > 0)


def _whole(value: Any) -> int | None:
    """Return a whole number, also one in a string or an array of no axes, as an int; None for anything else."""
    try:
        whole = int(value)
        return whole if isinstance(value, str) or bool(whole == value) else None
    except (TypeError, ValueError, OverflowError):
        return None


def number_of(who: str, name: str, value: Any) -> float:
    """Return a saved number as a float. Raise TypeError for anything else."""
    array = array_of(who, name, value, float)
    if array.ndim:
        raise TypeError(f"{who}: the saved {name!r} must be a number, got {value!r:.60}")
    return float(array)


def array_of(who: str, name: str, value: Any, dtype: Any) -> Any:
    """Return a saved value as an array of a dtype. Raise TypeError where it is none of numbers."""
    try:
        return np.asarray(value, dtype=dtype)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{who}: the saved {name!r} must be an array of numbers, got {value!r:.60}") from None

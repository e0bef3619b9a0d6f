"""Packages whose modules load when one of their names is first read. Never here: a list of names."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from .elsewhere import no_such_name


def names_on_demand(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a package. homes: name -> the module in the package."""

    def __getattr__(name: str) -> Any:
        if name not in homes:
            if name.startswith("__"):
                raise AttributeError(f"module {package!r} has no attribute {name!r}")
            raise no_such_name(package, name, {}, homes)
        value = getattr(import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return __getattr__, lambda: sorted(homes)

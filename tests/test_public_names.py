"""The public names are written down in tests/public_names: adding one is a decision and removing one is a break, and
either shows in the change. ``python tools/write_names.py`` writes the lists from the packages.
"""

from __future__ import annotations

import importlib.util
import inspect
import types
from pathlib import Path

import pytest

import autodiff as ad
import nn

ROOT = Path(__file__).parent.parent


def tool(name: str) -> types.ModuleType:
    """A program of tools/, as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("name", "found"), tool("write_names").found().items())
def test_public_names_are_these(name: str, found: set[str]) -> None:
    pinned = set((ROOT / "tests" / "public_names" / f"{name}.txt").read_text(encoding="utf-8").split())
    assert found - pinned == set(), "new names: run python tools/write_names.py"
    assert pinned - found == set(), "names that are gone: a break for whoever used them"


@pytest.mark.parametrize("package", [ad, nn], ids=["autodiff", "nn"])
def test_every_public_name_exists_once(package: object) -> None:
    names = package.__all__  # type: ignore[attr-defined]
    assert len(set(names)) == len(names)
    for name in names:
        assert getattr(package, name) is not None
    assert set(names) <= set(dir(package))
    assert {name for name in dir(package) if not name.startswith("_")} <= set(names)


def test_names_that_do_not_exist_say_so() -> None:
    with pytest.raises(AttributeError, match=r"module 'autodiff' has no attribute 'tanhh'"):
        ad.tanhh  # type: ignore[attr-defined]


def test_the_stub_of_the_handles_is_what_the_rows_say() -> None:
    stub = tool("write_stub")
    assert stub.TARGET.read_text(encoding="utf-8") == stub.stub(), "run: python tools/write_all.py"
    for path, module in stub.PAGES.items():
        assert path.read_text(encoding="utf-8") == stub.page(module), "run: python tools/write_all.py"


def test_the_stub_names_every_method() -> None:
    text = tool("write_stub").stub()
    for cls in (ad.Tensor, ad.Scalar):
        for name, value in vars(cls).items():
            if inspect.isfunction(value) and not name.startswith("__"):
                assert f"def {name}(" in text, name

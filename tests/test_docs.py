"""Every example in the documentation runs and prints what it says.

Docstrings are executed as doctests, Python blocks of the README and of docs/ as a reader would type them, page by page.
"""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import autodiff
import nn

ROOT = Path(autodiff.__file__).parent.parent
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
OPTIONAL = {"hypothesis", "matplotlib", "torch", "jax", "autograd", "graphviz"}


def modules() -> list[str]:
    found = []
    for package in (autodiff, nn):
        found.append(package.__name__)
        found += [info.name for info in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
    return [name for name in found if not name.endswith("__main__")]


def load(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        if error.name is not None and error.name.partition(".")[0] in OPTIONAL:
            pytest.skip(f"needs {error.name}")
        raise


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples may write files: they do it in a directory of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", modules())
def test_docstring_examples_print_what_they_say(name: str) -> None:
    failures: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    for test in doctest.DocTestFinder(exclude_empty=True).find(load(name), name):
        before = np.geterr()
        runner.run(test, out=failures.append)
        assert np.geterr() == before, f"{test.name} leaves NumPy's error state changed"
    assert not failures, "".join(failures)


def blocks(page: Path) -> list[str]:
    return PYTHON.findall(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_python_blocks_of_a_page_run_in_order(page: Path) -> None:
    """One namespace a page, as a reader would type it."""
    names: dict[str, object] = {}
    for block in blocks(page):
        if ">>>" in block:
            failures: list[str] = []
            test = doctest.DocTestParser().get_doctest(block, names, page.name, str(page), 0)
            doctest.DocTestRunner(optionflags=FLAGS).run(test, out=failures.append, clear_globs=False)
            assert not failures, "".join(failures)
            names.update(test.globs)
        else:
            exec(compile(block, str(page), "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which does not exist"


def test_every_public_function_is_documented() -> None:
    for package in (autodiff, nn):
        for name in package.__all__:
            assert (getattr(package, name).__doc__ or "").strip(), f"{package.__name__}.{name} has no docstring"


ROWS = [row for row in autodiff.ops.OPS.values() if autodiff.ops.PUBLIC.get(row.name) is row]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_public_row_has_an_example_that_prints_what_it_says() -> None:
    failures: list[str] = []
    for row in ROWS:
        assert ">>>" in row.__doc__, f"ad.{row.name} has no example: give its row samples=, or example="
        test = doctest.DocTestParser().get_doctest(row.__doc__, {}, row.name, row.name, 0)
        doctest.DocTestRunner(optionflags=FLAGS).run(test, out=failures.append)
    assert not failures, "".join(failures)


@pytest.mark.parametrize("package", [autodiff, nn], ids=["autodiff", "nn"])
def test_every_public_callable_has_a_signature_with_names(package: ModuleType) -> None:
    for name in package.__all__:
        value = getattr(package, name)
        if callable(value) and not (inspect.isclass(value) and issubclass(value, Exception)):
            assert str(inspect.signature(value)) != "(*args, **kwargs)", name


def test_a_row_is_described_by_its_facts() -> None:
    assert str(inspect.signature(autodiff.sum)) == "(x, axis=None, dtype=None, out=None, keepdims=False)"
    assert "Saved for the backward pass: ``x``" in autodiff.tanh.__doc__
    assert "``np.tanh``" in autodiff.tanh.__doc__

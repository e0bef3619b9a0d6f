"""Every example in the documentation runs and prints what it says.

Docstrings are executed as doctests, Python blocks of the README and of docs/ as a reader would type them, page by page.
"""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import inspect
import linecache
import math
import pkgutil
import re
import runpy
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import autodiff
import nn
import nn.testing

ROOT = Path(autodiff.__file__).parent.parent
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
PAGES = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").glob("*.md"))]
ARTICLES = [ROOT / "docs" / "article.md", ROOT / "docs" / "article.zh.md"]
RUN_ELSEWHERE = {"proving_a_custom_op.md"}  # tests/testing/test_tutorial.py also compares what it prints
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES_NEED = {"exchange.md": ("safetensors", "onnx"), "parallel.md": ("mpi4py",), "other_libraries.md": ("dask",)}
PAGES_NEED |= {"recipes.md": ("scipy", "hypothesis")}
EXAMPLES_NEED = {"nn.exchange.safetensors_files": "safetensors", "nn.exchange.onnx_export": "onnx"}
EXAMPLES_NEED |= {"nn.training.tensorboard": "tensorboardX"}
EXAMPLES_NEED |= {f"autodiff.solving.{name}": "scipy" for name in ("equations", "integrating", "minimizing")}
EXAMPLES_NEED |= {f"autodiff.parallel.{name}": "mpi4py" for name in ("collectives", "ranks", "reductions")}
EXAMPLES_NEED |= {"nn.training.distributed": "mpi4py"}
OPTIONAL = {"hypothesis", "sklearn", "matplotlib", "torch", "jax", "autograd", "graphviz"}


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
    linecache.clearcache()  # each run of a doctest asks for the state of every file in it
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", modules())
def test_docstring_examples_print_what_they_say(name: str) -> None:
    if name in EXAMPLES_NEED and importlib.util.find_spec(EXAMPLES_NEED[name]) is None:
        pytest.skip(f"needs {EXAMPLES_NEED[name]}")
    failures: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    for test in doctest.DocTestFinder(exclude_empty=True).find(load(name), name):
        before = np.geterr()
        runner.run(test, out=failures.append)
        assert np.geterr() == before, f"{test.name} leaves NumPy's error state changed"
    assert not failures, "".join(failures)


def blocks(page: Path) -> list[str]:
    return PYTHON.findall(page.read_text(encoding="utf-8"))


RUN_HERE = [page for page in PAGES if blocks(page) and page.name not in RUN_ELSEWHERE]


@pytest.mark.parametrize("page", RUN_HERE, ids=lambda page: page.name)
def test_python_blocks_of_a_page_run_in_order(page: Path) -> None:
    """One namespace a page, as a reader would type it."""
    for package in PAGES_NEED.get(page.name, ()):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"needs {package}")
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


@pytest.mark.parametrize("article", ARTICLES, ids=lambda page: page.name)
def test_the_articles_model_has_the_same_parameters_and_gradients_in_every_library(article: Path) -> None:
    """Keras is read, and counted; the blocks marked `python torch` run in the place where they stand."""
    torch = pytest.importorskip("torch")
    text = article.read_text(encoding="utf-8")
    (keras,) = re.findall(r"^```python keras\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    sizes = [math.prod(map(int, re.search(r"Input\(\((\d+), (\d+)\)\)", keras).groups()))]  # type: ignore[union-attr]
    sizes += map(int, re.findall(r"Dense\((\d+)", keras))
    assert sum(a * b + b for a, b in pairwise(sizes)) == 101_770
    names: dict[str, object] = {}
    found = re.findall(r"^```python( torch)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    kinds = [kind for kind, _ in found]
    assert kinds.count(" torch") == 1
    for _, block in found[: kinds.index(" torch") + 1]:
        exec(compile(block, str(article), "exec"), names)
    assert names["torch"] is torch


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_a_page_name_programs_that_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for program in re.findall(r"python (examples/[\w/]+\.py)", text):
        assert (ROOT / program).exists(), f"{page.name} runs {program}, which does not exist"
    for line in re.findall(r'`python -c "(.*?)"`', text):
        exec(compile(line, page.name, "exec"), {})


def test_every_example_is_listed() -> None:
    text = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    programs = {path.relative_to(ROOT / "examples").as_posix() for path in (ROOT / "examples").rglob("*.py")}
    assert not {name for name in programs if f"`{name.rpartition('/')[2]}`" not in text}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which does not exist"


MODULES = [autodiff, autodiff.linalg, autodiff.fft, autodiff.special, autodiff.stats, autodiff.signal]
MODULES += [nn, nn.functional, nn.init, nn.optim, nn.parametrize, nn.data]
TOOLS = [autodiff.extend, autodiff.testing, autodiff.drawing, nn.testing, nn.optim.lr_scheduler]


def public_names(modules: list[ModuleType]) -> dict[str, object]:
    """Name as a user writes it -> value."""
    names = [(module, name) for module in modules for name in module.__all__]
    found = {f"{module.__name__}.{name}": getattr(module, name) for module, name in names}
    # a tuple is a list of class names, described where it is used
    return {name: value for name, value in found.items() if not inspect.ismodule(value) and type(value) is not tuple}


PUBLIC = public_names(MODULES)
VERBS = set(
    """Add Apply Assign Attend Average Batch Break Build Call Check Clip Collect Compare Compute Connect
    Convert Convolve Copy Count Create Decode Decorate Define Describe Divide Downsample Draw Drop Embed
    Enable Encode Estimate Evaluate Exchange Expand Explain Fill Filter Find Flatten Fold Freeze Gather Give Group
    Hold Initialize Insert Interleave Interpolate Iterate Join Keep Leave Limit List Load Look Make Map Mark
    Mask Match Measure Merge Move Multiply Name Normalise Normalize Note Open Pad Parse Pass Plot Pool Print
    Prove Put Raise Read Record Reduce Refuse Register Remove Render Reorder Repeat Replace Report Reset
    Restore Return Reverse Roll Rotate Round Run Sample Save Scale Scan Search Select Set Shift Show Shuffle
    Solve Sort Split Spread Square Stack Standardise Standardize Start Step Stop Store Subsample Subtract Sum
    Swap Take Test Train Transform Trim Turn Undo Unfold Update Upsample Use Validate Verify Wrap Write Yield
    Zero""".split()
)


def _is_function(value: object) -> bool:
    """Return whether a public value is a function or a row, and no class or distribution."""
    return callable(value) and not inspect.isclass(value)


def test_public_names_are_described_by_a_sentence_that_begins_with_a_verb() -> None:
    wrong = {}
    for name, value in (PUBLIC | public_names(TOOLS)).items():
        first, _, _ = (inspect.getdoc(value) or "").partition("\n\n")
        if not first.endswith((".", ":")) or (_is_function(value) and first.split()[0] not in VERBS):
            wrong[name] = first
    assert not wrong


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_public_name_has_an_example() -> None:
    without = {name for name, value in PUBLIC.items() if ">>> " not in (inspect.getdoc(value) or "")}
    assert not without, "a row: give samples=, or example="


ROWS = {id(value): (name, value) for name, value in PUBLIC.items() if isinstance(value, autodiff.ops.Op)}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_example_of_every_public_row_prints_what_it_says() -> None:
    failures: list[str] = []
    for name, row in ROWS.values():
        test = doctest.DocTestParser().get_doctest(row.__doc__, {}, name, name, 0)
        doctest.DocTestRunner(optionflags=FLAGS).run(test, out=failures.append)
    assert not failures, "".join(failures)


MADE_BY_FUNCTIONS = [  # their docstrings are f-strings, and the finder of doctests does not meet them by name
    (name, value)
    for name, value in PUBLIC.items()
    if "<locals>" in getattr(getattr(value, "__code__", None), "co_qualname", "")
]


def test_the_examples_of_functions_made_by_functions_print_what_they_say() -> None:
    failures: list[str] = []
    for name, value in MADE_BY_FUNCTIONS:
        needed = EXAMPLES_NEED.get(value.__module__)
        if needed and importlib.util.find_spec(needed) is None:
            continue
        test = doctest.DocTestParser().get_doctest(inspect.getdoc(value) or "", {}, name, name, 0)
        doctest.DocTestRunner(optionflags=FLAGS).run(test, out=failures.append)
    assert not failures, "".join(failures)


@pytest.mark.parametrize("package", [autodiff, nn], ids=["autodiff", "nn"])
def test_every_public_callable_has_a_signature_with_names(package: ModuleType) -> None:
    for name in package.__all__:
        value = getattr(package, name)
        if callable(value) and not (inspect.isclass(value) and issubclass(value, Exception)):
            assert str(inspect.signature(value)) != "(*args, **kwargs)", name


def test_a_row_is_described_by_its_facts() -> None:
    first, *rest = str(inspect.signature(autodiff.sum)).partition(", *")
    assert first == "(x, axis=None, dtype=None, out=None, keepdims=False"
    assert "".join(rest) == ", *, initial=<no value>, where=<no value>)"  # as np.sum has them: those of its composite
    assert "Saved for the backward pass: ``y``" in autodiff.exp.__doc__
    assert "``np.tanh``" in autodiff.tanh.__doc__
    assert "At x = 0 the derivative is 0, by convention." in autodiff.relu.__doc__
    assert "Raises MissingRuleError for recorded complex numbers." in autodiff.relu.__doc__


def test_every_page_is_in_the_index() -> None:
    listed = set((ROOT / "docs" / "index.md").read_text(encoding="utf-8").split())
    assert {page.stem for page in (ROOT / "docs").glob("*.md")} - listed == {"index"}


def test_the_page_of_coverage_is_what_the_registry_gives() -> None:
    tool = runpy.run_path(str(ROOT / "tools" / "write_coverage.py"))
    assert tool["PAGE"].read_text(encoding="utf-8") == tool["page"](), "run: python tools/write_all.py"


@pytest.mark.parametrize("page", ["coverage", "singular_points"])
def test_every_line_of_a_generated_table_has_as_many_cells_as_its_head(page: str) -> None:
    cells = 0
    for line in (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8").splitlines():
        bars = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert not cells or not bars or bars == cells, line
        cells = bars


def test_the_page_of_coverage_lists_every_public_function_of_arrays_once() -> None:
    page = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
    names = re.findall(r"`(ad\.[\w.]+)`", page.partition("## Rows")[2].partition("## Refused")[0])
    assert len(set(names)) == len(names)
    assert {id(eval(name, {"ad": autodiff})) for name in names} >= {id(f) for f in autodiff.ops.PUBLIC.values()}


def test_every_public_name_has_its_page_in_the_reference() -> None:
    groups = runpy.run_path(str(ROOT / "tools" / "write_reference.py"))["groups"]()
    shown = {id(getattr(module, name)) for module, names in groups.values() for name in names}
    assert not [name for name, value in PUBLIC.items() if id(value) not in shown]

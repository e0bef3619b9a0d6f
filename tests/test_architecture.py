"""The house stands as drawn: imports point one way, the core needs NumPy alone, and it stays small enough to read."""

from __future__ import annotations

import ast
import functools
import json
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import autodiff as ad
import nn

ROOT = Path(ad.__file__).parent.parent
# Lowest first: a file imports only what stands before it.
ORDER = [
    "errors",
    "other_arrays",
    "graph",
    "gradient_buffers",
    "modes",
    "registry",
    "variable",
    "batching",
    "writes",
    "recording",
    "leaves",
    "backward",
    "names",
    "methods",
    "ops",
    "linalg",
    "fft",
    "signal",
    "special",
    "stats",
    "array_api",
    "versions",
    "transforms",
    "extend",
    "__init__",
]
# Folders of `drawing`, lowest first; "" holds the files that a user's call meets first.
DRAWING_ORDER = ["picture", "reading", "levels", "layout", "writing", "", "pages"]
LEAVES = [  # packages that read the core and are never imported by it
    "compiling",
    "drawing",
    "explaining",
    "parallel",
    "solving",
    "testing",
]
# The rooms of a package, lowest first; "" is the files beside them, its face.
ROOMS = {
    "autodiff.testing": ["side_effects", "subjects", "inputs", "measuring", "properties", "reporting", ""],
    "autodiff.drawing.levels": ["parts", "modules", ""],
    "nn.optim": ["", "update_rules", "lr_scheduler"],
}


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def imports(path: Path) -> list[tuple[str, bool, int]]:
    return list(_imports(path))


def _imports(path: Path) -> Iterator[tuple[str, bool, int]]:
    """Absolute names of what a file imports, whether at its top level, and the line."""
    tree = parsed(path)
    package = ".".join(path.relative_to(ROOT).with_suffix("").parts[:-1])
    top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in top, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                name = f"{module}.{alias.name}"
                yield (name if is_module(name) else module), id(node) in top, node.lineno


@functools.cache
def is_module(name: str) -> bool:
    place = ROOT / Path(*name.split("."))
    return place.is_dir() or place.with_suffix(".py").exists()


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def core_files() -> list[Path]:
    return [p for p in files("autodiff") if p.relative_to(ROOT).parts[1] not in LEAVES]


def part(name: str) -> str:
    """The file or package of autodiff that a module name belongs to."""
    pieces = name.split(".")
    return pieces[1] if len(pieces) > 1 else "__init__"


def test_every_file_of_the_core_has_its_place_in_the_order() -> None:
    assert {p.relative_to(ROOT / "autodiff").parts[0].removesuffix(".py") for p in core_files()} == set(ORDER)


def test_core_imports_point_downwards_and_need_numpy_alone() -> None:
    for path in core_files():
        own = path.relative_to(ROOT / "autodiff").parts[0].removesuffix(".py")
        for name, at_top, line in imports(path):
            where = f"{path.name}:{line} imports {name}"
            if name.partition(".")[0] != "autodiff":
                assert name.partition(".")[0] in {*sys.stdlib_module_names, "numpy"}, where
            elif part(name) in LEAVES:
                assert path.stem in ("display", "__init__") and not at_top, f"{where}, which must load at first use"
            elif part(name) != own:
                assert ORDER.index(part(name)) < ORDER.index(own), where


def module_name(path: Path) -> str:
    """The dotted name under which a file is imported."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_inside(package: str) -> dict[str, set[str]]:
    """For every module of a package, the modules of it that it imports, lazy imports included."""
    paths = files(package.replace(".", "/"))
    names = {module_name(path) for path in paths}
    return {module_name(path): {name for name, _, _ in imports(path)} & names for path in paths}


def room(name: str, package: str) -> str:
    """The room of a module: "" for a file beside the rooms."""
    rest = name.removeprefix(package).strip(".")
    return rest.partition(".")[0] if rest.partition(".")[0] in ROOMS[package] else ""


@pytest.mark.parametrize("package", ROOMS)
def test_imports_between_rooms_point_one_way(package: str) -> None:
    order = ROOMS[package]
    assert {p.parent.name for p in files(package.replace(".", "/"))} == {*order, package.rpartition(".")[2]} - {""}
    for name, targets in imports_inside(package).items():
        for target in targets - {package} if name != package else ():
            assert order.index(room(target, package)) <= order.index(room(name, package)), f"{name} imports {target}"


@pytest.mark.parametrize("package", ["autodiff", "nn"])
def test_no_circle_of_imports_even_lazy_ones(package: str) -> None:
    left = {name: targets - {name, package} for name, targets in imports_inside(package).items() if name != package}
    while free := {name for name, targets in left.items() if not targets & set(left)}:
        left = {name: targets for name, targets in left.items() if name not in free}
    assert not left, f"these import each other in a circle: {left}"


def test_nothing_in_autodiff_imports_nn() -> None:
    for path in files("autodiff"):
        for name, _, line in imports(path):
            assert name.partition(".")[0] != "nn", f"{path.name}:{line} imports {name}"


def test_nn_never_imports_its_own_checks() -> None:
    for path in files("nn"):
        if path.parent.name != "testing":
            assert not [name for name, _, _ in imports(path) if name.startswith("nn.testing")], path


def test_leaf_packages_load_no_nn() -> None:
    leaves = [f"autodiff.{name}" for name in ("explaining", "drawing", "testing")]
    program = f"import sys\nfor name in {leaves}:\n    __import__(name)\n    print(name, 'nn' in sys.modules)"
    assert fresh(program).splitlines() == [f"{name} False" for name in leaves]


@pytest.mark.parametrize("package", ["autodiff/drawing", "autodiff/testing"])
def test_leaf_packages_do_not_need_nn_or_each_other(package: str) -> None:
    for path in files(package):
        for name, _, line in imports(path):
            if name.startswith("autodiff.") and part(name) in LEAVES:
                assert part(name) == package.partition("/")[2], f"{path}:{line} imports {name}"


def place_in_drawing(path: tuple[str, ...]) -> int:
    """Position in DRAWING_ORDER of a module of `drawing`, given the parts of its name after `autodiff.drawing`."""
    if path in ((), ("__init__",)):
        return len(DRAWING_ORDER)
    return DRAWING_ORDER.index(path[0] if path[0] in DRAWING_ORDER else "")


def test_imports_between_the_folders_of_drawing_point_one_way() -> None:
    for path in files("autodiff/drawing"):
        own = path.relative_to(ROOT / "autodiff/drawing").with_suffix("").parts
        for name, _, line in imports(path):  # those inside functions too
            if name.startswith("autodiff.drawing"):
                other = tuple(name.split(".")[2:])
                assert place_in_drawing(other) <= place_in_drawing(own), f"{path}:{line} imports {name}"


def test_the_files_of_drawing_import_each_other_without_a_circle() -> None:
    needs: dict[str, set[str]] = {}
    for path in files("autodiff/drawing"):
        own = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        needs[own] = {name for name, _, _ in imports(path) if name.startswith("autodiff.drawing") and name != own}
    order = list(TopologicalSorter(needs).static_order())  # CycleError names the files
    assert order[-1] == "autodiff.drawing"


def test_levels_do_not_import_layout() -> None:
    for path in files("autodiff/drawing/levels"):
        assert not [name for name, _, _ in imports(path) if name.startswith("autodiff.drawing.layout")], path


def test_nn_uses_public_names_of_autodiff_and_its_extend_only() -> None:
    for path in files("nn"):
        doors = {"autodiff": set(ad.__all__), "autodiff.extend": set(ad.extend.__all__)}
        if path.parent == ROOT / "nn" / "testing":
            doors["autodiff.testing"] = set(ad.testing.__all__)
        aliases = {}
        for name, _, line in imports(path):
            assert name in doors or not name.startswith("autodiff."), f"{path.name}:{line} imports {name}"
        tree = parsed(path)
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                aliases |= {alias.asname or alias.name: alias.name for alias in node.names if alias.name in doors}
            elif isinstance(node, ast.ImportFrom) and node.module in doors:
                assert {alias.name for alias in node.names} <= doors[node.module], f"{path.name}:{node.lineno}"
                aliases |= {a.asname or a.name: "autodiff.extend" for a in node.names if a.name == "extend"}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
                assert node.attr in doors[aliases[node.value.id]], f"{path.name}:{node.lineno} uses .{node.attr}"


@pytest.mark.parametrize("package", [ad, nn], ids=lambda p: p.__name__)
def test_no_public_function_shares_its_name_with_a_submodule(package: object) -> None:
    for info in pkgutil.iter_modules(package.__path__):  # type: ignore[attr-defined]
        found = vars(package).get(info.name)
        assert found is None or type(found).__name__ == "module", f"{info.name} is both a module and {found!r}"


def fresh(code: str, **environment: str) -> str:
    """What a program prints in a process of its own."""
    where = {**os.environ, **environment}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=where, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("name", ["autodiff", "nn"])
def test_importing_loads_numpy_and_nothing_heavier(name: str) -> None:
    found = fresh(
        f"import sys, numpy; before = set(sys.modules); import {name}; "
        "print(*sorted({m.partition('.')[0] for m in set(sys.modules) - before})); print(*sys.modules)"
    )
    loaded, heavy = map(str.split, found.splitlines())
    foreign = set(loaded) - {"autodiff", "nn", "numpy", *sys.stdlib_module_names}
    assert not {m for m in foreign if "cython" not in m}, foreign  # what numpy.random brings along
    for package in LEAVES:
        assert f"autodiff.{package}" not in heavy
    assert not {"graphviz", "matplotlib", "hypothesis", "tqdm", "subprocess", "asyncio", "unittest"} & set(heavy)


LINES_TO_READ = """
import sys
from pathlib import Path
import numpy as np, autodiff as ad

def lines(act):
    "Lines of the files of the core that a call enters, rows apart; the first call, which compiles what it needs."
    rows = Path(ad.__file__).parent / "ops"
    core, entered = Path(ad.__file__).parent, set()
    sys.setprofile(lambda frame, event, _: entered.add(frame.f_code.co_filename) if event == "call" else None)
    try:
        out = act()
    finally:
        sys.setprofile(None)
    read = [Path(f) for f in entered if core in Path(f).parents and rows not in Path(f).parents]
    return out, sum(len(f.read_text().splitlines()) for f in read)

h = ad.tensor(np.ones((2, 3))) @ ad.tensor(np.ones((3, 2)))
y, op = lines(lambda: np.tanh(h).sum())
print(op, lines(y.backward)[1])
"""


@pytest.mark.parametrize(("generated", "where"), [("0", "as it is written"), ("1", "with the generated paths")])
def test_one_operation_and_one_backward_read_in_one_sitting(generated: str, where: str) -> None:
    """Counted by running them: moving code to another file changes nothing. docs/design.md gives the numbers."""
    op, backward = map(int, fresh(LINES_TO_READ, BACKFLOW_GENERATED_PATHS=generated).split())
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    found = re.search(rf"\| {where} \| (\d+) \| (\d+) \|", text)
    assert found is not None, f"docs/design.md does not give the lines to read {where}"
    told_op, told_backward = map(int, found.groups())
    assert abs(op - told_op) <= told_op / 10, f"an operation enters {op} lines {where}: correct docs/design.md"
    assert abs(backward - told_backward) <= told_backward / 10, f"backward enters {backward} lines: docs/design.md"
    assert op <= (1100 if generated == "0" else 1350)
    assert backward <= (850 if generated == "0" else 1300)


def test_the_design_page_names_every_file_of_the_core() -> None:
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8").partition("## Five walks")[0]
    rooms = {p.name for p in (ROOT / "autodiff").iterdir() if (p / "__init__.py").exists()} - set(LEAVES)
    names = {p.name for p in (ROOT / "autodiff").glob("*.py")}
    rooms -= {"batching", "ops", "stats", "transforms"}  # whose files the page does not list
    names |= {p.name for room in rooms for p in files(f"autodiff/{room}")}
    assert not {name for name in names - {"__init__.py"} if name not in text}


FIVE_WALKS = """
import inspect, json, sys
from pathlib import Path
import numpy as np, autodiff as ad
from autodiff.testing import check_derivatives

core = Path(ad.__file__).parent
INSIDE = "<module>", "<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>"  # lines of another function that is entered

def walk(act):
    "Lines of the functions that a call enters, by file, in the order in which the files are entered."
    codes, lines = {}, {}
    sys.setprofile(lambda frame, event, _: codes.setdefault(frame.f_code) if event == "call" else None)
    try:
        act()
    finally:
        sys.setprofile(None)
    for code in codes:
        if core in Path(code.co_filename).parents and code.co_name not in INSIDE:
            source, first = inspect.getsourcelines(code)
            file = Path(code.co_filename).relative_to(core.parent).as_posix()
            lines.setdefault(file, set()).update(range(first, first + len(source)))
    return {file: len(found) for file, found in lines.items()}

h = ad.tensor(np.ones((2, 3))) @ ad.tensor(np.ones((3, 2)))
y, drawn, x = np.tanh(h).sum(), (np.tanh(ad.tensor(np.ones(3))) * 2).sum(), np.array([0.3, 0.5])
drawn.backward()
calls = [lambda: np.tanh(h).sum(), y.backward, lambda: ad.draw(drawn).to_dot(), lambda: check_derivatives(np.tanh, x)]
calls.append(lambda: ad.vmap(lambda r: np.tanh(r).sum())(np.ones((4, 3))))
for act in calls[2:]:
    act()  # the first call imports what it needs
calls[1] = np.tanh(h).sum().backward
print(json.dumps([walk(act) for act in calls]))
"""


def test_the_five_walks_of_the_design_page_lead_through_the_files_that_the_calls_enter() -> None:
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    section = text.partition("## Five walks")[2].partition("\n## ")[0]
    told = re.split(r"\n\*\*One ", section)[1:]
    walks = json.loads(fresh(FIVE_WALKS, BACKFLOW_GENERATED_PATHS="0"))
    assert len(told) == len(walks) == 5
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    op, backward = (re.search(r": (\d+) lines", page)[1] for page in told[:2])  # type: ignore[index]
    assert f"One operation runs through {op} lines, one `backward()` through {backward}." in readme
    for page, walk in zip(told, walks, strict=True):
        title = page.partition("\n")[0]
        number = int(re.search(r": (\d+) lines", title)[1])  # type: ignore[index]
        lines = sum(walk.values())
        assert abs(lines - number) <= number / 10, f"{title} enters functions of {lines} lines: correct docs/design.md"
        named = re.findall(r"`(autodiff/[\w/]+\.py)`", page)
        assert [file for file in walk if file in named] == named, f"{title}: files named that are not met in that order"
        room = "/".join(named[0].split("/")[:2]) if named[0].split("/")[1] in LEAVES else "autodiff"
        long = {file for file, n in walk.items() if n >= 60 and file.startswith(room)}
        assert not long - set(named), f"{title}: the page leaves out {long - set(named)}"


FOLDERS = [path for package in ("autodiff", "nn") for path in [ROOT / package, *sorted((ROOT / package).rglob("*/"))]]


def test_no_folder_has_more_than_fifteen_files() -> None:
    for folder in FOLDERS:
        found = sorted(path.name for path in folder.glob("*.py"))
        assert len(found) <= 15, f"{folder} wants rooms: {found}"


def test_a_file_of_more_than_four_hundred_lines_states_why_it_is_one() -> None:
    for path in [*files("autodiff"), *files("nn")]:
        text = path.read_text(encoding="utf-8")
        if len(text.splitlines()) > 400:
            doc = ast.get_docstring(parsed(path)) or ""
            assert "One file" in doc, f"{path}: split it, or end its docstring with a reason, 'One file, because ...'"


HOT = "a call would cost more than what it does"
LONG = {  # functions of more than 40 lines of code, and why each is one
    "autodiff/backward/floats.py collect_floats": HOT,
    "autodiff/backward/floats.py pull_all_floats": HOT,
    "autodiff/backward/walk.py quick": HOT,
    "autodiff/backward/walk.py pull_operands": HOT,
    "autodiff/recording.py record_operands": HOT,
    "autodiff/compiling/planning/memory.py planned": "one pass over a program, with what is free at each place",
    "autodiff/ops/special/values/polynomials.py spherical_jn": "one recurrence, up and down, and where each is used",
    "autodiff/testing/measuring/richardson.py _analyse": "the order of its questions is the method",
    "autodiff/testing/properties/of_second_order.py hessian_is_symmetric": "one property",
    "autodiff/testing/subjects/other_libraries.py from_jax": "closures over a library, imported here alone",
    "autodiff/testing/subjects/other_libraries.py from_torch": "closures over a library, imported here alone",
    "nn/sequences/scans.py _row": "the rules of one row, over what its scan keeps",
    "nn/training/loop.py fit": "each argument is checked, and goes to its part of the run",
}


def lines_of_code(function: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> int:
    """Lines of the body, without the docstring, comments and empty lines."""
    body = function.body[ast.get_docstring(function) is not None :]
    texts = lines[body[0].lineno - 1 : function.end_lineno] if body else []
    return sum(bool(text.strip()) and not text.strip().startswith("#") for text in texts)


def test_a_function_of_more_than_forty_lines_has_a_reason() -> None:
    found = set()
    for path in [*files("autodiff"), *files("nn")]:
        lines = path.read_text(encoding="utf-8").splitlines()
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and lines_of_code(node, lines) > 40:
                found.add(f"{path.relative_to(ROOT).as_posix()} {node.name}")
    assert not found - set(LONG), "split it where a reader gains, or add it to LONG with the reason"
    assert not set(LONG) - found, "these are short now: take them out of LONG"


def test_no_file_is_named_after_nothing() -> None:
    for path in [*files("autodiff"), *files("nn")]:
        assert path.stem not in ("utils", "util", "misc", "helpers", "common"), path


def test_every_module_says_what_lives_in_it() -> None:
    for path in [*files("autodiff"), *files("nn")]:
        assert ast.get_docstring(parsed(path)), f"{path} has no docstring"


# First words of a docstring that describes what a function is, not what it does.
NO_VERBS = set(
    "A All An And As At Both By Each Every Everything For From How If In Inside It Its No None Nothing Of On One Only "
    "Other Same Some Such That The Their There These They This Those To Two Under Until What Whatever When Where "
    "Whether Which While Who Whose Why With Within Without".split()
)


def is_property(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether a function is a property, which a noun describes."""
    return any(ast.unparse(d).endswith(("property", ".setter")) for d in function.decorator_list)


def test_the_docstring_of_a_function_begins_with_a_verb() -> None:
    found = []
    for path in [*files("autodiff"), *files("nn")]:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not is_property(node):
                words = re.findall(r"^[A-Za-z]+", ast.get_docstring(node) or "")
                if NO_VERBS.intersection(words):
                    found.append(f"{path}:{node.lineno} {node.name}: {words[0]} ...")
    assert not found, "write 'Return whether ...', 'Yield ...', 'Add ...'"


def test_explanations_read_graphs_through_drawing_and_never_through_testing() -> None:
    for path in files("autodiff/explaining"):
        for name, _, line in imports(path):
            assert not name.startswith(("autodiff.testing", "nn")), f"{path}:{line} imports {name}"


def test_pictures_and_explanations_know_no_operation_by_its_name() -> None:
    """What they tell about an operation is a fact of its row (``registry/picture_facts.py``): a new row has it."""
    for path in [*files("autodiff/drawing"), *files("autodiff/explaining")]:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Compare):
                sides = [ast.unparse(side) for side in (node.left, *node.comparators)]
                texts = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)} & set(ad.ops.OPS)
                named = any(re.search(r"\bop$|\bop\.name$|^name$", side) for side in sides)
                assert not (texts and named), f"{path.name}:{node.lineno} compares with {texts}"


def test_colours_are_written_in_the_style_file_alone() -> None:
    places = (ROOT / "autodiff" / "drawing", ROOT / "nn", ROOT / "examples")
    files = [path for place in places for path in place.rglob("*.py") if path.name != "style.py"]
    assert len(files) > 50
    found = [path for path in files if re.search(r"#[0-9A-Fa-f]{6}\b", path.read_text(encoding="utf-8"))]
    assert not found, "name the colour in autodiff/drawing/picture/style.py"

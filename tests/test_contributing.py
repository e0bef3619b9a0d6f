"""CONTRIBUTING's section on adding an operation is carried out, as it stands, in a copy of the tree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECTION = CONTRIBUTING.partition("## Adding an operation")[2].partition("\n## ")[0]
pytestmark = pytest.mark.sampled(3)  # each starts Python anew
WITHOUT = shutil.ignore_patterns("__pycache__", "*.npz", "pictures", "_build", "reference")


def texts(pattern: str, n: int) -> list[str]:
    """The places of the section that a pattern finds."""
    found = re.findall(pattern, SECTION, re.DOTALL)
    assert len(found) == n, f"{pattern!r} is found {len(found)} times in CONTRIBUTING.md"
    return found


def text(pattern: str) -> str:
    """The one place of the section that a pattern finds."""
    return texts(pattern, 1)[0]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree after the first steps of the section: the rows are appended, the command is run."""
    where = tmp_path_factory.mktemp("scratch")
    for folder in ("autodiff", "nn", "tools", "docs", "tests/public_names", "tests/oracles", "tests/support"):
        shutil.copytree(ROOT / folder, where / folder, ignore=WITHOUT)
    places = texts(r"Append this to `(autodiff/ops/[\w/]+\.py)`", 2)
    for place, row in zip(places, texts(r"```python append\n(.*?)```", 2), strict=True):
        with (where / place).open("a", encoding="utf-8") as file:
            file.write("\n\n" + row)
    command = text(r"```sh\n(.*?)```").split()
    assert command[0] == "python"
    run(where, *command[1:])
    return where


def run(where: Path, *arguments: str) -> str:
    """What Python prints, run in a folder with the packages of that folder."""
    environment = {**os.environ, "PYTHONPATH": str(where), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, *arguments], cwd=where, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_row_is_a_function_a_method_a_picture_and_a_docstring_and_passes_the_property_tests(tree: Path) -> None:
    program = """
import doctest
import autodiff as ad, numpy as np
from autodiff.testing import check_op

x = ad.tensor([1e-10, 0.5, 3.0, 40.0])
y = ad.log1mexp(x)
np.testing.assert_allclose(y.data, [np.log(1e-10), np.log(1 - np.exp(-0.5)), np.log(1 - np.exp(-3.0)), -np.exp(-40.0)])
y.sum().backward()
np.testing.assert_allclose(x.grad, 1 / np.expm1(x.data), rtol=1e-15)
assert x.log1mexp().data.tolist() == y.data.tolist()
np.testing.assert_allclose(ad.jvp(ad.log1mexp, (2.0,), (1.0,))[1], 1 / np.expm1(2.0))
np.testing.assert_allclose(ad.grad(ad.grad(ad.log1mexp))(2.0), -np.exp(2.0) / np.expm1(2.0) ** 2)
assert "log1mexp" in ad.draw(ad.scalar(2.0).log1mexp()).to_dot()
assert "Mächler" in ad.log1mexp.__doc__
test = doctest.DocTestParser().get_doctest(ad.log1mexp.__doc__, {}, "log1mexp", None, 0)
assert doctest.DocTestRunner().run(test).attempted == 3
print(check_op("log1mexp", examples=10).ok)
"""
    assert run(tree, "-c", program).splitlines()[-1] == "True"


def test_the_generated_files_have_the_row(tree: Path) -> None:
    assert "def log1mexp(" in (tree / "autodiff" / "__init__.pyi").read_text(encoding="utf-8")
    assert "def log1mexp(" in (tree / "autodiff" / "variable.pyi").read_text(encoding="utf-8")
    assert "log1mexp" in (tree / "tests" / "public_names" / "operations.txt").read_text(encoding="utf-8").split()
    assert "| `ad.log1mexp` | x |" in (tree / "docs" / "coverage.md").read_text(encoding="utf-8")
    assert any("autodiff.log1mexp(x)" in page.read_text() for page in (tree / "docs" / "reference").glob("*.rst"))
    singular = (tree / "docs" / "singular_points.md").read_text(encoding="utf-8")
    assert "| `ad.softmin_abs` | 1, -1 | 0.5, -0.5 | shared | 0 |" in singular
    assert "| `softmin_abs` | both sizes are equal, or the smaller is 0 |" in singular


def test_the_row_with_a_kink_passes_its_tests(tree: Path) -> None:
    """Those of every property, by the command that the section names; those of its singular points; NaN is loud."""
    run(tree, "-W", "ignore", *text(r"`python (-m autodiff\.testing \w+)`").split(), "--examples", "4")
    points = tree / "tests" / "autodiff" / "test_singular_points.py"
    points.parent.mkdir(exist_ok=True)
    shutil.copy(ROOT / "tests" / "autodiff" / points.name, points)
    wanted = "softmin_abs or what_the_rows_state or states_points"
    said = run(tree, "-m", "pytest", "-q", "-c", os.devnull, "-p", "no:cacheprovider", str(points), "-k", wanted)
    assert "14 passed" in said, said
    program = """
import autodiff as ad, numpy as np
a, b = ad.tensor([np.nan, -1.0, 3.0]), ad.tensor([1.0, 2.0, np.nan])
ad.softmin_abs(a, b).sum().backward()
assert np.array_equal(a.grad, [np.nan, -1.0, np.nan], equal_nan=True)
"""
    run(tree, "-c", program)


def test_the_comparison_with_other_libraries_asks_for_the_lines_that_the_section_gives(tree: Path) -> None:
    program = """
import sys; sys.path.insert(0, "tests/oracles")
import warnings; warnings.simplefilter("ignore")
import test_tables
test_tables.test_every_row_is_compared_with_another_library_or_says_why_not()
"""
    table = tree / text(r"`ELEMENTWISE` in `([\w/.]+)`")
    before = table.read_text(encoding="utf-8")
    with pytest.raises(AssertionError, match=r"ELEMENTWISE.*tests/oracles/test_tables\.py|add a line"):
        run(tree, "-c", program)
    head = '    "elementwise",\n    [\n'
    assert before.count(head) == 1
    table.write_text(before.replace(head, head + text(r"```python compared\n(.*?)```")), encoding="utf-8")
    run(tree, "-c", program)

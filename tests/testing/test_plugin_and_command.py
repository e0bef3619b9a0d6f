"""The pytest plugin, the command, the report formats and the written tests, used as a person would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from autodiff.testing import check_derivatives, tensors, write_tests
from autodiff.testing.__main__ import main
from autodiff.testing.reporting.formats import write_report

ROOT = Path(__file__).parents[2]
SUITE = """
import numpy as np
from autodiff.testing import derivative_test, tensors

@derivative_test(tensors(domain=(-20.0, 20.0)), dtypes=())
def test_swish(x):
    return x / (1 + np.exp(-x))

def test_cube(derivatives):
    derivatives(lambda x: x**3, np.array([0.5, 2.0]), dtypes=())

def test_no_leak(graph_leaks):
    import autodiff as ad
    with graph_leaks():
        (ad.tensor([1.0]) * 2).sum().backward()

def test_numbers(rng):
    assert rng.random() == np.random.default_rng([5, __import__("zlib").crc32(b"test_it.py::test_numbers")]).random()
"""


def run_pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    plugin = [] if "autodiff" in _entry_points() else ["-p", "pytest_backflow"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, *options, "test_it.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def _entry_points() -> set[str]:
    from importlib.metadata import entry_points

    return {e.name for e in entry_points(group="pytest11")}


def test_plugin_gives_fixtures_options_and_a_summary_line(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(SUITE)
    done = run_pytest(
        tmp_path, "--derivative-examples=6", "--derivative-seed=5", "--derivative-report=out.json", "--derivative-power"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout and "derivatives: 2 ops," in done.stdout and "median resolution" in done.stdout
    assert "planted mistakes" in done.stdout
    assert {r["name"] for r in json.loads((tmp_path / "out.json").read_text())} == {"test_swish", "<lambda>"}


def test_plugin_reports_a_wrong_derivative_as_a_failed_test(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import numpy as np\ndef test_wrong(derivatives):\n"
        "    derivatives(np.sin, np.array([0.5]), vjp=lambda g, y, x: (g * np.sin(x),))\n"
    )
    done = run_pytest(tmp_path)
    assert done.returncode == 1 and "P01 reverse vs numerical" in done.stdout and "1 failed" in done.stdout


def test_a_run_without_checks_says_nothing_and_imports_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import sys\ndef test_it():\n    assert 'autodiff.testing.check' not in sys.modules\n"
    )
    done = run_pytest(tmp_path)
    assert done.returncode == 0 and "derivatives:" not in done.stdout


def test_command_says_right_wrong_usage_and_inconclusive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine_for_command.py").write_text(
        "import numpy as np, autodiff as ad\ndef swish(x):\n    return x * ad.sigmoid(x)\n"
        "def rule(g, y, x):\n    return (g / (1 + np.exp(-x)),)\ndef never(x):\n    return np.log(-1 - x * x)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert main(["mine_for_command:swish", "--examples", "12"]) == 0
    assert ": right" in capsys.readouterr().out
    assert main(["mine_for_command:swish", "--vjp", "mine_for_command:rule", "--examples", "10"]) == 1
    assert "rule says" in capsys.readouterr().out
    assert main(["mine_for_command:never", "--examples", "5"]) == 3
    assert main(["mine_for_command:missing"]) == 2
    assert main(["mine_for_command"]) == 2
    assert 'write "module:function"' in capsys.readouterr().err
    assert main(["numpy:matmul", "--signature", "(m,k),(k,n)->(m,n)", "--examples", "5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["ok"] is True
    assert main(["numpy:multiply", "--shape", "2,3", "--shape", "3", "--examples", "5"]) == 0
    assert main(["numpy:log", "--domain", "0", "5", "--write"]) == 0
    assert "tensors(domain=(0.0, 5.0))" in capsys.readouterr().out


def test_written_tests_run(tmp_path: Path) -> None:
    text = write_tests("numpy:hypot", domain=(0.5, 4.0))
    (tmp_path / "test_it.py").write_text(text.replace("4.0))", "4.0)), examples=5"))
    done = run_pytest(tmp_path)
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout


def test_reports_in_every_format_hold_the_counterexample(tmp_path: Path) -> None:
    wrong = check_derivatives(np.sin, np.array(0.5), vjp=lambda g, y, x: (g * np.sin(x),), raises=False)
    right = check_derivatives(np.sin, tensors(), vjp=lambda g, y, x: (g * np.cos(x),), examples=3)
    data = json.loads(wrong.to_json(tmp_path / "r.json"))
    assert data[0]["failures"][0]["property"] == "P01" and not data[0]["ok"]
    suite = ElementTree.fromstring(wrong.to_junit())[0]
    failed = [case.get("name", "")[:3] for case in suite if case.find("failure") is not None]
    assert failed == ["P01", "P08"] and suite.get("failures") == "2"
    assert "| sin | wrong |" in wrong.to_markdown() and "rule says" in wrong.to_markdown()
    page = write_report([wrong, right], tmp_path / "r.html")
    assert page.count("<h2>") == 2 and "data:image/png;base64," in page and "<script" not in page
    with pytest.raises(ValueError, match=r"\.html"):
        write_report([right], tmp_path / "r.txt")


def test_hostile_names_stay_text_in_html_and_xml() -> None:
    def f(x: np.ndarray) -> np.ndarray:
        return np.sin(x)

    f.__name__ = '<img src=x onerror=alert(1)> & "quotes"'
    report = check_derivatives(f, np.array(0.5), vjp=lambda g, y, x: (g,), raises=False)
    assert "<img src=x" not in report.to_html()
    assert ElementTree.fromstring(report.to_junit())[0].get("name") == f.__name__


def test_a_kink_is_drawn_with_the_slopes_of_both_sides() -> None:
    report = check_derivatives(np.abs, np.array(0.0), kinks="error", raises=False)
    failure = report.failures[0]
    size = abs(float(failure.finding.cotangent[0]))  # type: ignore[index]
    np.testing.assert_allclose(failure.data["curve"]["true"], [-size, size])
    assert "<img" in report.to_html()


def test_junit_calls_no_violated_property_passed() -> None:
    """One wrong slope shows in many properties; one of them is explained, the others point to it."""
    wrong = check_derivatives(np.sin, np.array([0.5]), vjp=lambda g, y, x: (2 * g * np.cos(x),), raises=False)
    suite = ElementTree.fromstring(wrong.to_junit())[0]
    failed = {case.get("name", "")[:3] for case in suite if case.find("failure") is not None}
    assert failed == {p for p, c in wrong.tally.counts.items() if c["fail"]} and len(failed) > 1
    assert suite.get("failures") == str(len(failed))


def test_html_lists_what_was_not_checked_once_for_each_reason() -> None:
    page = check_derivatives(np.sin, np.array([0.5]), vjp=lambda g, y, x: (g * np.cos(x),)).to_html()
    assert page.count("not checked (order=1): P10") == 1 and page.count("not checked") <= 4


def test_the_factor_of_another_example_is_not_said_of_the_one_shown() -> None:
    softplus, rule = (lambda x: np.log1p(np.exp(x))), (lambda g, y, x: (g * (1 - np.exp(-x)),))
    report = check_derivatives(softplus, tensors(domain=(-3.0, 3.0)), vjp=rule, seed=79411, raises=False)
    sentence = report.failures[0].sentence
    assert "factor" not in sentence.split("; at another example")[0]

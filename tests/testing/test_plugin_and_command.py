"""The pytest plugin, the command, the report formats and the written tests, used as a person would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest

import autodiff as ad
from autodiff.testing import check_derivatives, tensors, write_tests
from autodiff.testing.__main__ import main
from autodiff.testing.reporting.formats import write_report

pytestmark = pytest.mark.sampled(3)  # each starts Python anew

ROOT = Path(__file__).parents[2]
SUITE = """
import numpy as np
from autodiff.testing import derivative_test, tensors

@derivative_test(tensors(domain=(-20.0, 20.0)), dtypes=())
def test_swish(x):
    return x / (1 + np.exp(-x))

def test_cube(backflow_derivatives):
    backflow_derivatives(lambda x: x**3, np.array([0.5, 2.0]), dtypes=())

def test_no_leak(backflow_graph_leaks):
    import autodiff as ad
    with backflow_graph_leaks():
        (ad.tensor([1.0]) * 2).sum().backward()

def test_numbers(backflow_rng):
    seed = [5, __import__("zlib").crc32(b"test_it.py::test_numbers")]
    assert backflow_rng.random() == np.random.default_rng(seed).random()
"""


def run_pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    plugin = [] if "pytest_backflow" in _entry_points() else ["-p", "pytest_backflow"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, *options, "test_it.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def _entry_points() -> set[str]:
    return {e.value for e in entry_points(group="pytest11")}


def test_plugin_gives_fixtures_options_and_a_summary_line(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(SUITE)
    done = run_pytest(
        tmp_path, "--derivative-examples=6", "--derivative-seed=5", "--derivative-report=out.json", "--derivative-power"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout and "planted mistakes" in done.stdout, done.stdout
    assert "derivatives: 2 functions," in done.stdout and "median resolution" in done.stdout
    written = json.loads((tmp_path / "out.json").read_text())
    assert {r["name"] for r in written} == {"test_swish", "<lambda>"}


def test_a_wrong_derivative_is_a_failed_test_and_counted_as_failed_unless_it_is_expected(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import numpy as np, pytest\nfrom autodiff.testing import derivative_test\n"
        "def test_fixture(backflow_derivatives):\n"
        "    backflow_derivatives(np.sin, np.array([0.5]), vjp=lambda g, y, x: (g * np.sin(x),), properties=['P01'])\n"
        "@derivative_test(np.array([0.5]), vjp=lambda g, y, x: (g,), properties=['P01'])\n"
        "def test_decorator(x):\n    return np.sin(x)\n"
        "@pytest.mark.xfail(strict=True)\n"
        "@derivative_test(np.array([0.5]), vjp=lambda g, y, x: (g,), properties=['P01'])\n"
        "def test_expected(x):\n    return np.exp(x)\n"
        "def test_asked_for(backflow_derivatives):\n"
        "    with pytest.raises(AssertionError):\n"
        "        backflow_derivatives(np.cos, np.array([0.5]), vjp=lambda g, y, x: (g,), properties=['P01'])\n"
    )
    done = run_pytest(tmp_path)
    assert done.returncode == 1 and done.stdout.count("[P01 reverse vs numerical]") >= 2, done.stdout
    assert "4 functions" in done.stdout and " 2 failed, 0.0% weak" in done.stdout, done.stdout


def test_workers_of_a_parallel_run_merge_their_reports(tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    tests = "".join(
        f"def test_{k}(backflow_derivatives):\n"
        f"    backflow_derivatives(np.sin, np.array([0.5]), vjp=lambda g, y, x: ({sign}g * np.cos(x),))\n"
        for k, sign in enumerate(["-", "", "", ""])
    )
    (tmp_path / "test_it.py").write_text(f"import numpy as np\n{tests}")
    done = run_pytest(tmp_path, "-n2", "--derivative-report=out.json")
    assert done.returncode == 1 and "1 failed, 3 passed" in done.stdout, done.stdout
    written = json.loads((tmp_path / "out.json").read_text())
    assert len(written) == 4 and sum(not r["ok"] for r in written) == 1
    assert next(r for r in written if not r["ok"])["failures"][0]["property"] == "P01"
    assert ", 1 failed," in done.stdout.partition("derivatives:")[2]


def test_a_run_without_checks_loads_nothing_and_takes_no_usual_name(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "import sys\nloaded = {m.partition('.')[0] for m in sys.modules} & {'numpy', 'autodiff', 'nn', 'hypothesis'}\n"
    )
    (tmp_path / "test_it.py").write_text(
        "import sys\nfrom conftest import loaded\n\ndef test_it():\n    assert not loaded - {'hypothesis'}, loaded\n"
        "    assert not {'numpy', 'autodiff', 'nn'} & set(sys.modules)\n"
        "def test_fixture_of_another(rng):\n    pass\n"
    )
    done = run_pytest(tmp_path)
    assert "1 passed, 1 error" in done.stdout and "derivatives:" not in done.stdout, done.stdout
    # a fixture `rng` of this package would take the place of another plugin's
    assert "fixture 'rng' not found" in done.stdout and "backflow_rng" in done.stdout


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
    assert "slope of the rule" in capsys.readouterr().out
    assert main(["mine_for_command:never", "--examples", "5"]) == 3
    assert main(["mine_for_command:missing"]) == 2
    assert main(["mine_for_command"]) == 2
    assert '"module:function"' in capsys.readouterr().err
    assert main(["numpy:matmul", "--signature", "(m,k),(k,n)->(m,n)", "--examples", "5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["ok"] is True
    assert main(["numpy:multiply", "--shape", "2,3", "--shape", "3", "--examples", "5"]) == 0
    assert main(["numpy:log", "--domain", "0", "5", "--write"]) == 0
    assert "tensors(domain=(0.0, 5.0))" in capsys.readouterr().out


def test_command_checks_a_row_by_its_name_and_every_row_without_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tanh", "--examples", "5"]) == 0
    assert capsys.readouterr().out.startswith("tanh: right")
    assert main(["tanh", "--shape", "2"]) == 2
    assert "--shape" in capsys.readouterr().err
    few = {name: ad.ops.OPS[name] for name in ("exp", "tanh")}
    monkeypatch.setattr(ad.ops, "OPS", few)
    assert main([]) == 0
    assert capsys.readouterr().out == "2 rows: 0 wrong, 0 inconclusive\n"
    monkeypatch.setattr(few["tanh"], "vjps", (lambda g, y: g * (1 - y),))
    assert main([]) == 1
    assert "tanh: the reverse derivative disagrees" in (said := capsys.readouterr().out) and "2 rows: 1 wrong" in said


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
    page = write_report([wrong.as_data(), right.as_data()], tmp_path / "r.html")
    assert page.count("<h2>") == 2 and "data:image/png;base64," in page and "<script" not in page
    with pytest.raises(ValueError, match=r"\.html"):
        write_report([right.as_data()], tmp_path / "r.txt")


def test_hostile_names_stay_text_in_html() -> None:
    def f(x: np.ndarray) -> np.ndarray:
        return np.sin(x)

    f.__name__ = '<img src=x onerror=alert(1)> & "quotes"'
    report = check_derivatives(f, np.array(0.5), vjp=lambda g, y, x: (g,), raises=False)
    assert "<img src=x" not in report.to_html()


def test_a_kink_is_drawn_with_the_slopes_of_both_sides() -> None:
    report = check_derivatives(np.abs, np.array(0.0), kinks="error", raises=False)
    failure = report.failures[0]
    size = abs(float(failure.finding.cotangent[0]))  # type: ignore[index]
    np.testing.assert_allclose(failure.data["curve"]["true"], [-size, size])
    assert "<img" in report.to_html()


def test_html_lists_what_was_not_checked_once_for_each_reason() -> None:
    page = check_derivatives(np.sin, np.array([0.5]), vjp=lambda g, y, x: (g * np.cos(x),)).to_html()
    assert page.count("not checked (order=1): P10") == 1 and page.count("not checked") <= 4


def test_the_factor_of_another_example_is_not_said_of_the_one_shown() -> None:
    softplus, rule = (lambda x: np.log1p(np.exp(x))), (lambda g, y, x: (g * (1 - np.exp(-x)),))
    report = check_derivatives(softplus, tensors(domain=(-3.0, 3.0)), vjp=rule, seed=79411, raises=False)
    sentence = report.failures[0].sentence
    assert "factor" not in sentence.split("; at another example")[0]

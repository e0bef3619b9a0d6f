"""``ad.show_versions()``: what a report needs, without an error on a machine that lacks things."""

from __future__ import annotations

import numpy as np
import pytest

import autodiff as ad


def test_versions_name_this_package_numpy_and_its_blas(capsys: pytest.CaptureFixture[str]) -> None:
    ad.show_versions()
    told = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert told["backflow"] == ad.__version__ and told["NumPy"] == np.__version__
    assert {"Python", "platform", "BLAS", "dot", "hypothesis"} <= set(told)


def test_versions_are_shown_where_dot_is_missing_or_broken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    ad.show_versions()
    assert "not found" in capsys.readouterr().out

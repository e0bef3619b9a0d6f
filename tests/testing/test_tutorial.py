"""The tutorial's code runs, and prints what the page shows (numbers may differ in their last digits, and with them
where lines wrap).
"""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "proving_a_custom_op.md"


def skeleton(text: str) -> str:
    """The words of a text, without where its lines break, and a # for every number that rounding may change."""
    return re.sub(r"\d+\.\d+(e-?\d+)?|\d+e-?\d+", "#", " ".join(text.split()))


def test_a_number_one_digit_longer_does_not_matter_where_it_moves_a_word_to_the_next_line() -> None:
    shown = "  looks like               off by a factor of 0.75: a term is missing, or one\n      path"
    printed = "  looks like               off by a factor of 0.7500001: a term is missing, or\n      one path"
    assert skeleton(shown) == skeleton(printed) != skeleton(shown.replace("missing", "wrong"))


def test_the_tutorial_runs_and_prints_what_it_shows() -> None:
    blocks = re.findall(r"```(python|text)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    space: dict[str, Any] = {}
    printed = ""
    for kind, text in blocks:
        if kind == "python":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(text, str(PAGE), "exec"), space)
            printed = out.getvalue()
        else:
            assert skeleton(printed) == skeleton(text)
    assert sum(kind == "text" for kind, _ in blocks) >= 4

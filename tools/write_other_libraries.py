"""Write into docs/other_libraries.md which rows refuse arrays of other libraries, from a run of every row.

Run ``python tools/write_other_libraries.py`` after adding a row, and read the difference.
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import autodiff as ad  # noqa: E402
import nn  # noqa: E402, F401 (it has rows too)
from tests.support.rows_on_other_arrays import difference  # noqa: E402

PAGE = ROOT / "docs" / "other_libraries.md"
START, END = "<!-- rows -->\n", "<!-- /rows -->"


def main() -> None:
    """Write the list between the two marks of the page."""
    names = [f"`{row.name}`" for row in ad.ops.OPS.values() if any(row.vjps) and difference(row) is not None]
    text = textwrap.fill(", ".join(sorted(names)) + ".", 150, break_long_words=False, break_on_hyphens=False)
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(START)
    PAGE.write_text(f"{before}{START}{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()

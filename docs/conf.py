"""Sphinx settings: the prose pages as they stand, and the API reference made from the docstrings at each build."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE.parent / "tools"))

import autodiff  # noqa: E402

project = "Backflow"
author = "The Backflow maintainers"
version = release = autodiff.__version__
extensions = ["sphinx.ext.autodoc", "myst_parser"]
html_theme = "furo"
html_title = f"Backflow {release}"
exclude_patterns = ["_build"]
myst_heading_anchors = 3
suppress_warnings = ["myst.xref_missing"]  # links to files of the repository, which a test follows
autodoc_member_order = "bysource"
autodoc_typehints = "none"
html_show_sourcelink = False


def setup(app: Any) -> None:
    """Write the reference before the pages are read."""
    import write_reference

    def plain(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
        lines[:] = write_reference.markup("\n".join(lines)).splitlines()

    app.connect("builder-inited", lambda _: write_reference.write(HERE / "reference"))
    app.connect("autodoc-process-docstring", plain)

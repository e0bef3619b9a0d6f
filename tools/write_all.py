"""Run every writer of this folder: names, stubs, and the pages of docs/ that are made from the registry.

Run ``python tools/write_all.py`` after adding a row or a public name, and read the difference.
"""

from __future__ import annotations

import runpy
from pathlib import Path

if __name__ == "__main__":
    for writer in sorted(Path(__file__).parent.glob("write_*.py")):
        if writer != Path(__file__):
            runpy.run_path(str(writer), run_name="__main__")

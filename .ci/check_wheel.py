"""Check what a wheel holds: every module of the tree, the digits, the play, py.typed, and nothing else.

Usage: python .ci/check_wheel.py WHEEL TREE
"""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

ALLOWED = re.compile(r"pytest_backflow\.py|(autodiff|nn)/([a-z_0-9]+/)*[a-z_0-9]+\.pyi?|backflow-[0-9.]+\.dist-info/.+")
DATA = {"autodiff/py.typed", "nn/py.typed", "nn/data/digits.npz", "nn/data/as_you_like_it.txt", "nn/data/README.md"}


def main(wheel: str, tree: str) -> None:
    """Exit with a message that lists what is missing from the wheel and what should not be in it."""
    held = {name for name in zipfile.ZipFile(wheel).namelist() if not name.endswith("/")}
    folders = [Path(tree, package) for package in ("autodiff", "nn")]
    modules = {str(p.relative_to(tree)) for folder in folders for p in folder.rglob("*.py*") if p.suffix != ".pyc"}
    modules |= {"pytest_backflow.py"}
    missing = sorted(((modules - {"autodiff/py.typed", "nn/py.typed"}) | DATA) - held)
    extra = sorted(name for name in held - DATA if not ALLOWED.fullmatch(name))
    if missing or extra:
        sys.exit(f"{wheel}\n  lacks {missing}\n  and should not hold {extra}")
    print(f"{Path(wheel).name}: {len(held)} files, as it should be")


if __name__ == "__main__":
    main(*sys.argv[1:])

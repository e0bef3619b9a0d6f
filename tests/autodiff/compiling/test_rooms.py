"""What makes a program fast reads the program, never the trace, and the trace reads nothing of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import autodiff

ROOT = Path(autodiff.__file__).parent / "compiling"
ORDER = (
    "program functional unchanged knowledge planning calls passes lowering tracing state_values listing entry compiled "
    "profiling"
).split()
NOT_FOR = {"tracing": {"knowledge", "planning", "calls", "passes", "lowering"}}  # although these are lower
FILES = [path for part in ORDER for path in ([*(ROOT / part).glob("*.py")] or [ROOT / f"{part}.py"])]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downwards(path: Path) -> None:
    parts = path.relative_to(ROOT).with_suffix("").parts
    outside = "." * (len(parts) + 1)  # what comes from autodiff itself
    for dots, module, names in re.findall(r"^from (\.+)([\w.]*) import (.+)$", path.read_text("utf-8"), re.MULTILINE):
        if dots == outside or (dots == "." and len(parts) > 1):
            continue
        for target in [module.partition(".")[0]] if module else re.findall(r"\w+", names):
            assert ORDER.index(target) < ORDER.index(parts[0]), f"{path.name} imports {target}"
            assert target not in NOT_FOR.get(parts[0], ()), f"{path.name} imports {target}"

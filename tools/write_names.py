"""Write tests/public_names/*.txt: the public names of both packages, one a line, so that changes are visible.

Run ``python tools/write_names.py`` after adding a row or a public name, and read the difference.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import autodiff as ad  # noqa: E402
import nn  # noqa: E402
from autodiff.names import elsewhere as names_elsewhere  # noqa: E402


def members(cls: type) -> set[str]:
    """Return the public attributes of a class, without names that only raise an error with advice."""
    return {name for name in dir(cls) if not name.startswith("_") and name not in names_elsewhere.WORDS}


def found() -> dict[str, set[str]]:
    """Return the names that exist now, by list."""
    return {
        "autodiff": set(ad.__all__),
        "nn": set(nn.__all__),
        "operations": set(ad.ops.OPS),
        "variable": members(ad.Variable),
        "tensor": members(ad.Tensor) - members(ad.Variable),
        "scalar": members(ad.Scalar) - members(ad.Variable),
    }


if __name__ == "__main__":
    for name, names in found().items():
        path = ROOT / "tests" / "public_names" / f"{name}.txt"
        path.write_text("".join(f"{n}\n" for n in sorted(names)), encoding="utf-8")

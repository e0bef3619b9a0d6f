"""Run the programs of `examples/` inside a test."""

import importlib.util
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def load(name):
    """Import `examples/NAME.py`; a room is part of the name: "outlook/attention"."""
    spec = importlib.util.spec_from_file_location(f"example_{name.replace('/', '_')}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(name, capsys, *arguments):
    """Return the result of `main` and its printed text."""
    result = load(name).main([str(a) for a in arguments])
    return result, capsys.readouterr().out

"""Write docs/reference/*.rst, the API reference: one page for each group of public names, made from the docstrings.

Sphinx runs this before each build (``make html`` in docs/); nothing it writes is committed. Rows are objects and not
functions, so they are written out here with their signatures; everything else is left to autodoc.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import autodiff as ad  # noqa: E402
import nn  # noqa: E402

TITLES = {  # the module that defines a public name, or a package around it -> the title of its page
    "autodiff.leaves": "Values: tensors and scalars",
    "autodiff.variable": "Values: tensors and scalars",
    "autodiff.modes": "Modes",
    "autodiff.transforms": "Transforms",
    "autodiff.errors": "Errors of autodiff",
    "autodiff.drawing": "Pictures",
    "autodiff.testing": "Derivative checks",
    "autodiff.solving": "Solvers of SciPy, and derivatives through them",
    "autodiff.parallel": "Several processes: ad.parallel",
    "autodiff.versions": "Values: tensors and scalars",
    "autodiff.array_api": "The Array API standard",
    "autodiff.extend": "Extending: rows, writes, recorded state",
    "autodiff.linalg": "Linear algebra: ad.linalg",
    "autodiff.fft": "Fourier transforms: ad.fft",
    "autodiff.special": "Special functions: ad.special",
    "autodiff.stats": "Probability distributions: ad.stats",
    "autodiff.signal": "Filters and spectra: ad.signal",
    "autodiff.ops.activations": "Operations: smooth activations and softmax",
    "autodiff.ops.rectifiers": "Operations: activations with a kink",
    "autodiff.ops.elementwise": "Operations: elementwise functions",
    "autodiff.ops.complex_numbers": "Operations: complex numbers",
    "autodiff.ops.special": "Operations: special functions",
    "autodiff.ops.reduce": "Operations: reductions over axes",
    "autodiff.ops.shape": "Operations: shapes, joining and splitting",
    "autodiff.ops.joining": "Operations: shapes, joining and splitting",
    "autodiff.ops.norms": "Operations: products",
    "autodiff.ops.index": "Operations: indexing",
    "autodiff.ops.linalg": "Operations: products",
    "autodiff.ops.matrices": "Operations: matrices",
    "autodiff.ops.windows": "Operations: convolution and pooling",
    "autodiff.explaining": "Explaining gradients",
    "autodiff.ops.fused": "Operations: layers and losses in one node",
    "autodiff.ops.arrays.accumulate": "Operations: running sums and products",
    "autodiff.ops.arrays.assemble": "Operations: arrays made of parts",
    "autodiff.ops.arrays.calculus": "Operations: differences, slopes and integrals",
    "autodiff.ops.arrays.choose": "Operations: choice by conditions and labels",
    "autodiff.ops.arrays.masked": "Operations: reductions over axes",
    "autodiff.ops.arrays.nans": "Operations: reductions without the NaNs",
    "autodiff.ops.arrays.order": "Operations: sorting, quantiles, unique values",
    "autodiff.ops.arrays.padding": "Operations: padding",
    "autodiff.ops.arrays.polynomials": "Operations: polynomials",
    "autodiff.ops.arrays.statistics": "Operations: covariance",
    "nn.layers": "Layers",
    "nn.layers.activations": "Layers: activations",
    "nn.layers.convolution": "Layers: convolution, pooling and padding",
    "nn.layers.pooling": "Layers: convolution, pooling and padding",
    "nn.layers.padding": "Layers: convolution, pooling and padding",
    "nn.layers.resizing": "Layers: convolution, pooling and padding",
    "nn.layers.windows": "Layers: convolution, pooling and padding",
    "nn.layers.normalization": "Layers: normalization",
    "nn.sequences": "Layers: embeddings and recurrent networks",
    "nn.neuron": "Layers of scalars",
    "nn.module": "Modules and parameters",
    "nn.parameter": "Modules and parameters",
    "nn.functional": "Layers as functions: nn.functional",
    "nn.init": "Initial weights: nn.init",
    "nn.losses": "Losses",
    "nn.errors": "Errors of nn",
    "nn.random": "Random numbers",
    "nn.training": "Training",
    "nn.report": "Training",
    "nn.metrics": "Metrics",
    "nn.optim": "Optimizers: nn.optim",
    "nn.optim.lr_scheduler": "Learning-rate schedules: nn.optim.lr_scheduler",
    "nn.parametrize": "Computed parameters: nn.parametrize",
    "nn.data": "Data: nn.data",
    "nn.testing": "Checks of modules and optimizers: nn.testing",
    "nn.serialization": "Saving and loading",
    "nn.exchange": "Saving and loading",
}


def groups() -> dict[str, tuple[ModuleType, list[str]]]:
    """Return title of a page -> (module, names), so that every public name is on one page."""
    found: dict[str, tuple[ModuleType, list[str]]] = {}
    shown: set[int] = set()  # names on a submodule's page are not shown again
    for package in (ad, nn):
        public = {name: getattr(package, name) for name in sorted(package.__all__)}
        for module in _modules(package):
            found[_title(module.__name__)] = (module, sorted(module.__all__))
            shown |= {id(getattr(module, name)) for name in module.__all__}
        for name, value in public.items():
            if not inspect.ismodule(value) and id(value) not in shown:
                found.setdefault(_title_of(value), (package, []))[1].append(name)
    return found


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    """Yield the public modules of a package, and those inside them."""
    for name in sorted(package.__all__):
        module = getattr(package, name)
        if inspect.ismodule(module) and hasattr(module, "__all__") and module is not ad.ops:
            yield module
            yield from _modules(module)


def _title_of(value: Any) -> str:
    """Return the page of one public name."""
    return _title(_home(value))


def _title(module: str) -> str:
    """Return the page for the names of a module: its own, or that of the nearest package around it that has one."""
    around = module
    while around not in TITLES and "." in around:
        around = around.rpartition(".")[0]
    room = module.removeprefix("autodiff.ops.").partition(".")[0].replace("_", " ")
    return TITLES.get(around, f"Operations: {room}" if module.startswith("autodiff.ops.") else module)


def _home(value: Any) -> str:
    """Return the module that defines a public name; for a row, the one that has its rules."""
    if isinstance(value, ad.ops.Op):
        return next((rule.__module__ for rule in value.vjps if rule is not None), "autodiff.ops.elementwise")
    return str(value.__module__)


def markup(doc: str) -> str:
    """Return a docstring as reStructuredText: prose is escaped, double backticks stay, examples become code, and
    aligned tables and formulas are not changed."""
    out = []
    for block in re.split(r"\n\s*\n", inspect.cleandoc(doc)):
        lines = block.splitlines()
        example = next((i for i, line in enumerate(lines) if line.lstrip().startswith(">>>")), len(lines))
        prose, code = lines[:example], lines[example:]
        if any(re.search(r"\S {2,}\S", line) or line.startswith("    " * 2) for line in prose):
            out.append("::\n\n" + _indent("\n".join(prose)))
        elif any(line.startswith(" ") for line in prose):  # a list of arguments with hanging lines
            items = re.split(r"\n(?=\S)", "\n".join(prose))
            out.append("\n".join("* " + _escaped(" ".join(item.split())) for item in items))
        elif prose:
            out.append(_escaped("\n".join(prose)))
        if code:
            out.append(".. code-block:: pycon\n\n" + _indent("\n".join(code)))
    return "\n\n".join(out)


def _escaped(text: str) -> str:
    pieces = text.split("``")
    return "``".join(piece if i % 2 else re.sub(r"([*|`_\\])", r"\\\1", piece) for i, piece in enumerate(pieces))


def entries(module: ModuleType, names: list[str]) -> Iterator[str]:
    """Yield the text of a page's entries."""
    kinds: dict[type, None] = {}
    for name in names:
        value = getattr(module, name)
        if inspect.ismodule(value):
            continue
        if str(getattr(value, "__module__", "")).startswith("numpy"):
            yield f".. py:function:: {module.__name__}.{name}{_signature(value)}\n\n   NumPy's own function.\n"
        elif inspect.isclass(value):
            yield f".. autoclass:: {module.__name__}.{name}\n   :members:\n"
        elif callable(value):
            doc = inspect.getdoc(value) or ""
            yield f".. py:function:: {module.__name__}.{name}{_signature(value)}\n\n{_indent(markup(doc))}\n"
        else:  # a distribution: its methods are those of its class, which follows once
            kinds.setdefault(type(value))
            yield f".. py:data:: {module.__name__}.{name}\n\n   {_escaped(repr(value).strip('<>'))}\n"
    for kind in kinds:
        yield f".. autoclass:: {kind.__module__}.{kind.__name__}\n   :members:\n"


def _signature(value: Any) -> str:
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return "(...)"
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=signature.empty))


def _indent(text: str) -> str:
    return "\n".join("   " + line if line else "" for line in text.splitlines())


def write(folder: Path) -> None:
    """Write every page and the index into a folder."""
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.rst"):
        old.unlink()
    index = ["Reference", "=========", "", ".. toctree::", "   :maxdepth: 1", ""]
    for title, (module, names) in sorted(groups().items()):
        page = re.sub(r"[^a-z]+", "-", title.lower())
        doc = markup(inspect.getdoc(module) or "") if module not in (ad, nn) else ""
        text = [title, "=" * len(title), "", *([doc, ""] if doc else []), *entries(module, names)]
        (folder / f"{page}.rst").write_text("\n".join(text) + "\n", encoding="utf-8")
        index.append(f"   {page}")
    (folder / "index.rst").write_text("\n".join(index) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(ROOT / "docs" / "reference")

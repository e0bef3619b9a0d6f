"""`Figure`: a finished picture and every way to see or save it. It never holds a graph."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .levels.parts.options import choose
from .picture.model import Edge, Module, Node, Picture, Problem
from .picture.text import escape_xml
from .reading.patterns import as_patterns
from .writing import graphviz_program as program
from .writing.builtin_svg import builtin_svg, prefix_of
from .writing.dot import to_dot
from .writing.explorer import explorer
from .writing.graphviz_svg import finish_svg
from .writing.json_data import to_json
from .writing.mermaid import to_mermaid
from .writing.steps import step_pictures

ENGINES = ("auto", "dot", "builtin")
SUFFIXES = (".dot", ".gv", ".html", ".json", ".md", ".mmd", ".pdf", ".png", ".svg")


class DrawingWarning(UserWarning):
    """A picture was made, but not as well as it could have been."""


def _warn(message: str) -> None:
    """Warn at the line of the caller outside this package."""
    level, frame = 2, sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").startswith("autodiff."):
        level, frame = level + 1, frame.f_back  # type: ignore[assignment]
    warnings.warn(message, DrawingWarning, stacklevel=level)


class Figure:
    """An immutable picture of a graph.

    `nodes`, `edges`, `modules` and `problems` are tuples of plain dataclasses, `alt` is one or two sentences for
    readers who cannot see the picture. `to_dot`, `to_mermaid`, `to_json` and `to_html` never need a program.
    """

    __slots__ = ("_picture", "_redraw", "_cache")
    _picture: Picture
    _redraw: Callable[..., Figure] | None
    _cache: dict[str, str]

    def __init__(self, picture: Picture, redraw: Callable[..., Figure] | None = None) -> None:
        object.__setattr__(self, "_picture", picture)
        object.__setattr__(self, "_redraw", redraw)
        object.__setattr__(self, "_cache", {})

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Figure is immutable; {name} cannot be set")

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The boxes."""
        return self._picture.nodes

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The lines."""
        return self._picture.edges

    @property
    def modules(self) -> tuple[Module, ...]:
        """The frames around boxes."""
        return self._picture.modules

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The problems in the graph."""
        return self._picture.problems

    @property
    def alt(self) -> str:
        """A description in words."""
        return self._picture.alt

    @property
    def level(self) -> str:
        """op, module, neuron, overview or compare."""
        return self._picture.level

    @property
    def picture(self) -> Picture:
        """The model of the picture, for writers of further formats."""
        return self._picture

    # -- formats ------------------------------------------------------------------------------------------------

    def to_dot(self) -> str:
        """Return DOT text for Graphviz."""
        return to_dot(self._picture)

    def to_mermaid(self) -> str:
        """Return Mermaid text."""
        return to_mermaid(self._picture)

    def to_json(self) -> str:
        """Return nodes, edges, modules, statistics and problems as JSON. Cards (the looks) are left out."""
        return to_json(self._picture)

    def to_html(self, engine: str = "auto", *, target: str = "html") -> str:
        """Return the explorer: one HTML file without network or library; laid out by `dot` when present."""
        bare = Figure(dataclasses.replace(self._picture, title=""))  # the page has a heading of its own
        views = [(self._picture, bare._page_svg(engine, target))]
        if self.level == "op" and self.modules and self._redraw is not None:
            other = self._redraw(level="module", focus=None, title="")
            views.append((other._picture, other._page_svg(engine, target)))
        return explorer(views)

    def _page_svg(self, engine: str, target: str) -> str:
        """Return the SVG for a page; where `dot` is missing or fails, from the built-in layout."""
        try:
            return self.to_svg(engine, quiet=True, target=target)
        except program.DrawingError as error:
            if engine != "auto":
                raise
            _warn(f"the built-in layout drew this page, because the program dot failed: {error}")
            return self.to_svg("builtin")

    def to_svg(self, engine: str = "auto", *, quiet: bool = False, target: str = "svg") -> str:
        """Return SVG text. engine: "dot", "builtin" or "auto" (dot when present, else built-in with one warning).

        target: the name of the format in errors.

        Raises:
            DrawingError: with engine="dot", when the program is missing or fails.
        """
        choose("engine", engine, ENGINES)
        if engine == "auto":
            engine = "dot" if program.have_dot() else "builtin"
            if engine == "builtin" and not quiet:
                _warn(program.missing_warning())
        if engine not in self._cache:
            self._cache[engine] = builtin_svg(self._picture) if engine == "builtin" else self._dot_svg(target)
        return str(self._cache[engine])

    def _dot_svg(self, target: str) -> str:
        text = self.to_dot()
        return finish_svg(program.run_dot(text, "svg", target=target), self._picture, prefix_of(text))

    def to_png(self, *, scale: float = 1.0, target: str = "png") -> bytes:
        """Return PNG bytes, sharp at a width of 900 pixels.

        scale: 2 doubles the number of pixels along each side.

        Raises:
            ValueError: scale is not a positive number.
            DrawingError: when the program `dot` is missing or fails.
        """
        check_scale(scale)
        if not program.have_dot():
            raise program.DrawingError(program.missing_message(target))
        self._warn_about_fonts()
        dpi = scale * min(160.0, max(96.0, 72 * 1500 / max(self._width(target), 1.0)))
        return program.run_dot(self.to_dot(), "png", target=target, options=(f"-Gdpi={dpi:.0f}",))

    def _width(self, target: str) -> float:
        """Return the width in points of the picture that dot draws."""
        found = re.search(r'<svg[^>]*?width="([\d.]+)pt"', self.to_svg("dot", target=target))
        return float(found.group(1)) if found else 860.0

    def _warn_about_fonts(self) -> None:
        if re.search("[\u3000-\u9fff\uac00-\ud7af]", self.to_dot()) and not program.have_cjk_font():
            _warn(
                "no font with Chinese characters was found; install one (fonts-noto-cjk on Debian) or save svg or html"
            )

    def save(self, path: str | os.PathLike[str], *, engine: str = "auto", scale: float = 1.0) -> Path:
        """Write the picture in the format of the suffix, atomically, and return the path.

        engine: the layout of svg and html: "dot", "builtin", or "auto", which takes `dot` when it is present.
        scale: pixels of a png along each side, as a multiple of the usual number.

        Raises:
            ValueError: an unknown suffix (the known ones are listed), or `scale` for a format without pixels.
            OSError: the folder does not exist or may not be written to.
            DrawingError: for png and pdf when the program `dot` is missing or fails.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix not in SUFFIXES:
            raise ValueError(f"cannot save {path.name!r}: unknown suffix {suffix!r}; known are {', '.join(SUFFIXES)}")
        choose("engine", engine, ENGINES)
        if engine == "builtin" and suffix in (".png", ".pdf"):
            raise ValueError(f"cannot save {path.name!r} with engine='builtin', which writes svg and html; png and pdf "
                             "are drawn by the program dot")  # fmt: skip
        check_scale(scale)
        if scale != 1 and suffix != ".png":
            raise ValueError(f"cannot save {path.name!r} with scale={scale!r}: only png has pixels; other formats are "
                             "sharp at every size")  # fmt: skip
        write_atomically(path, self._bytes(suffix, path.name, engine, scale))
        return path

    def _bytes(self, suffix: str, name: str, engine: str, scale: float) -> bytes:
        if suffix == ".png":
            return self.to_png(scale=scale, target=name)
        if suffix == ".pdf":
            self._warn_about_fonts()
            return program.run_dot(self.to_dot(), "pdf", target=name)
        if suffix == ".md":
            return f"```mermaid\n{self.to_mermaid()}```\n".encode()
        writers: Mapping[str, Callable[[], str]] = {
            ".dot": self.to_dot,
            ".gv": self.to_dot,
            ".mmd": self.to_mermaid,
            ".json": self.to_json,
            ".html": lambda: self.to_html(engine, target=name),
            ".svg": lambda: self.to_svg(engine, target=name),
        }
        return writers[suffix]().encode("utf-8")

    def show(self) -> None:
        """Show the picture: inline in a notebook, else as an HTML file in the browser."""
        try:
            shell = __import__("IPython").get_ipython()
        except ImportError:
            shell = None
        if shell is not None and "IPKernelApp" in getattr(shell, "config", {}):
            __import__("IPython.display").display.display(self)
            return
        import webbrowser

        handle, name = tempfile.mkstemp(prefix="autodiff-", suffix=".html")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(self.to_html())
        webbrowser.open(Path(name).as_uri())

    # -- other views --------------------------------------------------------------------------------------------

    def fold(self, *paths: Any) -> Figure:
        """Return the same graph with these modules folded to one box each."""
        return self._again(fold=as_patterns("fold", paths))

    def expand(self, *paths: Any) -> Figure:
        """Return the same graph with these modules opened."""
        return self._again(expand=as_patterns("expand", paths))

    def focus(self, where: Any, radius: int = 3) -> Figure:
        """Return the neighbourhood of a value (by name, operation or module path), or of the first NaN ("nan")."""
        return self._again(focus=where, radius=radius)

    def _again(self, **changes: Any) -> Figure:
        if self._redraw is None:
            raise ValueError("a comparison or a single frame cannot be redrawn; redraw its parts")
        return self._redraw(**changes)

    def frames(self) -> tuple[Figure, ...]:
        """Return one Figure for each forward step, then one for each backward step, all in the layout of this one.

        Later operations are pale. `ad.drawing.animation(figure.frames())` puts the frames on a page with a slider.

        >>> import autodiff as ad
        >>> x = ad.scalar(2.0)
        >>> y = (x * 3.0).tanh()
        >>> y.backward()
        >>> [step.picture.title for step in ad.draw(y).frames()]
        ['forward 1 / 2', 'forward 2 / 2', 'backward 1 / 2', 'backward 2 / 2']
        """
        return tuple(Figure(picture) for picture in step_pictures(self._picture))

    # -- notebooks ----------------------------------------------------------------------------------------------

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Return SVG and plain text for notebooks; where `dot` is missing or fails, the explorer too. Never raises."""
        bundle = {"text/plain": repr(self)}
        with contextlib.suppress(Exception):  # a notebook shows the parts that work; save() raises the error
            bundle["image/svg+xml"] = self.to_svg("dot")
            return bundle
        with contextlib.suppress(Exception):
            bundle["image/svg+xml"] = self.to_svg("builtin")
            bundle["text/html"] = framed(self.to_html("builtin"))
        return bundle

    def __repr__(self) -> str:
        parts = [f"{len(self.nodes)} nodes", f"{len(self.edges)} edges"]
        if self.modules:
            parts.append(f"{len(self.modules)} modules")
        trouble = "; ".join(problem.text for problem in self.problems[:2])
        more = f" and {len(self.problems) - 2} more" if len(self.problems) > 2 else ""
        return f"<Figure {self.level}: {', '.join(parts)}{' | ' + trouble + more if trouble else ''}>"


def check_scale(scale: Any) -> None:
    """Raise an error for a scale that is not a positive finite number."""
    if isinstance(scale, bool) or not isinstance(scale, int | float) or not 0 < scale < float("inf"):
        raise ValueError(f"scale must be a positive number, such as scale=2; got {scale!r}")


def framed(page: str) -> str:
    """Return a whole page as part of another one, such as a notebook."""
    return f'<iframe srcdoc="{escape_xml(page)}" width="100%" height="620" style="border:0"></iframe>'


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader gets the old one or the new one, never half of it."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:  # it names a temporary file
        reason = f"cannot write {path.name} into the folder {path.parent}: {error.strerror}"
        raise type(error)(error.errno, reason) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise

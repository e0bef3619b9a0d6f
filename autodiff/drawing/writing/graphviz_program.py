"""Running the program `dot`.

The `graphviz` package finds the program and raises for a missing one; this module writes the DOT text to
its standard input (no file, no shell), gives it 30 seconds and turns every failure into one readable error.
"""

from __future__ import annotations

import re
import shutil
import subprocess

LIMIT_SECONDS = 30
OLDEST = (2, 40)  # the first with everything the pictures use of HTML-like labels
INSTALL = (
    "  Debian, Ubuntu   apt-get install graphviz\n"
    "  Fedora           dnf install graphviz\n"
    "  macOS            brew install graphviz\n"
    "  Windows          winget install graphviz\n"
    "  conda            conda install -c conda-forge graphviz"
)
WITHOUT = "svg (built-in layout), html, dot, mmd, md and json work without it"


class DrawingError(RuntimeError):
    """A picture could not be written: the program `dot` is missing, failed or did not finish."""


def dot_command() -> str:
    """Return the name of the program, as the `graphviz` package runs it."""
    try:
        from graphviz import backend
    except ImportError:
        return "dot"
    return str(getattr(backend, "DOT_BINARY", "dot"))


def have_dot() -> bool:
    """Return whether the program `dot` is on the search path."""
    return shutil.which(dot_command()) is not None


def run_dot(text: str, form: str, *, target: str = "", options: tuple[str, ...] = ()) -> bytes:
    """Render DOT text with the program `dot`.

    form: "svg", "png" or "pdf". target: the name of the file or format in errors.

    Raises:
        DrawingError: when the program is missing, does not finish in 30 seconds, fails or writes nothing.
    """
    target = target or form
    command = [dot_command(), f"-T{form}", *options]
    try:
        done = subprocess.run(
            command, input=text.encode("utf-8"), capture_output=True, timeout=LIMIT_SECONDS, check=False
        )
    except FileNotFoundError:
        raise DrawingError(missing_message(target)) from None
    except OSError as error:
        raise DrawingError(f"cannot write {target}: the program dot could not be started: {error}") from None
    except subprocess.TimeoutExpired:
        raise DrawingError(
            f"cannot write {target}: the program dot did not finish within {LIMIT_SECONDS} s. "
            f"Fold the picture (level='module' or 'overview'); {WITHOUT}."
        ) from None
    messages = done.stderr.decode("utf-8", "replace").strip().splitlines()
    failed = done.returncode != 0 or not done.stdout
    if messages or failed:  # a dot that is too old fails, or prints a warning and draws something else
        version = dot_version()
        if version and version < OLDEST:
            raise DrawingError(old_message(target, version))
    if failed:
        reason = messages[0] if messages else "it printed no message"
        raise DrawingError(
            f"cannot write {target}: the program dot failed with exit code {done.returncode}: {reason}; {WITHOUT}."
        )
    return done.stdout


def dot_version() -> tuple[int, ...]:
    """Return the version `dot -V` prints, as numbers; empty when it prints none."""
    try:
        done = subprocess.run([dot_command(), "-V"], capture_output=True, timeout=LIMIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(rb"version (\d+)\.(\d+)(?:\.(\d+))?", done.stderr + done.stdout)
    return tuple(int(part) for part in found.groups() if part) if found else ()


def missing_message(target: str) -> str:
    """Return the error for a missing program: the file, how to install the program, and the formats without it."""
    return (
        f"cannot write {target}: the program dot (Graphviz) was not found. Install it with one of\n{INSTALL}\n"
        f"`pip install graphviz` does not contain the program. Until then {WITHOUT}."
    )


def old_message(target: str, version: tuple[int, ...]) -> str:
    """Return the error for a program that is too old for these pictures."""
    return (
        f"cannot write {target}: the program dot is Graphviz {'.'.join(map(str, version))}; "
        f"{'.'.join(map(str, OLDEST))} or newer is needed. Install it with one of\n{INSTALL}\nUntil then {WITHOUT}."
    )


def missing_warning() -> str:
    """Return the warning for a picture that was drawn by the built-in layout."""
    return (
        "Graphviz is not installed, so the built-in layout drew this picture; for a better one install the program dot "
        "(apt-get install graphviz, brew install graphviz or winget install graphviz)"
    )


def have_cjk_font() -> bool:
    """Return whether fontconfig finds a font with Chinese characters; True where fontconfig cannot be run."""
    if shutil.which("fc-list") is None:
        return True
    try:
        done = subprocess.run(
            ["fc-list", ":lang=zh", "family"], capture_output=True, timeout=LIMIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return True
    return bool(done.stdout.strip())

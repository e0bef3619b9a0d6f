"""Text of a picture: numbers, shapes, names, one escape function per format, and the width of a line.

All text that came from a user goes through `clean` once, and through the escape function of the format it is written
to. Nothing else in the package escapes anything. Widths are those of Helvetica (Adobe's font metrics, in thousandths
of the size), which Arial and Liberation Sans share; a character outside the table is assumed wide, never narrow, so
that text stays inside its box.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from typing import Any

NAME_LIMIT = 40
_SPACES = re.compile(r"\s+")
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_SHORT_NAME = re.compile(r"[^\W\d_]\d{1,2}")

# Helvetica and Helvetica Bold, characters 32 to 126.
_REGULAR = [
    int(width)
    for width in """
278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 584 584
584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 667 667 611 278
278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 278 556 500 722 500 500
500 334 260 334 584
""".split()
]
_BOLD = [
    int(width)
    for width in """
278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 333 333 584 584
584 611 975 722 722 722 722 667 611 778 722 278 556 722 611 833 722 778 667 778 722 667 611 722 667 944 667 667 611 333
278 333 584 556 333 556 611 556 611 556 333 611 611 278 278 556 278 889 611 611 611 611 389 556 333 611 556 778 556 556
500 389 280 389 584
""".split()
]
# Other signs the package writes itself, each with its width.
_SIGNS = "\u00a0 278 × 584 − 584 · 333 → 1000 ‖ 500 … 1000 ∂ 500 ∞ 720 ² 400 ³ 400 – 556 — 1000 ≥ 600 Δ 720 ✗ 900"
_OTHER = dict(zip(_SIGNS.split(" ")[::2], map(int, _SIGNS.split(" ")[1::2]), strict=True)) | dict.fromkeys(
    "₀₁₂₃₄₅₆₇₈₉", 400
)


def clean(text: object, limit: int = NAME_LIMIT) -> str:
    """Return text from outside as one printable line of at most `limit` characters.

    Names are cleaned once, where they are copied out of a graph or an argument; later steps only `shorten` them.

    >>> clean("a\\tb\\n\\x07c"), clean("x" * 50, limit=9)
    ('a b c', 'xxxx…xxxx')
    """
    line = str(text)
    if not line.isprintable():
        line = "".join(character if character.isprintable() else " " for character in line)
    return shorten(_SPACES.sub(" ", line).strip(), limit)


def shorten(line: str, limit: int = NAME_LIMIT) -> str:
    """Return a line of at most `limit` characters, a longer one with `…` in place of its middle."""
    if len(line) <= limit:
        return line
    head = limit // 2
    return line[:head].rstrip() + "…" + line[len(line) - (limit - 1 - head) :].lstrip()


def number(value: Any, digits: int = 4) -> str:
    """Return a number with 4 significant digits (or `digits`), a true minus sign and an unpadded exponent.

    >>> number(-1.28345), number(1e-7), number(float("-inf")), number(2.0)
    ('−1.283', '1e−7', '−∞', '2')
    """
    if isinstance(value, complex):
        if value.imag == 0:
            return number(value.real)
        sign = "−" if value.imag < 0 or (value.imag == 0 and math.copysign(1, value.imag) < 0) else "+"
        return f"{number(value.real)} {sign} {number(abs(value.imag))}i"
    return _shown(float(value), f".{digits}g")


def short_number(value: float) -> str:
    """Return a number for a heat cell: two digits, plain between 0.001 and 100,000, one digit and an exponent beyond.

    >>> short_number(2312.0), short_number(0.00356), short_number(5.6e-7)
    ('2300', '0.0036', '6e−7')
    """
    value = float(value)
    if not math.isfinite(value) or value == 0:
        return _shown(value, ".2g")
    if 1e-3 <= abs(value) < 1e5:
        digits = 1 - math.floor(math.log10(abs(value)))
        return _shown(round(value, digits), ".12g")
    return _shown(value, ".0e")


def _shown(value: float, form: str) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    text = format(value, form)
    mantissa, mark, exponent = text.partition("e")
    return (mantissa + (f"e{int(exponent)}" if mark else "")).replace("-", "−")


def percent(part: float) -> str:
    """Return a fraction as percent with three digits: `1.39 %`."""
    return _shown(100 * part, ".3g") + " %"


def shape_text(shape: tuple[int, ...] | None, scalar: str = "scalar") -> str:
    """Return a shape as `32×784`; a 0-d value is `scalar`."""
    return "×".join(str(extent) for extent in shape) if shape else scalar


def pretty_name(name: str) -> str:
    """Return the name; a letter followed by digits gets a subscript: `x1` becomes `x₁`."""
    return name[0] + name[1:].translate(_SUBSCRIPTS) if _SHORT_NAME.fullmatch(name) else name


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return the width of a line in points, in Helvetica of the given size."""
    table = _BOLD if bold else _REGULAR
    total = 0
    for character in text:
        code = ord(character)
        if 32 <= code < 127:
            total += table[code - 32]
        elif character in _OTHER:
            total += _OTHER[character]
        elif unicodedata.combining(character):
            continue
        else:
            total += 1000 if unicodedata.east_asian_width(character) in "WF" else 740
    return total * size / 1000


def escape_xml(text: str) -> str:
    """Return text for SVG and HTML, also for attribute values."""
    return (
        text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&quot;")
        .replace("'", "&#39;")
    )


def escape_label(text: str) -> str:
    """Return text for Graphviz HTML-like labels, where `\\N`, `\\G` and `\\L` are expanded: backslashes are doubled.

    A text that is a lone `]` is a syntax error to Graphviz 2.43, so that bracket is always a character reference.
    """
    return escape_xml(text).replace("\\", "\\\\").replace("]", "&#93;")


def escape_quoted(text: str) -> str:
    """Return text for a quoted DOT attribute such as a tooltip: every backslash is written four times."""
    return escape_xml(text).replace("\\", "\\\\\\\\")


def escape_mermaid(text: str) -> str:
    """Return text for a Mermaid title or edge label: letters, digits and a few marks stay, others are `#code;`."""
    return "".join(
        character if character.isalnum() or character in " .,:=()/+×→−‖·…∞∂" else f"#{ord(character)};"
        for character in text
    )


def escape_mermaid_label(text: str) -> str:
    """Return text for the label of a Mermaid box, where other parts are bold.

    Mermaid decodes the codes of a label with tags before it reads Markdown, icons (`fa:fa-user`) and formulas
    (`$$x$$`). So the marks of Markdown get a backslash, and an empty element keeps the signs of icons and formulas
    apart. Every text with a backslash has that element: without a tag Mermaid would show the backslash.
    """
    parts = []
    for at, character in enumerate(text):
        inside_a_word = text[at - 1 : at].isalnum() and text[at + 1 : at + 2].isalnum()
        if character in "*`\\" or (character == "_" and not inside_a_word):
            parts.append("#92;")
        parts.append(character if character == "_" and inside_a_word else escape_mermaid(character))
    escaped = "".join(parts).replace(":fa", f":{APART}fa").replace("#36;#36;", f"#36;{APART}#36;")
    return escaped + APART if "#92;" in escaped else escaped


APART = "<i></i>"


def embedded_json(data: Any) -> str:
    """Return JSON that may be inside an HTML script element: `<`, `>`, `&` and line separators are escaped."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text

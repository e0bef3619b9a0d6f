"""Numbers, shapes, names, widths, colours, and one escape function for each format."""

import html
import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodiff.drawing.picture import style, text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (2.0, "2"),
        (0.38, "0.38"),
        (0.379948962, "0.3799"),
        (-1.283458, "−1.283"),
        (1e-7, "1e−7"),
        (1.5e-7, "1.5e−7"),
        (123456.0, "1.235e5"),
        (float("nan"), "NaN"),
        (float("inf"), "∞"),
        (float("-inf"), "−∞"),
        (100, "100"),
        (True, "1"),
        (1 + 2j, "1 + 2i"),
        (1 - 2j, "1 − 2i"),
        (1e300, "1e300"),
        (5e-324, "4.941e−324"),
    ],
)
def test_a_number_is_printed_with_four_digits_and_a_true_minus(value, shown):
    assert text.number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2312.0, "2300"),
        (750.2, "750"),
        (0.0706, "0.071"),
        (0.00356, "0.0036"),
        (1.04e-7, "1e−7"),
        (2e-4, "2e−4"),
        (0.0, "0"),
        (float("nan"), "NaN"),
        (9.24, "9.2"),
        (99999.9, "100000"),
        (1e5, "1e5"),
        (-28.4, "−28"),
    ],
)
def test_a_heat_cell_holds_two_digits(value, shown):
    assert text.short_number(value) == shown


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_every_float_is_printed_without_hyphen_or_padded_exponent(value):
    shown = text.number(value)
    assert "-" not in shown and "+" not in shown and not re.search(r"e−?0\d", shown)
    back = float(shown.replace("−", "-").replace("∞", "inf"))
    if math.isnan(back):
        assert math.isnan(value)
    elif math.isinf(back):
        assert abs(value) > 1.7975e308  # rounds up to more than the largest float
    else:
        assert back == pytest.approx(value, rel=5e-4)  # four digits are shown


def test_shapes_use_the_multiplication_sign_and_scalars_a_word():
    assert text.shape_text((32, 784)) == "32×784"
    assert text.shape_text(()) == text.shape_text(None) == "scalar"
    assert text.shape_text((0, 3)) == "0×3"


@given(st.text(max_size=200))
def test_a_cleaned_name_is_short_printable_and_has_no_runs_of_space(name):
    cleaned = text.clean(name)
    assert len(cleaned) <= 40 and cleaned.isprintable() and "  " not in cleaned and cleaned == cleaned.strip()
    assert text.clean(cleaned) == cleaned


def test_a_long_name_is_cut_in_the_middle():
    cut = text.clean("encoder." + "x" * 60 + ".weight")
    assert len(cut) == 40 and cut.startswith("encoder.") and cut.endswith(".weight") and "…" in cut


def test_a_letter_with_digits_gets_a_subscript_and_other_names_do_not():
    assert [text.pretty_name(name) for name in ("x1", "w12", "fc1", "1x", "x", "x_1", "fc1.weight")] == [
        "x₁",
        "w₁₂",
        "fc1",
        "1x",
        "x",
        "x_1",
        "fc1.weight",
    ]


@given(st.text(max_size=60).map(text.clean))
def test_escaped_text_reads_back_as_itself(cleaned):
    assert html.unescape(text.escape_xml(cleaned)) == cleaned
    assert html.unescape(text.escape_label(cleaned).replace("\\\\", "\\")) == cleaned
    assert html.unescape(text.escape_quoted(cleaned).replace("\\\\\\\\", "\\")) == cleaned
    assert re.sub(r"#(\d+);", lambda found: chr(int(found[1])), text.escape_mermaid(cleaned)) == cleaned
    shown = text.escape_mermaid_label(cleaned).replace(text.APART, "")
    shown = re.sub(r"#92;(#(42|92|95|96);)", r"\1", shown)  # a backslash that Markdown takes
    assert re.sub(r"#(\d+);", lambda found: chr(int(found[1])), shown) == cleaned
    assert not set('"<>') & set(text.escape_xml(cleaned)) and not set('"<>[]{}|;`%&-') & set(
        re.sub(r"#\d+;", "", text.escape_mermaid_label(cleaned).replace(text.APART, ""))
    )


@given(st.text())
def test_json_inside_a_page_cannot_end_the_script(name):
    embedded = text.embedded_json({"name": name})
    assert json.loads(embedded) == {"name": name}
    assert not set("<>&\u2028\u2029") & set(embedded)


@given(st.text(max_size=50), st.text(max_size=50))
def test_width_is_additive_and_grows_with_size(first, second):
    assert text.text_width(first + second, 12) == pytest.approx(
        text.text_width(first, 12) + text.text_width(second, 12)
    )  # rounding of sums
    assert text.text_width(first, 24) == pytest.approx(2 * text.text_width(first, 12))


def luminance(color):
    """Relative luminance of `#RRGGBB` (WCAG 2.2)."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first, second):
    """Contrast ratio of two colours, from 1 to 21 (WCAG 2.2)."""
    bright, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


TEXT_PAIRS = [
    (style.INK, style.WHITE),
    (style.MUTED, style.WHITE),
    (style.WHITE, style.FORWARD),
    (style.GRAD, style.WHITE),
    (style.GRAD, style.GRAD_FILL),
    (style.PARAM, style.PARAM_FILL),
    (style.UPDATE, style.UPDATE_FILL),
    (style.ERROR, style.WHITE),
    (style.ERROR, style.ERROR_FILL),
    (style.WARN, style.WARN_FILL),
    (style.GOOD, style.WHITE),
    (style.MUTED, style.CLUSTER_FILL),
    (style.WHITE, style.ERROR),
    (style.MUTED, style.INPUT_FILL),
    (style.INK, style.WARN_FILL),
]


@pytest.mark.parametrize(
    ("ink", "paper"),
    TEXT_PAIRS
    + [(heat.text, heat.fill) for heat in (*style.HEATS, style.DEAD, style.BROKEN)]
    + [(color, style.WHITE) for color in style.HEAT_WORD.values()],
)
def test_text_has_contrast_of_at_least_4_5(ink, paper):
    assert contrast(ink, paper) >= 4.5


@pytest.mark.parametrize(
    "line",
    [
        style.BORDER,
        style.FORWARD,
        style.GRAD,
        style.PARAM,
        style.UPDATE,
        style.ERROR,
        style.WARN,
        style.POSITIVE,
        style.NEGATIVE,
        style.VANISHING.line,
        style.WEAK.line,
        style.HEALTHY.line,
        style.STRONG.line,
        style.EXPLODING.line,
    ],
)
def test_lines_have_contrast_of_at_least_3(line):
    assert contrast(line, style.WHITE) >= 3


@pytest.mark.parametrize(
    ("norm", "name"),
    [
        (0.0, "dead"),
        (1e-300, "vanishing"),
        (9.9e-7, "vanishing"),
        (1e-6, "weak"),
        (1e-4, "healthy"),
        (9.99, "healthy"),
        (10.0, "strong"),
        (1000.0, "exploding"),
        (float("inf"), "nan"),
        (float("nan"), "nan"),
    ],
)
def test_heat_classes_begin_where_the_legend_says(norm, name):
    assert style.heat_of(norm).name == name


def test_a_line_is_thin_for_a_vanishing_and_thick_for_an_exploding_gradient():
    widths = [style.heat_width(norm) for norm in (1e-12, 1e-6, 1e-3, 1.0, 1e3, 1e9)]
    assert widths == sorted(widths) and widths[0] == 1.2 and widths[-1] == 7.0

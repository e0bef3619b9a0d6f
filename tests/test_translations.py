"""The Chinese pages say what the English ones say: a change of one fails here until the other follows."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

import autodiff

ROOT = Path(autodiff.__file__).parent.parent
PAIRS = [("README.md", "README.zh-CN.md"), ("docs/article.md", "docs/article.zh.md")]
BLOCK = re.compile(r"^```(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) (.*)$", re.MULTILINE)
CODE = re.compile(r"`[^`]+`")
NUMBER = re.compile(r"\d(?:[\d,.]*\d)?")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HAN = "[\u4e00-\u9fff]"

both = pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=["README", "article"])


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def prose(page: str) -> str:
    return BLOCK.sub("", read(page))


def blocks(page: str) -> list[tuple[str, str]]:
    """Language and code, without comments and without the argument that makes a picture Chinese."""
    return [(kind, re.sub(r'\s+#.*|, lang="zh"', "", code)) for kind, code in BLOCK.findall(read(page))]


def levels(page: str) -> list[str]:
    return [level for level, _ in HEADING.findall(prose(page))]


def anchors(page: str) -> list[str]:
    """What links to a page's headings are called."""
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for _, title in HEADING.findall(prose(page))]


def links(page: str) -> Counter[str]:
    """Targets in either language: `.zh` left out, an anchor of the page as the number of its heading."""
    targets = [re.sub(r"[.]zh(-CN)?[.]", ".", target) for target in LINK.findall(prose(page))]
    return Counter(f"#{anchors(page).index(to[1:])}" if to.startswith("#") else to for to in targets)


def facts(text: str) -> tuple[Counter[str], Counter[str]]:
    """What no translation changes, though their order: code and numbers."""
    return Counter(CODE.findall(text)), Counter(NUMBER.findall(LINK.sub("]", text)))


@both
def test_a_page_has_the_same_headings_in_both_languages(english: str, chinese: str) -> None:
    assert levels(chinese) == levels(english)


@both
def test_a_page_has_the_same_code_in_both_languages(english: str, chinese: str) -> None:
    assert blocks(chinese) == blocks(english)


@both
def test_a_page_has_the_same_links_in_both_languages(english: str, chinese: str) -> None:
    assert links(chinese) == links(english)


@both
def test_every_section_has_the_same_commands_and_numbers_in_both_languages(english: str, chinese: str) -> None:
    sections = [HEADING.split(prose(page))[0::3] for page in (english, chinese)]
    for title, here, there in zip(anchors(english), sections[0][1:], sections[1][1:], strict=True):
        assert facts(there) == facts(here), title


@both
def test_every_row_of_a_table_has_the_same_commands_and_numbers_in_both_languages(english: str, chinese: str) -> None:
    rows = [[line for line in prose(page).splitlines() if line.startswith("|")] for page in (english, chinese)]
    for here, there in zip(*rows, strict=True):
        assert facts(there) == facts(here), there
        assert len(re.findall(r"(?<!\\)\|", there)) == len(re.findall(r"(?<!\\)\|", here)), there


@both
def test_a_chinese_page_leads_to_chinese_pages_and_pictures_where_there_are(english: str, chinese: str) -> None:
    for target in LINK.findall(prose(chinese)):
        path = (ROOT / chinese).parent / target
        assert path == ROOT / english or not path.with_suffix(f".zh{path.suffix}").exists(), target


@both
def test_chinese_is_set_as_chinese_is(english: str, chinese: str) -> None:
    """A space between Chinese and Latin letters, digits or code; full-width punctuation; one line a paragraph."""
    text = LINK.sub("]", prose(chinese))
    assert not re.findall(rf".*(?:{HAN}[A-Za-z0-9`]|[A-Za-z0-9`%]{HAN}).*", text)
    assert not re.findall(rf".*(?:{HAN}[,.;:!?()]|[,;:!?()]{HAN}).*", text)
    assert not re.findall(rf"{HAN}.*\n(?![-|\n])\S.*", text)

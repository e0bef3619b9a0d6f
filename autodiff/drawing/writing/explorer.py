"""The explorer: one HTML file with the picture, its data and a hundred lines of script; no network, no library.

The content security policy allows only the page's own style and script, named by their hashes. Labels reach
the page as escaped SVG text and as JSON in which no `<` survives, and the script writes text through `textContent`
alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from ..picture.model import Node, Picture
from ..picture.text import escape_xml, number
from .explorer_page import SCRIPT, STYLE
from .html_page import html_page

WORDS = {
    "en": {
        "kind": "kind",
        "operation": "operation",
        "shape": "shape",
        "dtype": "dtype",
        "value": "value",
        "module": "module",
        "source": "made at",
        "local": "local derivative",
        "grad": "gradient",
        "nograd": "none",
        "from": "from",
        "to": "to",
        "whole": "whole graph",
        "forward": "forward",
        "backward": "backward",
        "match": "match",
        "matches": "matches",
        "fold": "fold all",
        "unfold": "unfold all",
        "fit": "fit",
        "find": "search  ( / )",
        "search": "search nodes",
        "back": "step back",
        "on": "step forward",
        "step": "step",
        "title": "Graph",
        "hint": "← → step · / search · click a module to fold it · wheel to zoom",
    },
    "zh": {
        "kind": "类型",
        "operation": "运算",
        "shape": "形状",
        "dtype": "数据类型",
        "value": "值",
        "module": "模块",
        "source": "位置",
        "local": "局部导数",
        "grad": "梯度",
        "nograd": "无",
        "from": "来自",
        "to": "去往",
        "whole": "整个图",
        "forward": "前向",
        "backward": "反向",
        "match": "个结果",
        "matches": "个结果",
        "fold": "全部折叠",
        "unfold": "全部展开",
        "fit": "适应窗口",
        "find": "搜索（/）",
        "search": "搜索节点",
        "back": "后退一步",
        "on": "前进一步",
        "step": "步",
        "title": "计算图",
        "hint": "← → 单步 · / 搜索 · 点击模块可折叠 · 滚轮缩放",
    },
}


def explorer(pictures: Sequence[tuple[Picture, str]]) -> str:
    """Return the page for a picture and its SVG, and optionally for the same graph at module level."""
    first = pictures[0][0]
    words = WORDS[first.lang]
    title = first.title or re.split("[:：]", first.alt)[0] or words["title"]
    data = {"words": words, "views": [view_data(picture, svg) for picture, svg in pictures]}
    holders = "".join(f'<div class="view" id="view{k}">{svg}</div>' for k, (_, svg) in enumerate(pictures))
    body = (
        f'<header><h1>{escape_xml(title)}</h1><button id="prev" aria-label="{words["back"]}">◀</button>'
        f'<input id="step" type="range" min="0" value="0" aria-label="{words["step"]}">'
        f'<button id="next" aria-label="{words["on"]}">▶</button>'
        '<span id="phase" role="status" aria-live="polite"></span>'
        f'<button id="fit">{words["fit"]}</button><button id="fold">{words["fold"]}</button>'
        f'<input id="find" type="search" placeholder="{words["find"]}" aria-label="{words["search"]}">'
        f'<span id="hits" role="status"></span></header>\n<main>{holders}</main>\n'
        f'<aside><div id="panel" aria-live="polite"></div>{problem_list(first)}'
        f'<p class="alt">{escape_xml(first.alt)}</p></aside>\n'
    )
    return html_page(title, STYLE, body, SCRIPT, data, first.lang, first.alt)


def problem_list(picture: Picture) -> str:
    """Return the problems of a picture as paragraphs."""
    return "".join(f'<p class="problem">✗ {escape_xml(problem.text)}</p>' for problem in picture.problems[:6])


def view_data(picture: Picture, svg: str) -> dict[str, Any]:
    """Return the data of one picture for the script."""
    ids = {node.id for node in picture.nodes}
    return {
        "prefix": svg.partition('aria-labelledby="')[2].partition("-title")[0],
        "nodes": {node.id: node_data(node) for node in picture.nodes},
        "edges": [[edge.id, edge.source, edge.target, edge.kind] for edge in picture.edges if edge.dash != "invis"],
        "modules": {
            module.id: {
                "title": "".join(run.text for run in module.title).replace("\u00a0", " "),
                "count": module.count,
            }
            for module in picture.modules
        },
        "forward": [node for node in picture.forward if node in ids],
        "backward": [node for node in picture.backward if node in ids],
        "outputs": [node.id for node in picture.nodes if node.kind == "output"],
    }


def node_data(node: Node) -> dict[str, str]:
    """Return the rows of the side panel for one node."""
    stats = node.stats
    value = number(float(node.value)) if is_number(node.value) else ""
    if (
        stats is not None
        and stats.size > 1
        and stats.min is not None
        and stats.max is not None
        and stats.mean is not None
    ):
        value = f"min {number(stats.min)}, max {number(stats.max)}, mean {number(stats.mean)}"
        if stats.zeros:
            value += f", {100 * stats.zeros / stats.size:.3g} % zeros"
    grad = (
        ""
        if node.grad is None
        else number(node.grad)
        if math.isfinite(node.grad)
        else "NaN"
        if math.isnan(node.grad)
        else "∞"
    )
    return {
        "label": node.label,
        "kind": node.kind,
        "op": node.op,
        "shape": node.shape,
        "dtype": node.dtype,
        "value": value,
        "module": node.module,
        "source": node.source,
        "local": node.local,
        "grad": grad,
        "note": f"✗ {node.status}" if node.status in ("nan", "first-nan", "dead") else "",
    }


def is_number(text: str) -> bool:
    """Return whether a text is a float's repr."""
    try:
        float(text)
    except ValueError:
        return False
    return True

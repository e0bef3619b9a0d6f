"""HTML pages that stand alone: style and script inside, no network, everything else forbidden by policy."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from ..picture.text import embedded_json, escape_xml


def html_page(
    title: str, style: str, body: str, script: str, data: Any, lang: str = "en", description: str = ""
) -> str:
    """Return a self-contained page: style and script inline, allowed by hash, everything else forbidden."""
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest(style)}'; script-src 'sha256-{digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        f'<!doctype html>\n<html lang="{lang}"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f'<meta name="description" content="{escape_xml(description)}">\n<title>{escape_xml(title)}</title>\n'
        f"<style>{style}</style></head><body>\n{body}"
        f'<script type="application/json" id="data">{embedded_json(data)}</script>\n'
        f"<script>{script}</script>\n</body></html>\n"
    )


def digest(text: str) -> str:
    """Return the name that a content security policy has for a piece of inline code."""
    return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")

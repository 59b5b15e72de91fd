"""HTML that cannot be broken by what stands in it: text is escaped unless it is markup already."""

from __future__ import annotations

import re
from html import escape


class Html(str):
    """Markup."""

    __slots__ = ()


def tag(name: str, *content: str, **attributes: str) -> Html:
    """An element. Attributes are written as Python can: `class_` is `class`, `aria_label` is `aria-label`."""
    names = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
    given = "".join(f' {key}="{escape(value)}"' for key, value in names.items())
    return Html(f"<{name}{given}>{joined(*content)}</{name}>")


def joined(*content: str) -> Html:
    """One piece after the other."""
    return Html("".join(piece if isinstance(piece, Html) else escape(piece) for piece in content))


def prose(text: str) -> Html:
    """Text with what little Markdown we write: `code` and **strong**."""
    pieces = re.split(r"(`[^`]+`|\*\*[^*]+\*\*)", text)
    return joined(*(_marked(piece) for piece in pieces))


def _marked(piece: str) -> str:
    if piece.startswith("`"):
        return tag("code", piece[1:-1])
    return tag("strong", piece[2:-2]) if piece.startswith("**") else piece

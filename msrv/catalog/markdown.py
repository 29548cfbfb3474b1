# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Markdown of the seller's texts, as HTML and as plain text.

CommonMark with tables and bare links. HTML in a text is shown as text, and
pictures as links, since a page loads nothing from elsewhere. A line break
stays one.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

_CACHED: Final = 512
_HEADING_OFFSET: Final = 2
"""A text is below a page's h1 and a section's h2."""
_BREAKS: Final = {"softbreak", "hardbreak"}


@dataclass(frozen=True, slots=True)
class RenderedText:
    """A text as safe HTML, and as plain text on one line."""

    html: str
    plain: str


def render(text: str) -> RenderedText:
    """Render a text. Takes milliseconds for a long one."""
    tokens = _PARSER.parse(text)
    for token in _flatten(tokens):
        if token.type in {"heading_open", "heading_close"}:
            level = int(token.tag[1:]) + _HEADING_OFFSET
            token.tag = f"h{min(level, 6)}"
        elif token.type == "link_open":
            token.attrSet("rel", "nofollow noopener")
        # The alignment of a table's cells; the page's policy forbids it.
        token.attrs.pop("style", None)
    return RenderedText(
        _PARSER.renderer.render(tokens, _PARSER.options, {}),
        " ".join("".join(_plain(tokens)).split()),
    )


class MarkdownCache:
    """The texts that were rendered last; each is rendered in a thread."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, RenderedText] = OrderedDict()

    async def render(self, text: str) -> RenderedText:
        """Return a rendered text."""
        known = self._known.pop(text, None)
        if known is None:
            known = await asyncio.to_thread(render, text)
        self._known[text] = known
        if len(self._known) > _CACHED:
            self._known.popitem(last=False)
        return known


def _flatten(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from token.children or ()


def _plain(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if token.children:
            yield from _plain(token.children)
        elif token.type in _BREAKS or token.block:
            yield " "
        if token.type in {"text", "code_inline", "code_block", "fence"}:
            yield token.content


def _parser() -> MarkdownIt:
    parser = MarkdownIt(
        "commonmark", {"html": False, "linkify": True, "breaks": True}
    )
    return parser.enable(["linkify", "table", "strikethrough"]).disable(
        ["image", "html_block", "html_inline"]
    )


_PARSER: Final = _parser()

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Markdown of the seller's texts, as HTML and as plain text.

CommonMark with tables and bare links. HTML in a text is shown as text, and
pictures as links, since a page loads nothing from elsewhere. A line break
stays one.
"""

import asyncio
import functools
import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_CACHED: Final = 512
_MAX_LEVEL: Final = 6
_RELATION: Final = "nofollow noopener"
SECTION_LEVEL: Final = 3
"""Level of the headings in a text below a page's h1 and a section's h2."""
PAGE_LEVEL: Final = 2
"""Level of the headings in a text below a page's h1."""
_BREAKS: Final = {"softbreak", "hardbreak"}
_WEB: Final = re.compile("https?://")
# The start of a link's destination, in the link or in its definition.
_OWN_PATH: Final = re.compile(
    r"(\]\(\s*<?|^ {0,3}\[[^\]\n]+\]:\s*<?)/(?!/)", re.MULTILINE
)
_HEADING: Final = {"heading_open", "heading_close"}
_LIST_PARTS: Final = {
    "list_item_open",
    "list_item_close",
    "paragraph_open",
    "paragraph_close",
}


@dataclass(frozen=True, slots=True)
class RenderedText:
    """A text as safe HTML, and as plain text on one line."""

    html: str
    plain: str


@dataclass(frozen=True, slots=True)
class TitledText:
    """A text whose first heading is its title; empty without one.

    `body` is the text below that heading. `links` are the addresses in lists
    that consist of nothing but links: the author's own.
    """

    title: str
    body: str
    links: tuple[str, ...]


def split_title(text: str) -> TitledText:
    """Return a text without its heading, if it begins with one."""
    tokens = _parser().parse(text)
    links = tuple(dict.fromkeys(_own_links(tokens)))
    if not tokens or tokens[0].type != "heading_open" or not tokens[0].map:
        return TitledText("", text.strip(), links)
    lines = text.splitlines()
    return TitledText(
        " ".join("".join(_plain(tokens[:3])).split()),
        "\n".join(lines[tokens[0].map[1] :]).strip(),
        links,
    )


def render(
    text: str, *, first_level: int = SECTION_LEVEL, is_own: bool = False
) -> RenderedText:
    """Render a text. Takes milliseconds for a long one.

    Its highest headings have the level `first_level`. If it `is_own`, the
    text of an artist about themselves, lists that consist of links are marked
    as theirs.
    """
    parser = _parser()
    tokens = parser.parse(text)
    own = frozenset(_own_links(tokens)) if is_own else frozenset()
    levels = [int(each.tag[1:]) for each in tokens if each.type in _HEADING]
    highest = min(levels, default=1)
    for token in _flatten(tokens):
        if token.type in _HEADING:
            level = int(token.tag[1:]) + first_level - highest
            token.tag = f"h{min(level, _MAX_LEVEL)}"
        elif token.type == "link_open":
            is_me = token.attrs.get("href") in own
            token.attrSet("rel", "me noopener" if is_me else _RELATION)
        # The alignment of a table's cells; the page's policy forbids it.
        token.attrs.pop("style", None)
    return RenderedText(
        parser.renderer.render(tokens, parser.options, {}),
        " ".join("".join(_plain(tokens)).split()),
    )


def with_absolute_links(text: str, base_url: str) -> str:
    """Return a text whose links to the store's own pages have its address.

    For where a path leads nowhere: in mails, as HTML or as plain text.
    """
    return _OWN_PATH.sub(lambda found: f"{found[1]}{base_url}/", text)


class MarkdownCache:
    """The texts that were rendered last; each is rendered in a thread."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int, bool], RenderedText] = (
            OrderedDict()
        )

    async def render(
        self,
        text: str,
        *,
        first_level: int = SECTION_LEVEL,
        is_own: bool = False,
    ) -> RenderedText:
        """Return a rendered text; see `render`."""
        key = (text, first_level, is_own)
        known = self._known.pop(key, None)
        if known is None:
            known = await asyncio.to_thread(
                render, text, first_level=first_level, is_own=is_own
            )
        self._known[key] = known
        if len(self._known) > _CACHED:
            self._known.popitem(last=False)
        return known


def _own_links(tokens: "Sequence[Token]") -> Iterator[str]:
    """Yield the web addresses of lists in which each entry is one link."""
    found: list[str] | None = None
    for token in tokens:
        if token.type.endswith("list_open"):
            found = [] if token.level == 0 else None
        elif token.type.endswith("list_close") and token.level == 0:
            yield from (each for each in found or () if _WEB.match(each))
            found = None
        elif token.type == "inline" and found is not None:
            address = _only_link(token.children or ())
            if address is None:
                found = None
            else:
                found.append(address)
        elif token.block and token.type not in _LIST_PARTS:
            found = None


def _only_link(tokens: "Sequence[Token]") -> str | None:
    """Return the address of a link that is alone in its paragraph."""
    if (
        not tokens
        or tokens[0].type != "link_open"
        or tokens[-1].type != "link_close"
        or sum(each.type == "link_open" for each in tokens) > 1
    ):
        return None
    return str(tokens[0].attrs.get("href", ""))


def _flatten(tokens: "Sequence[Token]") -> "Iterator[Token]":
    for token in tokens:
        yield token
        yield from token.children or ()


def _plain(tokens: "Sequence[Token]") -> Iterator[str]:
    for token in tokens:
        if token.children:
            yield from _plain(token.children)
        elif token.type in _BREAKS or token.block:
            yield " "
        if token.type in {"text", "code_inline", "code_block", "fence"}:
            yield token.content


@functools.cache
def _parser() -> "MarkdownIt":
    """Return the parser, which is imported for the first text."""
    from markdown_it import MarkdownIt  # noqa: PLC0415 - slow to import

    parser = MarkdownIt(
        "commonmark", {"html": False, "linkify": True, "breaks": True}
    )
    return parser.enable(["linkify", "table", "strikethrough"]).disable(
        ["image", "html_block", "html_inline"]
    )

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Markdown of the seller's texts."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.catalog.markdown import (
    MarkdownCache,
    render,
    with_absolute_links,
)

ALLOWED = set(
    "a blockquote br code em h3 h4 h5 h6 hr li ol p pre s strong table tbody "
    "td th thead tr ul".split()
)
ATTRIBUTES = {"href", "rel", "title", "class", "start"}
MARKUP = st.text(
    st.sampled_from(
        "ab <>&\"'[]()!*_`#-=|~:/.\n\thttps://x.example@javascript"
    ),
    max_size=120,
)


class Tags(HTMLParser):
    """Elements and attributes of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, str] = {}
        self.feed(html)

    def handle_starttag(
        self, tag: str, attrs: list[tuple[str, str | None]]
    ) -> None:
        """Collect an element."""
        self.tags.add(tag)
        self.attributes |= {name: value or "" for name, value in attrs}


@given(MARKUP | st.text(max_size=200))
def test_no_text_becomes_a_script_or_a_request(text: str) -> None:
    found = Tags(render(text).html)
    assert found.tags <= ALLOWED
    assert found.attributes.keys() <= ATTRIBUTES
    href = found.attributes.get("href", "")
    scheme = href.strip().partition(":")[0].lower()
    assert scheme not in {"javascript", "data", "vbscript", "file"}


@pytest.mark.parametrize(
    ("text", "html", "plain"),
    [
        ("*a* **b**", "<p><em>a</em> <strong>b</strong></p>\n", "a b"),
        ("one\ntwo", "<p>one<br />\ntwo</p>\n", "one two"),
        ("one\n\ntwo", "<p>one</p>\n<p>two</p>\n", "one two"),
        ("# Title", "<h3>Title</h3>\n", "Title"),
        ("## A\n### B", "<h3>A</h3>\n<h4>B</h4>\n", "A B"),
        ("<b>no</b>", "<p>&lt;b&gt;no&lt;/b&gt;</p>\n", "<b>no</b>"),
        ("", "", ""),
    ],
)
def test_text_is_rendered(text: str, html: str, plain: str) -> None:
    found = render(text)
    assert (found.html, found.plain) == (html, plain)


@pytest.mark.parametrize(
    "text", ["https://a.example/x", "[x](https://a.example/x)"]
)
def test_links_pass_on_no_rank_and_no_window(text: str) -> None:
    html = render(text).html
    assert 'href="https://a.example/x"' in html
    assert 'rel="nofollow noopener"' in html


def test_picture_is_no_request() -> None:
    assert "<img" not in render("![x](https://a.example/x.png)").html


async def test_cache_renders_a_text_once() -> None:
    cache = MarkdownCache()
    assert await cache.render("*a*") is await cache.render("*a*")


@pytest.mark.parametrize(
    ("text", "absolute"),
    [
        ("[a](/pages/stems)", "[a](https://s.example/pages/stems)"),
        ("[a]( </a b> 'c')", "[a]( <https://s.example/a b> 'c')"),
        (
            "[a](/)\n[b](/b)",
            "[a](https://s.example/)\n[b](https://s.example/b)",
        ),
        ("[a]\n\n[a]: /b 'c'", "[a]\n\n[a]: https://s.example/b 'c'"),
        ("[a](https://a.example/b)", None),
        ("[a](//a.example/b)", None),
        ("[a](mailto:a@a.example), and/or (/b) [/c]", None),
    ],
)
def test_links_to_own_pages_become_absolute(
    text: str, absolute: str | None
) -> None:
    found = with_absolute_links(text, "https://s.example")
    assert found == (text if absolute is None else absolute)
    assert 'href="/' not in render(found).html.replace('href="//', "")

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Pages that the seller wrote: their menu, texts, pictures and metadata."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from msrv.catalog.markdown import PAGE_LEVEL, render, split_title
from msrv.settings import Settings
from tests.conftest import Client, StartStore

JSON = {"Accept": "application/json"}


@pytest.fixture
async def store(
    start_store: StartStore, settings: Settings, library: Path
) -> Client:
    """Store with two pages, one of them with a picture."""
    pages = library / "pages"
    pages.mkdir()
    (pages / "10 About.md").write_text(
        "# About <b>us</b>\n\nWe *sing*. <script>alert(1)</script>\n\n"
        "## Where\n\n[Here](https://here.example)\n",
        encoding="utf-8",
    )
    (pages / "20 \u0627\u0644\u0639\u0631\u0628\u064a\u0629.md").write_text(
        "\u0645\u0631\u062d\u0628\u0627", encoding="utf-8"
    )
    Image.new("RGB", (800, 400), "#802010").save(pages / "10 About.png")
    return await start_store(settings)


async def test_every_page_has_the_menu(store: Client) -> None:
    for path in ("/", "/catalog", "/cart", "/pages/about"):
        page = await (await store.get(path)).text()
        menu = page.partition('<nav class="menu"')[2].partition("</nav>")[0]
        assert menu.index("/pages/about") < menu.index("/pages/alrbyh")
        assert "About &lt;b&gt;us&lt;/b&gt;" in menu
    assert 'href="/pages/about" aria-current="page"' in menu


async def test_page_has_one_title_and_its_text(store: Client) -> None:
    page = await (await store.get("/pages/about")).text()
    assert page.count("<h1") == 1
    assert "<em>sing</em>" in page
    assert "<h2>Where</h2>" in page
    assert "<script>alert" not in page
    assert 'rel="nofollow noopener"' in page
    assert '<link rel="canonical" href="http' in page
    assert 'property="og:type" content="article"' in page
    found = await (await store.get("/pages/about", headers=JSON)).json()
    assert found["title"] == "About <b>us</b>"
    assert found["text"].startswith("We *sing*.")


@pytest.mark.parametrize(
    ("language", "attribute"), [("ar", ' lang="ar"'), ("en", "")]
)
async def test_text_states_its_language_where_the_page_has_another(
    start_store: StartStore,
    settings: Settings,
    library: Path,
    language: str,
    attribute: str,
) -> None:
    (library / "pages").mkdir()
    (library / "pages" / "About.md").write_text("text", encoding="utf-8")
    (library / "store.toml").write_text(f'language = "{language}"')
    store = await start_store(settings)
    header = {"Accept-Language": "en"}
    page = await (await store.get("/pages/about", headers=header)).text()
    assert '<html lang="en"' in page
    assert f'<div class="prose" dir="auto"{attribute}>' in page
    assert f'<h1 dir="auto"{attribute}>' in page


async def test_picture_of_a_page_is_resized_and_cached(store: Client) -> None:
    found = await (await store.get("/pages/about", headers=JSON)).json()
    answer = await store.get(found["picture"])
    assert answer.status == 200
    assert answer.content_type == "image/webp"
    assert "immutable" in answer.headers["Cache-Control"]
    avif = await store.get("/pages/about/picture/640.avif")
    assert (avif.status, avif.content_type) == (200, "image/avif")
    page = await (await store.get("/pages/about")).text()
    assert found["picture"] in page
    assert "/pages/about/picture/640.avif" in page
    assert "/pages/about/picture/1200" in page


@pytest.mark.parametrize(
    "path",
    [
        "/pages/none",
        "/pages/about/picture/641",
        "/pages/about/picture/1200.avif",
        "/pages/alrbyh/picture/640",
        "/pages/none/picture/640",
        "/artists/none/picture/640",
        "/artists/the-wet-coats/picture/640",
    ],
)
async def test_unknown_page_or_picture_is_not_found(
    store: Client, path: str
) -> None:
    assert (await store.get(path)).status == 404


async def test_sitemap_has_the_pages_and_the_artists(store: Client) -> None:
    text = await (await store.get("/sitemap.xml")).text()
    for path in ("/pages/about", "/pages/alrbyh", "/artists<"):
        assert path in text


class Elements(HTMLParser):
    """Elements of a page that are not closed, and those that load or run."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.active: list[str] = []
        self.feed(html)

    def handle_starttag(
        self, tag: str, attrs: list[tuple[str, str | None]]
    ) -> None:
        """Collect an element."""
        if tag not in {"br", "hr"}:
            self.open.append(tag)
        names = {name for name, _ in attrs}
        if tag in {"script", "style", "img", "iframe", "form", "h1"} or any(
            name.startswith("on") or name in {"style", "src", "id"}
            for name in names
        ):
            self.active.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close an element; a wrong order leaves it open."""
        if self.open and self.open[-1] == tag:
            self.open.pop()


TEXTS = st.text(
    st.sampled_from("ab <>&\"'[]()!*_`#-=|~:/.\n\thttps://x.example@"),
    max_size=200,
) | st.text(max_size=200)


@given(TEXTS)
def test_no_text_runs_anything_or_breaks_the_page(text: str) -> None:
    titled = split_title(text)
    html = render(titled.body, first_level=PAGE_LEVEL, is_own=True).html
    found = Elements(html)
    assert (found.open, found.active) == ([], [])
    assert "\n" not in titled.title
    assert all(
        each.startswith(("http://", "https://")) for each in titled.links
    )

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Icons and the theme's address, as browsers get them."""

import io
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from msrv.settings import Settings
from tests.conftest import Client, StartStore

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 80">'
    '<path d="M0 0h9v9z"/></svg>'
)
FONT = b"wOF2\0\1\0\0" + (20).to_bytes(4) + bytes(8)


def add_to_config(library: Path, text: str) -> None:
    path = library / "store.toml"
    path.write_text(f"{text}\n{path.read_text('utf-8')}", "utf-8")


@pytest.mark.parametrize(
    "name", ["Wet Coats", "écho", "夜のバス", "👩‍🎤 Sirens", "<b>", "ليل"]
)
async def test_icon_is_the_first_letter_of_the_name(
    start_store: StartStore, settings: Settings, name: str
) -> None:
    toml = settings.library_folder / "store.toml"
    toml.write_text(f'name = "{name}"\naccent = "#204060"\n', "utf-8")
    store = await start_store(settings)
    page = await (await store.get("/")).text()
    icon = re.search(r'<link rel="icon" href="([^"]+)"', page)
    touch = re.search(r'<link rel="apple-touch-icon" href="([^"]+)"', page)
    assert icon
    assert touch
    answer = await store.get(icon[1])
    assert answer.content_type == "image/svg+xml"
    assert "immutable" in answer.headers["Cache-Control"]
    drawing = ET.fromstring(await answer.read())  # noqa: S314 - our own
    (text,) = drawing.iter("{http://www.w3.org/2000/svg}text")
    assert text.text
    assert name.upper().startswith(text.text)
    answer = await store.get(touch[1])
    assert "immutable" in answer.headers["Cache-Control"]
    with Image.open(io.BytesIO(await answer.read())) as image:
        assert image.size == (180, 180)
        assert image.getpixel((2, 2)) == (0x20, 0x40, 0x60)
        assert len(image.getcolors(10_000) or ()) > 1


async def test_touch_icon_is_the_logo(
    start_store: StartStore, settings: Settings
) -> None:
    file = settings.library_folder / "logo.png"
    Image.new("RGB", (64, 60), (10, 200, 10)).save(file)
    add_to_config(settings.library_folder, 'logo = "logo.png"')
    store = await start_store(settings)
    page = await (await store.get("/")).text()
    touch = re.search(r'<link rel="apple-touch-icon" href="([^"]+)"', page)
    assert touch
    answer = await store.get(touch[1])
    assert answer.content_type == "image/png"
    assert "immutable" in answer.headers["Cache-Control"]
    with Image.open(io.BytesIO(await answer.read())) as image:
        assert image.size == (180, 180)
        assert image.getpixel((90, 90)) == (10, 200, 10)


async def test_icon_of_an_old_address_is_not_cached(store: Client) -> None:
    answer = await store.get("/favicon.ico")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["quiet", "paper"])
async def test_theme_has_a_stylesheet_and_colours(
    start_store: StartStore, settings: Settings, name: str
) -> None:
    add_to_config(settings.library_folder, f'theme = "{name}"')
    store = await start_store(settings)
    for path in ("/", "/catalog/night-bus", "/cart", "/nothing-here"):
        page = await (await store.get(path)).text()
        sheets = re.findall(r'<link rel="stylesheet" href="([^"]+)"', page)
        (own,) = [each for each in sheets if f"theme-{name}.css" in each]
        assert sheets.index(own) == len(sheets) - 2
        for sheet in sheets:
            answer = await store.get(sheet)
            assert answer.content_type == "text/css"
            assert "immutable" in answer.headers["Cache-Control"]
    assert "#0c0a09" not in page


async def test_links_are_the_stores_own_on_every_page(
    start_store: StartStore, settings: Settings
) -> None:
    url = "https://mastodon.example/@band?a=1&b=2"
    add_to_config(settings.library_folder, f'links = ["{url}"]')
    store = await start_store(settings)
    for path in ("/", "/cart"):
        page = await (await store.get(path)).text()
        footer = page[page.index("<footer") :]
        assert (
            '<a href="https://mastodon.example/@band?a=1&amp;b=2" '
            'rel="me noopener" dir="auto">mastodon.example</a>'
        ) in footer


async def test_featured_releases_come_first_on_the_front_page(
    start_store: StartStore, settings: Settings
) -> None:
    add_to_config(
        settings.library_folder,
        'order = "title"\nfeatured = ["umbrella-single"]',
    )
    store = await start_store(settings)
    page = await (await store.get("/")).text()
    found = re.findall(r'class="card-title"[^>]*>([^<]+)<', page)
    assert found == ["Umbrella", "Night Bus", "Zine"]
    assert page.index(">Featured<") < page.index(">Releases<")


async def test_short_name_does_not_fill_the_screen(
    start_store: StartStore, settings: Settings
) -> None:
    (settings.library_folder / "store.toml").write_text('name = "A"')
    store = await start_store(settings)
    sheet = await (await store.get("/theme.css")).text()
    assert "--name-width:2.44" in sheet


async def test_files_of_the_seller_are_on_the_pages(
    start_store: StartStore, settings: Settings
) -> None:
    theme = settings.library_folder / "theme"
    theme.mkdir()
    (theme / "logo.svg").write_text(SVG)
    (theme / "extra.css").write_text("a { color: red }")
    (theme / "a.woff2").write_bytes(FONT)
    Image.new("RGB", (900, 300), "#204060").save(theme / "wide.png")
    add_to_config(
        settings.library_folder,
        'logo = "theme/logo.svg"\nbanner = "theme/wide.png"\n'
        'background = "theme/wide.png"\nextra_css = "theme/extra.css"\n'
        'fonts = { body = "theme/a.woff2" }',
    )
    store = await start_store(settings)
    page = await (await store.get("/")).text()
    logo = re.search(
        r'<img class="logo" src="([^"]+)"[^>]*alt="Wet Coats"', page
    )
    assert logo
    answer = await store.get(logo[1])
    assert answer.content_type == "image/svg+xml"
    assert "immutable" in answer.headers["Cache-Control"]
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    sheets = re.findall(r'<link rel="stylesheet" href="([^"]+)"', page)
    assert "/theme/extra.css?v=" in sheets[-1]
    assert await (await store.get(sheets[-1])).text() == "a { color: red }"
    sheet = await (await store.get(sheets[-2])).text()
    assert "font-display:swap" in sheet
    for url in re.findall(r'url\("([^"]+)"\)', sheet):
        answer = await store.get(url)
        assert answer.status == 200
        assert "immutable" in answer.headers["Cache-Control"]
    for path in ("/cart", "/nothing-here"):
        page = await (await store.get(path)).text()
        assert "/theme/extra.css" in page
        assert 'class="logo"' in page
    assert (await store.get("/theme/nothing")).status == 404


@pytest.mark.parametrize(
    ("box", "is_icon"), [("80 80", True), ("320 80", False)]
)
async def test_square_logo_is_the_icon(
    start_store: StartStore, settings: Settings, box: str, *, is_icon: bool
) -> None:
    logo = settings.library_folder / "logo.svg"
    logo.write_text(SVG.replace("320 80", box))
    add_to_config(settings.library_folder, 'logo = "logo.svg"')
    store = await start_store(settings)
    page = await (await store.get("/")).text()
    found = re.search(r'<link rel="icon" href="([^"?]+)', page)
    assert found
    assert (found[1] == "/theme/logo") is is_icon

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Front page, catalog and releases, as pages and as JSON."""

import html
import io
import re
from pathlib import Path

import pytest
from PIL import Image

from msrv.settings import Settings
from tests.catalog.audio_with_pictures import with_pictures
from tests.catalog.cover_pictures import encode, is_near
from tests.conftest import Client, StartStore
from tests.wav_files import write_wav

JSON = {"Accept": "application/json"}


async def test_front_page_has_the_store_and_its_newest_releases(
    store: Client,
) -> None:
    page = await (await store.get("/")).text()
    assert '<h1 class="giant" dir="auto">Wet Coats</h1>' in page
    assert "Songs about weather" in page
    assert (
        page.index("Night Bus") < page.index("Umbrella") < page.index("Zine")
    )
    shown = await (await store.get("/", headers=JSON)).json()
    assert shown["store"] == "Wet Coats"
    assert [each["title"] for each in shown["newest"]] == [
        "Night Bus",
        "Umbrella",
        "Zine",
    ]


async def test_front_page_is_under_30_kilobytes(store: Client) -> None:
    """Uncompressed, with its styles and scripts, without covers."""
    total = 0
    for path in ("/", "/static/store.css", "/static/store.js", "/theme.css"):
        answer = await store.get(path, headers={"Accept-Encoding": "identity"})
        total += len(await answer.read())
    assert total < 30_000


async def test_release_has_its_price_lengths_and_items(store: Client) -> None:
    page = await (await store.get("/catalog/night-bus")).text()
    for piece in ("Night Bus", "The Wet Coats", "Departure", "0:06", "€7.00"):
        assert piece in page
    shown = await (await store.get("/catalog/night-bus", headers=JSON)).json()
    assert shown["item_id"] == "night-bus"
    assert shown["price_minor"] == 700
    assert [each["item_id"] for each in shown["items"]] == [
        "departure",
        "wrong-stop",
        "lyrics",
    ]


async def test_release_of_one_file_is_sold_as_that_file(
    store: Client,
) -> None:
    shown = await (
        await store.get("/catalog/umbrella-single", headers=JSON)
    ).json()
    assert shown["item_id"] is None
    assert [each["item_id"] for each in shown["items"]] == ["umbrella"]
    page = await (await store.get("/catalog/umbrella-single")).text()
    assert "Buy €1.50" in page
    assert 'value="umbrella-single"' not in page
    answer = await store.post("/purchases", data={"item": "umbrella-single"})
    assert answer.status == 422


async def test_description_is_escaped(store: Client) -> None:
    page = await (await store.get("/catalog/umbrella-single")).text()
    assert "One song &amp; &lt;b&gt;no&lt;/b&gt; more." in page


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        ("night", ["Night Bus"]),
        ("NIGHT bus", ["Night Bus"]),
        ("wrong", ["Night Bus"]),
        ("wet coats", ["Night Bus", "Umbrella"]),
        ("weather", []),
        ("<script>", []),
        ("%00", []),
    ],
)
async def test_search_finds_releases_by_all_words(
    store: Client, words: str, titles: list[str]
) -> None:
    shown = await (
        await store.get("/catalog", params={"q": words}, headers=JSON)
    ).json()
    assert [each["title"] for each in shown["releases"]] == titles
    assert shown["total"] == len(titles)
    page = await store.get("/catalog", params={"q": words})
    assert page.status == 200
    if not titles:
        assert "Nothing found" in await page.text()


async def test_search_lists_the_matching_items(store: Client) -> None:
    shown = await (
        await store.get("/catalog", params={"q": "wrong stop"}, headers=JSON)
    ).json()
    assert shown["releases"][0]["matches"] == ["wrong-stop"]


@pytest.mark.parametrize("page", ["0", "-1", "x", "1e9", "²", "9" * 40])
async def test_invalid_page_number_is_an_error(
    store: Client, page: str
) -> None:
    answer = await store.get("/catalog", params={"page": page})
    assert answer.status in {400, 404}


async def test_catalog_has_24_releases_a_page(
    start_store: StartStore, settings: Settings, library: Path
) -> None:
    for number in range(30):
        folder = library / f"Book {number:02d}"
        folder.mkdir()
        (folder / "book.pdf").write_bytes(b"%d" % number)
    store = await start_store(settings)
    first = await (await store.get("/catalog", headers=JSON)).json()
    second = await (
        await store.get("/catalog", params={"page": "2"}, headers=JSON)
    ).json()
    assert (first["total"], first["pages"]) == (33, 2)
    titles = [each["title"] for each in first["releases"] + second["releases"]]
    assert len(set(titles)) == 33
    assert (
        'rel="next" href="/catalog?page=2"'
        in await (await store.get("/catalog")).text()
    )
    beyond = await store.get("/catalog", params={"page": "3"})
    assert beyond.status == 404


async def test_cart_is_filled_without_scripts(store: Client) -> None:
    answer = await store.post(
        "/cart",
        data={"add": "departure", "back": "/catalog/night-bus"},
        allow_redirects=False,
    )
    assert (answer.status, answer.headers["Location"]) == (
        303,
        "/catalog/night-bus",
    )
    cookie = answer.headers["Set-Cookie"]
    for part in ("HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in cookie
    page = await (await store.get("/cart")).text()
    assert "Departure" in page
    assert "€1.00" in page
    await store.post("/cart", data={"remove": "departure"})
    assert "Your cart is empty" in await (await store.get("/cart")).text()


async def test_release_includes_its_items_in_the_cart(store: Client) -> None:
    for item in ("departure", "zine", "night-bus", "lyrics"):
        answer = await store.post("/cart", data={"add": item}, headers=JSON)
    cart = await answer.json()
    assert [each["item_id"] for each in cart["items"]] == ["zine", "night-bus"]


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/a\r\nb: c",
    ],
)
async def test_cart_never_redirects_to_another_site(
    store: Client, back: str
) -> None:
    answer = await store.post(
        "/cart", data={"add": "zine", "back": back}, allow_redirects=False
    )
    assert answer.headers["Location"] == "/cart"


@pytest.mark.parametrize(
    "cookie",
    ["", "....", "nothing", "departure.departure", "<b>", "x" * 5000],
)
async def test_unreadable_cart_cookie_is_an_empty_cart(
    store: Client, cookie: str
) -> None:
    headers = {"Cookie": f"cart={cookie}; other=1; =; broken", **JSON}
    answer = await store.get("/cart", headers=headers)
    assert answer.status == 200
    items = (await answer.json())["items"]
    assert len(items) == (1 if "departure" in cookie else 0)


async def test_cover_has_a_few_fixed_widths(
    store: Client, tmp_path: Path
) -> None:
    shown = await (await store.get("/catalog/night-bus", headers=JSON)).json()
    answer = await store.get(shown["cover"])
    assert answer.status == 200
    assert "immutable" in answer.headers["Cache-Control"]
    encode = tmp_path / "cover"
    encode.write_bytes(await answer.read())
    with Image.open(encode) as picture:
        assert picture.size == (400, 400)
    small = await store.get("/covers/night-bus/160")
    encode.write_bytes(await small.read())
    with Image.open(encode) as picture:
        assert picture.size == (160, 160)
    again = await store.get(
        shown["cover"], headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert again.status == 304
    for path in (
        "/covers/night-bus/161",
        "/covers/night-bus/1200.avif",
        "/covers/night-bus/160.webp",
        "/covers/zine-issue/160",
    ):
        assert (await store.get(path)).status == 404


async def test_cover_is_an_avif_for_browsers_that_support_it(
    store: Client,
) -> None:
    """By its address: caches needn't tell browsers apart."""
    page = await (await store.get("/catalog/night-bus")).text()
    found = re.search(
        r'<source type="image/avif" srcset="(\S+) 320w, .* 960w, [^"]+"', page
    )
    assert found
    answer = await store.get(found[1])
    assert answer.content_type == "image/avif"
    assert "immutable" in answer.headers["Cache-Control"]
    assert "Vary" not in answer.headers
    with Image.open(io.BytesIO(await answer.read())) as shown:
        assert shown.format == "AVIF"
        assert shown.size == (320, 320)
    other = await store.get(found[1].replace(".avif", ""))
    assert other.content_type == "image/webp"
    assert other.headers["ETag"] != answer.headers["ETag"]


async def test_cover_embedded_in_a_track_is_used(
    start_store: StartStore, settings: Settings
) -> None:
    path = settings.library_folder / "Umbrella" / "Umbrella.wav"
    picture = encode(Image.new("RGB", (400, 300), "#802010"))
    path.write_bytes(with_pictures(path.read_bytes(), "a.wav", picture))
    store = await start_store(settings)
    answer = await store.get("/covers/umbrella-single/160")
    assert answer.status == 200
    assert answer.content_type == "image/webp"
    with Image.open(io.BytesIO(await answer.read())) as shown:
        assert shown.size == (160, 120)
        assert is_near(shown.convert("RGB").getpixel((80, 60)), (128, 32, 16))
    again = await store.get(
        "/covers/umbrella-single/160",
        headers={"If-None-Match": answer.headers["ETag"]},
    )
    assert again.status == 304


@pytest.mark.parametrize(
    "path", ["/static/store.css", "/theme.css", "/covers/night-bus/160"]
)
async def test_asset_of_another_version_is_not_cached(
    store: Client, path: str
) -> None:
    """During an update, one replica has the old file and the other the new."""
    for query in ("", "?v=", "?v=0123456789abcdef"):
        answer = await store.get(path + query)
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "no-cache"


async def test_asset_is_cached_for_a_year_by_its_digest(store: Client) -> None:
    page = await (await store.get("/")).text()
    path = page.partition('href="/static/store.css')[2].partition('"')[0]
    answer = await store.get("/static/store.css" + path)
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] == "gzip"
    colour = page.partition('href="/theme.css')[2].partition('"')[0]
    themed = await store.get("/theme.css" + colour)
    assert "immutable" in themed.headers["Cache-Control"]
    known = await store.get(
        "/static/store.css", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert known.status == 304
    assert known.headers["Vary"] == answer.headers["Vary"]
    plain = await store.get(
        "/static/store.css", headers={"Accept-Encoding": "identity"}
    )
    assert "Content-Encoding" not in plain.headers
    assert plain.headers["ETag"] != answer.headers["ETag"]
    assert (await store.get("/static/nothing.css")).status == 404
    assert (await store.get("/static/..%2frendering.py")).status == 404


async def test_preview_is_a_short_clip(
    start_store: StartStore, settings: Settings, library: Path, ffmpeg: str
) -> None:
    assert ffmpeg
    long = library / "Night Bus" / "03 Long.wav"
    write_wav(long, seconds=60)
    store = await start_store(settings)
    shown = await (await store.get("/catalog/night-bus", headers=JSON)).json()
    track = next(each for each in shown["items"] if each["title"] == "Long")
    answer = await store.get(track["preview"])
    assert answer.status == 200
    assert answer.content_type == "audio/mpeg"
    assert len(await answer.read()) < 300_000
    part = await store.get(track["preview"], headers={"Range": "bytes=0-99"})
    assert part.status == 206
    assert (await store.get("/previews/lyrics")).status == 404
    assert (await store.get("/previews/nothing")).status == 404


async def test_robots_txt_excludes_private_pages(store: Client) -> None:
    text = await (await store.get("/robots.txt")).text()
    assert "Disallow: /purchases" in text
    assert "Disallow: /download/" in text


@pytest.mark.parametrize(
    "path", ["/", "/catalog/night-bus", "/cart", "/verify", "/nothing-here"]
)
async def test_every_page_links_to_the_source(
    start_store: StartStore, settings: Settings, path: str
) -> None:
    """Section 13 of the licence asks a changed store for that."""
    fork = "https://code.example/our/msrv?a=1&b=2"
    changed = settings.model_copy(update={"source_url": fork})
    page = await (await (await start_store(changed)).get(path)).text()
    footer = page[page.index("<footer") :]
    assert f'<a href="{html.escape(fork)}" rel="noopener">Source</a>' in footer

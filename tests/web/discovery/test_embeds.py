# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Releases in other sites' pages, and oEmbed."""

import io
import re
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from msrv.settings import Settings
from tests.catalog.temporary_library import PDF
from tests.conftest import Client, StartStore
from tests.web.purchases import path_of

RELEASE = "/catalog/night-bus"


@pytest.mark.parametrize("size", ["small", "medium", "large"])
async def test_frame_may_be_framed_and_has_no_form_and_no_cookie(
    store: Client, size: str
) -> None:
    response = await store.get(f"/embed/night-bus?size={size}")
    page = await response.text()
    assert response.status == 200
    policy = response.headers["Content-Security-Policy"]
    assert "frame-ancestors *" in policy
    assert "form-action 'none'" in policy
    assert "X-Frame-Options" not in response.headers
    assert "Set-Cookie" not in response.headers
    assert "<form" not in page
    assert "Night Bus" in page
    assert "€7.00" in page
    assert f'href="{store.make_url(RELEASE)}" target="_blank"' in page


@pytest.mark.parametrize("path", ["/", RELEASE, "/cart", "/checkout", "/no"])
async def test_no_other_page_may_be_framed(store: Client, path: str) -> None:
    response = await store.get(path)
    policy = response.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert response.headers["X-Frame-Options"] == "DENY"


async def test_invalid_frames_are_errors(store: Client) -> None:
    assert (await store.get("/embed/nothing")).status == 404
    assert (await store.get("/embed/night-bus?size=huge")).status == 400


async def test_release_page_leads_to_its_oembed(store: Client) -> None:
    page = await (await store.get(RELEASE)).text()
    (address,) = re.findall(
        r'type="application/json\+oembed" href="([^"]+)"', page
    )
    path = address.replace(str(store.make_url("/")), "/", 1)
    found = await (await store.get(path)).json()
    assert (found["version"], found["type"]) == ("1.0", "rich")
    assert found["title"] == "Night Bus by The Wet Coats"
    assert found["provider_name"] == "Wet Coats"
    assert f'src="{store.make_url("/embed/night-bus")}"' in found["html"]
    assert str(found["width"]) in found["html"]


@pytest.mark.parametrize("size", [None, (1000, 500), (30, 40)])
async def test_oembed_has_a_thumbnail_of_the_stated_size(
    start_store: StartStore, settings: Settings, size: tuple[int, int] | None
) -> None:
    """Of a drawn cover, too."""
    folder = settings.library_folder / "Other zine"
    folder.mkdir()
    (folder / "Zine.pdf").write_bytes(PDF)
    (folder / "release.toml").write_text('id = "other"\n', "utf-8")
    if size is not None:
        Image.new("RGB", size, "red").save(folder / "cover.png")
    store = await start_store(settings)
    url = str(store.make_url("/catalog/other"))
    found = await (await store.get("/oembed", params={"url": url})).json()
    picture = await store.get(path_of(found["thumbnail_url"]))
    assert picture.status == 200
    with Image.open(io.BytesIO(await picture.read())) as image:
        assert image.size == (
            found["thumbnail_width"],
            found["thumbnail_height"],
        )


@pytest.mark.parametrize(
    ("limits", "wanted"),
    [
        ({}, (640, 320)),
        ({"maxwidth": "640"}, (640, 320)),
        ({"maxwidth": "639"}, (320, 160)),
        ({"maxwidth": "900", "maxheight": "200"}, (320, 160)),
        ({"maxwidth": "200", "maxheight": "200"}, (160, 80)),
        ({"maxheight": "79"}, None),
        ({"maxwidth": "wide"}, (640, 320)),
    ],
)
async def test_thumbnail_is_within_both_limits(
    start_store: StartStore,
    settings: Settings,
    limits: dict[str, str],
    wanted: tuple[int, int] | None,
) -> None:
    cover = settings.library_folder / "Night Bus" / "cover.png"
    Image.new("RGB", (1000, 500), "red").save(cover)
    store = await start_store(settings)
    url = str(store.make_url(RELEASE))
    answer = await store.get("/oembed", params={"url": url, **limits})
    found = await answer.json()
    if wanted is None:
        assert not [name for name in found if name.startswith("thumbnail")]
        return
    size = found["thumbnail_width"], found["thumbnail_height"]
    assert size == wanted
    picture = await store.get(path_of(found["thumbnail_url"]))
    with Image.open(io.BytesIO(await picture.read())) as image:
        assert image.size == wanted


async def test_oembed_obeys_the_limits_and_the_format(store: Client) -> None:
    url = str(store.make_url(RELEASE))
    found = await store.get(
        "/oembed", params={"url": url, "maxwidth": "300", "maxheight": "1"}
    )
    data = await found.json()
    assert (data["width"], data["height"]) == (300, 100)
    assert "thumbnail_url" not in data
    found = await store.get("/oembed", params={"url": url, "format": "xml"})
    tree = ET.fromstring(await found.text())  # noqa: S314 - the store's own
    assert tree.findtext("title") == "Night Bus by The Wet Coats"
    found = await store.get("/oembed", params={"url": url, "format": "yaml"})
    assert found.status == 501


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://other.example/catalog/night-bus",
        "{base}/cart",
        "{base}/catalog/nothing",
        "{base}/catalog/" + "x" * 3000,
        "{base}/[",
    ],
)
async def test_oembed_of_another_address_is_not_found(
    store: Client, url: str
) -> None:
    base = str(store.make_url("/")).rstrip("/")
    found = await store.get(
        "/oembed", params={"url": url.replace("{base}", base)}
    )
    assert found.status == 404

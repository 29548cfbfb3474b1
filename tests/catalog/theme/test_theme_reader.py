# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Files of a store's look: checked by content, and never for sale."""

import io
from pathlib import Path
from unicodedata import normalize

import pytest
from PIL import Image

from msrv.catalog.model import Shop
from tests.catalog.temporary_library import Library, problems, wav

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 80">'
    "<path d='M0 0h9v9z'/></svg>"
)
FONT = b"wOF2\0\1\0\0" + (20).to_bytes(4) + bytes(8)
KEYS = {
    "logo": "logo",
    "banner": "banner",
    "background": "background",
    "extra_css": "extra_css",
    "fonts.body": "fonts.body",
    "fonts.display": "fonts.display",
}


def picture(mode: str = "RGB", form: str = "PNG", side: int = 60) -> bytes:
    data = io.BytesIO()
    colour = (200, 10, 10, 0)[: len(mode)]
    Image.new(mode, (side, side // 2), colour).save(data, form)
    return data.getvalue()


def shop(library: Library) -> Shop:
    reading = library.read()
    assert reading.problems == ()
    return reading.catalog.shop


def test_every_file_is_read(library: Library) -> None:
    library.put("logo.svg", SVG)
    library.put("theme/banner.png", picture())
    library.put("theme/ground.jpg", picture(form="JPEG", side=4000))
    library.put("theme/a.woff2", FONT)
    library.put("theme/extra.css", "a { color: red }")
    library.put(
        "store.toml",
        'logo = "logo.svg"\nbanner = "theme/banner.png"\n'
        'background = "theme/ground.jpg"\nextra_css = "theme/extra.css"\n'
        '[fonts]\nbody = "theme/a.woff2"\ndisplay = "theme/a.woff2"\n',
    )
    files = {each.key: each for each in shop(library).theme_files}
    assert files.keys() == KEYS.keys()
    assert files["logo"].data == SVG.encode()
    assert (files["logo"].width, files["logo"].height) == (1000, 250)
    assert files["banner"].media_type == "image/webp"
    with Image.open(io.BytesIO(files["background"].data)) as image:
        assert max(image.size) == 1920
    assert files["fonts.body"].data == FONT
    assert files["extra_css"].url.startswith("/theme/extra.css?v=")


def test_file_is_found_in_another_unicode_form(library: Library) -> None:
    """A Mac's file name may be decomposed, and a typed one is composed."""
    name = "theme/Sch\u00f6n.svg"
    library.put(normalize("NFD", name), SVG)
    library.put("store.toml", f'logo = "{name}"\n')
    assert [each.key for each in shop(library).theme_files] == ["logo"]


def test_logo_stays_transparent(library: Library) -> None:
    library.put("logo.png", picture("RGBA"))
    library.put("store.toml", 'logo = "logo.png"\n')
    (logo,) = shop(library).theme_files
    with Image.open(io.BytesIO(logo.data)) as image:
        assert image.mode == "RGBA"
        assert image.getchannel("A").getextrema() == (0, 0)


@pytest.mark.parametrize(
    ("mode", "colour", "ground", "centre"),
    [
        ("RGB", (200, 10, 10), (200, 10, 10), (200, 10, 10)),
        ("RGBA", (240, 240, 240, 255), (240, 240, 240), (240, 240, 240)),
        ("LA", (20, 255), (255, 255, 255), (20, 20, 20)),
        ("LA", (240, 255), (12, 10, 9), (240, 240, 240)),
    ],
)
def test_icon_of_a_logo_is_a_square(
    library: Library,
    mode: str,
    colour: tuple[int, ...],
    ground: tuple[int, ...],
    centre: tuple[int, ...],
) -> None:
    """A drawing with transparent parts is on what it can be seen on."""
    image = Image.new(mode, (200, 180), colour)
    if mode == "LA":
        image.paste((0, 0), (0, 0, 200, 40))
    file = library.root / "logo.png"
    image.save(file)
    library.put("store.toml", 'logo = "logo.png"\n')
    (logo,) = shop(library).theme_files
    assert logo.icon
    with Image.open(io.BytesIO(logo.icon)) as icon:
        assert (icon.format, icon.mode, icon.size) == (
            "PNG",
            "RGB",
            (180, 180),
        )
        if mode != "RGBA":
            assert icon.getpixel((2, 2)) == ground
        assert icon.getpixel((90, 100)) == centre


@pytest.mark.parametrize("name", ["logo.svg", "wide.png"])
def test_drawing_or_wide_logo_has_no_icon(library: Library, name: str) -> None:
    library.put(name, SVG if name == "logo.svg" else picture())
    library.put("store.toml", f'logo = "{name}"\n')
    (logo,) = shop(library).theme_files
    assert logo.icon is None


def test_address_is_the_same_on_every_replica(library: Library) -> None:
    library.put("logo.png", picture())
    library.put("store.toml", 'logo = "logo.png"\n')
    (one,), (other,) = shop(library).theme_files, shop(library).theme_files
    assert one.url == other.url
    library.put("logo.png", picture(side=80))
    (changed,) = shop(library).theme_files
    assert changed.url != one.url


@pytest.mark.parametrize(
    ("toml", "content", "message"),
    [
        ('logo = "a.png"', None, "which is not in the library"),
        ('logo = "a.png"', b"GIF89a", "can't be read as a JPEG, PNG, WebP"),
        ('logo = "a.svg"', b"<p>", "not well-formed XML"),
        ('logo = "a.svg"', b"<p/>", "which is not an SVG"),
        ('extra_css = "a.css"', b"\xff", "which is not UTF-8"),
        ('extra_css = "a.css"', b"a" * 70_000, "which is over 64 KiB"),
        ('fonts.body = "a.woff2"', FONT[:-1], "not a whole WOFF2 font"),
        ('fonts.body = "a.woff2"', b"OTTO" + FONT[4:], "not a whole WOFF2"),
    ],
)
def test_unfit_file_is_a_problem_with_its_line(
    library: Library, toml: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        library.put(toml.split('"')[1], content)
    library.put("store.toml", f'name = "A"\n{toml}\n')
    library.release("R")
    reading = library.read()
    (problem,) = problems(reading)
    assert problem.startswith("store.toml:2: ")
    assert message in problem
    assert reading.catalog.shop.theme_files == ()
    assert reading.catalog.shop.name == "A"
    assert len(reading.catalog.offered) == 1


@pytest.mark.parametrize(
    "inner",
    [
        "<script>alert(1)</script>",
        "<g onclick='alert(1)'/>",
        "<foreignObject/>",
        "<image href='https://a.example/x.png'/>",
        "<a href='javascript:alert(1)'/>",
        "<style>@import 'a.css';</style>",
        "<style>path{fill:url(https://a.example/x)}</style>",
        "<path style='fill:url(//a.example/x)'/>",
    ],
)
def test_logo_that_is_more_than_a_drawing_is_refused(
    library: Library, inner: str
) -> None:
    library.put("a.svg", SVG.replace("</svg>", f"{inner}</svg>"))
    library.put("store.toml", 'logo = "a.svg"\n')
    reading = library.read()
    assert len(reading.problems) == 1
    assert reading.catalog.shop.theme_files == ()


def test_logo_with_entities_is_refused(library: Library) -> None:
    library.put("a.svg", f'<!DOCTYPE x [<!ENTITY a "b">]>{SVG}')
    library.put("store.toml", 'logo = "a.svg"\n')
    (problem,) = problems(library.read())
    assert "has a document type" in problem


@pytest.mark.parametrize(
    "path",
    ["../a.png", "/etc/a.png", "a/b.png", "theme/../a.png", ".a.png", ""],
)
def test_path_elsewhere_is_a_problem(library: Library, path: str) -> None:
    library.put("store.toml", f'logo = "{path}"\n')
    (problem,) = problems(library.read())
    assert "'logo' must be the name of a file beside store.toml" in problem


def test_link_out_of_the_library_is_not_followed(
    library: Library, tmp_path: Path
) -> None:
    (tmp_path / "secret.png").write_bytes(picture())
    (library.root / "logo.png").symlink_to(tmp_path / "secret.png")
    library.put("store.toml", 'logo = "logo.png"\n')
    found = problems(library.read())
    assert "logo.png: is a link that leaves the library" in found
    assert any("which is not in the library" in each for each in found)


def test_folder_of_these_files_is_not_for_sale(library: Library) -> None:
    library.put("theme/logo.svg", SVG)
    library.put("theme/back.png", picture())
    library.release("R")
    assert [each.folder for each in library.read().catalog.releases] == ["R"]


def test_release_that_is_called_theme_stays_for_sale(library: Library) -> None:
    library.release("theme", {"03 C.wav": wav(3), "cover.png": picture()})
    assert [each.folder for each in library.read().catalog.releases] == [
        "theme"
    ]


def test_unchanged_file_is_not_decoded_again(library: Library) -> None:
    library.put("logo.png", picture())
    library.put("store.toml", 'logo = "logo.png"\n')
    first = library.read()
    second = library.read(first)
    (one,), (other,) = (
        each.catalog.shop.theme_files for each in (first, second)
    )
    assert one is other

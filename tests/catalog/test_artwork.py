"""Covers: read with suspicion, made once, shown upright in their colours."""

import asyncio
import hashlib
import io
import logging
import os
import struct
import threading
import zlib
from pathlib import Path
from typing import BinaryIO

import pytest
from PIL import Image, ImageCms, features

from msrv.catalog import artwork as artwork_room
from msrv.catalog.artwork import WIDTHS, Covers, NoSuchWidth
from msrv.catalog.model import Artwork
from msrv.catalog.pictures import NotAPicture, measure
from msrv.storage.local import Folder
from msrv.storage.model import Changed, Content, Gone
from tests.waiting import until

RED = (200, 20, 30)
ORIENTATION = 0x0112


class Shelf:
    """A library of pictures in a temporary folder."""

    def __init__(self, root: Path) -> None:
        self.root = root / "library"
        self.root.mkdir()
        self.cache = root / "cache"
        self.covers = Covers(Folder(self.root), self.cache)

    def put(self, data: bytes, name: str = "cover.png") -> Artwork:
        path = self.root / name
        path.write_bytes(data)
        status = path.stat()
        content = Content(
            path=name,
            size_bytes=status.st_size,
            mtime_ns=status.st_mtime_ns,
            sha256=hashlib.sha256(data).digest(),
            crc32=zlib.crc32(data),
            media_type="image/png",
        )
        try:
            facts = measure(path)
        except NotAPicture:
            return Artwork(content, 1000, 1000, "#000000")
        return Artwork(content, facts.width, facts.height, facts.colour)

    async def shown(self, data: bytes, width: int = 160) -> Image.Image:
        picture = await self.covers.cover(self.put(data), width)
        return Image.open(io.BytesIO(picture.data))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def saved(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def near(seen: object, wanted: tuple[int, int, int], within: int = 12) -> bool:
    assert isinstance(seen, tuple)
    return all(abs(a - b) <= within for a, b in zip(seen, wanted, strict=True))


def turned(orientation: int) -> bytes:
    """Give 40 x 20 stored pixels, red on their left half, blue right."""
    image = Image.new("RGB", (40, 20), (0, 0, 255))
    image.paste((255, 0, 0), (0, 0, 20, 20))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return saved(image, "JPEG", quality=95, subsampling=0, exif=exif)


def test_measures_size_and_main_colour(tmp_path: Path) -> None:
    # Else a page jumps as covers come, on a colour that isn't theirs.
    image = Image.new("RGB", (300, 200), RED)
    image.paste((255, 255, 255), (0, 0, 90, 90))
    path = tmp_path / "cover"
    path.write_bytes(saved(image))
    facts = measure(path)
    assert (facts.width, facts.height) == (300, 200)
    assert near(tuple(bytes.fromhex(facts.colour[1:])), RED)


@pytest.mark.parametrize(
    ("mode", "form"),
    [
        ("1", "PNG"),
        ("L", "PNG"),
        ("LA", "PNG"),
        ("P", "PNG"),
        ("RGBA", "PNG"),
        ("I;16", "PNG"),
        ("L", "JPEG"),
        ("CMYK", "JPEG"),
        ("RGB", "WEBP"),
        ("RGBA", "WEBP"),
        ("P", "GIF"),
    ],
)
async def test_every_kind_of_picture_is_shown(
    shelf: Shelf, mode: str, form: str
) -> None:
    # Else a seller's cover, fine in every viewer, is missing in the store.
    if mode == "I;16":
        white = Image.new("I;16", (200, 100), 65535)
    else:
        white = Image.new("RGB", (200, 100), (255, 255, 255)).convert(mode)
    data = saved(white, form)
    shown = await shelf.shown(data)
    assert shown.format == "WEBP"
    assert shown.size == (160, 80)
    assert near(shown.convert("RGB").getpixel((80, 40)), (255, 255, 255))
    assert shelf.put(data).colour >= "#f0"


async def test_sixteen_bits_of_grey_stay_grey(shelf: Shelf) -> None:
    # Else a scanned cover is a white square.
    shown = await shelf.shown(saved(Image.new("I;16", (9, 9), 0x8080)))
    assert near(shown.getpixel((4, 4)), (128, 128, 128))


async def test_transparent_parts_are_black(shelf: Shelf) -> None:
    # Else whatever colour hides under nothing shows up around a logo.
    image = Image.new("RGBA", (100, 100), (255, 255, 255, 0))
    image.paste((*RED, 255), (0, 0, 30, 100))
    image.paste((200, 200, 200, 128), (30, 0, 60, 100))
    shown = await shelf.shown(saved(image))
    assert near(shown.getpixel((45, 50)), (100, 100, 100))
    assert shown.mode == "RGB"
    assert near(shown.getpixel((90, 50)), (0, 0, 0))
    assert near(shown.getpixel((10, 50)), RED)


async def test_transparent_palette_is_black(shelf: Shelf) -> None:
    # Else an old GIF logo stands on a random colour.
    image = Image.new("P", (100, 100), 1)
    image.putpalette([255, 255, 255, *RED])
    image.paste(0, (50, 0, 100, 100))
    shown = await shelf.shown(saved(image, "GIF", transparency=0))
    assert near(shown.getpixel((90, 50)), (0, 0, 0))
    assert near(shown.getpixel((10, 50)), RED)


@pytest.mark.parametrize(
    ("orientation", "size", "red_at"),
    [
        (1, (40, 20), (5, 10)),
        (2, (40, 20), (35, 10)),
        (3, (40, 20), (35, 10)),
        (4, (40, 20), (5, 10)),
        (5, (20, 40), (10, 5)),
        (6, (20, 40), (10, 5)),
        (7, (20, 40), (10, 35)),
        (8, (20, 40), (10, 35)),
        (9, (40, 20), (5, 10)),
    ],
)
async def test_photographs_are_upright(
    shelf: Shelf,
    orientation: int,
    size: tuple[int, int],
    red_at: tuple[int, int],
) -> None:
    # Else a photographed cover lies on its side.
    data = turned(orientation)
    artwork = shelf.put(data)
    assert (artwork.width, artwork.height) == size
    shown = await shelf.shown(data)
    assert shown.size == size
    assert near(shown.getpixel(red_at), (255, 0, 0), within=40)


async def test_nothing_but_pixels_is_shown(shelf: Shelf) -> None:
    # Else where a seller lives is in the picture of their record.
    exif = Image.Exif()
    exif[0x010E] = "the seller's kitchen"
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    data = saved(
        Image.new("RGB", (50, 50), RED),
        "JPEG",
        exif=exif,
        icc_profile=srgb.tobytes(),
        comment=b"kitchen",
    )
    assert b"kitchen" in data
    shown = await shelf.shown(data)
    assert (
        b"kitchen" not in (await shelf.covers.cover(shelf.put(data), 160)).data
    )
    assert not {"exif", "icc_profile", "xmp"} & set(shown.info)


async def test_profiles_are_applied(shelf: Shelf) -> None:
    # Else a cover made in other colours looks pale in the store.
    srgb = ImageCms.createProfile("sRGB")
    image = Image.new("RGB", (50, 50), (180, 90, 40))
    profile = bytearray(ImageCms.ImageCmsProfile(srgb).tobytes())
    # Swap what red and blue mean, by the names in the table of tags.
    for place in range(128, 400):
        if profile[place : place + 4] == b"rXYZ":
            profile[place : place + 4] = b"bXYZ"
        elif profile[place : place + 4] == b"bXYZ":
            profile[place : place + 4] = b"rXYZ"
    data = saved(image, icc_profile=bytes(profile))
    shown = await shelf.shown(data)
    assert near(shown.getpixel((25, 25)), (40, 90, 180), within=30)


@pytest.mark.parametrize("profile", [b"junk", b"\0" * 200])
async def test_a_broken_profile_is_no_profile(
    shelf: Shelf, profile: bytes
) -> None:
    # Else a cover is missing for a fault that no other program minds.
    data = saved(Image.new("RGB", (50, 50), RED), "JPEG", icc_profile=profile)
    shown = await shelf.shown(data)
    assert near(shown.getpixel((25, 25)), RED)
    assert "icc_profile" not in shown.info


async def test_a_profile_for_other_colours_is_no_profile(
    shelf: Shelf,
) -> None:
    # Else a grey cover that carries a colour profile is missing.
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    image = Image.new("L", (50, 50), 99)
    shown = await shelf.shown(saved(image, icc_profile=srgb.tobytes()))
    assert near(shown.getpixel((25, 25)), (99, 99, 99))


async def test_a_moving_picture_stands_still(shelf: Shelf) -> None:
    # Else a page flickers, or the cover is the last frame.
    frames = [Image.new("RGB", (50, 50), c) for c in (RED, (0, 0, 255))]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    shown = await shelf.shown(data)
    assert getattr(shown, "n_frames", 1) == 1
    assert near(shown.getpixel((25, 25)), RED)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1)])
async def test_odd_sizes_are_shown(
    shelf: Shelf, size: tuple[int, int]
) -> None:
    # Else a spacer that someone named cover.png breaks its release's page.
    shown = await shelf.shown(saved(Image.new("RGB", size, RED)), 160)
    assert max(shown.size) == min(160, max(size))
    assert min(shown.size) == 1


def bomb(side: int) -> bytes:
    """Give a small PNG that says it is `side` pixels square."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checked = name + data
        length = struct.pack(">I", len(data))
        return length + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


GOOD_JPEG = saved(Image.effect_noise((400, 400), 50), "JPEG")
GOOD_PNG = saved(Image.effect_noise((400, 400), 50))
BROKEN = {
    "empty": b"",
    "text": b"not a picture at all",
    "truncated JPEG": GOOD_JPEG[: len(GOOD_JPEG) // 2],
    "truncated PNG": GOOD_PNG[: len(GOOD_PNG) // 2],
    "only a JPEG's beginning": GOOD_JPEG[:20],
    "PostScript, that would start a program": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "a form that no cover comes in": saved(Image.new("L", (9, 9)), "TIFF"),
}
BOMBS = {
    "our bound": 7100,
    "where Pillow warns": 11_000,
    "where Pillow refuses": 60_000,
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
async def test_what_cannot_be_shown_says_so(shelf: Shelf, data: bytes) -> None:
    # Else one bad file stops the library from being read, or eats memory.
    artwork = shelf.put(data)
    with pytest.raises(NotAPicture) as caught:
        measure(shelf.root / "cover.png")
    assert caught.value.reason
    with pytest.raises(NotAPicture):
        await shelf.covers.cover(artwork, 160)
    assert not shelf.cache.exists()


@pytest.mark.skipif(
    not features.check("avif"), reason="this Pillow reads no AVIF"
)
async def test_a_damaged_avif_says_so(shelf: Shelf) -> None:
    # Else one bad file stops the library from being read.
    data = saved(Image.effect_noise((64, 64), 50), "AVIF")
    begin = data.index(b"mdat") + 4
    shelf.put(data[:begin] + bytes(len(data) - begin))
    with pytest.raises(NotAPicture):
        measure(shelf.root / "cover.png")


@pytest.mark.parametrize("side", BOMBS.values(), ids=BOMBS)
async def test_what_is_too_large_is_not_read(shelf: Shelf, side: int) -> None:
    # Else a file of a kilobyte takes all the memory there is.
    artwork = shelf.put(bomb(side))
    with pytest.raises(NotAPicture, match="pixels"):
        measure(shelf.root / "cover.png")
    with pytest.raises(NotAPicture, match="pixels"):
        await shelf.covers.cover(artwork, 160)


def test_a_missing_file_is_the_disks_matter(tmp_path: Path) -> None:
    # Else an operator whose disk fails is told that the picture is broken.
    with pytest.raises(FileNotFoundError):
        measure(tmp_path / "none")


@pytest.mark.parametrize(
    ("width", "size"),
    [(160, (160, 80)), (320, (320, 160)), (640, (500, 250))],
)
async def test_fits_its_width_and_is_never_enlarged(
    shelf: Shelf, width: int, size: tuple[int, int]
) -> None:
    # Else covers are cropped, blurred, or larger than they need be.
    data = saved(Image.new("RGB", (500, 250), RED))
    assert (await shelf.shown(data, width)).size == size


async def test_widths_beyond_the_original_are_one_copy(shelf: Shelf) -> None:
    # Else a small disk fills with the same small picture over and over.
    artwork = shelf.put(saved(Image.new("RGB", (100, 100), RED)))
    copies = [await shelf.covers.cover(artwork, width) for width in WIDTHS]
    assert len({copy.etag for copy in copies}) == 1
    assert len(list(shelf.cache.iterdir())) == 1


@pytest.mark.parametrize("width", [0, -1, 161, 10**9])
async def test_no_other_width_is_made(shelf: Shelf, width: int) -> None:
    # Else anyone can keep the machine busy and fill its disk.
    artwork = shelf.put(saved(Image.new("RGB", (500, 500), RED)))
    with pytest.raises(NoSuchWidth):
        await shelf.covers.cover(artwork, width)


async def test_a_picture_that_changed_is_not_shown(shelf: Shelf) -> None:
    # Else the cache keeps one picture under the name of another.
    artwork = shelf.put(saved(Image.new("RGB", (500, 500), RED)))
    path = shelf.root / "cover.png"
    path.write_bytes(saved(Image.new("RGB", (50, 50), RED)))
    with pytest.raises(Changed):
        await shelf.covers.cover(artwork, 160)
    path.unlink()
    with pytest.raises(Gone):
        await shelf.covers.cover(artwork, 160)


async def test_kept_in_memory_and_on_disk(shelf: Shelf) -> None:
    # Else each visitor waits for the same cover to be made again.
    artwork = shelf.put(saved(Image.new("RGB", (500, 500), RED)))
    first = await shelf.covers.cover(artwork, 160)
    assert first.media_type == "image/webp"
    (shelf.root / "cover.png").unlink()
    assert await shelf.covers.cover(artwork, 160) is first
    restarted = Covers(Folder(shelf.root), shelf.cache)
    assert await restarted.cover(artwork, 160) == first
    assert [path.suffix for path in shelf.cache.iterdir()] == [".webp"]


async def test_memory_is_bounded(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else a large library's covers grow the store until it is killed.
    arts = [
        shelf.put(saved(Image.new("RGB", (9, 9), (n, n, n))), f"{n}.png")
        for n in range(5)
    ]
    size = len((await shelf.covers.cover(arts[0], 160)).data)
    monkeypatch.setattr(artwork_room, "_HOT_BYTES", size * 3)
    for art in [*arts, arts[2], arts[0]]:
        await shelf.covers.cover(art, 160)
    held = [each.data for each in shelf.covers._hot.values()]
    assert sum(map(len, held)) == shelf.covers._hot_bytes <= size * 3
    assert (arts[0].content.sha256, 160) in shelf.covers._hot
    assert (arts[3].content.sha256, 160) not in shelf.covers._hot


class Gate:
    """A library whose files open only when the test says so."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.open_now = threading.Event()
        self.waiting = 0
        self.most = 0
        self.opened = 0
        self.lock = threading.Lock()

    def open(self, content: Content) -> BinaryIO:
        with self.lock:
            self.opened += 1
            self.waiting += 1
            self.most = max(self.most, self.waiting)
        assert self.open_now.wait(20)
        with self.lock:
            self.waiting -= 1
        return self.folder.open(content)


async def test_one_making_for_all_who_ask(shelf: Shelf) -> None:
    # Else a new release's first visitors make its cover a hundred times,
    # and one who closes the page takes it from the others.
    artwork = shelf.put(saved(Image.new("RGB", (500, 500), RED)))
    gate = Gate(Folder(shelf.root))
    covers = Covers(gate, shelf.cache)
    asked = [
        asyncio.create_task(covers.cover(artwork, 160)) for _ in range(20)
    ]
    await until(lambda: gate.opened == 1)
    asked[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked[0]
    gate.open_now.set()
    pictures = await asyncio.gather(*asked[1:])
    assert len({id(picture) for picture in pictures}) == 1
    assert gate.opened == 1


async def test_two_at_a_time(shelf: Shelf) -> None:
    # Else a page of covers takes all the memory and threads there are.
    arts = [
        shelf.put(saved(Image.new("RGB", (9, 9), (n, n, n))), f"{n}.png")
        for n in range(6)
    ]
    gate = Gate(Folder(shelf.root))
    covers = Covers(gate, shelf.cache)
    asked = [asyncio.create_task(covers.cover(art, 160)) for art in arts]
    await until(lambda: gate.waiting == 2)
    gate.open_now.set()
    await asyncio.gather(*asked)
    assert gate.most == 2
    assert gate.opened == 6


async def test_closing_waits_for_the_work(shelf: Shelf) -> None:
    # Else a stop leaves a half-written file and a warning behind.
    artwork = shelf.put(saved(Image.new("RGB", (500, 500), RED)))
    gate = Gate(Folder(shelf.root))
    covers = Covers(gate, shelf.cache)
    asked = asyncio.create_task(covers.cover(artwork, 160))
    await until(lambda: gate.opened == 1)
    asked.cancel()
    gate.open_now.set()
    await covers.aclose()
    assert not covers._making
    assert len(list(shelf.cache.iterdir())) == 1


async def test_without_a_disk_covers_are_still_shown(
    shelf: Shelf,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Else a full disk empties the store's pages, or fills its log.
    def full(_descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    artwork = shelf.put(saved(Image.new("RGB", (500, 500), RED)))
    with caplog.at_level(logging.WARNING):
        for width in WIDTHS:
            assert (await shelf.covers.cover(artwork, width)).data
    assert len(caplog.records) == 1
    assert os.strerror(28) in caplog.text
    assert list(shelf.cache.iterdir()) == []


async def test_a_cache_that_cannot_be_made_is_done_without(
    shelf: Shelf,
) -> None:
    # Else a read-only container has no covers.
    shelf.cache.write_bytes(b"a file in its place")
    artwork = shelf.put(saved(Image.new("RGB", (500, 500), RED)))
    assert (await shelf.covers.cover(artwork, 160)).data

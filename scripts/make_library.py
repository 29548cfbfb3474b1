# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Generate a large library of tiny files, for tests and for benchmarks.

    python -m scripts.make_library FOLDER --releases 500 --artists 120

The files are real and a few kilobytes each: FLAC of silence with the length
of songs, PDF, EPUB, WAV, Matroska and ZIP. Numbers and titles depend on the
arguments alone, so that each run writes the same bytes. Titles are in several
languages and scripts.
"""

import argparse
import colorsys
import io
import os
import random
import struct
import wave
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

SEED: Final = 20_260_306
FIRST_DAY: Final = date(2010, 1, 1)
DAYS: Final = 6000
CURRENCY: Final = "EUR"

_RATE: Final = 8000
_BLOCK: Final = 65_535
"""Samples in a frame of FLAC, the most that there can be."""

WORDS: Final[dict[str, tuple[Sequence[str], Sequence[str]]]] = {
    "en": (
        ("Quiet", "Late", "Paper", "Second", "Copper", "Slow", "Borrowed"),
        ("Weather", "Station", "Harbour", "Signals", "Winter", "Rooms"),
    ),
    "de": (
        ("Leise", "Späte", "Gläserne", "Zweite", "Lange", "Übrige"),
        ("Straßen", "Nächte", "Gezeiten", "Fähren", "Umwege", "Zimmer"),
    ),
    "fr": (
        ("Petites", "Dernières", "Drôles", "Fausses", "Longues"),
        ("marées", "fenêtres", "saisons", "lumières", "dérives"),
    ),
    "pl": (
        ("Ciche", "Późne", "Żółte", "Dłuższe", "Ostatnie"),
        ("wieczory", "światła", "drogi", "przystanki", "śniegi"),
    ),
    "ja": (
        ("静かな", "遠い", "夜の", "青い", "古い", "最後の"),
        ("駅", "海", "天気", "手紙", "窓", "電車"),
    ),
    "ar": (
        ("ليل", "بحر", "مطر", "ضوء", "صوت"),
        ("المدينة", "الشتاء", "الميناء", "الصباح", "الطريق"),
    ),
}
"""Beginnings and ends of titles, by language."""

GENRES: Final = (
    *("Ambient", "Dub", "Drone", "Folk", "Jazz", "Techno", "Noise", "Pop"),
    *("Post-Rock", "Drum & Bass", "Chanson", "電子音楽", "Field Recording"),
)
TAGS: Final = (
    *("live", "rainy day", "tape", "solo", "remix", "winter", "limited"),
    *("acoustic", "instrumental", "loops", "debut", "Überraschung", "طرب"),
)
KEYS: Final = ("A minor", "C", "F# minor", "E flat", "G")


@dataclass(frozen=True, slots=True)
class Plan:
    """Plan of one release."""

    number: int
    artist: str
    title: str
    language: str
    day: date
    genres: Sequence[str]
    tags: Sequence[str]
    price_minor: int
    dice: random.Random


def main() -> None:
    """Write the library, and print what is in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--releases", type=int, default=500)
    parser.add_argument("--artists", type=int, default=120)
    asked = parser.parse_args()
    count = make_library(asked.folder, asked.releases, asked.artists)
    print(f"{asked.releases:,} releases, {count:,} files in {asked.folder}")


def make_library(folder: Path, releases: int, artists: int) -> int:
    """Write a library; return the number of files in it."""
    folder.mkdir(parents=True, exist_ok=True)
    store = (
        f'name = "Harbour Records"\ncurrency = "{CURRENCY}"\n'
        '[prices]\nitem = "1.00"\n'
    )
    (folder / "store.toml").write_text(store, encoding="utf-8")
    names = [_artist(number) for number in range(artists)]
    count = 0
    for number in range(releases):
        plan = _plan(number, names[number % artists])
        make = _MAKERS[number % len(_MAKERS)]
        files, details = make(plan)
        files["release.toml"] = _release_toml(plan, details).encode()
        if number % 5:
            files["cover.png"] = _cover(plan)
        home = folder / f"{number:04d} {plan.title}"
        home.mkdir(exist_ok=True)
        at = datetime(*plan.day.timetuple()[:3], tzinfo=UTC).timestamp()
        for name, data in files.items():
            path = home / name
            path.write_bytes(data)
            os.utime(path, (at, at))
        count += len(files)
    return count


def _artist(number: int) -> str:
    dice = random.Random(f"{SEED} artist {number}")  # noqa: S311 - no secret
    firsts, lasts = WORDS[list(WORDS)[number % len(WORDS)]]
    name = f"{dice.choice(firsts)} {dice.choice(lasts)}"
    return f"The {name} {number}" if number % 7 == 0 else f"{name} {number}"


def _plan(number: int, artist: str) -> Plan:
    dice = random.Random(f"{SEED} release {number}")  # noqa: S311 - no secret
    language = list(WORDS)[number % len(WORDS)]
    firsts, lasts = WORDS[language]
    space = "" if language == "ja" else " "
    return Plan(
        number,
        artist,
        f"{dice.choice(firsts)}{space}{dice.choice(lasts)}",
        language,
        FIRST_DAY + timedelta(days=dice.randrange(DAYS)),
        dice.sample(GENRES, dice.randint(1, 2)),
        dice.sample(TAGS, dice.randint(0, 3)),
        dice.randrange(0, 2000, 50),
        dice,
    )


def _release_toml(plan: Plan, details: dict[str, str]) -> str:
    texts = {
        "title": plan.title,
        "artist": plan.artist,
        "date": plan.day.isoformat(),
        "language": plan.language,
        "description": f"Number {plan.number} of the catalog.",
        **details,
    }
    lines = [f"{key} = {_quoted(text)}" for key, text in texts.items()]
    for key, names in (("genres", plan.genres), ("tags", plan.tags)):
        lines.append(f"{key} = [{', '.join(map(_quoted, names))}]")
    price = f'"{plan.price_minor // 100}.{plan.price_minor % 100:02d}"'
    lines.append(f"price = {price}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


Made = tuple[dict[str, bytes], dict[str, str]]
"""Files by name, and further keys of release.toml."""


def _record(plan: Plan, tracks: int) -> Made:
    firsts, lasts = WORDS[plan.language]
    files = {}
    for number in range(1, tracks + 1):
        title = f"{plan.dice.choice(lasts)} {plan.dice.choice(firsts)}"
        tags = {
            "TITLE": title,
            "ARTIST": plan.artist,
            "ALBUM": plan.title,
            "TRACKNUMBER": str(number),
            "DATE": plan.day.isoformat(),
        }
        seconds = plan.dice.randint(90, 290)
        files[f"{number:02d} {title}.flac"] = flac(seconds, tags)
    return files, {
        "label": "Harbour Records",
        "catalog_number": f"HBR {plan.number:03d}",
    }


def _album(plan: Plan) -> Made:
    return _record(plan, plan.dice.randint(7, 9))


def _ep(plan: Plan) -> Made:
    return _record(plan, plan.dice.randint(4, 5))


def _single(plan: Plan) -> Made:
    return _record(plan, plan.dice.randint(1, 2))


def _book(plan: Plan) -> Made:
    pages = plan.dice.randint(8, 240)
    files = {"Book.pdf": pdf(pages), "Book.epub": epub(plan.title)}
    return files, {"licence": "CC BY 4.0"}


def _sample_pack(plan: Plan) -> Made:
    files = {
        f"{name} {letter}.wav": wav(plan.dice.randint(100, 900), plan.number)
        for name in ("Kick", "Snare", "Rain", "Door")
        for letter in "ABC"
    }
    low = plan.dice.randrange(70, 120, 5)
    return files, {
        "kind": "sample-pack",
        "tempo": f"{low}-{low + 40}",
        "key": plan.dice.choice(KEYS),
        "licence": "royalty-free",
    }


def _video(plan: Plan) -> Made:
    return {"Film.mkv": matroska(plan.dice.randint(60, 7000))}, {}


def _software(plan: Plan) -> Made:
    data = zipped({"README.txt": f"{plan.title}\n".encode(), "run": b"#!\n"})
    version = f"{plan.dice.randint(0, 3)}.{plan.dice.randint(0, 9)}"
    return {"Program.zip": data}, {"kind": "software", "version": version}


_MAKERS: Final[Sequence[Callable[[Plan], Made]]] = (
    *(_album, _single, _ep, _book, _single, _album, _sample_pack, _single),
    *(_ep, _video, _single, _album, _software, _single, _book, _ep),
)


def _cover(plan: Plan) -> bytes:
    """Return a picture of the release's own colours."""
    hue = plan.dice.random()
    dark, light = (
        tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue, s, v))
        for s, v in ((0.7, 0.3), (0.5, 0.9))
    )
    picture = Image.new("RGB", (400, 400), dark)
    draw = ImageDraw.Draw(picture)
    for _ in range(4):
        left, top = plan.dice.randrange(320), plan.dice.randrange(320)
        size = plan.dice.randrange(40, 200)
        draw.ellipse((left, top, left + size, top + size), fill=light)
    data = io.BytesIO()
    picture.quantize(4).save(data, "PNG")
    return data.getvalue()


def flac(seconds: int, tags: dict[str, str]) -> bytes:
    """Return silence with Vorbis comments (RFC 9639): constant subframes."""
    samples = seconds * _RATE
    packed = _RATE << 44 | 0 << 41 | 7 << 36 | samples
    info = struct.pack(">HH", _BLOCK, _BLOCK) + bytes(6)
    info += packed.to_bytes(8) + bytes(16)
    fields = [f"{name}={text}".encode() for name, text in tags.items()]
    comment = struct.pack("<II", 0, len(fields)) + b"".join(
        struct.pack("<I", len(field)) + field for field in fields
    )
    data = b"fLaC" + bytes([0]) + len(info).to_bytes(3) + info
    data += bytes([0x84]) + len(comment).to_bytes(3) + comment
    for number, at in enumerate(range(0, samples, _BLOCK)):
        size = min(_BLOCK, samples - at)
        # Fixed block size, 8 kHz, mono, 8 bits, a 16-bit size of the block.
        head = b"\xff\xf8\x74\x02" + chr(number).encode()
        head += (size - 1).to_bytes(2)
        frame = head + bytes([_crc(head, 8, 0x07)]) + bytes(2)
        data += frame + _crc(frame, 16, 0x8005).to_bytes(2)
    return data


def _crc(data: bytes, width: int, polynomial: int) -> int:
    crc, top = 0, 1 << width - 1
    for byte in data:
        crc ^= byte << width - 8
        for _ in range(8):
            crc = crc << 1 ^ (polynomial if crc & top else 0)
        crc &= (1 << width) - 1
    return crc


def wav(milliseconds: int, number: int) -> bytes:
    """Return a constant tone of 8 bits, which differs by number."""
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(1000)
        file.writeframes(bytes([number % 256]) * milliseconds)
    return data.getvalue()


def pdf(pages: int) -> bytes:
    """Return a PDF of empty pages."""
    kids = b" ".join(b"%d 0 R" % (3 + page) for page in range(pages))
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%b]/Count %d>>" % (kids, pages),
        *[b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 400]>>"] * pages,
    ]
    data, places = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return data + (
        b"xref\n0 %d\n0000000000 65535 f \n%btrailer\n<</Size %d/Root 1 0 R>>"
        b"\nstartxref\n%d\n%%%%EOF\n"
    ) % (len(bodies) + 1, table, len(bodies) + 1, len(data))


def epub(title: str) -> bytes:
    """Return a ZIP with the parts that make it an EPUB."""
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" '
        'version="1.0"><rootfiles><rootfile full-path="book.opf" media-type='
        '"application/oebps-package+xml"/></rootfiles></container>'
    )
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>'
        f"{title}</dc:title></metadata><manifest/><spine/></package>"
    )
    return zipped(
        {
            "mimetype": b"application/epub+zip",
            "META-INF/container.xml": container.encode(),
            "book.opf": package.encode(),
        }
    )


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a ZIP of files, all of one date."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return data.getvalue()


def matroska(seconds: int) -> bytes:
    """Return Matroska of a length, without a picture in it (RFC 9559)."""
    kind = _element("4282", b"matroska")
    info = _element("2ad7b1", (1_000_000).to_bytes(3))
    info += _element("4489", struct.pack(">d", seconds * 1000.0))
    segment = _element("1549a966", info)
    return _element("1a45dfa3", kind) + _element("18538067", segment)


def _element(name: str, data: bytes) -> bytes:
    return bytes.fromhex(name) + (1 << 56 | len(data)).to_bytes(8) + data


if __name__ == "__main__":
    main()

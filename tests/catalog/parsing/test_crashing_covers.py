# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Libraries with a cover that crashes its parser."""

from pathlib import Path

from msrv.catalog.library.file_index import FileIndex
from msrv.catalog.library.loader import LoadedLibrary, load_library
from msrv.catalog.parsing.crash_marks import RETRY_SECONDS, CrashMarks
from msrv.catalog.parsing.parser import Parser, _picture_key
from tests.catalog.parsing import hostile_parser
from tests.catalog.temporary_library import Library, problems

COLOUR = "{'picture': {'width': 9, 'height': 9, 'colour': '#102030'}}"


class Clock:
    """Unix time, as a test sets it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def put(library: Library, code: str) -> None:
    library.put("R/book.pdf", b"%PDF-1.4 words %%EOF")
    library.put("R/cover.jpg", code)


def read(
    library: Library, parser: Parser, previous: LoadedLibrary | None = None
) -> LoadedLibrary:
    with FileIndex.open(library.data) as index:
        return load_library(library.root, index, previous, parser=parser)


def test_release_is_offered_without_a_crashing_cover(
    library: Library,
) -> None:
    put(library, "import ctypes; ctypes.string_at(0)")
    with hostile_parser.create(library.data) as parser:
        first = read(library, parser)
        assert parser._process is None
        again = read(library, parser, first)
        # Nor is it tried again at each look.
        assert parser._process is None
    for reading in (first, again):
        (release,) = reading.catalog.releases
        assert release.cover is None
        assert len(release.items) == 1
        assert problems(reading) == [
            "R/cover.jpg: crashes its parser (SIGSEGV); not shown"
        ]
    put(library, f"answer = ({COLOUR},)")
    with hostile_parser.create(library.data) as parser:
        mended = read(library, parser, again)
    (release,) = mended.catalog.releases
    assert release.cover is not None
    assert problems(mended) == []


def test_cover_is_retried_after_a_chance_crash(
    library: Library, tmp_path: Path
) -> None:
    clock = Clock()
    put(library, f"answer = ({COLOUR},)")
    marks = CrashMarks(tmp_path / "marks", versions=str, clock=clock)
    key = _picture_key(hostile_parser.sha256(f"answer = ({COLOUR},)"))
    marks.record(key, "was being read when the store died", by_chance=True)
    with hostile_parser.create(marks=marks) as parser:
        first = read(library, parser)
    assert problems(first) == [
        "R/cover.jpg: was being read when the store died; not shown"
    ]
    marks = CrashMarks(tmp_path / "marks", versions=str, clock=clock)
    with hostile_parser.create(marks=marks) as parser:
        second = read(library, parser, first)
        assert problems(second) == problems(first)
        assert parser._process is None
        assert not parser.is_retry_due()
        clock.now += RETRY_SECONDS[0] + 1
        assert parser.is_retry_due()
        third = read(library, parser, second)
    assert problems(third) == []
    (release,) = third.catalog.releases
    assert release.cover is not None

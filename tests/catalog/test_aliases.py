# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Aliases: former ids lead to the same work, or to nothing."""

import pytest

from msrv.catalog.id_history import IdHistory
from msrv.catalog.library.file_index import FileIndex
from msrv.catalog.model import Catalog
from msrv.catalog.names import ids
from tests.catalog.renamed_libraries import (
    BUS,
    FIRST,
    SECOND,
    item,
    paths,
    read,
    release,
)
from tests.catalog.shared_parser import load_library
from tests.catalog.temporary_library import Library, problems, tagged_wav, wav


def test_renamed_file_keeps_its_old_id_as_an_alias(bus: Library) -> None:
    (bus.root / "Bus/01 A.wav").rename(bus.root / "Bus/01 Departure.wav")
    reading = read(bus, None, FIRST)
    found = item(reading, FIRST)
    assert found.content.path == "Bus/01 Departure.wav"
    assert (found.item_id, found.release_id) == (FIRST, BUS)
    # Only its new id is for sale.
    assert found.hidden
    new = ids.item_id(BUS, "01 Departure.wav")
    assert reading.catalog.moved[FIRST] == new
    assert not item(reading, new).hidden
    assert problems(reading) == []
    assert (
        "Bus/01 A.wav was renamed or moved to Bus/01 Departure.wav: "
        f"purchases of {FIRST} are delivered from there"
    ) in reading.notes


def test_renamed_folder_keeps_its_old_ids_as_aliases(bus: Library) -> None:
    (bus.root / "Bus").rename(bus.root / "Night Bus")
    bus.put("Night Bus/03 C.wav", wav(3))
    reading = read(bus, None, FIRST, BUS)
    new = ids.release_id("Night Bus")
    assert item(reading, FIRST).content.path == "Night Bus/01 A.wav"
    assert item(reading, SECOND).content.path == "Night Bus/02 B.wav"
    whole = release(reading, BUS)
    assert whole.hidden
    assert paths(whole) == paths(release(reading, new))
    assert reading.catalog.moved[BUS] == new
    # A refund of the whole revokes the links to its parts, by any id.
    part = ids.item_id(new, "01 A.wav")
    assert set(reading.catalog.releases_with(part)) == {new, BUS}
    assert reading.catalog.releases_with(FIRST) == (BUS,)
    assert problems(reading) == []
    assert reading.notes[-1] == (
        "Bus was renamed or moved to Night Bus: purchases of "
        f"{', '.join(sorted((FIRST, BUS)))} are delivered from there"
    )


def test_changed_id_in_release_toml_keeps_the_old_one_as_an_alias(
    bus: Library,
) -> None:
    bus.put("Bus/release.toml", 'id = "night-bus"')
    reading = read(bus)
    assert paths(release(reading, BUS)) == ["Bus/01 A.wav", "Bus/02 B.wav"]
    assert item(reading, FIRST).content.path == "Bus/01 A.wav"


def test_aliases_survive_a_second_rename(bus: Library) -> None:
    for old, new in (("Bus", "Coach"), ("Coach", "Tram")):
        (bus.root / old).rename(bus.root / new)
        reading = read(bus)
    assert item(reading, FIRST).content.path == "Tram/01 A.wav"
    assert release(reading, BUS).folder == "Tram"
    assert release(reading, ids.release_id("Coach")).folder == "Tram"


def test_alias_survives_a_change_of_tags(bus: Library) -> None:
    (bus.root / "Bus").rename(bus.root / "Coach")
    read(bus)
    bus.put("Coach/01 A.wav", tagged_wav(1, title="Departure"))
    read(bus)
    (bus.root / "Coach").rename(bus.root / "Tram")
    assert item(read(bus), FIRST).content.path == "Tram/01 A.wav"


def test_alias_never_leads_to_another_work(bus: Library) -> None:
    (bus.root / "Bus").rename(bus.root / "Coach")
    read(bus)
    bus.put("Coach/01 A.wav", _longer(77))
    bus.put("Other/01 A.wav", wav(79))
    reading = read(bus, None, FIRST)
    assert FIRST not in reading.catalog.by_id
    (problem,) = problems(reading)
    assert problem == (
        f"Bus/01 A.wav: was sold as {FIRST} (A) but is no longer in the "
        "library: its buyers can't download it"
    )


def _longer(mark: int) -> bytes:
    """Write a sound that is twice as long as the others."""
    data = bytearray(wav(mark))
    data += bytes([mark]) * 50
    data[4:8] = (len(data) - 8).to_bytes(4, "little")
    data[40:44] = (len(data) - 44).to_bytes(4, "little")
    return bytes(data)


def test_replaced_file_keeps_its_id(bus: Library) -> None:
    bus.put("Bus/01 A.wav", wav(42))
    reading = read(bus, None, FIRST)
    assert item(reading, FIRST).content.path == "Bus/01 A.wav"
    assert not item(reading, FIRST).hidden
    assert problems(reading) == []


@pytest.mark.parametrize(
    ("copies", "expected"),
    [
        (["X/z.wav", "Y/01 A.wav"], "Y/01 A.wav"),
        (["X/a.wav", "Y/b.wav"], "X/a.wav"),
        (["Y/01 A.wav", "X/01 A.wav"], "X/01 A.wav"),
    ],
)
def test_alias_prefers_the_likeliest_of_several_copies(
    bus: Library, copies: list[str], expected: str
) -> None:
    (bus.root / "Bus/01 A.wav").unlink()
    for path in copies:
        bus.put(path, wav(1))
    assert item(read(bus), FIRST).content.path == expected


def test_alias_prefers_a_copy_in_a_release_of_the_same_title(
    bus: Library,
) -> None:
    (bus.root / "Bus").rename(bus.root / "Z")
    bus.put("Z/release.toml", 'title = "Bus"')
    bus.put("A sampler/01 A.wav", wav(1))
    assert item(read(bus), FIRST).content.path == "Z/01 A.wav"


def test_release_merged_into_a_larger_one_keeps_its_own_items(
    bus: Library,
) -> None:
    for name in ("01 A.wav", "02 B.wav"):
        bus.put(f"Works/{name}", (bus.root / "Bus" / name).read_bytes())
        (bus.root / "Bus" / name).unlink()
    for number in range(3, 9):
        bus.put(f"Works/0{number}.wav", wav(number))
    reading = read(bus)
    whole = release(reading, BUS)
    assert paths(whole) == ["Works/01 A.wav", "Works/02 B.wav"]
    assert whole.title == "Bus"
    assert [each.item_id for each in whole.items] == [FIRST, SECOND]


@pytest.mark.parametrize(("kept", "is_found"), [(1, False), (2, True)])
def test_release_is_resolved_by_more_than_half_of_its_items(
    library: Library, kept: int, *, is_found: bool
) -> None:
    library.release("Bus", {"03 C.wav": wav(3)})
    read(library)
    for number in range(kept, 3):
        name = ("01 A.wav", "02 B.wav", "03 C.wav")[number]
        (library.root / "Bus" / name).unlink()
    (library.root / "Bus").rename(library.root / "Coach")
    reading = read(library, None, BUS)
    assert (BUS in reading.catalog.by_id) is is_found
    # Each track that exists is found in any case.
    assert FIRST in reading.catalog.by_id
    assert reading.catalog.title_of(BUS) == ("Coach" if is_found else "Bus")


def test_release_that_became_a_disc_keeps_its_alias(library: Library) -> None:
    library.release("Bus/CD1")
    read(library)
    library.release("Bus/CD2", {"01 A.wav": wav(5), "02 B.wav": wav(6)})
    (library.root / "Bus").rename(library.root / "Tram")
    reading = read(library)
    old = ids.release_id("Bus/CD1")
    # Only the disc that was sold, not the whole record.
    assert paths(release(reading, old)) == [
        "Tram/CD1/01 A.wav",
        "Tram/CD1/02 B.wav",
    ]


def test_version_depends_on_the_aliases(
    bus: Library,
) -> None:
    (bus.root / "Bus").rename(bus.root / "Coach")
    versions = {
        read(bus).catalog.version,
        read(bus, bus.data / "other").catalog.version,
    }
    assert len(versions) == 2
    assert isinstance(read(bus).catalog, Catalog)


def _renumber(library: Library) -> None:
    """Rename 1 to 2 and 2 to 3, and write a new 1."""
    for number in (2, 1):
        (library.root / f"Tape/Track {number}.wav").rename(
            library.root / f"Tape/Track {number + 1}.wav"
        )
    library.put("Tape/Track 1.wav", wav(9))


def test_sold_id_that_a_renumbering_gives_to_another_file_is_a_problem(
    library: Library,
) -> None:
    for number in (1, 2):
        library.put(f"Tape/Track {number}.wav", wav(number))
    tape = ids.release_id("Tape")
    one, two = (ids.item_id(tape, f"Track {n}.wav") for n in (1, 2))
    assert problems(read(library, None, one, two)) == []
    _renumber(library)
    expected = [
        f"Tape/Track {number}.wav: has the id {item_id!r}, under which what "
        f"is now Tape/Track {number + 1}.wav was sold: its buyers get the "
        "wrong file until release.toml sets the 'id' of both"
        for number, item_id in ((1, one), (2, two))
    ]
    # As long as it is so, also after a restart.
    assert problems(read(library)) == expected
    assert problems(read(library)) == expected
    with (
        FileIndex.open(library.data) as index,
        IdHistory.open(library.data) as history,
    ):
        first = load_library(library.root, index, history=history)
        second = load_library(library.root, index, first, history=history)
    assert problems(second) == expected
    library.put(
        "Tape/release.toml",
        f'[items."Track 1.wav"]\nid = "intro"\n'
        f'[items."Track 2.wav"]\nid = "{one}"\n'
        f'[items."Track 3.wav"]\nid = "{two}"\n',
    )
    reading = read(library)
    assert problems(reading) == []
    assert item(reading, one).content.path == "Tape/Track 2.wav"
    assert item(reading, two).content.path == "Tape/Track 3.wav"


def test_better_master_beside_the_old_one_is_accepted_by_its_id(
    library: Library,
) -> None:
    library.put("Tape/Track 1.wav", wav(1))
    one = ids.item_id(ids.release_id("Tape"), "Track 1.wav")
    read(library, None, one)
    library.put("Tape/Old.wav", wav(1))
    library.put("Tape/Track 1.wav", wav(2))
    assert len(problems(read(library))) == 1
    library.put("Tape/release.toml", f'[items."Track 1.wav"]\nid = "{one}"\n')
    assert problems(read(library)) == []
    (library.root / "Tape/release.toml").unlink()
    assert problems(read(library)) == []


def test_copy_that_was_there_before_is_no_renumbering(
    library: Library,
) -> None:
    for number in (1, 2):
        library.put(f"Tape/Track {number}.wav", wav(1))
    one = ids.item_id(ids.release_id("Tape"), "Track 1.wav")
    read(library, None, one)
    library.put("Tape/Track 1.wav", wav(2))
    assert problems(read(library)) == []
    assert problems(read(library)) == []

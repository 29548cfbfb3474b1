# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Aliases: former ids lead to the same work, or to nothing."""

import tempfile
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msrv.catalog.aliases import add_aliases
from msrv.catalog.id_history import IdHistory
from msrv.catalog.library.file_index import FILE_NAME, FileIndex
from msrv.catalog.library.loader import LoadedLibrary, load_library
from msrv.catalog.library.scan import scan
from msrv.catalog.library.upload_detection import UnsettledFolder
from msrv.catalog.model import Catalog, Item, Release
from msrv.catalog.names import ids
from tests.catalog.temporary_library import Library, problems, tagged_wav, wav

BUS: Final = ids.release_id("Bus")
FIRST: Final = ids.item_id(BUS, "01 A.wav")
SECOND: Final = ids.item_id(BUS, "02 B.wav")


def read(
    library: Library, data: Path | None = None, *sold: str
) -> LoadedLibrary:
    """Read a library as a store does that has sold these ids."""
    data = data or library.data
    with FileIndex.open(data) as index, IdHistory.open(data) as history:
        history.mark_sold({item_id: f"Title of {item_id}" for item_id in sold})
        return load_library(library.root, index, history=history)


def item(reading: LoadedLibrary, item_id: str) -> Item:
    found = reading.catalog.by_id[item_id]
    assert isinstance(found, Item)
    return found


def release(reading: LoadedLibrary, item_id: str) -> Release:
    found = reading.catalog.by_id[item_id]
    assert isinstance(found, Release)
    return found


def paths(found: Release) -> list[str]:
    return [each.content.path for each in found.items]


@pytest.fixture
def bus(library: Library) -> Library:
    """Library of one release, which has been read."""
    library.release("Bus")
    read(library)
    return library


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


def test_sold_item_that_is_missing_is_a_problem(bus: Library) -> None:
    (bus.root / "Bus/01 A.wav").unlink()
    reading = read(bus, None, BUS)
    (problem,) = problems(reading)
    assert problem == (
        f"Bus/01 A.wav: was sold with {BUS} (A) but is no longer in the "
        "library: its buyers can't download it"
    )
    assert reading.catalog.title_of(FIRST) == "A"
    # Without a purchase, it is no problem.
    assert problems(read(bus, bus.data / "other")) == []


def test_missing_item_is_no_problem_while_files_arrive(
    bus: Library,
) -> None:
    with (
        FileIndex.open(bus.data) as index,
        IdHistory.open(bus.data) as history,
    ):
        history.mark_sold({FIRST: "A"})
        reading = load_library(bus.root, index, history=history)
        (bus.root / "Bus").rename(bus.root / "Coach")
        later = load_library(
            bus.root,
            index,
            reading,
            found=scan(bus.root),
            unsettled={"Coach": UnsettledFolder("Coach/01 A.wav")},
            history=history,
        )
    assert later.waiting
    assert FIRST not in later.catalog.by_id
    assert not [each for each in problems(later) if "was sold" in each]


def test_aliases_survive_the_loss_of_the_index(bus: Library) -> None:
    (bus.data / FILE_NAME).unlink()
    (bus.root / "Bus").rename(bus.root / "Coach")
    assert item(read(bus), FIRST).content.path == "Coach/01 A.wav"


@pytest.mark.parametrize("junk", [b"junk" * 999, b""])
def test_damaged_history_is_recreated(bus: Library, junk: bytes) -> None:
    (bus.data / "ids.sqlite3").write_bytes(junk)
    assert FIRST in read(bus).catalog.by_id
    (bus.root / "Bus").rename(bus.root / "Coach")
    assert item(read(bus), FIRST).content.path == "Coach/01 A.wav"


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


def test_unreadable_history_does_not_stop_the_store(
    bus: Library, caplog: pytest.LogCaptureFixture
) -> None:
    with FileIndex.open(bus.data) as index:
        history = IdHistory.open(bus.data)
        history.close()
        reading = load_library(bus.root, index, history=history)
    assert len(reading.catalog.releases) == 1
    assert "the file of ids can't be read" in caplog.text


def test_history_of_many_batches_is_read_completely(tmp_path: Path) -> None:
    names = {f"item-{number}": "Title" for number in range(4500)}
    with IdHistory.open(tmp_path) as history:
        history.mark_sold(names)
        found = [record.item_id for record, _ in history.records()]
    assert len(found) == len(names)
    assert set(found) == set(names)


def _edit_names() -> st.SearchStrategy[tuple[str, str, str]]:
    names = st.sampled_from(["A", "B", "C"])
    files = st.sampled_from(["1.txt", "2.txt", "3.txt"])
    return st.tuples(
        st.sampled_from(["write", "delete", "rename", "move", "sell"]),
        st.builds("{}/{}".format, names, files),
        st.builds("{}/{}".format, names, files),
    )


@settings(max_examples=15)
@given(st.lists(_edit_names(), max_size=6))
def test_changes_lead_to_the_aliases_that_all_records_lead_to(
    edits: list[tuple[str, str, str]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder))
        for name in ("A/1.txt", "A/2.txt", "B/1.txt"):
            library.put(name, name)
        with (
            FileIndex.open(library.data) as index,
            IdHistory.open(library.data) as history,
        ):
            reading = load_library(library.root, index, history=history)
            for what, one, other in edits:
                edit(library, history, reading, what, one, other)
                reading = load_library(
                    library.root, index, reading, history=history
                )
                everything = add_aliases(
                    history,
                    load_library(library.root, index).catalog,
                    is_settled=True,
                )
                assert reading.catalog == everything.catalog
                assert set(everything.notes) <= set(reading.notes)
                assert set(everything.problems) <= set(reading.problems)


def edit(
    library: Library,
    history: IdHistory,
    reading: LoadedLibrary,
    what: str,
    one: str,
    other: str,
) -> None:
    """Make a change to a library; none if there is no such file."""
    path, target = library.root / one, library.root / other
    if what == "write":
        library.put(one, f"{one}{other}")
    elif what == "sell":
        offered = sorted(reading.catalog.by_id)
        history.mark_sold({offered[len(one + other) % len(offered)]: "Sold"})
    elif what == "move" and path.parent.exists():
        if not target.parent.exists():
            path.parent.rename(target.parent)
    elif path.exists():
        if what == "delete" and len(list(library.root.rglob("*.txt"))) > 1:
            path.unlink()
        elif what == "rename":
            target.parent.mkdir(exist_ok=True)
            path.rename(target)


def test_records_that_were_not_written_are_compared_again(
    bus: Library, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        FileIndex.open(bus.data) as index,
        IdHistory.open(bus.data) as history,
    ):
        reading = load_library(bus.root, index, history=history)
        history._connection.execute("PRAGMA query_only = 1")
        bus.release("Tram")
        reading = load_library(bus.root, index, reading, history=history)
        assert "can't save the history of ids" in caplog.text
        assert reading.aliases is None
        history._connection.execute("PRAGMA query_only = 0")
        reading = load_library(bus.root, index, reading, history=history)
        assert history.find([ids.release_id("Tram")])

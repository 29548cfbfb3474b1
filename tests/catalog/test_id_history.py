# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""History of ids: lost, damaged, unreadable, and what was sold."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msrv.catalog.aliases import add_aliases
from msrv.catalog.id_history import IdHistory
from msrv.catalog.library.file_index import FILE_NAME, FileIndex
from msrv.catalog.library.loader import LoadedLibrary
from msrv.catalog.library.scan import scan
from msrv.catalog.library.upload_detection import UnsettledFolder
from msrv.catalog.names import id_records, ids
from tests.catalog.renamed_libraries import BUS, FIRST, item, read
from tests.catalog.shared_parser import load_library
from tests.catalog.temporary_library import Library, problems


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
        (bus.root / "Bus/01 A.wav").unlink()
        (bus.root / "Bus").rename(bus.root / "Coach")
        later = load_library(
            bus.root,
            index,
            reading,
            found=scan(bus.root),
            unsettled={"Coach": UnsettledFolder("Coach/02 B.wav")},
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


def test_number_too_large_for_the_history_stops_no_library(
    bus: Library,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(id_records, "round", lambda _: 1 << 64, raising=False)
    bus.release("Tram")
    assert ids.release_id("Tram") in read(bus).catalog.by_id
    assert "what was sold under other ids can't be found" in caplog.text

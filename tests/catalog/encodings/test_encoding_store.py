# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The folder of encodings: whole files, shared by several stores."""

import hashlib
import os
from pathlib import Path

import pytest

from msrv.catalog.encodings.encoding_store import (
    GRACE_SECONDS,
    Encoding,
    EncodingDraft,
    EncodingStore,
)
from msrv.catalog.encodings.recipes import RECIPES
from msrv.storage.local import LocalStorage

MP3 = RECIPES["mp3-v0"]
MASTER = "5" * 64
DATA = b"the sound of rain" * 1000
DAY = 24 * 3600


def key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def claimed(store: EncodingStore, name: str) -> EncodingDraft:
    draft = store.claim(key(name))
    assert draft is not None
    return draft


def publish(
    store: EncodingStore, name: str = "a", data: bytes = DATA
) -> Encoding:
    draft = claimed(store, name)
    os.pwrite(draft.descriptor, data, 0)
    made = store.publish(draft, MP3, f"source of {name}", MASTER)
    store.discard(draft)
    return made


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "encodings"


def test_published_file_is_found_and_is_what_was_written(folder: Path) -> None:
    store = EncodingStore(folder)
    store.load()
    made = publish(store)
    assert store.find("source of a", MASTER, "mp3-v0") == made
    assert made.content.sha256 == hashlib.sha256(DATA).digest()
    assert made.content.media_type == "audio/mpeg"
    with LocalStorage(folder).open(made.content) as file:
        assert file.read() == DATA
    assert names_in(folder) == {made.content.path, f"{made.key}.json"}
    assert store.size_bytes == len(DATA)


def test_another_store_finds_it_with_the_same_identity(folder: Path) -> None:
    made = publish(EncodingStore(folder))
    other = EncodingStore(folder)
    other.load()
    assert other.get("source of a") == made


def test_file_with_other_tags_is_sent_until_it_is_made_again(
    folder: Path,
) -> None:
    store = EncodingStore(folder)
    old = publish(store, "old")
    assert store.find("source of new", MASTER, "mp3-v0") == old
    assert store.get("source of new") is None
    new = publish(store, "new")
    assert store.find("source of new", MASTER, "mp3-v0") == new
    assert store.find("source of flac", MASTER, "flac") is None


def test_only_one_of_two_stores_gets_a_draft(folder: Path) -> None:
    draft = claimed(EncodingStore(folder), "a")
    other = EncodingStore(folder)
    assert other.claim(key("a")) is None
    assert other.claim(key("b")) is not None
    EncodingStore(folder).discard(draft)
    again = other.claim(key("a"))
    assert again is not None
    assert os.fstat(again.descriptor).st_size == 0


def test_draft_that_was_published_meanwhile_is_a_new_one(folder: Path) -> None:
    """The descriptor of a claim is never of a file that is being sold."""
    store = EncodingStore(folder)
    made = publish(store)
    draft = claimed(store, "a")
    os.pwrite(draft.descriptor, b"xxxx", 0)
    with LocalStorage(folder).open(made.content) as file:
        assert file.read() == DATA


def test_first_record_counts_where_two_stores_encoded_the_same(
    folder: Path,
) -> None:
    """As on a file system without locks."""
    first = publish(EncodingStore(folder), data=DATA)
    second = publish(EncodingStore(folder), data=DATA + b"by another machine")
    assert second.content.sha256 == first.content.sha256
    assert names_in(folder) == {first.content.path, f"{first.key}.json"}


def test_record_without_its_file_is_not_offered(folder: Path) -> None:
    store = EncodingStore(folder)
    made = publish(store)
    (folder / made.content.path).unlink()
    store.load()
    assert store.get("source of a") is None
    assert EncodingStore(folder).get("source of a") is None
    assert publish(store).content.sha256 == made.content.sha256


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"version": 1, "file": "../../nonce", "format": "mp3-v0"}',
    ],
)
def test_damaged_record_is_ignored(folder: Path, record: bytes) -> None:
    made = publish(EncodingStore(folder))
    (folder / f"{made.key}.json").write_bytes(record)
    store = EncodingStore(folder)
    store.load()
    assert store.get("source of a") is None


def test_files_that_are_not_named_are_deleted_after_a_month(
    folder: Path,
) -> None:
    store = EncodingStore(folder)
    kept, old = publish(store, "kept"), publish(store, "old")
    now = (folder / f"{old.key}.json").stat().st_mtime
    named = {kept.source}
    assert store.tidy(named, now + GRACE_SECONDS - DAY) == 0
    assert store.tidy(named, now + GRACE_SECONDS + DAY) == 1
    assert names_in(folder) == {kept.content.path, f"{kept.key}.json"}
    assert store.get(old.source) is None
    # It was named all the time, by this store or by another.
    assert store.tidy(named, now + 3 * GRACE_SECONDS) == 0


def test_leftovers_of_a_killed_process_are_deleted(folder: Path) -> None:
    store = EncodingStore(folder)
    running, dead = claimed(store, "running"), claimed(store, "dead")
    os.close(dead.descriptor)
    lost = folder / f"{key('lost')}-{'0' * 16}.mp3"
    lost.write_bytes(DATA)
    now = lost.stat().st_mtime
    assert store.tidy((), now) == 1
    assert names_in(folder) == {running.path.name, lost.name}
    assert store.tidy((), now + 2 * DAY) == 1
    assert names_in(folder) == {running.path.name}

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Storage in a local folder, and the verification of files."""

import os
import shutil
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from msrv.storage.local import LocalStorage
from msrv.storage.model import Changed, Gone
from msrv.storage.verification import verified
from tests.catalog.unprivileged import open_folder, without_rights
from tests.storage.single_file_store import (
    SingleFileStore,
    apply_with_new_status,
    open_files,
    opened,
)


def test_file_of_the_catalog_is_opened(store: SingleFileStore) -> None:
    with store.folder.open(store.content) as file:
        assert file.read() == b"sound"


@pytest.mark.parametrize(
    "name",
    [b"line\nbreak", b"\xff\xfe", b"a" * 255, "👩\u200d👧\u202e".encode()],
)
def test_file_of_any_name_is_opened(
    store: SingleFileStore, name: bytes
) -> None:
    path = os.fsdecode(name)
    (store.root / path).write_bytes(b"odd")
    with store.folder.open(store.known(path)) as file:
        assert file.read() == b"odd"


def test_link_inside_the_library_is_followed(store: SingleFileStore) -> None:
    (store.root / "b.wav").symlink_to("A/a.wav")
    (store.root / "B").symlink_to("A")
    for path in ("b.wav", "B/a.wav"):
        with store.folder.open(store.known(path)) as file:
            assert file.read() == b"sound"


def test_library_can_be_a_link(store: SingleFileStore, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(store.root)
    with LocalStorage(tmp_path / "link").open(store.content) as file:
        assert file.read() == b"sound"


def link_file(store: SingleFileStore) -> None:
    """Replace the file by a link to an identical copy outside."""
    outside = store.root.parent / "outside.wav"
    shutil.copy2(store.file, outside)
    store.replace()
    store.file.symlink_to(outside)


def link_folder(store: SingleFileStore) -> None:
    store.file.parent.rename(store.root.parent / "outside")
    store.file.parent.symlink_to(store.root.parent / "outside")


def link_sibling(store: SingleFileStore) -> None:
    """Link to a folder outside whose path starts like the library's."""
    store.file.parent.rename(store.root.with_name("library-outside"))
    store.file.parent.symlink_to("../library-outside")


def link_circle(store: SingleFileStore) -> None:
    store.replace()
    store.file.symlink_to("a.wav")


def remove(store: SingleFileStore) -> None:
    store.replace()


def pipe(store: SingleFileStore) -> None:
    store.replace()
    os.mkfifo(store.file)


def folder(store: SingleFileStore) -> None:
    store.replace()
    store.file.mkdir()


def listener(store: SingleFileStore) -> None:
    store.replace()
    where = Path.cwd()
    os.chdir(store.file.parent)  # the path of a socket has to be short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("a.wav")
    finally:
        os.chdir(where)


def unplug(store: SingleFileStore) -> None:
    shutil.rmtree(store.root)


@pytest.mark.parametrize(
    "spoil",
    [
        link_file,
        link_folder,
        link_sibling,
        link_circle,
        remove,
        pipe,
        folder,
        listener,
        unplug,
    ],
)
def test_anything_but_a_file_of_the_library_is_gone(
    store: SingleFileStore, spoil: Callable[[SingleFileStore], None]
) -> None:
    before = open_files()
    spoil(store)
    with pytest.raises(Gone) as gone:
        store.folder.open(store.content)
    assert gone.value.path == "A/a.wav"
    assert open_files() == before


def grow(store: SingleFileStore) -> None:
    store.file.write_bytes(b"sound and more")
    os.utime(store.file, ns=(0, store.content.mtime_ns))


def cut(store: SingleFileStore) -> None:
    os.truncate(store.file, 2)
    os.utime(store.file, ns=(0, store.content.mtime_ns))


def rewrite(store: SingleFileStore) -> None:
    store.file.write_bytes(b"SOUND")
    os.utime(store.file, ns=(0, store.content.mtime_ns + 1))


def retag(store: SingleFileStore) -> None:
    """Change the bytes and restore the date, as tag editors can do."""
    with store.file.open("r+b") as file:
        file.write(b"S")
    os.utime(store.file, ns=(0, store.content.mtime_ns))


def swap(store: SingleFileStore) -> None:
    """Replace the file by another of the same size and date."""
    other = store.file.with_name("other")
    other.write_bytes(b"SOUND")
    os.utime(other, ns=(0, store.content.mtime_ns))
    other.replace(store.file)


@pytest.mark.parametrize("spoil", [grow, cut, rewrite, retag, swap])
async def test_replaced_file_has_changed(
    store: SingleFileStore, spoil: Callable[[SingleFileStore], None]
) -> None:
    before = open_files()
    apply_with_new_status(store, spoil)
    for _ in range(2):
        with pytest.raises(Changed):
            await verified(store.folder, partial(opened, store))
    # The hashing completes although no caller waits for it.
    with pytest.raises(Changed):
        store.folder.open(store.content)
    assert open_files() == before


def test_unreadable_file_is_gone() -> None:
    with open_folder() as path:
        store = SingleFileStore(path)
        store.file.chmod(0)
        with without_rights(), pytest.raises(Gone):
            store.folder.open(store.content)
        store.file.chmod(0o644)
        with (
            without_rights(),
            LocalStorage(store.root).open(store.known("A/a.wav")) as file,
        ):
            assert file.read() == b"sound"

"""A library in a local folder."""

import asyncio
import hashlib
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from msrv.storage import verification
from msrv.storage.local import LocalStorage
from msrv.storage.model import Changed, Content, FileIdentity, Gone, Unverified
from msrv.storage.verification import verified
from tests.catalog.unprivileged import open_folder, without_rights


class Shelf:
    """A library of one file, and what the catalog knows of it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "library"
        self.file = self.root / "A" / "a.wav"
        self.file.parent.mkdir(parents=True)
        self.file.write_bytes(b"sound")
        self.folder = LocalStorage(self.root)
        self.content = self.known("A/a.wav")

    def known(self, path: str) -> Content:
        file = self.root / path
        return Content(
            path,
            FileIdentity.of(file.stat()),
            hashlib.sha256(file.read_bytes()).digest(),
            0,
            "audio/wav",
        )

    def replace(self) -> None:
        """Take the file away, for something else to be put there."""
        self.file.unlink()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_file_of_the_catalog_is_opened(shelf: Shelf) -> None:
    with shelf.folder.open(shelf.content) as file:
        assert file.read() == b"sound"


@pytest.mark.parametrize(
    "name",
    [b"line\nbreak", b"\xff\xfe", b"a" * 255, "👩\u200d👧\u202e".encode()],
)
def test_file_of_any_name_is_opened(shelf: Shelf, name: bytes) -> None:
    path = os.fsdecode(name)
    (shelf.root / path).write_bytes(b"odd")
    with shelf.folder.open(shelf.known(path)) as file:
        assert file.read() == b"odd"


def test_link_inside_the_library_is_followed(shelf: Shelf) -> None:
    (shelf.root / "b.wav").symlink_to("A/a.wav")
    (shelf.root / "B").symlink_to("A")
    for path in ("b.wav", "B/a.wav"):
        with shelf.folder.open(shelf.known(path)) as file:
            assert file.read() == b"sound"


def test_library_can_be_a_link(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(shelf.root)
    with LocalStorage(tmp_path / "link").open(shelf.content) as file:
        assert file.read() == b"sound"


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def link_file(shelf: Shelf) -> None:
    """A copy outside, of the same size and time, behind a link."""
    outside = shelf.root.parent / "outside.wav"
    shutil.copy2(shelf.file, outside)
    shelf.replace()
    shelf.file.symlink_to(outside)


def link_folder(shelf: Shelf) -> None:
    shelf.file.parent.rename(shelf.root.parent / "outside")
    shelf.file.parent.symlink_to(shelf.root.parent / "outside")


def link_sibling(shelf: Shelf) -> None:
    """A folder outside whose path begins like the library's."""
    shelf.file.parent.rename(shelf.root.with_name("library-outside"))
    shelf.file.parent.symlink_to("../library-outside")


def link_circle(shelf: Shelf) -> None:
    shelf.replace()
    shelf.file.symlink_to("a.wav")


def remove(shelf: Shelf) -> None:
    shelf.replace()


def pipe(shelf: Shelf) -> None:
    shelf.replace()
    os.mkfifo(shelf.file)


def folder(shelf: Shelf) -> None:
    shelf.replace()
    shelf.file.mkdir()


def listener(shelf: Shelf) -> None:
    shelf.replace()
    where = Path.cwd()
    os.chdir(shelf.file.parent)  # the path of a socket has to be short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("a.wav")
    finally:
        os.chdir(where)


def unplug(shelf: Shelf) -> None:
    shutil.rmtree(shelf.root)


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
    shelf: Shelf, spoil: Callable[[Shelf], None]
) -> None:
    before = open_files()
    spoil(shelf)
    with pytest.raises(Gone) as gone:
        shelf.folder.open(shelf.content)
    assert gone.value.path == "A/a.wav"
    assert open_files() == before


def grow(shelf: Shelf) -> None:
    shelf.file.write_bytes(b"sound and more")
    os.utime(shelf.file, ns=(0, shelf.content.mtime_ns))


def cut(shelf: Shelf) -> None:
    os.truncate(shelf.file, 2)
    os.utime(shelf.file, ns=(0, shelf.content.mtime_ns))


def rewrite(shelf: Shelf) -> None:
    shelf.file.write_bytes(b"SOUND")
    os.utime(shelf.file, ns=(0, shelf.content.mtime_ns + 1))


def retag(shelf: Shelf) -> None:
    """Change the bytes, and put the date back, as tag editors offer."""
    with shelf.file.open("r+b") as file:
        file.write(b"S")
    os.utime(shelf.file, ns=(0, shelf.content.mtime_ns))


def swap(shelf: Shelf) -> None:
    """Put another file with the same size and date in the place."""
    other = shelf.file.with_name("other")
    other.write_bytes(b"SOUND")
    os.utime(other, ns=(0, shelf.content.mtime_ns))
    other.replace(shelf.file)


@pytest.mark.parametrize("spoil", [grow, cut, rewrite, retag, swap])
async def test_replaced_file_has_changed(
    shelf: Shelf, spoil: Callable[[Shelf], None]
) -> None:
    before = open_files()
    later(shelf, spoil)
    for _ in range(2):
        with pytest.raises(Changed):
            await verified(shelf.folder, partial(opened, shelf))
    # Once it has been hashed, nobody waits to be told so.
    with pytest.raises(Changed):
        shelf.folder.open(shelf.content)
    assert open_files() == before


def later(shelf: Shelf, change: Callable[[Shelf], None]) -> None:
    """Make a change once it is a change of the status, too.

    A file system's clock may stand still for some milliseconds.
    """
    mark = shelf.root.parent / "mark"
    while True:
        mark.write_bytes(b"")
        if mark.stat().st_ctime_ns > shelf.content.identity.ctime_ns:
            break
    change(shelf)


async def opened(shelf: Shelf) -> bytes:
    with shelf.folder.open(shelf.content) as file:
        return file.read()


def restrict(shelf: Shelf) -> None:
    shelf.file.chmod(0o600)


def hard_link(shelf: Shelf) -> None:
    os.link(shelf.file, shelf.root / "linked.wav")


def touch(shelf: Shelf) -> None:
    os.utime(shelf.file)


def upload_again(shelf: Shelf) -> None:
    copy = shelf.file.with_name("copy")
    copy.write_bytes(b"sound")
    copy.replace(shelf.file)


def wild_date(shelf: Shelf) -> None:
    os.utime(shelf.file, ns=(0, 9_300_000_000 * 10**9))


@pytest.mark.parametrize(
    "change", [restrict, hard_link, touch, upload_again, wild_date]
)
async def test_same_bytes_with_a_new_status_are_hashed_once(
    shelf: Shelf,
    change: Callable[[Shelf], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A chmod, hard link, touch or second upload costs one hashing.

    That is for any number of buyers, of which none is refused.
    """
    before = open_files()
    later(shelf, change)
    with pytest.raises(Unverified):
        shelf.folder.open(shelf.content)
    hashed = 0
    real = verification._sha256

    def count(descriptor: int, is_stopping: Callable[[], bool]) -> bytes:
        nonlocal hashed
        hashed += 1
        return real(descriptor, is_stopping)

    monkeypatch.setattr(verification, "_sha256", count)
    found = await asyncio.gather(
        *(verified(shelf.folder, partial(opened, shelf)) for _ in range(9))
    )
    assert set(found) == {b"sound"}
    assert hashed == 1
    assert shelf.folder.locate(shelf.content) == b"A/a.wav"
    assert open_files() == before


async def test_file_deleted_before_it_is_hashed_is_gone(
    shelf: Shelf,
) -> None:
    later(shelf, restrict)
    with pytest.raises(Unverified):
        shelf.folder.open(shelf.content)
    shelf.file.unlink()
    with pytest.raises(Gone):
        await shelf.folder.verify(shelf.content)


async def test_hashing_continues_for_cancelled_callers(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(shelf, restrict)
    begun, go = threading.Event(), threading.Event()
    real = verification._sha256

    def slow(descriptor: int, is_stopping: Callable[[], bool]) -> bytes:
        begun.set()
        assert go.wait(10)
        return real(descriptor, is_stopping)

    monkeypatch.setattr(verification, "_sha256", slow)
    first = asyncio.create_task(shelf.folder.verify(shelf.content))
    assert await asyncio.to_thread(begun.wait, 10)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    go.set()
    await shelf.folder.verify(shelf.content)
    assert await opened(shelf) == b"sound"


async def test_closing_the_storage_stops_hashing(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(shelf, restrict)
    begun = threading.Event()

    def endless(_: int, is_stopping: Callable[[], bool]) -> bytes:
        begun.set()
        while not is_stopping():
            time.sleep(0.001)
        raise InterruptedError

    monkeypatch.setattr(verification, "_sha256", endless)
    waiting = asyncio.create_task(shelf.folder.verify(shelf.content))
    assert await asyncio.to_thread(begun.wait, 10)
    await asyncio.wait_for(shelf.folder.aclose(), 10)
    with pytest.raises(Gone):
        await waiting


def test_unreadable_file_is_gone() -> None:
    with open_folder() as path:
        shelf = Shelf(path)
        shelf.file.chmod(0)
        with without_rights(), pytest.raises(Gone):
            shelf.folder.open(shelf.content)
        shelf.file.chmod(0o644)
        with (
            without_rights(),
            LocalStorage(shelf.root).open(shelf.known("A/a.wav")) as file,
        ):
            assert file.read() == b"sound"

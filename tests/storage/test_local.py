"""A library in a local folder."""

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from msrv.storage.local import Folder
from msrv.storage.model import Changed, Content, Gone
from tests.catalog.rights import open_folder, without_rights


class Shelf:
    """A library of one file, and what the catalog knows of it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "library"
        self.file = self.root / "A" / "a.wav"
        self.file.parent.mkdir(parents=True)
        self.file.write_bytes(b"sound")
        self.folder = Folder(self.root)
        self.content = self.known("A/a.wav")

    def known(self, path: str) -> Content:
        status = (self.root / path).stat()
        return Content(
            path,
            status.st_size,
            status.st_mtime_ns,
            bytes(32),
            0,
            "audio/wav",
        )

    def replace(self) -> None:
        """Take the file away, for something else to be put there."""
        self.file.unlink()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_opens_what_the_catalog_knows(shelf: Shelf) -> None:
    """Or nothing that is sold could be downloaded."""
    with shelf.folder.open(shelf.content) as file:
        assert file.read() == b"sound"


@pytest.mark.parametrize(
    "name",
    [b"line\nbreak", b"\xff\xfe", b"a" * 255, "👩\u200d👧\u202e".encode()],
)
def test_opens_any_name(shelf: Shelf, name: bytes) -> None:
    """Or what is sold under an odd name could not be downloaded."""
    path = os.fsdecode(name)
    (shelf.root / path).write_bytes(b"odd")
    with shelf.folder.open(shelf.known(path)) as file:
        assert file.read() == b"odd"


def test_a_link_may_lead_anywhere_inside(shelf: Shelf) -> None:
    """Or one track on two records could not be downloaded from both."""
    (shelf.root / "b.wav").symlink_to("A/a.wav")
    (shelf.root / "B").symlink_to("A")
    for path in ("b.wav", "B/a.wav"):
        with shelf.folder.open(shelf.known(path)) as file:
            assert file.read() == b"sound"


def test_a_library_may_be_a_link_itself(shelf: Shelf, tmp_path: Path) -> None:
    """Or a library that was moved and linked to could not be delivered."""
    (tmp_path / "link").symlink_to(shelf.root)
    with Folder(tmp_path / "link").open(shelf.content) as file:
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
def test_what_is_no_file_of_the_library_is_gone(
    shelf: Shelf, spoil: Callable[[Shelf], None]
) -> None:
    """Or a buyer could be sent a file of the server's, or wait for ever."""
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


@pytest.mark.parametrize("spoil", [grow, cut, rewrite])
def test_another_file_under_the_same_name_has_changed(
    shelf: Shelf, spoil: Callable[[Shelf], None]
) -> None:
    """Or a download that is resumed would be made of two files."""
    before = open_files()
    spoil(shelf)
    with pytest.raises(Changed):
        shelf.folder.open(shelf.content)
    assert open_files() == before


def test_what_may_not_be_read_is_gone() -> None:
    """Or a file with the wrong permissions would be an error of ours."""
    with open_folder() as path:
        shelf = Shelf(path)
        shelf.file.chmod(0)
        with without_rights(), pytest.raises(Gone):
            shelf.folder.open(shelf.content)
        shelf.file.chmod(0o644)
        with without_rights(), shelf.folder.open(shelf.content) as file:
            assert file.read() == b"sound"

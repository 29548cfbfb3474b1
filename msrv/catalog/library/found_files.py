"""Files and folders of a library, as a scan found them.

Nothing here reads the disk: `scan` does, and the modules that group, hash and
describe files have these values from it.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from msrv.catalog.names.media_types import AUDIO_TYPES
from msrv.storage.model import FileIdentity
from msrv.toml_file import Problem

MAX_FILE_BYTES: Final = 1 << 40


class FoundFile(NamedTuple):
    """One regular file. `path` is relative to the library, with `/`.

    The numbers are as the file system gives them, of any sign and size.
    """

    path: str
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @property
    def identity(self) -> FileIdentity:
        """Identity that differs for another file, and for a later version."""
        return FileIdentity(*self[1:])

    @property
    def has_plausible_size(self) -> bool:
        """Whether it can be hashed in a time that others can wait.

        A sparse file can say that it has exabytes, and a broken mount that it
        has less than none.
        """
        return 0 <= self.size_bytes <= MAX_FILE_BYTES

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The suffix with its dot, in lower case."""
        return os.path.splitext(self.name)[1].lower()

    @property
    def is_track(self) -> bool:
        """Whether the name says that it is audio."""
        return self.suffix in AUDIO_TYPES


@dataclass(frozen=True, slots=True)
class FoundFolder:
    """One folder: what is sold in it by name, and what describes it."""

    path: str
    files: tuple[FoundFile, ...]
    config: FoundFile | None = None
    cover: FoundFile | None = None


@dataclass(slots=True)
class Scan:
    """The library as it lies there; `folders` by their paths.

    `is_empty` says that there is nothing at all, as on a mount point without
    its disk; `is_complete` that every folder could be read.
    """

    store: FoundFile | None = None
    folders: list[FoundFolder] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_empty: bool = False
    is_complete: bool = True

    @property
    def fingerprint(self) -> bytes:
        """A digest that changes when anything here does."""
        digest = hashlib.blake2b(
            repr((self.store, self.problems, self.notes)).encode(
                "utf-8", "backslashreplace"
            ),
            digest_size=16,
        )
        for folder in self.folders:
            # Plain tuples: far faster than what dataclasses say of themselves.
            files = [tuple(file) for file in folder.files]
            said = repr((folder.path, folder.config, folder.cover, files))
            digest.update(said.encode("utf-8", "backslashreplace"))
        return digest.digest()


def content_files(folder: FoundFolder) -> Iterator[FoundFile]:
    """Go through every file whose content counts, the cover included."""
    yield from folder.files
    if folder.cover is not None:
        yield folder.cover

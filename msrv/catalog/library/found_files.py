# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Files and folders of a library, as a scan found them.

Nothing here reads the disk: `scan` does, and the modules that group, hash and
describe files have these values from it.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self

from msrv.catalog.names.media_types import AUDIO_TYPES
from msrv.storage.model import FileIdentity
from msrv.toml_file import Problem

STORE_TOML: Final = "store.toml"
RELEASE_TOML: Final = "release.toml"
MAX_FILE_BYTES: Final = 1 << 40
_NO_INODE: Final = -1  # that of no file: inodes are unsigned


class FoundFile(NamedTuple):
    """One regular file. `path` is relative to the library, with `/`.

    The numbers are those of the file system, of any sign and size.
    """

    path: str
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def unusable(cls, path: str) -> Self:
        """Return what stands for a name that exists and isn't a usable file.

        A folder, a link out of the library, or a file without a status.
        """
        return cls(path, -1, -1, -1, _NO_INODE)

    @property
    def is_usable(self) -> bool:
        """False for what only stands for a name; never open that."""
        return self.inode != _NO_INODE

    @property
    def identity(self) -> FileIdentity:
        """Identity that differs for another file, and for a later version."""
        return FileIdentity(*self[1:])

    @property
    def has_plausible_size(self) -> bool:
        """True for a size that can be hashed in reasonable time.

        A sparse file can claim exabytes, and a broken mount a negative size.
        """
        return 0 <= self.size_bytes <= MAX_FILE_BYTES

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The suffix with its dot, in lower case.

        As `os.path.splitext` has it, but faster: it is asked for about ten
        times for each file of a library that is loaded.
        """
        name = self.path[self.path.rfind("/") + 1 :]
        dot = name.rfind(".")
        return name[dot:].lower() if name[: max(dot, 0)].strip(".") else ""

    @property
    def is_track(self) -> bool:
        """True for a file with the suffix of an audio format."""
        return self.suffix in AUDIO_TYPES


@dataclass(frozen=True, slots=True)
class FoundFolder:
    """One folder: its files for sale, its release.toml and its cover."""

    path: str
    files: tuple[FoundFile, ...]
    config: FoundFile | None = None
    cover: FoundFile | None = None

    @property
    def digest(self) -> bytes:
        """Digest that differs whenever anything in the folder does."""
        # Plain tuples: far faster than the repr of dataclasses.
        files = [tuple(file) for file in self.files]
        text = repr((self.path, self.config, self.cover, files))
        return hashlib.blake2b(
            text.encode("utf-8", "backslashreplace"), digest_size=16
        ).digest()


@dataclass(slots=True)
class Scan:
    """Result of a scan; `folders` are sorted by path.

    `texts` are the folders of the seller's texts, which aren't for sale, and
    `theme` the files that may be of the store's look.
    `is_empty` is True for a library without any entry, such as a mount point
    without its disk; `is_complete` if every folder could be read.
    `started_at_ns` is the time of its beginning, by this machine's clock.
    `folder_times` are the times of each folder but the library itself, in
    nanoseconds since 1970: of its last modification and status change.
    """

    store: FoundFile | None = None
    folders: list[FoundFolder] = field(default_factory=list)
    texts: list[FoundFolder] = field(default_factory=list)
    theme: list[FoundFile] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_empty: bool = False
    is_complete: bool = True
    started_at_ns: int = 0
    folder_times: dict[str, tuple[int, int]] = field(
        default_factory=dict, repr=False
    )

    def add(self, part: "FolderListing | Scan") -> None:
        """Add what was found in one folder."""
        self.folders += part.folders
        self.texts += part.texts
        self.theme += part.theme
        self.problems += part.problems
        self.notes += part.notes

    @property
    def fingerprint(self) -> bytes:
        """Digest that differs whenever anything in the scan does."""
        digest = hashlib.blake2b(
            repr((self.store, self.theme, self.problems, self.notes)).encode(
                "utf-8", "backslashreplace"
            ),
            digest_size=16,
        )
        for folder in (*self.folders, *self.texts):
            digest.update(folder.digest)
        return digest.digest()


@dataclass(frozen=True, slots=True)
class FoundSubfolder:
    """Subfolder in a listing; `full_path` is absolute."""

    path: str
    full_path: str
    identity: tuple[int, int]


@dataclass(frozen=True, slots=True)
class FolderListing:
    """Listing of one folder: what a scan finds there, and its subfolders.

    `identity` are the folder's device and inode. `times` are those of
    Scan.folder_times.
    """

    identity: tuple[int, int]
    times: tuple[int, int]
    folders: tuple[FoundFolder, ...]
    texts: tuple[FoundFolder, ...]
    theme: tuple[FoundFile, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    subfolders: tuple[FoundSubfolder, ...]


def content_files(folder: FoundFolder) -> Iterator[FoundFile]:
    """Yield every file whose content matters: those for sale, the cover."""
    yield from folder.files
    if folder.cover is not None:
        yield folder.cover

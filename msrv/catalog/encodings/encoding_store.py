# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Folder of encodings: finished files, drafts, and what is known of them.

An encoding is a file and a record (JSON) beside it, which is written last: a
file without a record is never sent. Several stores may share the folder. A
draft is locked while it is written, so that two of them don't encode the same
twice, and the lock of a process that was killed is released by the kernel.
Where a file system has no locks, both encode and the first record counts.
"""

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import re
import secrets
import threading
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from msrv.catalog.encodings.recipes import RECIPES, STREAMS, Recipe
from msrv.catalog.sound.analysis import FOLDER_NAME as ANALYSES
from msrv.catalog.sound.analysis import AnalysisStore
from msrv.files import make_private_folder, write_file
from msrv.storage.model import Content, FileIdentity

log = logging.getLogger(__name__)

FOLDER_NAME: Final = "encodings"
"""Name of the folder, in the data folder."""
GRACE_SECONDS: Final = 30 * 24 * 3600
"""Age from which a file is deleted that no catalog names any more."""
_NAMED_SECONDS: Final = 24 * 3600
"""Interval at which the record of a named file gets a new time."""
_VERSION: Final = 1
_RECIPES: Final = RECIPES | STREAMS
_BLOCK_BYTES: Final = 1 << 20
_HASH_CHARS: Final = 16
_KEY: Final = re.compile(r"[0-9a-f]{64}")
_RECORD: Final = re.compile(r"([0-9a-f]{64})\.json")
_FILE: Final = re.compile(r"[0-9a-f]{64}-[0-9a-f]{16}\.[a-z0-9]{3,5}")
_DRAFT: Final = ".draft"


@dataclass(frozen=True, slots=True)
class Encoding:
    """A finished encoding: of which master, in which format, and its file.

    `key` names the master, the recipe, the tags and the encoder's version,
    and `source` all of them but the version. `master` is a SHA-256 in hex.
    """

    key: str
    source: str
    master: str
    format_name: str
    content: Content


@dataclass(frozen=True, slots=True)
class EncodingDraft:
    """A file that is being encoded, locked by this process."""

    key: str
    path: Path
    descriptor: int


class EncodingStore:
    """Encodings in a folder, by what they are made of.

    All methods are thread-safe; all but `find`, `find_any` and `get` block,
    and raise OSError.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.analyses = AnalysisStore(folder / ANALYSES)
        self._lock = threading.Lock()
        self.revision = 0
        """Increases whenever what `find` returns may have changed."""
        self.streams: Mapping[tuple[str, str], str] = {}
        """Sources of the streams that are planned, by path and recipe."""
        self._by_key: dict[str, Encoding] = {}
        self._by_source: dict[str, Encoding] = {}
        self._by_master: dict[tuple[str, str], Encoding] = {}

    def find(
        self, source: str, master: str, format_name: str
    ) -> Encoding | None:
        """Return a master's encoding in a format, None if there is none.

        One with other tags is better than none: those of an album whose
        title has just been corrected are sent until they are made again.
        """
        return self._by_source.get(source) or self.find_any(
            master, format_name
        )

    def find_any(self, master: str, format_name: str) -> Encoding | None:
        """Return a master's encoding in a format, whatever its tags are."""
        return self._by_master.get((master, format_name))

    def get(self, source: str) -> Encoding | None:
        """Return the encoding with exactly these tags, None without one."""
        return self._by_source.get(source)

    @property
    def size_bytes(self) -> int:
        """Size of all encodings."""
        return sum(each.content.size_bytes for each in self._by_key.values())

    def load(self) -> None:
        """Read the records in the folder, which may not exist yet."""
        self.analyses.load()
        with self._lock:
            self._load()

    def _load(self) -> None:
        try:
            files = {path.name for path in self.folder.iterdir()}
        except FileNotFoundError:
            files = set()
        keys = {
            match[1] for name in files if (match := _RECORD.fullmatch(name))
        }
        found = {
            key: known
            for key, known in self._by_key.items()
            if key in keys and known.content.path in files
        }
        for key in keys - found.keys():
            record = self._read(key)
            if record is not None:
                found[key] = record
        if found != self._by_key:
            self.set_encodings(found)

    def claim(self, key: str) -> EncodingDraft | None:
        """Return a new draft; None while another process has one."""
        make_private_folder(self.folder)
        path = self.folder / f".{key}{_DRAFT}"
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        while True:
            descriptor = os.open(path, flags, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_file(descriptor, path):
                    os.ftruncate(descriptor, 0)
                    return EncodingDraft(key, path, descriptor)
            except BlockingIOError:
                os.close(descriptor)
                return None
            except OSError:
                # No locks here: a draft that only this process knows.
                path = path.with_name(f".{key}.{secrets.token_hex(8)}{_DRAFT}")
                os.close(descriptor)
                return EncodingDraft(key, path, os.open(path, flags, 0o600))
            # Another process had it, and has just finished.
            os.close(descriptor)

    def discard(self, draft: EncodingDraft) -> None:
        """Delete a draft, and release its lock."""
        try:
            if _is_file(draft.descriptor, draft.path):
                draft.path.unlink()
        finally:
            os.close(draft.descriptor)

    def publish(
        self, draft: EncodingDraft, recipe: Recipe, source: str, master: str
    ) -> Encoding:
        """Return a draft as a finished encoding, on disk.

        Where another process was quicker, its encoding is returned instead.
        The draft has to be discarded nevertheless.
        """
        sha256, crc32 = _hash(draft.descriptor)
        os.fsync(draft.descriptor)
        digest = sha256.hex()[:_HASH_CHARS]
        name = f"{draft.key}-{digest}{recipe.suffix}"
        draft.path.replace(self.folder / name)
        status = os.fstat(draft.descriptor)
        record = {
            "version": _VERSION,
            "source": source,
            "master": master,
            "format": recipe.name,
            "file": name,
            "identity": list(FileIdentity.of(status)),
            "sha256": sha256.hex(),
            "crc32": crc32,
        }
        path = self.folder / f"{draft.key}.json"
        try:
            write_file(
                path, json.dumps(record).encode("ascii"), overwrite=False
            )
        except OSError:
            # What no record names would only keep a full disk full.
            if not path.exists():
                (self.folder / name).unlink(missing_ok=True)
            raise
        made = self._read(draft.key)
        if made is None:
            # A record without its file, of a folder that was half restored.
            path.unlink(missing_ok=True)
            raise FileNotFoundError(draft.key)
        if made.content.path != name:
            (self.folder / name).unlink(missing_ok=True)
        with self._lock:
            self.set_encodings({**self._by_key, draft.key: made})
        return made

    def tidy(self, named: Collection[str], now: float) -> int:
        """Delete what isn't needed any more; return the number of files.

        `named` are the sources of the current catalog, `now` is in Unix
        seconds. Records that no store has named for a month are deleted with
        their files; drafts of processes that have ended at once.
        """
        deleted = 0
        files = {each.content.path for each in self._by_key.values()}
        for key, known in tuple(self._by_key.items()):
            path = self.folder / f"{key}.json"
            with contextlib.suppress(FileNotFoundError):
                age = now - path.stat().st_mtime
                if known.source in named and age > _NAMED_SECONDS:
                    os.utime(path, (now, now))
                elif known.source not in named and age > GRACE_SECONDS:
                    path.unlink()
                    (self.folder / known.content.path).unlink(missing_ok=True)
                    deleted += 1
        deleted += self._delete_strays(files, now)
        self.load()
        self.analyses.tidy({each.master for each in self._by_key.values()})
        return deleted

    def _delete_strays(self, files: Collection[str], now: float) -> int:
        """Delete files without a record, and drafts that nobody writes."""
        deleted = 0
        try:
            entries = sorted(self.folder.iterdir())
        except FileNotFoundError:
            return 0
        for path in entries:
            with contextlib.suppress(FileNotFoundError):
                age = now - path.stat().st_mtime
                if path.name.endswith(_DRAFT):
                    deleted += _delete_abandoned(path, age)
                elif (
                    _FILE.fullmatch(path.name)
                    and path.name not in files
                    and age > _NAMED_SECONDS
                ):
                    path.unlink()
                    deleted += 1
        return deleted

    def set_encodings(self, found: dict[str, Encoding]) -> None:
        """Replace the known encodings, by their keys."""
        by_source, by_master = {}, {}
        # The same choice for all stores that share the folder.
        for _, each in sorted(found.items(), reverse=True):
            by_source[each.source] = each
            by_master[each.master, each.format_name] = each
        self._by_key, self._by_source = found, by_source
        self._by_master = by_master
        self.revision += 1

    def _read(self, key: str) -> Encoding | None:
        """Return a record, None if it or its file can't be used."""
        try:
            data: dict[str, Any] = json.loads(
                (self.folder / f"{key}.json").read_bytes()
            )
            name, recipe = data["file"], _RECIPES[data["format"]]
            if data["version"] != _VERSION or not _FILE.fullmatch(name):
                return None
            identity = FileIdentity(*map(int, data["identity"]))
            size_bytes = (self.folder / name).stat().st_size
            if size_bytes != identity.size_bytes or not _KEY.fullmatch(
                data["sha256"]
            ):
                return None
            content = Content(
                path=name,
                identity=identity,
                sha256=bytes.fromhex(data["sha256"]),
                crc32=int(data["crc32"]),
                media_type=recipe.media_type,
                is_encoded=True,
            )
            return Encoding(
                key,
                str(data["source"]),
                str(data["master"]),
                recipe.name,
                content,
            )
        except (OSError, ValueError, LookupError, TypeError):
            return None


def _is_file(descriptor: int, path: Path) -> bool:
    """Return whether a descriptor is still the file of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _delete_abandoned(path: Path, age_seconds: float) -> bool:
    """Delete a draft that no process writes; return whether it was one."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            # No locks here: its age has to tell.
            if age_seconds < _NAMED_SECONDS:
                return False
        if not _is_file(descriptor, path):
            return False
        # While it is locked, so that no other process claims it.
        path.unlink()
    finally:
        os.close(descriptor)
    return True


def _hash(descriptor: int) -> tuple[bytes, int]:
    """Return the SHA-256 and CRC-32 of an open file."""
    sha256, crc32, at = hashlib.sha256(), 0, 0
    while block := os.pread(descriptor, _BLOCK_BYTES, at):
        sha256.update(block)
        crc32 = zlib.crc32(block, crc32)
        at += len(block)
    return sha256.digest(), crc32

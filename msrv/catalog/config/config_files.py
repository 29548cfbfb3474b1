# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Reader of `store.toml` and each `release.toml`.

Where a file is invalid, missing or cut short, its last good version counts
on; see `last_good`.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from msrv.catalog.config.last_good import LastGoodConfig
from msrv.catalog.config.release_config import ReleaseConfig, parse_release
from msrv.catalog.config.store_config import StoreConfig, parse_store
from msrv.catalog.library.found_files import (
    RELEASE_TOML,
    STORE_TOML,
    FoundFile,
    FoundFolder,
)
from msrv.catalog.model import Shop
from msrv.display_text import printable, reason_of
from msrv.toml_file import InvalidConfig, Problem

_MAX_BYTES: Final = 1 << 20


class FoundConfig(NamedTuple):
    """Configuration of a release; None where none can be used.

    `broken` are the file's problems. `is_latest` is False where an earlier
    version of it counts.
    """

    config: ReleaseConfig | None
    broken: tuple[Problem, ...] = ()
    is_latest: bool = True


class ConfigFiles:
    """Configuration files of one reading of a library.

    Problems are added to the reading's `problems`.
    """

    def __init__(
        self, root: Path, last_good: LastGoodConfig, problems: list[Problem]
    ) -> None:
        self._root = root
        self._last_good = last_good
        self._problems = problems
        self.is_store_known = True

    @property
    def is_waiting(self) -> bool:
        """True if a file states less than before, and its grace isn't over."""
        return self._last_good.is_waiting

    def store(
        self,
        file: FoundFile | None,
        last: StoreConfig | None,
        *,
        is_arriving: bool,
    ) -> StoreConfig:
        """Read store.toml; where that fails, the store stays as it was.

        `last` is the configuration of the last reading.
        """
        store = None if is_arriving else self._read_store(file)
        if store is None:
            store = (
                last or self._last_good_store() or StoreConfig(is_known=False)
            )
        self.is_store_known = store.is_known
        return store

    def _read_store(self, file: FoundFile | None) -> StoreConfig | None:
        try:
            text = None if file is None else _read_text(self._root, file)
            text, is_latest = self._choose(STORE_TOML, text)
            if text is None:
                return StoreConfig()
            where = STORE_TOML if file is None else file.path
            store = parse_store(where, text)
        except InvalidConfig as error:
            self._problems += error.problems
            return None
        if is_latest:
            self._last_good.update(STORE_TOML, text)
        return store

    def _last_good_store(self) -> StoreConfig | None:
        text = self._last_good.text(STORE_TOML)
        if text is None:
            return None
        try:
            return parse_store(STORE_TOML, text)
        except InvalidConfig:
            return None  # valid for an earlier version of the program only

    def release(
        self, folder: FoundFolder, shop: Shop, *, is_arriving: bool
    ) -> FoundConfig:
        """Read a folder's release.toml, or return its last good version.

        While it is arriving, only the last good version counts.
        """
        path, file = _path(folder), folder.config
        if is_arriving:
            return self._last_good_release(path, shop)
        try:
            text = None if file is None else _read_text(self._root, file)
            text, is_latest = self._choose(path, text)
            if text is None:
                return FoundConfig(ReleaseConfig())
            where = path if file is None else file.path
            found = parse_release(where, text, shop)
        except InvalidConfig as error:
            return self._last_good_release(path, shop)._replace(
                broken=error.problems
            )
        if is_latest:
            self._last_good.update(path, text)
        return FoundConfig(found, is_latest=is_latest)

    def _last_good_release(self, path: str, shop: Shop) -> FoundConfig:
        text = self._last_good.text(path)
        if text is None:
            return FoundConfig(None, is_latest=False)
        try:
            found = parse_release(path, text, shop)
        except InvalidConfig:
            found = None  # another version's, or in another currency
        return FoundConfig(found, is_latest=False)

    def _choose(self, path: str, text: str | None) -> tuple[str | None, bool]:
        """Return the text that counts, and whether it is the latest."""
        text, problem = self._last_good.choose(path, text)
        if problem is not None:
            self._problems.append(problem)
        return text, problem is None

    def retain(self, folders: Iterable[FoundFolder]) -> None:
        """Delete the last good versions of all other folders."""
        self._last_good.retain({STORE_TOML, *map(_path, folders)})

    def save(self) -> None:
        """Save the configuration in use, for the next start."""
        self._last_good.save()


def _path(folder: FoundFolder) -> str:
    return f"{folder.path}/{RELEASE_TOML}"


def _read_text(root: Path, file: FoundFile) -> str:
    """Read a configuration file. Raises InvalidConfig."""
    where = printable(file.path)
    if not file.is_usable:
        what = "can't be used: it has to be a file, in the library"
        raise InvalidConfig((Problem(where, None, what),))
    if file.size_bytes > _MAX_BYTES:
        raise InvalidConfig((Problem(where, None, "is over 1 MiB"),))
    try:
        return (root / file.path).read_text(encoding="utf-8-sig")
    except OSError as error:
        what = f"can't be read: {reason_of(error)}"
        raise InvalidConfig((Problem(where, None, what),)) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InvalidConfig((Problem(where, line, "is not UTF-8"),)) from error

"""store.toml and each release.toml, read with regard to what they used to say.

Where one is broken, away or cut short, what it last said counts on; see
`kept_config`.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from msrv.catalog.config import toml_models
from msrv.catalog.config.last_good import LastGoodConfig
from msrv.catalog.config.toml_models import ReleaseConfig, StoreConfig
from msrv.catalog.library.found_files import FoundFile, FoundFolder
from msrv.catalog.library.scan import RELEASE_TOML, STORE_TOML
from msrv.catalog.model import Shop
from msrv.display_text import printable
from msrv.toml_file import InvalidConfig, Problem

_MAX_BYTES: Final = 1 << 20


class FoundConfig(NamedTuple):
    """Configuration of a release; None where none can be used.

    `broken` is what is wrong with it. `is_latest` is False where an earlier
    version of it is what counts.
    """

    config: ReleaseConfig | None
    broken: tuple[Problem, ...] = ()
    is_latest: bool = True


class ConfigFiles:
    """Reads them for one reading of a library; adds to its `problems`."""

    def __init__(
        self, root: Path, kept: LastGoodConfig, problems: list[Problem]
    ) -> None:
        self._root = root
        self._kept = kept
        self._problems = problems
        self.is_store_known = True

    @property
    def is_waiting(self) -> bool:
        """Whether one says less than it did, and may yet say it again."""
        return self._kept.is_waiting

    def store(
        self,
        file: FoundFile | None,
        last: StoreConfig | None,
        *,
        is_arriving: bool,
    ) -> StoreConfig:
        """Read store.toml; where it can't be, the store stays as it was.

        `last` is what it said at the last reading.
        """
        store = None if is_arriving else self._read_store(file)
        if store is None:
            store = last or self._kept_store() or StoreConfig(is_known=False)
        self.is_store_known = store.is_known
        return store

    def _read_store(self, file: FoundFile | None) -> StoreConfig | None:
        try:
            text = None if file is None else _text(self._root, file)
            text, is_latest = self._weighed(STORE_TOML, text)
            if text is None:
                return StoreConfig()
            where = STORE_TOML if file is None else file.path
            store = toml_models.parse_store(where, text)
        except InvalidConfig as error:
            self._problems += error.problems
            return None
        if is_latest:
            self._kept.keep(STORE_TOML, text)
        return store

    def _kept_store(self) -> StoreConfig | None:
        text = self._kept.text(STORE_TOML)
        if text is None:
            return None
        try:
            return toml_models.parse_store(STORE_TOML, text)
        except InvalidConfig:
            return None  # another version's, which this one doesn't take

    def release(
        self, folder: FoundFolder, shop: Shop, *, is_arriving: bool
    ) -> FoundConfig:
        """Read a folder's release.toml, or what it last said.

        Where it is arriving, what it last said is all that there is.
        """
        path, file = _path(folder), folder.config
        if is_arriving:
            return self._kept_release(path, shop)
        try:
            text = None if file is None else _text(self._root, file)
            text, is_latest = self._weighed(path, text)
            if text is None:
                return FoundConfig(ReleaseConfig())
            where = path if file is None else file.path
            found = toml_models.parse_release(where, text, shop)
        except InvalidConfig as error:
            return self._kept_release(path, shop)._replace(
                broken=error.problems
            )
        if is_latest:
            self._kept.keep(path, text)
        return FoundConfig(found, is_latest=is_latest)

    def _kept_release(self, path: str, shop: Shop) -> FoundConfig:
        text = self._kept.text(path)
        if text is None:
            return FoundConfig(None, is_latest=False)
        try:
            found = toml_models.parse_release(path, text, shop)
        except InvalidConfig:
            found = None  # another version's, or in another currency
        return FoundConfig(found, is_latest=False)

    def _weighed(self, path: str, text: str | None) -> tuple[str | None, bool]:
        """Return the text that counts, and whether it is the latest."""
        text, problem = self._kept.choose(path, text)
        if problem is not None:
            self._problems.append(problem)
        return text, problem is None

    def retain(self, folders: Iterable[FoundFolder]) -> None:
        """Forget what was said of folders that are gone for good."""
        self._kept.retain({STORE_TOML, *map(_path, folders)})

    def save(self) -> None:
        """Save the configuration in use, for the next start."""
        self._kept.save()


def _path(folder: FoundFolder) -> str:
    return f"{folder.path}/{RELEASE_TOML}"


def _text(root: Path, file: FoundFile) -> str:
    """Read a configuration file. Raises InvalidConfig."""
    where = printable(file.path)
    if file.size_bytes > _MAX_BYTES:
        raise InvalidConfig((Problem(where, None, "is over 1 MiB"),))
    try:
        return (root / file.path).read_text(encoding="utf-8-sig")
    except OSError as error:
        what = f"can't be read: {error.strerror}"
        raise InvalidConfig((Problem(where, None, what),)) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InvalidConfig((Problem(where, line, "is not UTF-8"),)) from error

"""Detection of uploads in progress, so that half of one is never sold.

A file that appears or grows waits for a quiet time after its last change.
What counts is how long this process has seen it unchanged: clocks of file
servers are wrong, and programs set dates. At the first look there is nothing
to compare with, so there the file's own dates have to do, and a file that
has lain there for longer is taken at once.

A network mount shows what it has cached for up to a minute: a quiet time
shorter than that sees stillness where there is none (docs/settings.md).
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from msrv.catalog.library.found_files import FoundFile, FoundFolder, Scan
from msrv.display_text import printable
from msrv.toml_file import Problem

SETTLE_SECONDS: Final = 10
GRACE_FACTOR: Final = 6
"""The grace in quiet times: a minute, by default."""
LIBRARY: Final = ""
"""The path that stands for the library itself, whose file is store.toml."""


@dataclass(frozen=True, slots=True)
class UnsettledFolder:
    """A folder with files that changed a moment ago.

    `file` is one of them: it stays the same one until it has settled.
    `is_restless` says that the folder has been so for over the grace.
    `paths` are all of them; the folder's own path among them where files went.
    """

    file: str
    keeps_changing: bool = False
    paths: frozenset[str] = field(default=frozenset(), compare=False)


class UploadDetector:
    """Looks at one scan after the other.

    `clock` is in Unix seconds, as files' dates are; `timer` never goes back.
    """

    def __init__(
        self,
        quiet_seconds: float = SETTLE_SECONDS,
        *,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.quiet_seconds = quiet_seconds
        self._clock = clock
        self._timer = timer
        self._before: dict[str, FoundFolder] | None = None
        self._changed: dict[str, dict[str, float]] = {}
        self._since: dict[str, float] = {}
        self._named: dict[str, str] = {}

    @property
    def grace_seconds(self) -> float:
        """Time for which a folder may be restless before that is a problem."""
        return GRACE_FACTOR * self.quiet_seconds

    def update(
        self,
        found: Scan,
        is_known: Callable[[FoundFile], bool] = lambda _: False,
    ) -> Mapping[str, UnsettledFolder]:
        """Return the folders that have not come to rest, by their paths.

        `is_known` says at the first look whether a file had this size and
        date when it was last read: a new status alone is no upload.
        """
        now = self._timer()
        folders = {folder.path: folder for folder in found.folders}
        if found.store is not None:
            folders[LIBRARY] = FoundFolder(LIBRARY, (found.store,))
        before, self._before = self._before, folders
        moved = _removed_identities(before or {}, folders)
        unsettled = {}
        changed: dict[str, dict[str, float]] = {}
        for path, folder in folders.items():
            times = {
                file: since
                for file, since in self._changed.get(path, {}).items()
                if now - since < self.quiet_seconds
            }
            if before is None:
                times |= self._fresh(folder, now, is_known)
            elif before.get(path) != folder:
                for file in _changed_paths(before.get(path), folder, moved):
                    times[file] = now
            if times:
                changed[path] = times
                unsettled[path] = self._unsettled(path, times, now)
        self._changed = changed
        self._since = {path: self._since[path] for path in unsettled}
        self._named = {path: each.file for path, each in unsettled.items()}
        return unsettled

    def _unsettled(
        self, path: str, times: Mapping[str, float], now: float
    ) -> UnsettledFolder:
        since = self._since.setdefault(path, now)
        named = self._named.get(path)
        if named is None or named not in times:
            named = max(times, key=lambda file: (times[file], file))
        return UnsettledFolder(
            named,
            keeps_changing=0 < self.grace_seconds <= now - since,
            paths=frozenset(times),
        )

    def _fresh(
        self,
        folder: FoundFolder,
        now: float,
        is_known: Callable[[FoundFile], bool],
    ) -> Iterator[tuple[str, float]]:
        """Yield the paths that changed lately, by their dates, and when."""
        wall = self._clock()
        for file in _all_files(folder):
            age = _age(file, wall)
            if age < self.quiet_seconds and not is_known(file):
                yield file.path, now - age


def explain_wait(
    where: str,
    waits: UnsettledFolder,
    *,
    is_offered: bool,
    quiet_seconds: float,
) -> Problem | str:
    """Return why a folder waits: a problem, or a note where it is on sale.

    The text stays the same while the folder waits for one file, so that it
    is logged once.
    """
    file = printable(waits.file)
    until = f"it waits until it has been still for {quiet_seconds:g} s"
    if waits.keeps_changing:
        what = f"is not taken up: {file} keeps changing; {until}"
    elif not is_offered:
        what = f"is held back: {file} is still arriving; {until}"
    else:
        # The folder's own path stands for files that are gone.
        what = "it" if file == where else file
        return f"{where} stays as it was while {what} is being changed"
    return Problem(where, None, what)


def _age(file: FoundFile, now: float) -> float:
    """Return for how many seconds a file has not changed, by its dates.

    Its modification time may be set to anything, so one in the future says
    nothing. A status change in the future is a clock that is ahead, and may
    be of this moment.
    """
    modified = now - file.mtime_ns / 1e9
    changed = max(0.0, now - file.ctime_ns / 1e9)
    return min(changed, modified if modified >= 0 else math.inf)


def _changed_paths(
    old: FoundFolder | None, new: FoundFolder, moved: frozenset[object]
) -> Iterator[str]:
    """Yield the paths that are new, changed or gone.

    A file whose status alone changed is not among them, nor one that only
    has come from a folder of another name.
    """
    known = {file.path: file for file in _all_files(old)} if old else {}
    for file in _all_files(new):
        before = known.pop(file.path, None)
        if before is None:
            if file.identity not in moved:
                yield file.path
        elif not is_same_upload(before, file):
            yield file.path
    if known:
        yield new.path


def is_same_upload(one: FoundFile, other: FoundFile) -> bool:
    """Whether two looks at a path saw the same size and date."""
    return (one.size_bytes, one.mtime_ns) == (
        other.size_bytes,
        other.mtime_ns,
    )


def _removed_identities(
    before: Mapping[str, FoundFolder], now: Mapping[str, FoundFolder]
) -> frozenset[object]:
    """Return the identities of the files of folders that aren't there now."""
    return frozenset(
        file.identity
        for path, folder in before.items()
        if path not in now
        for file in _all_files(folder)
    )


def _all_files(folder: FoundFolder) -> Iterator[FoundFile]:
    """Yield all files of a folder, its configuration included."""
    yield from folder.files
    if folder.cover is not None:
        yield folder.cover
    if folder.config is not None:
        yield folder.config

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Detection of uploads in progress, so that no partial file is sold.

A file that appears or grows has to stay unchanged for a quiet time. It is
measured by this process's own observations: clocks of file servers are wrong,
and programs set dates. The first scan has nothing to compare with, so it goes
by the files' dates, and older files are accepted at once.

A network mount may show cached values for up to a minute: a shorter quiet
time would miss changes (docs/settings.md).
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
"""Grace period, in quiet times: a minute by default."""
LIBRARY: Final = ""
"""Path of the library itself, whose only file is store.toml."""

THEME: Final = "theme/"
"""Path that stands for the files of the store's look, wherever they are."""


@dataclass(frozen=True, slots=True)
class UnsettledFolder:
    """A folder with files that changed within the quiet time.

    `file` is one of them, the same one until it has settled. `keeps_changing`
    is True after the grace period. `paths` are all of them, with the folder's
    own path among them if files were deleted.
    """

    file: str
    keeps_changing: bool = False
    paths: frozenset[str] = field(default=frozenset(), compare=False)


class UploadDetector:
    """Comparison of each scan with the one before.

    `clock` is in Unix seconds, like files' dates; `timer` is monotonic.
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
        """Time for which a folder may keep changing without a problem."""
        return GRACE_FACTOR * self.quiet_seconds

    def update(
        self,
        found: Scan,
        is_known: Callable[[FoundFile], bool] = lambda _: False,
    ) -> Mapping[str, UnsettledFolder]:
        """Return the folders that are still changing, by path.

        At the first scan, `is_known` returns whether a file has the size and
        date that it had when it was last read: a new status alone is not an
        upload.
        """
        now = self._timer()
        folders = {each.path: each for each in (*found.folders, *found.texts)}
        if found.store is not None:
            folders[LIBRARY] = FoundFolder(LIBRARY, (found.store,))
        if found.theme:
            folders[THEME] = FoundFolder(THEME, tuple(found.theme))
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
                times |= self._recently_changed(folder, now, is_known)
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

    def _recently_changed(
        self,
        folder: FoundFolder,
        now: float,
        is_known: Callable[[FoundFile], bool],
    ) -> Iterator[tuple[str, float]]:
        """Yield recently changed paths by the files' dates, with the time."""
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
    """Return why a folder waits: a problem, or a note if it is on sale.

    The text stays the same while the folder waits for one file, so that it
    is logged once.
    """
    file = printable(waits.file)
    until = f"waiting until it has been unchanged for {quiet_seconds:g} s"
    if waits.keeps_changing:
        what = f"is not updated: {file} keeps changing; {until}"
    elif not is_offered:
        what = f"is held back: {file} is still arriving; {until}"
    else:
        # The folder's own path means that files were deleted.
        what = "it" if file == where else file
        return f"{where} stays as it was while {what} is being changed"
    return Problem(where, None, what)


def _age(file: FoundFile, now: float) -> float:
    """Return for how many seconds a file has been unchanged, by its dates.

    Its modification time may be set to anything, so one in the future is
    ignored. A status change in the future means that the server's clock is
    ahead, and counts as one of now.
    """
    modified = now - file.mtime_ns / 1e9
    changed = max(0.0, now - file.ctime_ns / 1e9)
    return min(changed, modified if modified >= 0 else math.inf)


def _changed_paths(
    old: FoundFolder | None, new: FoundFolder, moved: frozenset[object]
) -> Iterator[str]:
    """Yield the paths that are new or changed; the folder's for deletions.

    Files whose status alone changed are left out, and so are those of a new
    folder that came with its renaming.
    """
    known = {file.path: file for file in _all_files(old)} if old else {}
    for file in _all_files(new):
        before = known.pop(file.path, None)
        if before is None:
            if old is not None or file.identity not in moved:
                yield file.path
        elif not is_same_upload(before, file):
            yield file.path
    if known:
        yield new.path


def is_same_upload(one: FoundFile, other: FoundFile) -> bool:
    """Return whether two observations of a path have one size and date."""
    return (one.size_bytes, one.mtime_ns) == (
        other.size_bytes,
        other.mtime_ns,
    )


def _removed_identities(
    before: Mapping[str, FoundFolder], now: Mapping[str, FoundFolder]
) -> frozenset[object]:
    """Return the identities of files that left with their folders.

    A file in its old place, which is part of another release now, did not.
    """
    gone = [
        file
        for path, folder in before.items()
        if path not in now
        for file in _all_files(folder)
    ]
    if not gone:
        return frozenset()
    present = {
        file.path for folder in now.values() for file in _all_files(folder)
    }
    return frozenset(
        file.identity for file in gone if file.path not in present
    )


def _all_files(folder: FoundFolder) -> Iterator[FoundFile]:
    """Yield all files of a folder, its configuration included."""
    yield from folder.files
    if folder.cover is not None:
        yield folder.cover
    if folder.config is not None:
        yield folder.config

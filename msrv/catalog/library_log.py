# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Log of a library: its new and fixed problems, its size, the progress.

Apart from the live catalog, which has no other part in what is logged.
"""

import logging
import time
from typing import Final

from msrv.catalog.library.loader import LoadedLibrary
from msrv.text_table import plural
from msrv.toml_file import Problem

log = logging.getLogger(__name__)

_PROGRESS_SECONDS: Final = 5.0


class LibraryLog:
    """Log of a library's readings; only what has changed is logged."""

    def __init__(self) -> None:
        self._problems: frozenset[Problem] = frozenset()

    def report(
        self, new: LoadedLibrary, previous: LoadedLibrary | None
    ) -> None:
        """Log what has changed since the previous reading.

        What was stored isn't one: it was read and logged at an earlier start.
        """
        if previous is not None and previous.is_stored:
            previous = None
        problems = frozenset(new.problems)
        for problem in new.problems:
            if problem not in self._problems:
                log.warning("library: %s", problem)
        held = previous.held if previous else frozenset()
        for line in sorted(map(str, self._problems - problems - held)):
            log.info("fixed: %s", line)
        self._problems = problems
        for note in new.notes:
            if previous is None or note not in previous.notes:
                log.info("library: %s", note)
        if previous is None or previous.catalog.version != new.catalog.version:
            releases = new.catalog.releases
            log.info(
                "catalog: %s, %s",
                plural(len(releases), "release"),
                plural(sum(len(each.items) for each in releases), "item"),
            )


class ProgressLog:
    """Log of one reading's progress, every few seconds."""

    def __init__(self) -> None:
        self._logged_at = time.monotonic()

    def __call__(
        self, files: int, all_files: int, size: int, all_size: int
    ) -> None:
        """Log the files and bytes hashed so far, if it is time."""
        now = time.monotonic()
        if now - self._logged_at < _PROGRESS_SECONDS:
            return
        self._logged_at = now
        log.info(
            "hashed %s of %s files, %.1f of %.1f GB",
            f"{files:,}",
            f"{all_files:,}",
            size / 1e9,
            all_size / 1e9,
        )

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Library that is read for publication: whole, or not at all.

A running store keeps what it last read of a folder that is being changed, or
can't be read. A command has nothing to keep, and what it publishes is sold by
every store at once.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final

from msrv.catalog.library.file_index import FileIndex
from msrv.catalog.library.found_files import STORE_TOML, Scan
from msrv.catalog.library.indexing import BEING_CHANGED
from msrv.catalog.library.scan import scan
from msrv.catalog.library.upload_detection import UploadDetector
from msrv.catalog.loaded_library import LoadedLibrary
from msrv.catalog.published.current import PublicationError
from msrv.cli.catalog import read_catalog
from msrv.cli.progress import ProgressLine
from msrv.display_text import printable
from msrv.settings import Settings
from msrv.toml_file import Problem

_POLL_SECONDS: Final = 1.0
_MAX_NAMED: Final = 3
"""Number of problems that an error names."""


def read_whole_library(
    settings: Settings, sleep: Callable[[float], None] = time.sleep
) -> LoadedLibrary:
    """Return the library as it is when nothing in it is being changed.

    Blocks, also for MSRV_SETTLE_SECONDS after an upload. Raises
    PublicationError for an empty library, one that keeps changing, and one of
    which something can't be read; and LibraryUnreadable.
    """
    uploads = UploadDetector(settings.settle_seconds)
    unread = -1
    while True:
        _wait_for_uploads(settings, uploads, sleep)
        reading = read_catalog(settings)
        if uploads.update(_scan(settings)):
            continue
        _require_whole(reading)
        # Files with another status are hashed again, some at each reading.
        before, unread = (
            unread,
            sum(each.source is None for each in reading.built.values()),
        )
        if not reading.retrying or unread == before:
            return reading


def _wait_for_uploads(
    settings: Settings,
    uploads: UploadDetector,
    sleep: Callable[[float], None],
) -> None:
    with FileIndex.open(settings.data) as index, ProgressLine() as line:
        while changing := uploads.update(
            _scan(settings), index.has_same_size_and_date
        ):
            for path, each in changing.items():
                if each.keeps_changing:
                    raise PublicationError(
                        f"nothing is published: {_name(path)} keeps changing"
                    )
            name = _name(min(changing))
            line.update(f"waiting until {name} stays unchanged")
            sleep(_POLL_SECONDS)


def _scan(settings: Settings) -> Scan:
    """Scan the library. Raises PublicationError unless all can be listed."""
    found = scan(settings.library_folder)
    if found.is_empty:
        raise PublicationError(
            f"the library {printable(str(settings.library_folder))} is "
            "empty: is its disk mounted?"
        )
    if not found.is_complete:
        raise _refused(found.problems)
    return found


def _require_whole(reading: LoadedLibrary) -> None:
    """Raise PublicationError if something couldn't be read."""
    unread = [each for each in reading.problems if each.what == BEING_CHANGED]
    for built in reading.built.values():
        if not built.is_whole:
            unread += built.problems
    if unread:
        raise _refused(unread)


def _refused(problems: Sequence[Problem]) -> PublicationError:
    named = "; ".join(map(str, problems[:_MAX_NAMED]))
    return PublicationError(f"nothing is published: {named}")


def _name(path: str) -> str:
    return printable(path or STORE_TOML)

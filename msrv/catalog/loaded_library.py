# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Result of loading a library.

Apart from `library.loader`, which makes it.
"""

import logging
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from msrv.catalog.aliases import add_aliases
from msrv.catalog.config.store_config import StoreConfig
from msrv.catalog.id_history import IdHistory
from msrv.catalog.library.release_builder import BuiltRelease
from msrv.catalog.model import Catalog
from msrv.catalog.names.id_records import AliasState
from msrv.catalog.texts.legal_reader import KnownTexts
from msrv.catalog.texts.seller_texts import NO_TEXTS, SellerTexts
from msrv.catalog.theme.theme_reader import Known
from msrv.toml_file import Problem, sorted_problems

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadedLibrary:
    """Result of loading a library once.

    `problems` need to be fixed, `notes` don't. `held` are the problems that
    resolve themselves: releases held back while they change. `waiting` is
    True if the library should be loaded again soon: a folder was changing, a
    file was unreadable, or a missing configuration file still applies.
    `retrying` is True for the latter two, which may end without a change that
    a watcher would notice.
    `incomplete_since` are the times since which folders have had an
    unreadable file. `is_stored` is True for what an earlier start loaded, of
    which only what hasn't changed since is offered; `withholds` is True if
    something has, or is new. `aliases` is what the next loading compares its
    ids with.
    """

    catalog: Catalog
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    held: frozenset[Problem] = frozenset()
    waiting: bool = False
    retrying: bool = False
    store: StoreConfig = field(default_factory=StoreConfig, repr=False)
    built: Mapping[str, BuiltRelease] = field(default_factory=dict, repr=False)
    texts: SellerTexts = field(default=NO_TEXTS, repr=False)
    theme: Known = field(default_factory=dict, repr=False)
    legal: KnownTexts = field(default_factory=dict, repr=False)
    incomplete_since: Mapping[str, float] = field(default_factory=dict)
    is_stored: bool = False
    withholds: bool = False
    aliases: AliasState | None = field(default=None, repr=False)


def with_former_ids(
    reading: LoadedLibrary,
    history: IdHistory,
    previous: LoadedLibrary | None,
    *,
    is_complete: bool,
) -> LoadedLibrary:
    """Return a loaded library with the ids that were offered before.

    `previous` is what was loaded before. With `is_complete`, all folders could
    be read. If the history of ids can't be read, the store sells under current
    ids.
    """
    try:
        followed = add_aliases(
            history,
            reading.catalog,
            is_settled=is_complete and not reading.waiting,
            before=previous.aliases if previous else None,
            pinned={
                path for made in reading.built.values() for path in made.lines
            },
        )
    except (sqlite3.Error, OverflowError) as error:
        log.error(  # noqa: TRY400 - no traceback needed
            "what was sold under other ids can't be found: "
            "the file of ids can't be read: %s",
            error,
        )
        return reading
    return replace(
        reading,
        catalog=followed.catalog,
        aliases=followed.state,
        problems=sorted_problems((*reading.problems, *followed.problems)),
        notes=(*reading.notes, *followed.notes),
    )


@dataclass(frozen=True, slots=True)
class FixedCatalog:
    """Catalog that doesn't change, in place of a LiveCatalog."""

    current: Catalog

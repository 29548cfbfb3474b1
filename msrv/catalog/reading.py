"""From a folder of files to a catalog, and what is wrong on the way.

Reading never fails for one folder: what can't be used is a problem, and a
release whose description is broken stays as it last was.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from msrv.catalog import config
from msrv.catalog.assembly import assemble, unique
from msrv.catalog.build import Built, build, default_price
from msrv.catalog.config import ReleaseConfig, StoreConfig
from msrv.catalog.documents import BrokenConfig
from msrv.catalog.facts import Progress, learn
from msrv.catalog.index import Index
from msrv.catalog.model import Catalog
from msrv.catalog.scan import (
    FoundFile,
    FoundFolder,
    LibraryUnreadable,
    Scan,
    in_release,
    scan,
)
from msrv.catalog.text import shown
from msrv.problems import Problem

__all__ = ["LibraryUnreadable", "Reading", "read_library"]

_MAX_CONFIG_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading a library once.

    `problems` are to be mended, `notes` only to be known. `waiting` says
    that a folder was being changed, or a file could not be read: read again
    soon.
    """

    catalog: Catalog
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    waiting: bool = False
    store: StoreConfig = field(default_factory=StoreConfig, repr=False)
    built: Mapping[str, Built] = field(default_factory=dict, repr=False)


def read_library(
    root: Path,
    index: Index,
    previous: Reading | None = None,
    *,
    found: Scan | None = None,
    before: Scan | None = None,
    stopping: Callable[[], bool] = lambda: False,
    progress: Progress = lambda *_: None,
) -> Reading:
    """Read a library; blocks, for long where many files are new.

    `found` is a scan that was just made, `before` one from a moment earlier.
    A folder that is not the same in both is being changed, and a file in it
    may be copied half: its release stays as it was in `previous`, and
    `waiting` is set. Raises LibraryUnreadable, and Stopped when `stopping`
    says so.
    """
    found = scan(root) if found is None else found
    if found.is_empty and previous is not None and previous.catalog.releases:
        raise LibraryUnreadable(
            f"the library {shown(str(root))} is empty: is its disk mounted?"
        )
    problems = list(found.problems)
    store = _store(root, found, before, previous, problems)
    known = previous.built if previous else {}
    settled = _settled(found, before)
    built = {}
    anew = []
    for folder in found.folders:
        old = known.get(folder.path)
        if old is not None and (
            folder.path not in settled or old.source == (folder, store)
        ):
            built[folder.path] = old
        elif folder.path in settled:
            anew.append(folder)
    unreadable = learn(root, index, anew, stopping=stopping, progress=progress)
    _remember(index, found)
    for folder in anew:
        old = known.get(folder.path)
        built[folder.path] = _release(
            root, folder, store, old, index=index, unreadable=unreadable
        )
    problems += [each for made in built.values() for each in made.problems]
    # In the order of their paths, so that it doesn't depend on what was new
    # whose id goes before the same id of another.
    by_path = [built[path] for path in sorted(built)]
    releases = unique(by_path, problems)
    return Reading(
        assemble(store.shop, releases),
        tuple(sorted(set(problems), key=_place)),
        _notes(found, store, by_path),
        waiting=len(settled) < len(found.folders)
        or (before is not None and before.store != found.store)
        or not all(made.is_whole for made in by_path),
        store=store,
        built=built,
    )


def _settled(found: Scan, before: Scan | None) -> set[str]:
    """Name the folders in which nothing has changed since a moment ago."""
    if before is None:
        return {folder.path for folder in found.folders}
    old = {folder.path: folder for folder in before.folders}
    return {
        folder.path
        for folder in found.folders
        if old.get(folder.path) == folder
    }


def _remember(index: Index, found: Scan) -> None:
    """Save what was read, and forget what is gone."""
    index.save()
    # A folder that can't be read today must not be hashed anew tomorrow.
    if found.is_complete:
        index.forget_all_but(
            file.path
            for folder in found.folders
            for file in in_release(folder)
        )


def _store(
    root: Path,
    found: Scan,
    before: Scan | None,
    previous: Reading | None,
    problems: list[Problem],
) -> StoreConfig:
    """Read `store.toml`; where it is broken, the store stays as it was."""
    last = previous.store if previous else None
    if found.store is None:
        return StoreConfig()
    if last is not None and before is not None and before.store != found.store:
        return last
    try:
        return config.read_store(found.store.path, _text(root, found.store))
    except BrokenConfig as error:
        problems += error.problems
        return last or StoreConfig(is_known=False)


def _release(
    root: Path,
    folder: FoundFolder,
    store: StoreConfig,
    old: Built | None,
    *,
    index: Index,
    unreadable: Mapping[str, Problem],
) -> Built:
    """Make a folder's release; where it can't be, the old one stays."""
    described = ReleaseConfig()
    if folder.config is not None:
        try:
            described = config.read_release(
                folder.config.path, _text(root, folder.config), store.shop
            )
        except BrokenConfig as error:
            # Not kept as made from this source: it is looked at again.
            if old is None:
                return Built(None, None, error.problems)
            return replace(old, source=None, problems=error.problems)
    return build(index, folder, described, store, unreadable)


def _notes(
    found: Scan, store: StoreConfig, built: Sequence[Built]
) -> tuple[str, ...]:
    notes = [*found.notes, *(note for made in built for note in made.notes)]
    unpriced = sum(made.unpriced for made in built)
    if unpriced:
        price = default_price(store.shop.currency)
        notes.append(
            f"{unpriced:,} of the items have no price set, "
            f"and cost {price} each"
        )
    extras = sum(
        len(made.release.extras) for made in built if made.release is not None
    )
    if extras:
        notes.append(
            f"{extras:,} files come with their releases, "
            "and are not sold by themselves"
        )
    return tuple(notes)


def _text(root: Path, file: FoundFile) -> str:
    """Read a configuration file. Raises BrokenConfig."""
    where = shown(file.path)
    if file.size_bytes > _MAX_CONFIG_BYTES:
        raise BrokenConfig((Problem(where, None, "is over 1 MiB"),))
    try:
        return (root / file.path).read_text(encoding="utf-8-sig")
    except OSError as error:
        what = f"can't be read: {error.strerror}"
        raise BrokenConfig((Problem(where, None, what),)) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BrokenConfig((Problem(where, line, "is not UTF-8"),)) from error


def _place(problem: Problem) -> tuple[str, int, str]:
    return problem.where, problem.line or 0, problem.what

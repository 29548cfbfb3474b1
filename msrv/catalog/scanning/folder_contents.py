# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Contents of one folder: what the names of its files make them."""

from typing import Final

from msrv.catalog.library.found_files import (
    RELEASE_TOML,
    STORE_TOML,
    FoundFile,
    FoundFolder,
    Scan,
)
from msrv.catalog.names import cover_names
from msrv.catalog.names.mistaken_names import describe_near_miss
from msrv.catalog.texts.text_folders import (
    describe_sold_texts,
    is_text_folder,
)
from msrv.catalog.theme import theme_files
from msrv.display_text import printable
from msrv.toml_file import Problem

_SPECIAL_NAMES: Final = frozenset(
    {STORE_TOML, RELEASE_TOML, *cover_names.COVERS, *cover_names.HIDDEN}
)


def is_config_path(path: str) -> bool:
    """Return whether a path is that of store.toml, or of a release.toml."""
    folder, _, name = path.rpartition("/")
    return name.lower() == (RELEASE_TOML if folder else STORE_TOML)


def classify_files(found: Scan, path: str, files: list[FoundFile]) -> None:
    """Add a folder's files to a scan, by what their names make them."""
    if _is_theme_folder(path, files):
        found.theme += files
        return
    if is_text_folder(path, files):
        found.texts.append(FoundFolder(path, tuple(files)))
        return
    note = describe_sold_texts(path, files)
    if note is not None:
        found.notes.append(note)
    special: dict[str, list[FoundFile]] = {}
    sold = []
    for file in files:
        # On Windows and macOS, Cover.JPG and cover.jpg are one name.
        name = file.name.lower()
        missed = describe_near_miss(name)
        if name in _SPECIAL_NAMES:
            special.setdefault(name, []).append(file)
        elif missed is not None:
            found.problems.append(Problem(printable(file.path), None, missed))
        else:
            sold.append(file)
    apart = _choose_spellings(found, special)
    store, config = apart.get(STORE_TOML), apart.get(RELEASE_TOML)
    cover = _find_cover([*apart.values(), *sold])
    if cover in sold:
        sold.remove(cover)
    if not path:
        found.store = store
        found.theme += [
            file for file in files if file.suffix in theme_files.SUFFIXES
        ]
        _note_loose_tracks(found, [file for file in sold if file.is_track])
        _add_note(
            found,
            config,
            "is not used here: move it into a release's folder, beside "
            "its files",
        )
        return
    _add_note(
        found,
        store,
        "is not used here: move it into the library itself, beside the "
        "folders",
    )
    if sold or config or cover:
        found.folders.append(FoundFolder(path, tuple(sold), config, cover))


def _choose_spellings(
    found: Scan, special: dict[str, list[FoundFile]]
) -> dict[str, FoundFile]:
    """Return one file for each name, with the exact spelling if there is one.

    Linux has `release.toml` and `Release.toml` beside each other, with other
    prices; the one that isn't used is a problem.
    """
    chosen: dict[str, FoundFile] = {}
    for name, files in special.items():
        exact = (file for file in files if file.name == name)
        chosen[name] = next(exact, files[0])
        if name in {STORE_TOML, RELEASE_TOML}:
            what = f"is not used: {chosen[name].name} is beside it"
            found.problems += [
                Problem(printable(file.path), None, what)
                for file in files
                if file is not chosen[name]
            ]
    return chosen


def _note_loose_tracks(found: Scan, tracks: list[FoundFile]) -> None:
    """Add one note on all tracks that are beside the folders."""
    more = len(tracks) - 1
    if more > 0:
        noun = "track" if more == 1 else "tracks"
        what = f"and {more:,} more {noun} are not sold: put them in"
        _add_note(found, tracks[0], f"{what} a folder")
    elif tracks:
        _add_note(found, tracks[0], "is not sold: put it in a folder")


def _add_note(found: Scan, file: FoundFile | None, what: str) -> None:
    if file is not None:
        found.notes.append(f"{printable(file.path)} {what}")


def _is_theme_folder(path: str, files: list[FoundFile]) -> bool:
    """Return whether a folder has the files of the store's look."""
    return path == theme_files.THEME_FOLDER and all(
        file.suffix in theme_files.SUFFIXES for file in files
    )


def _find_cover(files: list[FoundFile]) -> FoundFile | None:
    """Return the cover among the files of a folder."""
    found = cover_names.best_cover(
        (file.name for file in files),
        has_tracks=any(file.is_track for file in files),
    )
    return next((file for file in files if file.name == found), None)

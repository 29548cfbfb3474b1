# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Grouping of folders that are parts of one release: discs and scans.

`Album/CD1` and `Album/CD2` are the release `Album`, and so are the files in
`Album/Scans`. A folder with a release.toml is always a release of its own,
also while that file is missing and its last good version counts.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from msrv.catalog.library.found_files import FoundFile, FoundFolder
from msrv.catalog.names import cover_names
from msrv.catalog.names.disc_names import disc_number, may_be_title
from msrv.catalog.names.extras import is_art_folder
from msrv.catalog.names.titles import NameParts, parse_file_names


def group_folders(
    folders: Iterable[FoundFolder], configs: Collection[str] = ()
) -> list[FoundFolder]:
    """Return the folders with the parts of each release merged.

    The files of the parts follow the release's own. A release without a cover
    gets that of its first disc; other covers are extras. `configs` are the
    paths of files that may be missing, and count all the same.
    """
    by_path = {folder.path: folder for folder in folders}
    configured = {path for path, each in by_path.items() if each.config}
    configured.update(path.rpartition("/")[0] for path in configs)
    owners = _find_discs(by_path, configured)
    _add_art_folders(by_path, owners, configured)
    parts: dict[str, list[FoundFolder]] = {}
    for path in sorted(owners):
        parts.setdefault(owners[path], []).append(by_path[path])
    whole = [
        _merge_folders(folder, parts.get(path, ()))
        for path, folder in by_path.items()
        if path not in owners
    ]
    for path in parts.keys() - by_path.keys():
        # There are no files beside the folders of discs.
        none = replace(parts[path][0], path=path, files=(), cover=None)
        whole.append(_merge_folders(none, parts[path]))
    return sorted(whole, key=lambda folder: folder.path)


def _find_discs(
    by_path: dict[str, FoundFolder], configured: Collection[str]
) -> dict[str, str]:
    """Return the folders that are discs, each with its release's folder.

    `configured` are the folders with a release.toml.
    """
    found: dict[str, list[FoundFolder]] = {}
    for folder in by_path.values():
        parent, _, name = folder.path.rpartition("/")
        is_disc = disc_number(name, parent.rpartition("/")[2]) is not None
        if (
            parent
            and is_disc
            and folder.path not in configured
            and folder.files
        ):
            found.setdefault(parent, []).append(folder)
    owners: dict[str, str] = {}
    for parent, discs in found.items():
        own = by_path.get(parent)
        # A single folder `CD1` and nothing else is a release by itself.
        is_release = parent in configured or (
            own is not None and _has_tracks(own)
        )
        # `Artist/LP3` and `Artist/LP4` are two albums.
        parts = [
            disc for disc in discs if is_release or not _may_be_title(disc)
        ]
        if (len(parts) > 1 or is_release) and any(map(_has_tracks, parts)):
            owners |= {part.path: parent for part in parts}
    return owners


def _add_art_folders(
    by_path: dict[str, FoundFolder],
    owners: dict[str, str],
    configured: Collection[str],
) -> None:
    """Add the folders that hold pictures of releases with tracks."""
    having = {path for path, each in by_path.items() if _has_tracks(each)}
    with_tracks = {owners.get(path, path) for path in having}
    # Parents come before their subfolders.
    for path in sorted(by_path):
        if path in owners or path in configured or path in having:
            continue
        above, is_art = path, False
        while above not in with_tracks and "/" in above:
            above, _, name = above.rpartition("/")
            is_art = is_art_folder(name)
            above = owners.get(above, above)
        if is_art and above in with_tracks:
            owners[path] = above


def _merge_folders(
    own: FoundFolder, parts: Sequence[FoundFolder]
) -> FoundFolder:
    files = list(own.files)
    cover = own.cover
    if cover is None and any(map(_has_tracks, parts)):
        # Only now, beside discs, can a picture be recognised as the cover.
        name = cover_names.best_cover((f.name for f in files), has_tracks=True)
        cover = next((file for file in files if file.name == name), None)
        if cover is not None:
            files.remove(cover)
    for part in parts:
        files += part.files
        if part.cover is None:
            continue
        if cover is None and _has_tracks(part):
            cover = part.cover
        else:
            files.append(part.cover)
    if len(files) == len(own.files) and cover is own.cover:
        return own
    return replace(own, files=tuple(files), cover=cover)


def _may_be_title(folder: FoundFolder) -> bool:
    return may_be_title(folder.path.rpartition("/")[2])


def _has_tracks(folder: FoundFolder) -> bool:
    return any(file.is_track for file in folder.files)


def path_in_release(folder: FoundFolder, file: FoundFile) -> str:
    """Return a file's path within its release's folder."""
    return file.path[len(folder.path) + 1 :]


def parse_names(folder: FoundFolder) -> dict[str, NameParts]:
    """Return the parsed names of all files, by path.

    Files of one folder and kind are parsed together.
    """
    groups: dict[tuple[str, bool], list[FoundFile]] = {}
    for file in folder.files:
        key = file.path.rpartition("/")[0], file.is_track
        groups.setdefault(key, []).append(file)
    found: dict[str, NameParts] = {}
    for files in groups.values():
        parts = parse_file_names(file.name for file in files)
        found |= {file.path: parts[file.name] for file in files}
    return found

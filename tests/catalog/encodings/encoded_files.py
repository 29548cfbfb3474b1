# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Files that a store encodes into a folder: finished, offered, and drafts."""

import json
from pathlib import Path

from tests.catalog.encodings.masters import EncodedLibrary


def files_in(folder: Path) -> dict[str, bytes]:
    """Return the finished files in a folder of encodings."""
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.is_file()
        and not path.name.startswith(".")
        and path.suffix != ".json"
    }


def offered_in(folder: Path) -> set[str]:
    """Return the names of the files that are offered."""
    records = folder.glob("*.json")
    return {json.loads(path.read_bytes())["file"] for path in records}


def drafts_in(folder: Path) -> list[Path]:
    return list(folder.glob(".*.draft")) if folder.exists() else []


def files_in_or_none(library: EncodedLibrary) -> dict[str, bytes]:
    return files_in(library.encodings) if library.encodings.exists() else {}

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A parser for all tests of the catalog, since starting one takes time."""

import atexit
import functools
from pathlib import Path
from typing import Any

from msrv.catalog.library import loader
from msrv.catalog.library.file_index import FileIndex
from msrv.catalog.loaded_library import LoadedLibrary
from msrv.catalog.parsing.parser import Parser


@functools.cache
def shared() -> Parser:
    """Return a parser that runs until the tests end, with marks in memory."""
    parser = Parser()
    atexit.register(parser.close)
    return parser


def load_library(
    root: Path,
    index: FileIndex,
    previous: LoadedLibrary | None = None,
    **options: Any,  # noqa: ANN401 - as `loader.load_library` takes them
) -> LoadedLibrary:
    """Load a library with that parser."""
    return loader.load_library(
        root, index, previous, parser=shared(), **options
    )

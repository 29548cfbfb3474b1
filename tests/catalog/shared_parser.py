# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A parser for all tests of the catalog, since starting one takes time."""

import atexit
import functools

from msrv.catalog.parsing.parser import Parser


@functools.cache
def shared() -> Parser:
    """Return a parser that runs until the tests end, with marks in memory."""
    parser = Parser()
    atexit.register(parser.close)
    return parser

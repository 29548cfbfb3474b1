"""A parser that the catalog's tests share, since a start takes a moment."""

import atexit
import functools

from msrv.catalog.parsing.parser import Parser


@functools.cache
def shared() -> Parser:
    """A parser that runs until the tests end; its marks are in memory."""
    parser = Parser()
    atexit.register(parser.close)
    return parser

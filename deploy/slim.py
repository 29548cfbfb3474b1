# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Make the image's packages small; run where they are put together.

    python slim.py SITE_PACKAGES

- What LEFT_OUT names is deleted: nothing of the store loads it.
- Babel keeps the languages that prices are written in, and of these what
  writes a price, a number or a date.
- Libraries end where the loader stops reading: the rest is for debuggers.
- Modules are compiled and their sources go, except where a package's licence
  asks for them. Docstrings and asserts stay: some packages rely on them. A
  traceback still names each line by its number; the store's own sources are
  not touched.

tests/containers/test_slim.py tries that nothing is missed.
"""

import compileall
import pickle
import shutil
import struct
import sys
import sysconfig
from importlib.util import cache_from_source
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Final

LEFT_OUT: Final = (
    # Tests, and tools to test others with.
    "**/tests",
    "sqlalchemy/testing",
    "alembic/testing",
    # What a compiler or a type checker reads.
    "**/*.py[ixd]",
    "**/*.pxi",
    "**/*.[ch]",
    "**/*.[ch]pp",
    "greenlet/**/*.asm",
    "greenlet/**/*.obj",
    "stripe/params",
    # Messages of Stripe's second kind; the store takes the first.
    "stripe/events",
    # Text drawn into pictures, and what that alone needs. Covers are read,
    # and written again: the codecs stay.
    "PIL/_imagingft.*",
    "pillow.libs/libfreetype-*",
    "pillow.libs/libharfbuzz-*",
    "pillow.libs/libpng16-*",
    "pillow.libs/libbrotli*",
    # Of fontTools, what makes fonts; PDFs embed parts of one.
    *(
        f"fontTools/{name}"
        for name in (
            "afmLib.py",
            "cu2qu",
            "diff",
            "fontBuilder.py",
            "merge",
            "mtiLib",
            "qu2cu",
            "t1Lib",
            "tfmLib.py",
            "ttx.py",
            "ufoLib",
            "voltLib",
        )
    ),
)

SOURCES_KEPT: Final = ("certifi", "mutagen")
"""Packages under the MPL and the GPL; notices/third_party.py checks this."""

# What babel.numbers and babel.dates look up.
FORMATS_KEPT: Final = frozenset(
    "number_symbols default_numbering_system numbering_systems "
    "currency_formats currency_symbols currency_names currency_names_plural "
    "decimal_formats percent_formats plural_form character_order "
    "date_formats time_formats datetime_formats datetime_skeletons months "
    "days day_periods territories "
    "zone_formats languages".split()
)


def leave_out(packages: Path) -> None:
    """Delete what LEFT_OUT names; all of it has to be there."""
    for pattern in LEFT_OUT:
        found = list(packages.glob(pattern))
        if not found:
            raise SystemExit(f"nothing is called {pattern} any more")
        for path in found:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def keep_formats(packages: Path) -> None:
    """Leave Babel what msrv/translations asks of it, and what that needs."""
    from babel import localedata  # noqa: PLC0415 - it is found only now

    from msrv.translations.negotiation import FORMATS  # noqa: PLC0415
    from msrv.translations.prices import format_price  # noqa: PLC0415

    for name in FORMATS:
        format_price(123456, "EUR", name)
    used = set(localedata._cache)  # noqa: SLF001 - it tells nowhere else
    for path in (packages / "babel" / "locale-data").glob("*.dat"):
        if path.stem not in used:
            path.unlink()
            continue
        data = pickle.loads(path.read_bytes())  # noqa: S301 - it came with Babel
        kept = [each for each in data.items() if each[0] in FORMATS_KEPT]
        path.write_bytes(pickle.dumps(dict(kept)))


def end_where_loaded(library: Path) -> None:
    """Cut off symbols, debugging data and the table of sections.

    The loader reads the segments alone: their table has an offset at 32, a
    size and a number of entries at 54, and each entry its offset and size in
    the file at 8 and 32. https://refspecs.linuxfoundation.org/elf/gabi4+/
    """
    data = bytearray(library.read_bytes())
    if data[:6] != b"\x7fELF\x02\x01":
        raise SystemExit(f"{library} is not for 64 bits, little end first")
    (table,) = struct.unpack_from("<Q", data, 32)
    size, number = struct.unpack_from("<HH", data, 54)
    ends = [table + size * number]
    for entry in range(table, ends[0], size):
        start, _, _, length = struct.unpack_from("<4Q", data, entry + 8)
        ends.append(start + length)
    struct.pack_into("<Q", data, 40, 0)  # where the table of sections is
    struct.pack_into("<3H", data, 58, 0, 0, 0)  # an entry's size, and so on
    library.write_bytes(data[: max(ends)])


def compile_alone(packages: Path) -> None:
    """Put compiled modules in the place of their sources.

    What keeps its sources has the compiled modules in `__pycache__`, since
    Python prefers a source to a module beside it.
    """
    kept = {packages / name for name in SOURCES_KEPT}
    if not compileall.compile_dir(
        packages,
        quiet=1,
        legacy=True,
        # A copy of a file may have another time than its compiled module.
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
        stripdir=str(packages),
        prependdir=sysconfig.get_path("purelib"),
    ):
        raise SystemExit("not everything can be compiled")
    for source in packages.rglob("*.py"):
        if kept.isdisjoint(source.parents):
            source.unlink()
            continue
        cached = Path(cache_from_source(str(source)))
        cached.parent.mkdir(exist_ok=True)
        source.with_suffix(".pyc").rename(cached)


def main(packages: Path) -> None:
    """Do all of it in one folder."""
    sys.path.insert(0, str(packages))
    leave_out(packages)
    keep_formats(packages)
    for library in packages.rglob("*.so*"):
        end_where_loaded(library)
    compile_alone(packages)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Make the image's packages small; run where they are put together.

    python slim.py SITE_PACKAGES

- Babel keeps its data for the languages that prices are written in.
- SQLAlchemy and Alembic lose their tools for testing others.
- The three largest lose their sources and docstrings: Python loads a compiled
  module as well without them, and nobody reads them there.
"""

import compileall
import shutil
import sys
from pathlib import Path
from typing import Final

UNUSED: Final = ("sqlalchemy/testing", "alembic/testing")
COMPILED_ALONE: Final = ("babel", "sqlalchemy", "stripe")


def keep_languages(packages: Path) -> None:
    """Leave Babel what pages/language.py asks of it, and what that needs."""
    from babel import localedata  # noqa: PLC0415 - it is found only now

    from msrv.pages import language  # noqa: PLC0415 - as above

    for name in language.LANGUAGES:
        language.written(123456, "EUR", name)
    used = set(localedata._cache)  # noqa: SLF001 - it tells nowhere else
    for path in (packages / "babel" / "locale-data").glob("*.dat"):
        if path.stem not in used:
            path.unlink()


def main(packages: Path) -> None:
    """Do all of it in one folder."""
    sys.path.insert(0, str(packages))
    keep_languages(packages)
    for name in UNUSED:
        shutil.rmtree(packages / name)
    for name in COMPILED_ALONE:
        folder = packages / name
        if not compileall.compile_dir(
            folder, quiet=1, legacy=True, optimize=2
        ):
            raise SystemExit(f"{name} can't be compiled")
        for source in folder.rglob("*.py"):
            source.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

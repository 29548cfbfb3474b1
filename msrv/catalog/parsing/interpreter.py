"""Command line and environment of the Python processes that parse.

Apart since the parser and the program that becomes ffmpeg both need it, and
the latter starts without the former's imports.
"""

import os
import sys
from pathlib import Path
from typing import Final

ENVIRONMENT: Final = {
    "PATH": os.defpath,
    # The package, wherever it is run from; nothing is written beside it.
    "PYTHONPATH": str(Path(__file__).parents[3]),
    "PYTHONDONTWRITEBYTECODE": "1",
}
"""Its whole environment: nothing of the store's own is in it."""


def python(module: str, *, needs_packages: bool = True) -> tuple[str, ...]:
    """Return the command line that runs a module of this package.

    Without `needs_packages` it starts faster, with the standard library
    alone.
    """
    # -P, -s: no module of the folder it is run in, nor of a user's home.
    options = ("-P", "-s") if needs_packages else ("-P", "-s", "-S")
    return (sys.executable, *options, "-m", module)

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""New files of a store, none of which replaces another.

Apart from `init`, which says what they contain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from msrv.display_text import printable
from msrv.files import write_file


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to be written, and its mode."""

    path: Path
    text: str
    mode: int

    @property
    def is_written(self) -> bool:
        """True if the file exists with this content. Raises OSError."""
        try:
            return self.path.read_bytes() == self.text.encode("utf-8")
        except FileNotFoundError:
            return False
        except (IsADirectoryError, PermissionError):
            return False


def refuse_to_overwrite(files: Sequence[NewFile]) -> None:
    """Raise ClickException if a file exists with another content.

    One with the same content is left by a run that was interrupted.
    """
    others = [
        printable(str(each.path))
        for each in files
        if (each.path.exists() or each.path.is_symlink())
        and not each.is_written
    ]
    if others:
        verb = "exists" if len(others) == 1 else "exist"
        raise click.ClickException(
            f"{', '.join(others)} {verb} already; nothing was changed"
        )


def write_new(file: NewFile) -> bool:
    """Write a file atomically; return False if it was written before.

    Raises ClickException if another process wrote it meanwhile, and OSError.
    """
    if file.is_written:
        return False
    file.path.parent.mkdir(parents=True, exist_ok=True)
    data = file.text.encode("utf-8")
    if not write_file(file.path, data, mode=file.mode, overwrite=False):
        raise click.ClickException(f"{printable(str(file.path))} exists")
    file.path.chmod(file.mode)
    return True

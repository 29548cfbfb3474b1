# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Settings from a file of `NAME=value` lines.

A file in the working folder spares an operator from setting the environment
of each command. The format is what systemd's EnvironmentFile, Docker Compose
and a shell have in common. Apart from `settings`, and without imports that
take time: the health probe reads it too.
"""

import os
import re
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Final

from msrv.display_text import reason_of

DEFAULT_NAME: Final = "msrv.env"
_LINE: Final = re.compile(
    r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)"
)
_IS_SETTING: Final = re.compile(r"MSRV_.*|NONCE.*")
"""Other programs' variables are none of ours."""
_SINGLE: Final = re.compile(r"'([^']*)'")
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:@%+,=-]*")
_SPECIAL: Final = frozenset('"\\$`')
_MAX_BYTES: Final = 1 << 20


class InvalidEnvFile(Exception):
    """The file can't be used; the text is one line that names it."""


class UnwritableValue(ValueError):
    """A value that the programs that read such a file would read differently.

    The text is half a sentence on the value.
    """


def load_default(folder: Path, environ: MutableMapping[str, str]) -> None:
    """Apply `msrv.env` of a folder, if there is one.

    Raises InvalidEnvFile, also for a file of another user: anyone may leave
    one in a folder like /tmp.
    """
    path = folder / DEFAULT_NAME
    try:
        owner = path.stat().st_uid
    except OSError:
        return
    if owner not in {0, os.geteuid()}:
        raise InvalidEnvFile(
            f"{path} belongs to another user: remove it, or name it with "
            "--env-file if you trust it"
        )
    apply(path, environ)


def apply(path: Path, environ: MutableMapping[str, str]) -> None:
    """Add the settings in a file to the environment, which has precedence.

    Raises InvalidEnvFile.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise InvalidEnvFile(
            f"can't read {path}: {reason_of(error)}"
        ) from None
    except UnicodeDecodeError:
        raise InvalidEnvFile(f"{path} is not UTF-8") from None
    # A secret and the file that has it, NONCE and NONCE_FILE, are one setting.
    known = {name.removesuffix("_FILE") for name in environ}
    found = dict(_parse(path, text))
    environ.update(
        (name, value)
        for name, value in found.items()
        if _IS_SETTING.fullmatch(name)
        and name.removesuffix("_FILE") not in known
    )


def format_line(name: str, value: str) -> str:
    """Return a line that all of these programs read as this value.

    Raises UnwritableValue.
    """
    if not value.isprintable():
        raise UnwritableValue("must not contain line breaks")
    if _PLAIN.fullmatch(value):
        return f"{name}={value}"
    if "'" not in value:
        return f"{name}='{value}'"
    if _SPECIAL.isdisjoint(value):
        return f'{name}="{value}"'
    raise UnwritableValue(
        "must not contain a ' together with one of \" \\ $ `"
    )


def _parse(path: Path, text: str) -> Iterator[tuple[str, str]]:
    """Yield the names and values of a file. Raises InvalidEnvFile."""
    for number, line in enumerate(text.splitlines(), 1):
        stated = line.strip()
        if not stated or stated.startswith("#"):
            continue
        match = _LINE.fullmatch(stated)
        value = None if match is None else _unquote(match["value"].strip())
        if match is None or value is None or "\0" in value:
            raise InvalidEnvFile(
                f"{path}:{number}: must be a line like MSRV_PORT=8443"
            )
        yield match["name"], value


def _unquote(text: str) -> str | None:
    """Return a value without its quotes, None if they don't match."""
    single, double = _SINGLE.fullmatch(text), _DOUBLE.fullmatch(text)
    if single is not None:
        return single[1]
    if double is not None:
        return re.sub(r'\\(["\\$`])', r"\1", double[1])
    return None if text[:1] in {"'", '"'} else text

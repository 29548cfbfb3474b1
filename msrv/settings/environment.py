# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Settings from environment variables, and from files for secrets."""

import ctypes
import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from msrv.files import UnreadableSecret, read_secret
from msrv.settings.model import Settings
from msrv.settings.optional_packages import require_packages
from msrv.validation_errors import half_sentence

PREFIX: Final = "MSRV_"
SECRETS: Final = (
    "NONCE",
    "NONCE_PREVIOUS",
    "MSRV_DATABASE",
    "MSRV_DATABASE_READ",
    "MSRV_STRIPE_KEY",
    "MSRV_STRIPE_WEBHOOK_SECRET",
    "MSRV_SMTP_URL",
    "MSRV_WEBHOOKS",
    "MSRV_NEWSLETTER",
    "MSRV_ADDRESS_INDEX_KEY",
    "MSRV_ACME_EAB_KEY",
    "MSRV_CDN_KEY",
)
"""Settings that can also be the path of a file, in the variable *_FILE."""

# Set for other programs: the test suite, the reloader.
_NOT_OURS: Final = frozenset({"MSRV_TEST_REQUIRE", "MSRV_RELOAD_CHILD"})


class WrongSetting(Exception):
    """An invalid setting; the text is one line that names the variable."""


def load(
    environ: Mapping[str, str] | None = None, **options: object
) -> Settings:
    """Return the settings; `options` override the environment unless None.

    Raises WrongSetting, with one line that names the setting and the fix.
    """
    environ = os.environ if environ is None else environ
    given: dict[str, Any] = {
        field: environ[_variable(field)]
        for field in Settings.model_fields
        if environ.get(_variable(field))
    }
    for name in SECRETS:
        secret = _secret(name, environ)
        if secret is not None:
            given[name.removeprefix(PREFIX).lower()] = secret
    given |= {k: v for k, v in options.items() if v is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise WrongSetting(_sentence(error)) from None
    if settings.bucket is not None:
        require_packages("objects", "A library in a bucket")
    return settings


def require_library(settings: Settings) -> None:
    """Raise WrongSetting where the folder of the library doesn't exist.

    Apart from `load`: backups and refunds don't need it, and have to be
    possible while its disk is away.
    """
    if settings.bucket is None and not settings.library_folder.is_dir():
        raise WrongSetting(
            f"MSRV_LIBRARY: {settings.library_folder} is not a folder"
        )


def drop_secrets() -> None:
    """Remove the secrets from this process's environment.

    Child processes don't inherit them, and the initial environment, which the
    system shows to other processes of the same user, is overwritten.
    """
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_void_p
    for name in SECRETS:
        value = os.environ.get(name)
        if value is None:
            continue
        address = libc.getenv(os.fsencode(name))
        if address:
            ctypes.memset(address, 0, len(os.fsencode(value)))
        del os.environ[name]


def unknown_variables(environ: Mapping[str, str] | None = None) -> list[str]:
    """Return one line for each `MSRV_…` variable that is not a setting.

    Not an error: the variable may be for a newer or an older version.
    """
    environ = os.environ if environ is None else environ
    known = variables()
    lines = []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in known | _NOT_OURS:
            continue
        close = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {close[0]}?" if close else ""
        lines.append(f"{name} is not a setting of this version{hint}")
    return lines


def without_secrets(environ: Mapping[str, str] | None = None) -> str:
    """Return the settings as an environment file; secrets by name only."""
    environ = os.environ if environ is None else environ
    lines = []
    for name in sorted(variables() & environ.keys()):
        value = environ[name]
        if name in SECRETS:
            lines.append(f"# {name} is a secret, and not in this file")
        elif value.isprintable():
            lines.append(f"{name}={value}")
    return "".join(f"{line}\n" for line in lines)


def secret_files(environ: Mapping[str, str] | None = None) -> dict[str, Path]:
    """Return the files that secrets are read from, by their variables."""
    environ = os.environ if environ is None else environ
    names = (f"{name}_FILE" for name in SECRETS)
    return {name: Path(environ[name]) for name in names if environ.get(name)}


def variables() -> set[str]:
    """Return the names of all environment variables that are read."""
    names = {_variable(name) for name in Settings.model_fields}
    return names | {f"{name}_FILE" for name in SECRETS}


def _variable(field: str) -> str:
    name = field.upper()
    return name if name in SECRETS else PREFIX + name


def _secret(name: str, environ: Mapping[str, str]) -> str | None:
    """Return a secret from its variable or its file, None if neither is set.

    Raises WrongSetting if both are set.
    """
    file = environ.get(f"{name}_FILE")
    value = environ.get(name)
    if value is not None and file:
        raise WrongSetting(f"{name} and {name}_FILE are both set: remove one")
    if file:
        try:
            return read_secret(Path(file))
        except UnreadableSecret as error:
            raise WrongSetting(
                f"{name}_FILE: can't read {file}: {error}"
            ) from None
    if value is not None and not value.strip():
        raise WrongSetting(f"{name} is empty: set it, or remove it")
    return value


def _sentence(error: ValidationError) -> str:
    """Return the first of pydantic's errors as one line."""
    first = error.errors(include_url=False)[0]
    what = half_sentence(first)
    if not first["loc"]:
        return what
    field = str(first["loc"][0])
    name = _variable(field) if field in Settings.model_fields else field
    return f"{name}: {what}"

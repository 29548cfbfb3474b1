# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Strict loader of deploy.toml, with line numbers in its errors.

A misspelt key is an error: if `health_second` were ignored, the old container
would be stopped on another schedule than the operator meant.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, SecretStr

from msrv.deployer.config_model import DeployConfig, Target
from msrv.deployer.errors import WrongConfig
from msrv.display_text import printable, reason_of
from msrv.files import UnreadableSecret, read_secret
from msrv.toml_file import InvalidConfig, KeyPath, TomlDocument

_SECRETS: Final = (
    "token",
    "secret",
    "password",
    "dockerhub_secret",
    "generic_secret",
    "registry_token",
)
_MUST_BE_STRONG: Final = frozenset(_SECRETS) - {"password"}
_MIN_CHARS: Final = 22
"""128 bits in base64url; 32 in hexadecimal are as many."""
_IN_A_PATH: Final = re.compile(r"[A-Za-z0-9_-]+")
_HOOKS: Final = ("dockerhub_secret", "generic_secret", "registry_token")

_Table = TypeVar("_Table", bound=BaseModel)


def load(path: Path | None, *, secrets: bool = True) -> DeployConfig:
    """Return deploy.toml, with the secrets of its `_file` keys if wanted.

    Raises WrongConfig, with one line: the file, its line, and the fix.
    """
    if path is None:
        raise WrongConfig(
            "MSRV_DEPLOY_CONFIG is not set: it is the path of deploy.toml"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise WrongConfig(
            f"MSRV_DEPLOY_CONFIG: can't read {path}: {reason_of(error)}"
        ) from None
    except UnicodeDecodeError:
        raise WrongConfig(f"{path}: is not UTF-8") from None
    try:
        document = TomlDocument(str(path), text)
        _name_targets(path, document)
        found = document.validate(DeployConfig)
    except InvalidConfig as error:
        raise WrongConfig(str(error)) from None
    if not found.targets:
        raise WrongConfig(f"{path}: has no target: add a [targets.NAME] table")
    _check_overlaps(path, document, found)
    if not secrets:
        return found
    return _SecretReader(path, document).read_config(found)


def _name_targets(path: Path, document: TomlDocument) -> None:
    """Set each target's name to its table's, so that it is validated."""
    targets = document.values.get("targets")
    if not isinstance(targets, dict):
        return
    for name, target in targets.items():
        if not isinstance(target, dict):
            continue
        if "name" in target:
            line = document.line_of(("targets", name, "name"))
            raise WrongConfig(
                f"{path}:{line}: 'name' is not a known key; the target's name "
                f"is that of its table, {printable(name)!r}"
            )
        target["name"] = name


def _check_overlaps(
    path: Path, document: TomlDocument, config: DeployConfig
) -> None:
    """Raise WrongConfig if two targets have the same containers.

    The gate takes a container for the first one's, so the second one's
    updates would all fail.
    """
    owners: dict[tuple[str | None, str], str] = {}
    for name, target in config.targets.items():
        key = "service" if target.service else "containers"
        for each in [target.service] if target.service else target.containers:
            owner = owners.setdefault((target.project, each), name)
            if owner != name:
                line = document.line_of(("targets", name, key))
                raise WrongConfig(
                    f"{path}:{line}: targets.{name} has the same containers "
                    f"as targets.{owner}: keep one of them"
                )


@dataclass(frozen=True, slots=True)
class _SecretReader:
    """Reads the secrets of deploy.toml, from their keys or their files."""

    path: Path
    document: TomlDocument

    def read_config(self, config: DeployConfig) -> DeployConfig:
        """Return the configuration with every secret read and checked."""
        found = self._read_table(config, ())
        registries = {
            host: self._read_table(each, ("registries", host))
            for host, each in config.registries.items()
        }
        targets = {
            name: self._read_target(each)
            for name, each in config.targets.items()
        }
        return found.model_copy(
            update={"registries": registries, "targets": targets}
        )

    def _read_target(self, target: Target) -> Target:
        where: KeyPath = ("targets", target.name)
        notify = tuple(
            self._read_table(each, (*where, "notify", position))
            for position, each in enumerate(target.notify)
        )
        found = self._read_table(target, where).model_copy(
            update={"notify": notify}
        )
        if not any(getattr(found, name) for name in _HOOKS):
            raise self._error(
                where,
                f"targets.{target.name} accepts no hook: set one of "
                + ", ".join(f"{name}_file" for name in _HOOKS),
            )
        return found

    def _read_table(self, table: _Table, where: KeyPath) -> _Table:
        secrets: dict[str, object] = {
            name: self._read_secret(table, where, name)
            for name in _SECRETS
            if name in type(table).model_fields
        }
        return table.model_copy(update=secrets)

    def _read_secret(
        self, table: BaseModel, place: KeyPath, name: str
    ) -> SecretStr | None:
        """Return a secret from its key or its file, never from both."""
        where = (*place, name)
        key = _dotted(where)
        secret: SecretStr | None = getattr(table, name)
        file: Path | None = getattr(table, f"{name}_file")
        if file is not None:
            if secret is not None:
                raise self._error(
                    where, f"{key} and {key}_file are both set: keep one"
                )
            where = (*place, f"{name}_file")
            secret = self._read_file(file, where)
        if secret is None:
            return None
        if name in _MUST_BE_STRONG and not _is_strong(
            secret.get_secret_value()
        ):
            raise self._error(
                where,
                f"{key} is too easy to guess: it needs {_MIN_CHARS} or more "
                "random letters, digits, - or _; `msrv nonce` "
                "prints one",
            )
        return secret

    def _read_file(self, file: Path, where: KeyPath) -> SecretStr:
        # Relative to deploy.toml, as in a compose file.
        file = self.path.parent / file
        try:
            return SecretStr(read_secret(file))
        except UnreadableSecret as error:
            raise self._error(
                where, f"{_dotted(where)}: can't read {file}: {error}"
            ) from None

    def _error(self, where: KeyPath, what: str) -> WrongConfig:
        return WrongConfig(
            f"{self.path}:{self.document.line_of(where)}: {what}"
        )


def _dotted(where: KeyPath) -> str:
    """Return a place as TOML's keys; the line says which table of a list."""
    return ".".join(each for each in where if isinstance(each, str))


def _is_strong(secret: str) -> bool:
    return (
        len(secret) >= _MIN_CHARS
        and len(set(secret)) >= 10
        and _IN_A_PATH.fullmatch(secret) is not None
    )

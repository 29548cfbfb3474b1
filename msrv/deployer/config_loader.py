"""Strict loader of deploy.toml, with line numbers in its errors.

A misspelt key is an error: if `health_second` were ignored, the old container
would be stopped on another schedule than the operator meant.
"""

import re
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, SecretStr

from msrv.deployer.config_model import DeployConfig, Target
from msrv.deployer.errors import WrongConfig
from msrv.toml_file import InvalidConfig, TomlDocument

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
            f"MSRV_DEPLOY_CONFIG: can't read {path}: {error.strerror}"
        ) from None
    except UnicodeDecodeError:
        raise WrongConfig(f"{path}: is not UTF-8") from None
    try:
        document = TomlDocument(str(path), text)
        _name_targets(document.values)
        found = document.validate(DeployConfig)
    except InvalidConfig as error:
        raise WrongConfig(str(error)) from None
    if not found.targets:
        raise WrongConfig(f"{path}: has no target: add a [targets.NAME] table")
    return _with_secrets(path, document, found) if secrets else found


def _name_targets(data: dict[str, Any]) -> None:
    """Set each target's name to its table's, so that it is validated."""
    targets = data.get("targets")
    if isinstance(targets, dict):
        for name, target in targets.items():
            if isinstance(target, dict) and "name" not in target:
                target["name"] = name


def _with_secrets(
    path: Path, document: TomlDocument, config: DeployConfig
) -> DeployConfig:
    """Return the configuration with every secret read and checked."""

    def filled(model: BaseModel, where: tuple[str, ...]) -> dict[str, Any]:
        updates: dict[str, Any] = {}
        fields = type(model).model_fields
        for name in _SECRETS:
            if name not in fields:
                continue
            secret = _secret(path, document, model, name, where)
            if secret is not None:
                updates[name] = secret
        return updates

    def target(found: Target) -> Target:
        where = ("targets", found.name)
        notify = tuple(
            each.model_copy(update=filled(each, (*where, "notify")))
            for each in found.notify
        )
        made = found.model_copy(
            update={**filled(found, where), "notify": notify}
        )
        if not any(getattr(made, name) for name in _HOOKS):
            line = document.line_of(where)
            raise WrongConfig(
                f"{path}:{line}: targets.{found.name} accepts no hook: set "
                f"one of {', '.join(f'{n}_file' for n in _HOOKS)}"
            )
        return made

    return config.model_copy(
        update={
            **filled(config, ()),
            "registries": {
                host: each.model_copy(
                    update=filled(each, ("registries", host))
                )
                for host, each in config.registries.items()
            },
            "targets": {
                name: target(each) for name, each in config.targets.items()
            },
        }
    )


def _secret(
    path: Path,
    document: TomlDocument,
    model: BaseModel,
    name: str,
    where: tuple[str, ...],
) -> SecretStr | None:
    """Return a secret from its key or its file, never from both."""
    given: SecretStr | None = getattr(model, name)
    file: Path | None = getattr(model, f"{name}_file")
    key = ".".join((*where, name))
    if given is not None and file is not None:
        line = document.line_of((*where, name))
        raise WrongConfig(
            f"{path}:{line}: {key} and {key}_file are both set: keep one"
        )
    if file is not None:
        line = document.line_of((*where, f"{name}_file"))
        # Relative to deploy.toml, as in a compose file.
        file = path.parent / file
        try:
            given = SecretStr(file.read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            raise WrongConfig(
                f"{path}:{line}: {key}_file: can't read {file}: {reason}"
            ) from None
    else:
        line = document.line_of((*where, name))
    if given is None:
        return None
    if name in _MUST_BE_STRONG and not _is_strong(given.get_secret_value()):
        raise WrongConfig(
            f"{path}:{line}: {key} is too easy to guess: it needs "
            f"{_MIN_CHARS} or more random letters, digits, - or _; `python "
            "-m msrv nonce` prints one"
        )
    return given


def _is_strong(secret: str) -> bool:
    return (
        len(secret) >= _MIN_CHARS
        and len(set(secret)) >= 10
        and _IN_A_PATH.fullmatch(secret) is not None
    )

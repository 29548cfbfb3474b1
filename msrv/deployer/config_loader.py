"""Strict loader of deploy.toml, with line numbers in its errors.

A misspelt key is an error: if `health_second` were ignored, the old container
would be stopped on another schedule than the operator meant.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, SecretStr, ValidationError

from msrv.deployer.config_model import DeployConfig, Target
from msrv.deployer.errors import WrongConfig

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
_TABLE: Final = re.compile(r"\s*\[+\s*([^\]]+?)\s*\]")
_PYDANTIC: Final = re.compile("^(?:Input|String|Value) should")
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
        data = tomllib.loads(text)
    except OSError as error:
        raise WrongConfig(
            f"MSRV_DEPLOY_CONFIG: can't read {path}: {error.strerror}"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongConfig(f"{path}: not valid TOML: {error}") from None
    _name_targets(data)
    try:
        found = DeployConfig.model_validate(data)
    except ValidationError as error:
        raise WrongConfig(_sentence(path, text, error)) from None
    if not found.targets:
        raise WrongConfig(f"{path}: has no target: add a [targets.NAME] table")
    return _with_secrets(path, text, found) if secrets else found


def _name_targets(data: dict[str, Any]) -> None:
    """Set each target's name to its table's, so that it is validated."""
    targets = data.get("targets")
    if isinstance(targets, dict):
        for name, target in targets.items():
            if isinstance(target, dict) and "name" not in target:
                target["name"] = name


def _with_secrets(path: Path, text: str, config: DeployConfig) -> DeployConfig:
    """Return the configuration with every secret read and checked."""

    def filled(model: BaseModel, where: tuple[str, ...]) -> dict[str, Any]:
        updates: dict[str, Any] = {}
        fields = type(model).model_fields
        for name in _SECRETS:
            if name not in fields:
                continue
            secret = _secret(path, text, model, name, where)
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
            line = _line(text, where)
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
    text: str,
    model: BaseModel,
    name: str,
    where: tuple[str, ...],
) -> SecretStr | None:
    """Return a secret from its key or its file, never from both."""
    given: SecretStr | None = getattr(model, name)
    file: Path | None = getattr(model, f"{name}_file")
    key = ".".join((*where, name))
    if given is not None and file is not None:
        line = _line(text, (*where, name))
        raise WrongConfig(
            f"{path}:{line}: {key} and {key}_file are both set: keep one"
        )
    if file is not None:
        line = _line(text, (*where, f"{name}_file"))
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
        line = _line(text, (*where, name))
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


def _sentence(path: Path, text: str, error: ValidationError) -> str:
    """Return the first of pydantic's errors as one line."""
    first = error.errors(include_url=False)[0]
    where = tuple(str(part) for part in first["loc"])
    what = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        what = f"unknown key; {_known_keys(where)}"
    what = _PYDANTIC.sub("must", what).partition(", unable to")[0]
    what = what[0].lower() + what[1:]
    place = f"{path}:{_line(text, where)}"
    return (
        f"{place}: {'.'.join(where)}: {what}"
        if where
        else (f"{place}: {what}")
    )


def _known_keys(where: tuple[str, ...]) -> str:
    model: type[BaseModel] = DeployConfig
    if where[:1] == ("targets",):
        model = Target
    keys: Mapping[str, object] = model.model_fields
    return "known keys: " + ", ".join(sorted(set(keys) - {"name"}))


def _line(text: str, where: tuple[str, ...]) -> int:
    """Return the line of a key, or of its table if it isn't set.

    Counted from 1. tomllib reports no lines, so this looks for the table's
    heading, and then for the key below it.
    """
    names = [part for part in where if not part.isdecimal()]
    best, best_depth, inside = 1, 0, True
    for number, line in enumerate(text.splitlines(), 1):
        heading = _TABLE.match(line)
        if heading:
            parts = [
                part.strip(" \"'") for part in heading[1].strip().split(".")
            ]
            inside = parts == names[: len(parts)]
            if inside and len(parts) > best_depth:
                best, best_depth = number, len(parts)
        elif inside and names:
            key = line.partition("=")[0].strip(" \t\"'")
            if key == names[-1]:
                return number
    return best

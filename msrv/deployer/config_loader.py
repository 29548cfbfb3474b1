"""Reading deploy.toml: strictly, once, with the line of what is wrong.

A misspelt key is an error: a `health_second` that is passed over would take
the old container out on another schedule than was meant.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, SecretStr, ValidationError

from msrv.deployer.config_model import Config, Target
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


def load(path: Path | None, *, secrets: bool = True) -> Config:
    """Read deploy.toml and, if wanted, the secrets that it names.

    Raises WrongConfig with one line: file, line, what, and the fix.
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
        raise WrongConfig(f"{path}: is no TOML: {error}") from None
    _name_targets(data)
    try:
        found = Config.model_validate(data)
    except ValidationError as error:
        raise WrongConfig(_sentence(path, text, error)) from None
    if not found.targets:
        raise WrongConfig(f"{path}: names no target: add a [targets.NAME]")
    return _with_secrets(path, text, found) if secrets else found


def _name_targets(data: dict[str, Any]) -> None:
    """A target's name is its table's; it has to obey the same rules."""
    targets = data.get("targets")
    if isinstance(targets, dict):
        for name, target in targets.items():
            if isinstance(target, dict) and "name" not in target:
                target["name"] = name


def _with_secrets(path: Path, text: str, config: Config) -> Config:
    """Put in place of each `…_file` what is in it, and demand strength."""

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
                f"{path}:{line}: targets.{found.name} can be reached by no "
                f"hook: set one of {', '.join(f'{n}_file' for n in _HOOKS)}"
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
    """Take a secret from its key or its file, never from both."""
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
        # As a compose file does: beside the file that names it.
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
            f"{_MIN_CHARS} characters or more of chance, letters, digits, - "
            "and _; `python -m msrv nonce` prints one"
        )
    return given


def _is_strong(secret: str) -> bool:
    return (
        len(secret) >= _MIN_CHARS
        and len(set(secret)) >= 10
        and _IN_A_PATH.fullmatch(secret) is not None
    )


def _sentence(path: Path, text: str, error: ValidationError) -> str:
    """Turn the first of pydantic's complaints into one line."""
    first = error.errors(include_url=False)[0]
    where = tuple(str(part) for part in first["loc"])
    what = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        what = f"is no key of this version; {_known(where)}"
    what = _PYDANTIC.sub("must", what).partition(", unable to")[0]
    what = what[0].lower() + what[1:]
    place = f"{path}:{_line(text, where)}"
    return (
        f"{place}: {'.'.join(where)}: {what}"
        if where
        else (f"{place}: {what}")
    )


def _known(where: tuple[str, ...]) -> str:
    model: type[BaseModel] = Config
    if where[:1] == ("targets",):
        model = Target
    keys: Mapping[str, object] = model.model_fields
    return "there are " + ", ".join(sorted(set(keys) - {"name"}))


def _line(text: str, where: tuple[str, ...]) -> int:
    """Find the line of a key, or of its table where it isn't there.

    Counted from 1. tomllib tells no lines, so this reads the file as a
    person does: the table's heading, then the key below it.
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

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Model of deploy.toml: which images may be deployed, to which containers.

A target alone decides which image is pulled and which containers change; a
hook's payload is only compared with it.
"""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from msrv.toml_file import requirement

DOCKER_HUB: Final = "docker.io"
_DOCKER_HUB_NAMES: Final = frozenset(
    {DOCKER_HUB, "index.docker.io", "registry-1.docker.io"}
)
DEFAULT_TAG: Final = "latest"
KEPT_REPOSITORY: Final = "msrv-deployer"
"""Local repository whose tags protect previous images from a clean-up."""
KEPT_TAGS: Final = frozenset({"before", "previous"})
_HOUR: Final = 3600

Seconds = Annotated[int, Field(ge=0, le=24 * _HOUR)]
Name = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$"),
    requirement("must be up to 40 characters of a-z, 0-9 and -, not - first"),
]
_Repository = Annotated[
    str,
    Field(
        pattern=(
            r"^([a-z0-9.-]+(:[0-9]{1,5})?/)?"
            r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$"
        ),
        max_length=255,
    ),
]
_Tag = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")]
_ContainerName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$")
]


class _Frozen(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True
    )


@dataclass(frozen=True, slots=True)
class RepositoryName:
    """Normalised name of a repository: `docker.io` and `library/nginx`."""

    registry: str
    path: str

    @classmethod
    def parse(cls, repository: str) -> Self:
        """Parse a repository's name, without a tag or a digest.

        Docker Hub is the default registry and `library` its default
        namespace. Case is ignored, and so is the port of HTTPS.
        https://github.com/distribution/reference/blob/main/normalize.go
        """
        repository = repository.lower()
        first, slash, rest = repository.partition("/")
        if slash and ("." in first or ":" in first or first == "localhost"):
            registry, path = first.removesuffix(":443"), rest
        else:
            registry, path = DOCKER_HUB, repository
        if registry in _DOCKER_HUB_NAMES:
            registry = DOCKER_HUB
            path = path if "/" in path else f"library/{path}"
        return cls(registry, path)

    def matches(self, reference: str) -> bool:
        """Return whether a hook's name for a repository means this one.

        A tag or digest at its end is ignored. Registries name their own
        repositories without their host.
        """
        repository, _ = without_tag(reference)
        return (
            repository.lower() == self.path
            or RepositoryName.parse(repository) == self
        )


def without_tag(reference: str) -> tuple[str, str]:
    """Return the repository and the tag of a reference; no tag is "".

    A digest is dropped; the colon of a port is part of the repository.
    """
    named = reference.partition("@")[0]
    repository, colon, tag = named.rpartition(":")
    if not colon or "/" in tag:
        return named, ""
    return repository, tag


class NotificationAddress(_Frozen):
    """Address that is notified when a deployment ends."""

    allow_private: bool = False
    url: str
    form: Literal["json", "text", "chat"] = "json"
    secret: SecretStr | None = None
    secret_file: Path | None = None

    @field_validator("url")
    @classmethod
    def _is_encrypted(cls, value: str, info: ValidationInfo) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            raise ValueError("must be an address like https://chat.example/x")
        if parts.scheme == "http" and not info.data.get("allow_private"):
            raise ValueError(
                "must be HTTPS; for plain HTTP to a host of your own, set "
                "allow_private = true"
            )
        return value


class RegistryLogin(_Frozen):
    """Login at a registry."""

    username: str
    password: SecretStr | None = None
    password_file: Path | None = None


class Target(_Frozen):
    """One `[targets.NAME]` table of deploy.toml; see docs/deployer.md."""

    name: str
    repository: _Repository
    tag: _Tag = DEFAULT_TAG
    project: _ContainerName | None = None
    service: _ContainerName | None = None
    containers: tuple[_ContainerName, ...] = ()
    strategy: Literal["rolling", "recreate"] = "rolling"
    pull: bool = True
    delay_seconds: Seconds = 0
    drain_seconds: Seconds | None = None
    health_seconds: Annotated[int, Field(ge=1, le=_HOUR)] = 180
    settle_seconds: Seconds = 3
    allow_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    dockerhub_secret: SecretStr | None = None
    dockerhub_secret_file: Path | None = None
    generic_secret: SecretStr | None = None
    generic_secret_file: Path | None = None
    generic_without_timestamp: bool = False
    registry_token: SecretStr | None = None
    registry_token_file: Path | None = None
    notify: tuple[NotificationAddress, ...] = ()

    @model_validator(mode="after")
    def _has_one_selector(self) -> Self:
        by_compose = self.project is not None or self.service is not None
        if by_compose and (self.project is None or self.service is None):
            raise ValueError("needs both project and service")
        if by_compose == bool(self.containers):
            raise ValueError(
                "needs either project and service, as in the compose file, or "
                "containers = [...]"
            )
        return self

    @property
    def repository_name(self) -> RepositoryName:
        """The normalised name of the repository."""
        return RepositoryName.parse(self.repository)

    @property
    def reference(self) -> str:
        """The image to deploy: `repository:tag`."""
        return f"{self.repository}:{self.tag}"


class DeployConfig(_Frozen):
    """Contents of deploy.toml."""

    token: SecretStr | None = None
    token_file: Path | None = None
    registries: dict[str, RegistryLogin] = {}
    targets: dict[Name, Target]

"""Targets: what deploy.toml says may be deployed, and where to.

A target is the only source of what is pulled and which containers change;
what a hook says is compared with it and then forgotten.
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
    field_validator,
    model_validator,
)

DOCKER_HUB: Final = "docker.io"
_DOCKER_HUB_NAMES: Final = frozenset(
    {DOCKER_HUB, "index.docker.io", "registry-1.docker.io"}
)
DEFAULT_TAG: Final = "latest"
_HOUR: Final = 3600

Seconds = Annotated[int, Field(ge=0, le=24 * _HOUR)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
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
class Place:
    """A repository taken apart: `docker.io` and `library/nginx`."""

    registry: str
    path: str

    @classmethod
    def of(cls, repository: str) -> Self:
        """Normalise a repository's name, which has neither tag nor digest.

        Docker Hub is the default registry and `library` its default
        namespace; case does not count, nor does the port of HTTPS.
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

    def is_meant_by(self, hint: str) -> bool:
        """Whether a hook's name for a repository means this one.

        A tag or digest at its end does not count. Registries name their own
        repositories without their host.
        """
        repository, _ = without_tag(hint)
        return repository.lower() == self.path or Place.of(repository) == self


def without_tag(reference: str) -> tuple[str, str]:
    """Split a reference into repository and tag; without one, "".

    A digest is dropped; the colon of a port belongs to the repository.
    """
    named = reference.partition("@")[0]
    repository, colon, tag = named.rpartition(":")
    if not colon or "/" in tag:
        return named, ""
    return repository, tag


class Notice(_Frozen):
    """An address that is told of each deployment's end."""

    url: str
    form: Literal["json", "text", "chat"] = "json"
    secret: SecretStr | None = None
    secret_file: Path | None = None
    allow_private: bool = False

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            raise ValueError("must be an address like https://chat.example/x")
        return value

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        if urlsplit(self.url).scheme == "http" and not self.allow_private:
            raise ValueError(
                "url must be HTTPS; a host of your own may be asked in plain "
                "HTTP with allow_private = true"
            )
        return self


class Registry(_Frozen):
    """How to log in to a registry."""

    username: str
    password: SecretStr | None = None
    password_file: Path | None = None


class Target(_Frozen):
    """What one table of deploy.toml says; see docs/deployer.md."""

    name: Name
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
    notify: tuple[Notice, ...] = ()

    @model_validator(mode="after")
    def _names_containers(self) -> Self:
        composed = self.project is not None or self.service is not None
        if composed and (self.project is None or self.service is None):
            raise ValueError("project and service go together: set both")
        if composed == bool(self.containers):
            raise ValueError(
                "say which containers: project and service of a compose "
                "file, or containers = [...], and not both"
            )
        return self

    @property
    def place(self) -> Place:
        """The repository, taken apart."""
        return Place.of(self.repository)

    @property
    def reference(self) -> str:
        """What is asked for: `repository:tag`."""
        return f"{self.repository}:{self.tag}"


class Config(_Frozen):
    """The whole of deploy.toml."""

    token: SecretStr | None = None
    token_file: Path | None = None
    registries: dict[str, Registry] = {}
    targets: dict[str, Target]

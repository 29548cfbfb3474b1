"""Every setting, read once from the environment into one frozen value.

Nothing else in MSRV reads the environment. Each setting is documented in
docs/settings.md, and a test holds the two to each other.
"""

import difflib
import os
import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from msrv.proofs.campaigns import is_campaign

PREFIX: Final = "MSRV_"
DEMO_LIBRARY: Final = Path(__file__).parent / "demo"
SECRETS: Final = (
    "NONCE",
    "NONCE_PREVIOUS",
    "MSRV_DATABASE",
    "MSRV_STRIPE_KEY",
    "MSRV_STRIPE_WEBHOOK_SECRET",
    "MSRV_SMTP_URL",
)
"""Settings that can also come from a file, named by the same name + _FILE."""

# Set for other programs than this one: the test suite, the reloader.
_NOT_OURS: Final = frozenset({"MSRV_TEST_REQUIRE", "MSRV_RELOAD_CHILD"})

_DATABASES: Final = {
    "sqlite": ("", "aiosqlite"),
    "mysql": ("", "aiomysql"),
    "mariadb": ("", "aiomysql"),
}
_ENGINE: Final = r"^(unix:///|http://)\S+$"
_NO_DATABASE: Final = "must be an address like mysql://user:password@host/name"

_STRIPE_KEY: Final = re.compile(r"[sr]k_(live|test)_[A-Za-z0-9_]+")
_NO_RELAY: Final = "must be an address like smtps://user:password@host:465"
_SENDER: Final = re.compile(
    r"[^<>\r\n]*<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+"
)

Network = IPv4Network | IPv6Network

HomePath = Annotated[Path, AfterValidator(Path.expanduser)]
"""A path, in which `~` is the home folder: not every shell sees to that."""


class WrongSetting(Exception):
    """A setting that can't be used; its text is one line that names it."""


def _networks(value: object) -> object:
    """Split `10.0.0.0/8, ::1` at commas and spaces."""
    if not isinstance(value, str):
        return value
    parts = value.replace(",", " ").split()
    return tuple(ip_network(part) for part in parts)


def _campaigns(value: object) -> object:
    """Split `vinyl-2026, tape` at commas and spaces."""
    if not isinstance(value, str):
        return value
    names = tuple(value.replace(",", " ").split())
    for name in names:
        if not is_campaign(name):
            raise ValueError(f"{name!r} is no campaign like 'vinyl-2026'")
    return names


def _public_url(value: str) -> str:
    """Take an origin, without a path: `https://shop.example`."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an address like https://shop.example")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("must be a bare address, without a path")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user name")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _database(value: SecretStr) -> SecretStr:
    """Take `mysql://user:password@host/name` or `sqlite:///file`."""
    try:
        parts = urlsplit(value.get_secret_value())
        _ = parts.port
    except ValueError:
        raise ValueError(_NO_DATABASE) from None
    kind, _, driver = parts.scheme.partition("+")
    drivers = _DATABASES.get(kind, ())
    if driver not in drivers or len(parts.path) < 2:
        raise ValueError(_NO_DATABASE)
    return value


def _stripe_key(value: SecretStr) -> SecretStr:
    """Take a secret or a restricted key, of live or of test mode."""
    text = value.get_secret_value()
    if text.startswith("pk_"):
        raise ValueError("is the publishable key: the secret one is needed")
    if not _STRIPE_KEY.fullmatch(text):
        raise ValueError("must be a key like sk_live_… or rk_test_…")
    return value


def _stripe_webhook_secret(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith("whsec_"):
        raise ValueError("must be a signing secret like whsec_…")
    return value


def _smtp(value: SecretStr) -> SecretStr:
    """Take `smtps://user:password@host:465` or `smtp://host:587`."""
    try:
        parts = urlsplit(value.get_secret_value())
        _ = parts.port
    except ValueError:
        raise ValueError(_NO_RELAY) from None
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise ValueError(_NO_RELAY)
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError(_NO_RELAY)
    return value


def _mail_from(value: str) -> str:
    """Take `shop@example.org` or `Name <shop@example.org>`."""
    if not _SENDER.fullmatch(value.strip()) or not value.isprintable():
        raise ValueError("must be an address like shop@example.org")
    return value.strip()


class Settings(BaseModel):
    """What an operator can set, with its default."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True
    )

    nonce: SecretStr | None = None
    nonce_previous: SecretStr | None = None
    library: HomePath | None = None
    data: HomePath = Path("data")
    database: Annotated[SecretStr, AfterValidator(_database)] | None = None
    smtp_url: Annotated[SecretStr, AfterValidator(_smtp)] | None = None
    mail_from: Annotated[str, AfterValidator(_mail_from)] | None = None
    certs: HomePath = Path("certs")
    host: str | None = None
    port: Annotated[int, Field(ge=0, le=65535)] | None = None
    tls: Literal["auto", "off"] = "auto"
    tls_cert: HomePath | None = None
    tls_key: HomePath | None = None
    public_url: Annotated[str, AfterValidator(_public_url)] | None = None
    link_hours: Annotated[int, Field(ge=1, le=24 * 366)] = 24
    resume_hours: Annotated[int, Field(ge=0, le=24 * 366)] = 24
    demo_payments: bool = False
    stripe_key: Annotated[SecretStr, AfterValidator(_stripe_key)] | None = None
    stripe_webhook_secret: (
        Annotated[SecretStr, AfterValidator(_stripe_webhook_secret)] | None
    ) = None
    stripe_tax: bool = False
    stripe_api: Annotated[str, AfterValidator(_public_url)] | None = None
    delivery: Literal["direct", "accel"] = "direct"
    trusted_proxies: Annotated[
        tuple[Network, ...], BeforeValidator(_networks)
    ] = ()
    drain_seconds: Annotated[int, Field(ge=0, le=24 * 3600)] = 60
    stall_seconds: Annotated[int, Field(ge=1, le=24 * 3600)] = 60
    max_downloads: Annotated[int, Field(ge=1)] = 1000
    max_downloads_per_client: Annotated[int, Field(ge=1)] = 16
    ended_campaigns: Annotated[
        tuple[str, ...], BeforeValidator(_campaigns)
    ] = ()
    deploy_config: HomePath | None = None
    deploy_engine: Annotated[str, Field(pattern=_ENGINE)] = (
        "unix:///var/run/docker.sock"
    )

    @model_validator(mode="after")
    def _together(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError(
                "MSRV_TLS_CERT and MSRV_TLS_KEY go together: set both or none"
            )
        if self.delivery == "accel" and not self.trusted_proxies:
            raise ValueError(
                "MSRV_DELIVERY=accel needs MSRV_TRUSTED_PROXIES: "
                "the network of the nginx in front"
            )
        return self

    @model_validator(mode="after")
    def _mail_needs(self) -> Self:
        """See that who sends mail can say who it is from, and from where."""
        if self.smtp_url is not None and self.mail_from is None:
            raise ValueError(
                "MSRV_SMTP_URL needs MSRV_MAIL_FROM: who the mail is from"
            )
        if self.smtp_url is not None and self.public_url is None:
            raise ValueError(
                "MSRV_SMTP_URL needs MSRV_PUBLIC_URL: what links in the mail "
                "begin with"
            )
        return self

    @model_validator(mode="after")
    def _one_kind_of_money(self) -> Self:
        """Keep real money and pretended money apart."""
        if self.stripe_key is None and self.stripe_webhook_secret is not None:
            raise ValueError(
                "MSRV_STRIPE_WEBHOOK_SECRET needs MSRV_STRIPE_KEY: set both"
            )
        if not self.stripe_is_live:
            return self
        if self.stripe_api is not None:
            raise ValueError(
                "MSRV_STRIPE_API is for tests, and MSRV_STRIPE_KEY is a live "
                "key: take one of them away"
            )
        if self.takes_pretend_money:
            raise ValueError(
                "MSRV_STRIPE_KEY is a live key, and this store takes pretend "
                "payments: set MSRV_LIBRARY, and leave out MSRV_DEMO_PAYMENTS"
            )
        return self

    @property
    def stripe_is_live(self) -> bool:
        """Whether Stripe's key is one for real money."""
        key = self.stripe_key
        return key is not None and "live" in key.get_secret_value()[:8]

    @property
    def database_url(self) -> str | None:
        """The ledger's database, None for a file in the data folder."""
        return self.database.get_secret_value() if self.database else None

    @property
    def is_demo(self) -> bool:
        """Whether the library is the bundled one."""
        return self.library is None

    @property
    def library_folder(self) -> Path:
        """The library, or the bundled one where none is set."""
        return self.library or DEMO_LIBRARY

    @property
    def terminates_tls(self) -> bool:
        """Whether this process speaks HTTPS itself."""
        return self.tls == "auto"

    @property
    def has_operators_certificate(self) -> bool:
        """Whether HTTPS is spoken with a pair that the operator gave."""
        return self.terminates_tls and self.tls_cert is not None

    @property
    def listening_port(self) -> int:
        """The port to listen on: 8443 with TLS, 8000 without."""
        if self.port is not None:
            return self.port
        return 8443 if self.terminates_tls else 8000

    @property
    def takes_pretend_money(self) -> bool:
        """Whether the `demo` payment provider may be offered."""
        return self.demo_payments or self.is_demo


def load(
    environ: Mapping[str, str] | None = None, **options: object
) -> Settings:
    """Read the settings; `options` (not None) go before the environment.

    Raises WrongSetting with one line that names the setting and the fix.
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
    if not settings.library_folder.is_dir():
        raise WrongSetting(
            f"MSRV_LIBRARY: {settings.library_folder} is no folder"
        )
    return settings


def unknown(environ: Mapping[str, str] | None = None) -> list[str]:
    """Say of each `MSRV_…` variable that means nothing here so in a line.

    Not an error: the environment of a newer or an older version may hold it.
    """
    environ = os.environ if environ is None else environ
    known = variables()
    lines = []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in known | _NOT_OURS:
            continue
        close = difflib.get_close_matches(name, known, 1)
        hint = f"; is it {close[0]}?" if close else ""
        lines.append(f"{name} is not a setting of this version{hint}")
    return lines


def variables() -> set[str]:
    """Name every environment variable that is read."""
    names = {_variable(name) for name in Settings.model_fields}
    return names | {f"{name}_FILE" for name in SECRETS}


def _variable(field: str) -> str:
    name = field.upper()
    return name if name in SECRETS else PREFIX + name


def _secret(name: str, environ: Mapping[str, str]) -> str | None:
    """Take a secret from its variable or its file, never from both."""
    file = environ.get(f"{name}_FILE")
    value = environ.get(name)
    if value is not None and file:
        raise WrongSetting(f"{name} and {name}_FILE are both set: keep one")
    if file:
        try:
            value = Path(file).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            raise WrongSetting(
                f"{name}_FILE: can't read {file}: {reason}"
            ) from None
        name = f"{name}_FILE"
    if value is not None and not value.strip():
        raise WrongSetting(f"{name} is empty: set it, or leave it out")
    return value


def _sentence(error: ValidationError) -> str:
    """Turn the first of pydantic's complaints into one line."""
    first = error.errors(include_url=False)[0]
    what = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return what
    field = str(first["loc"][0])
    name = _variable(field) if field in Settings.model_fields else field
    return f"{name}: {what[0].lower()}{what[1:]}"

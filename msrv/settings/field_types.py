# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Field types of the settings, and their validation errors.

Apart from `model`, so that the list of settings stays readable.
"""

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from msrv.forwarded_headers import Network
from msrv.hostnames import BadHostname, address_of, host_to_ascii
from msrv.proofs.orders import is_campaign

_DATABASES: Final = {
    "sqlite": ("", "aiosqlite"),
    "mysql": ("", "aiomysql"),
    "mariadb": ("", "aiomysql"),
    "postgresql": ("", "asyncpg"),
    "postgres": ("", "asyncpg"),
}
_BAD_DATABASE_URL: Final = (
    "must be an address like mysql://user:password@host/name"
)

_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z]+)://(?P<authority>[^/?#\\]*)(?P<path>.*)"
)
_PORT: Final = re.compile(r"[0-9]{1,5}")
_WEB_PORTS: Final = {"http": 80, "https": 443}

_BUCKET: Final = re.compile(r"(?P<scheme>s3|gs|az):/(?P<rest>[^/].*)")
_STRIPE_KEY: Final = re.compile(r"[sr]k_(live|test)_[A-Za-z0-9_]+")
_MIN_KEY_CHARS: Final = 32
_BAD_SMTP_URL: Final = "must be an address like smtps://user:password@host:465"
_SENDER: Final = re.compile(
    r"[^<>\r\n]*<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+"
)


def _networks(value: object) -> object:
    """Parse networks separated by commas and spaces: `10.0.0.0/8, ::1`."""
    if not isinstance(value, str):
        return value
    return tuple(_network(part) for part in value.replace(",", " ").split())


def _network(text: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError as error:
        reason = str(error)
        if "host bits" in reason:
            network = ip_network(text, strict=False)
            reason = f"did you mean {network}?"
        else:
            reason = f"{text!r} is neither"
        raise ValueError(
            f"must be addresses or networks like 10.0.0.0/8: {reason}"
        ) from None
    # Clients of a dual-stack socket are known by their IPv4 address.
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - 96))
    return network


def _campaigns(value: object) -> object:
    """Parse names separated by commas and spaces: `vinyl-2026, tape`."""
    if not isinstance(value, str):
        return value
    names = tuple(value.replace(",", " ").split())
    for name in names:
        if not is_campaign(name):
            raise ValueError(f"must be names like 'vinyl-2026', not {name!r}")
    return names


def _public_url(value: str) -> str:
    """Return an origin, like `https://shop.example`, as browsers send it.

    The host is in lower case and ASCII, and the scheme's default port is left
    out.
    """
    parts = _URL.fullmatch(value.strip())
    if parts is None or parts["scheme"].lower() not in _WEB_PORTS:
        raise ValueError("must be an address like https://shop.example")
    if "@" in parts["authority"]:
        raise ValueError("must not contain a user name")
    if parts["path"].removeprefix("/"):
        raise ValueError("must be a bare address, without a path")
    scheme = parts["scheme"].lower()
    host, port = _host_and_port(parts["authority"])
    address = address_of(host)
    if address is not None and address.is_unspecified:
        raise ValueError(
            f"must be an address that visitors can open; {host} means "
            "all addresses of this machine"
        )
    if port in {None, _WEB_PORTS[scheme]}:
        return f"{scheme}://{host}"
    return f"{scheme}://{host}:{port}"


def _source_url(value: str) -> str:
    """Return the address of a page or a file, as browsers send its host."""
    parts = _URL.fullmatch(value.strip())
    if (
        parts is None
        or parts["scheme"].lower() not in _WEB_PORTS
        or not value.strip().isprintable()
        or " " in value.strip()
    ):
        raise ValueError("must be an address like https://example.org/msrv")
    if "@" in parts["authority"]:
        raise ValueError("must not contain a user name")
    scheme = parts["scheme"].lower()
    host, port = _host_and_port(parts["authority"])
    if port not in {None, _WEB_PORTS[scheme]}:
        host = f"{host}:{port}"
    return f"{scheme}://{host}{parts['path']}"


def _host_and_port(authority: str) -> tuple[str, int | None]:
    """Parse `host` or `host:port`. Raises ValueError with the reason."""
    host, colon, port = authority.rpartition(":")
    if not colon or "]" in port:
        host, port = authority, ""
    try:
        host = host_to_ascii(host)
    except BadHostname as error:
        raise ValueError(
            f"must have a host like shop.example; {host!r} {error}"
        ) from None
    if not port:
        return host, None
    if not _PORT.fullmatch(port) or not 1 <= int(port) <= 65535:
        raise ValueError(f"must have a port from 1 to 65535, not {port!r}")
    return host, int(port)


def _listening_host(value: str) -> str:
    """Parse an address to listen on, or a name of this machine."""
    host = value.strip()
    if address_of(host) is not None:
        return str(ip_address(host.strip("[]")))
    try:
        return host_to_ascii(host)
    except BadHostname as error:
        raise ValueError(
            f"must be an address of this machine like 0.0.0.0; {host!r} "
            f"{error}"
        ) from None


def _with_ascii_host(value: SecretStr) -> SecretStr:
    """Return a URL with its host in ASCII, as it is looked up."""
    url = value.get_secret_value()
    parts = urlsplit(url)
    user, at, authority = parts.netloc.rpartition("@")
    if not authority:  # a file
        return value
    host, port = _host_and_port(authority)
    wanted = host if port is None else f"{host}:{port}"
    if authority.lower() == wanted:
        return value
    return SecretStr(parts._replace(netloc=f"{user}{at}{wanted}").geturl())


def _database(value: SecretStr) -> SecretStr:
    """Validate `mysql://user:password@host/name` or `sqlite:///file`."""
    text = value.get_secret_value()
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError(_BAD_DATABASE_URL) from None
    kind, _, driver = parts.scheme.partition("+")
    drivers = _DATABASES.get(kind, ())
    if driver not in drivers or "://" not in text or len(parts.path) < 2:
        raise ValueError(_BAD_DATABASE_URL)
    if kind == "sqlite":
        return value
    return _with_ascii_host(value)


def _stripe_key(value: SecretStr) -> SecretStr:
    """Validate a secret or restricted key, of live or test mode."""
    text = value.get_secret_value()
    if text.startswith("pk_"):
        raise ValueError("must be the secret key, not the publishable one")
    if not _STRIPE_KEY.fullmatch(text):
        raise ValueError("must be a key like sk_live_… or rk_test_…")
    return value


def _address_index_key(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < _MIN_KEY_CHARS:
        raise ValueError(
            f"must have at least {_MIN_KEY_CHARS} characters: `msrv nonce` "
            "prints a good one; it must not be NONCE itself"
        )
    return value


def _stripe_webhook_secret(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith("whsec_"):
        raise ValueError("must be a signing secret like whsec_…")
    return value


def _smtp(value: SecretStr) -> SecretStr:
    """Validate `smtps://user:password@host:465` or `smtp://host:587`."""
    try:
        parts = urlsplit(value.get_secret_value())
        _ = parts.port
    except ValueError:
        raise ValueError(_BAD_SMTP_URL) from None
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise ValueError(_BAD_SMTP_URL)
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError(_BAD_SMTP_URL)
    return _with_ascii_host(value)


def _engine(value: str) -> str:
    """Validate `unix:///run/docker.sock` or `http://gate:8000`."""
    if re.fullmatch(r"unix:///\S+", value):
        return value
    if not re.fullmatch(r"http://[^/?#@\s]+/?", value):
        raise ValueError(
            "must be a socket like unix:///var/run/docker.sock, or an "
            "address like http://gate:8000"
        )
    _host_and_port(value.removeprefix("http://").removesuffix("/"))
    return value


def _mail_from(value: str) -> str:
    """Validate `shop@example.org` or `Name <shop@example.org>`."""
    if not _SENDER.fullmatch(value.strip()) or not value.isprintable():
        raise ValueError("must be an address like shop@example.org")
    return value.strip()


def _home_path(value: Path) -> Path:
    """Return a path with its `~` or `~user` replaced by that home folder."""
    try:
        return value.expanduser()
    except RuntimeError:
        raise ValueError(
            f"must be a full path: the home folder {value.parts[0]} isn't "
            "known"
        ) from None


Networks = Annotated[tuple[Network, ...], BeforeValidator(_networks)]
HomePath = Annotated[Path, AfterValidator(_home_path)]
"""A path in which `~` is the home folder: not every shell expands it."""


def bucket_url(library: Path | None) -> str | None:
    """Return the address of a bucket, None for a folder.

    A path merges slashes, so that it has `s3:/bucket` for `s3://bucket`.
    """
    found = _BUCKET.fullmatch(str(library))
    return found and f"{found['scheme']}://{found['rest']}"


ListeningHost = Annotated[str, AfterValidator(_listening_host)]
PublicUrl = Annotated[str, AfterValidator(_public_url)]
SourceUrl = Annotated[str, AfterValidator(_source_url)]
Port = Annotated[int, Field(ge=0, le=65535)]
AddressIndexKey = Annotated[SecretStr, AfterValidator(_address_index_key)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]
StripeKey = Annotated[SecretStr, AfterValidator(_stripe_key)]
StripeWebhookSecret = Annotated[
    SecretStr, AfterValidator(_stripe_webhook_secret)
]
SmtpUrl = Annotated[SecretStr, AfterValidator(_smtp)]
Sender = Annotated[str, AfterValidator(_mail_from)]
Campaigns = Annotated[tuple[str, ...], BeforeValidator(_campaigns)]
EngineUrl = Annotated[str, AfterValidator(_engine)]


def check_pair(first: str, value: object, second: str, other: object) -> None:
    """Raise ValueError where only one of two settings is set."""
    if (value is None) != (other is None):
        raise ValueError(
            f"MSRV_{first} and MSRV_{second} go together: set both, or neither"
        )

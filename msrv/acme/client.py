# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Signed requests to an ACME server, by the `acme` package.

That package signs (RFC 7515), keeps the nonces and parses problem documents;
it retries a rejected nonce only once, and doesn't return a refusal's
`Retry-After`. All functions block, each request for REQUEST_SECONDS at most.
"""

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import josepy.errors
import requests
from acme import client, errors, messages
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
)
from josepy.interfaces import JSONDeSerializable
from josepy.jwa import ES256
from josepy.jwk import JWKEC

from msrv import __version__
from msrv.acme.certificate import base64url
from msrv.acme.errors import (
    AuthorityRefused,
    AuthorityUnavailable,
    IssuanceStopped,
    one_line,
)
from msrv.display_text import reason_of
from msrv.outbound.retry_after import parse_retry_after

REQUEST_SECONDS: Final = 30
"""Time limit for a connection, and for each pause of a response."""
_NONCE_ROUNDS: Final = 8
"""Rounds of two requests, as long as the server rejects our nonces."""

_Members = Mapping[str, object]
_Result = TypeVar("_Result")


class _Payload(JSONDeSerializable):
    """Object in the body of a request, as it is."""

    def __init__(self, members: _Members) -> None:
        self._members = members

    def to_partial_json(self) -> Any:  # noqa: ANN401 - JSON
        return dict(self._members)

    @classmethod
    def from_json(cls, jobj: Any) -> "_Payload":  # noqa: ANN401 - JSON
        return cls(jobj)


class AcmeClient:
    """Client of one ACME server, with one account's key.

    `ca` is a PEM file of authorities to trust in place of the system's;
    `stopped` makes the next request raise IssuanceStopped.
    """

    def __init__(
        self,
        directory: str,
        key: EllipticCurvePrivateKey,
        ca: Path | None,
        stopped: threading.Event,
    ) -> None:
        self._url = directory
        self._key = JWKEC(key=key)
        self._stopped = stopped
        self._last: requests.Response | None = None
        self._network = client.ClientNetwork(
            self._key,
            alg=ES256,
            verify_ssl=True if ca is None else str(ca),  # type: ignore[arg-type] # passed to requests, which accepts a path
            user_agent=f"msrv/{__version__}",
            timeout=REQUEST_SECONDS,
        )
        self._network.session.hooks["response"].append(self._remember)
        self._directory: messages.Directory | None = None

    def close(self) -> None:
        """Close the connections."""
        self._network.session.close()

    @property
    def thumbprint(self) -> str:
        """Thumbprint of the account's key, as in a key authorization."""
        return base64url(self._key.thumbprint())

    def set_account(self, url: str) -> None:
        """Sign all further requests as this account."""
        self._network.account = messages.RegistrationResource(
            uri=url, body=messages.Registration()
        )

    def endpoint(self, name: str) -> str | None:
        """Return the URL of one of the directory's resources."""
        try:
            return str(self._load_directory()[name])
        except KeyError:
            return None

    @property
    def requires_external_account(self) -> bool:
        """True if a new account has to be bound to an existing one."""
        meta = self._load_directory()["meta"]
        return bool(meta.external_account_required)

    def external_account(self, kid: str, mac_key: str) -> dict[str, Any]:
        """Return the member that binds a new account to an existing one."""
        return self._call(
            lambda: messages.ExternalAccountBinding.from_data(
                self._key.public_key(),
                kid,
                mac_key,
                self._load_directory(),
            )
        )

    def create(
        self, name: str, members: _Members
    ) -> tuple[str, dict[str, Any]]:
        """Create a resource at an endpoint; return its URL and its members."""
        url = self.endpoint(name)
        if url is None:
            raise AuthorityUnavailable(
                f"{self._url} isn't an ACME directory: it has no {name!r}"
            )
        response = self._post(url, _Payload(members))
        location = response.headers.get("Location")
        if location is None:
            raise AuthorityUnavailable(
                f"{self._host} answered {name} without an address"
            )
        return location, self._object(response)

    def update(self, url: str, members: _Members) -> dict[str, Any]:
        """Send members to a resource, and return its members."""
        return self._object(self._post(url, _Payload(members)))

    def fetch(self, url: str) -> dict[str, Any]:
        """Return a resource's members."""
        return self._object(self._post(url, None))

    def fetch_text(self, url: str) -> str:
        """Return a resource's text."""
        return self._post(url, None).text

    def get(self, url: str) -> dict[str, Any]:
        """Return the members of a resource that needs no signature."""
        return self._object(self._call(lambda: self._network.get(url)))

    @property
    def retry_after_seconds(self) -> int | None:
        """The last response's `Retry-After` in seconds; None without one."""
        if self._last is None:
            return None
        return parse_retry_after(
            self._last.headers.get("Retry-After", ""), time.time()
        )

    def pause(self, seconds: float) -> None:
        """Wait. Raises IssuanceStopped as soon as the store stops."""
        if self._stopped.wait(seconds):
            raise IssuanceStopped("the store is stopping")

    @property
    def _host(self) -> str:
        return self._url.split("/")[2]

    def _load_directory(self) -> messages.Directory:
        if self._directory is None:
            self._directory = self._call(
                lambda: client.ClientV2.get_directory(self._url, self._network)
            )
        return self._directory

    def _post(self, url: str, payload: _Payload | None) -> requests.Response:
        """Send a signed request, again while the nonce is rejected."""
        nonce_url = self.endpoint("newNonce")

        def send() -> requests.Response:
            for rounds_left in reversed(range(_NONCE_ROUNDS)):
                try:
                    return self._network.post(
                        url, payload, new_nonce_url=nonce_url
                    )
                except messages.Error as error:
                    if not rounds_left or error.code != "badNonce":
                        raise
            raise AssertionError  # the last round returns or raises

        return self._call(send)

    def _call(self, work: Callable[[], _Result]) -> _Result:
        """Return the result of `work`, with this package's own errors."""
        self.pause(0)
        self._last = None
        try:
            return work()
        except messages.Error as error:
            raise self._refusal(error) from error
        except errors.ConflictError as error:
            raise AuthorityRefused("conflict", "") from error
        except requests.RequestException as error:
            raise AuthorityUnavailable(
                f"{self._host} can't be reached: {_reason(error)}"
            ) from error
        except (
            errors.Error,
            josepy.errors.Error,
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
        ) as error:
            raise self._not_acme() from error

    def _refusal(
        self, error: messages.Error
    ) -> AuthorityRefused | AuthorityUnavailable:
        detail = str(error.detail or error.title or "")
        for each in error.subproblems or ():
            detail += (
                f"; {each.identifier and each.identifier.value}: {each.detail}"
            )
        status = self._last.status_code if self._last is not None else 0
        code = str(error.typ).rpartition(":")[2]
        if code == "blank":  # the default of a document without a type
            code = f"status {status}"
        if status >= 500:
            return AuthorityUnavailable(
                f"{self._host} answered with status {status}: "
                f"{one_line(detail)}",
                self.retry_after_seconds,
            )
        return AuthorityRefused(code, detail, self.retry_after_seconds)

    def _not_acme(self) -> AuthorityUnavailable:
        if self._last is None:
            return AuthorityUnavailable(f"{self._host} can't be used")
        status = self._last.status_code
        kind = self._last.headers.get("Content-Type", "no type")
        words = (
            f"answered with something that isn't ACME ({one_line(kind)})"
            if status < 400
            else f"answered with status {status}"
        )
        return AuthorityUnavailable(
            f"{self._host} {words}; is MSRV_ACME_DIRECTORY right?"
            if status < 500
            else f"{self._host} {words}",
            self.retry_after_seconds,
        )

    def _object(self, response: requests.Response) -> dict[str, Any]:
        try:
            found = response.json()
        except ValueError as error:
            raise self._not_acme() from error
        if not isinstance(found, dict):
            raise self._not_acme()
        return found

    def _remember(
        self, response: requests.Response, *_: object, **__: object
    ) -> None:
        self._last = response
        try:
            self.pause(0)
        except IssuanceStopped:
            response.close()  # its body hasn't been read yet
            raise


def _reason(error: requests.RequestException) -> str:
    """Return why a request failed, in the words of its first cause."""
    if isinstance(error, requests.Timeout):
        return f"no answer within {REQUEST_SECONDS} s"
    cause: BaseException = error
    while (deeper := cause.__cause__ or cause.__context__) is not None:
        cause = deeper
    text = getattr(cause, "verify_message", None) or reason_of(cause)
    if isinstance(error, requests.exceptions.SSLError):
        return f"its certificate isn't trusted: {one_line(str(text))}"
    return one_line(str(text))

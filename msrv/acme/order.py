# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Order of a certificate: its challenges, its issue and its download.

RFC 8555, section 7.4. An order that a crash or a full disk has interrupted is
continued: the authority would count another one.
"""

import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from msrv.acme.certificate import base64url
from msrv.acme.challenges import is_token
from msrv.acme.client import AcmeClient
from msrv.acme.errors import (
    AuthorityRefused,
    AuthorityUnavailable,
    ValidationFailed,
)
from msrv.acme.pem import (
    bundle,
    create_challenge,
    key_pem,
    load_key,
    new_key,
    parse,
    signing_request,
)
from msrv.acme.rules import CertificateRules, Challenge
from msrv.acme.state import PendingOrder, StateFolder

ORDER_SECONDS: Final = 300
"""Time limit of an order, with all its validations."""
SPREAD_SECONDS: Final = 3.0
"""Pause until every replica has read a certificate for TLS-ALPN-01."""
_MAX_AGE: Final = timedelta(days=7)
"""Age at which an unfinished order is given up; authorities expire theirs."""
_POLL_SECONDS: Final = 1.0, 30.0
"""Shortest and longest pause between looks at an order."""
_WAITING: Final = frozenset({"pending", "processing"})

_Members = dict[str, Any]


class CertificateOrder:
    """Order for one certificate, from the request to the file's content.

    `replaces` identifies the certificate that is renewed (RFC 9773, section
    5), which authorities may exempt from their limits. All methods block, and
    raise IssuanceError and OSError.
    """

    def __init__(
        self,
        client: AcmeClient,
        state: StateFolder,
        rules: CertificateRules,
        now: datetime,
        replaces: str | None = None,
    ) -> None:
        self._now = now
        self._client = client
        self._state = state
        self._rules = rules
        self._replaces = replaces
        self._until = 0.0

    def obtain(self, challenge: Challenge) -> bytes:
        """Return the content of a certificate's file.

        Raises ValidationFailed if the authority didn't find this store.
        """
        self._until = time.monotonic() + ORDER_SECONDS
        pending, order = self._resume() or self._create()
        try:
            if order.get("status") == "pending":
                self._authorize(order, challenge)
            key = load_key(pending.key_pem.encode())
            return self._finish(pending.url, key)
        except AuthorityRefused:
            self._state.remove_order()
            raise

    def _resume(self) -> tuple[PendingOrder, _Members] | None:
        """Return the unfinished order and its state, None without one."""
        pending = self._state.load_order(self._rules.order_id)
        if pending is None or self._state.is_issued(pending):
            return None
        if abs(self._now - pending.created_at) > _MAX_AGE:
            return None
        try:
            load_key(pending.key_pem.encode())
            order = self._client.fetch(pending.url)
        except (AuthorityRefused, ValueError):
            return None
        return None if order.get("status") == "invalid" else (pending, order)

    def _create(self) -> tuple[PendingOrder, _Members]:
        members: _Members = {
            "identifiers": [
                {"type": "dns", "value": name} for name in self._rules.names
            ]
        }
        try:
            if self._replaces is None:
                url, order = self._client.create("newOrder", members)
            else:
                url, order = self._client.create(
                    "newOrder", {**members, "replaces": self._replaces}
                )
        except AuthorityRefused as error:
            # The certificate may have been replaced before, or be unknown.
            if self._replaces is None or error.code not in {
                "alreadyReplaced",
                "conflict",
                "malformed",
            }:
                raise
            url, order = self._client.create("newOrder", members)
        key = key_pem(new_key()).decode()
        pending = PendingOrder(self._rules.order_id, url, key, self._now)
        self._state.save_order(pending)
        return pending, order

    def _authorize(self, order: _Members, challenge: Challenge) -> None:
        """Prove the control of each name that isn't proved yet."""
        chosen = []
        for url in _strings(order, "authorizations"):
            authorization = self._client.fetch(url)
            if authorization.get("status") != "valid":
                chosen.append(self._prepare(url, authorization, challenge))
        if challenge == "tls-alpn-01" and chosen:
            self._client.pause(SPREAD_SECONDS)
        for _, challenge_url in chosen:
            if challenge_url is not None:
                self._client.update(challenge_url, {})
        for url, _ in chosen:
            self._wait_until_valid(url)

    def _prepare(
        self, url: str, authorization: _Members, challenge: Challenge
    ) -> tuple[str, str | None]:
        """Answer a name's challenge; return its URL unless it is running."""
        name = _name(authorization)
        offered = {
            each.get("type"): each
            for each in authorization.get("challenges") or ()
            if isinstance(each, dict)
        }
        found = offered.get(challenge)
        if found is None:
            raise ValidationFailed(
                "connection", f"{challenge} isn't offered for {name}"
            )
        token, challenge_url = str(found.get("token")), found.get("url")
        if name not in self._rules.names or not is_token(token):
            raise AuthorityUnavailable(
                "the authority's challenge can't be answered: "
                "its name or its token is wrong"
            )
        authorized = f"{token}.{self._client.thumbprint}"
        answers = self._state.challenges
        if challenge == "http-01":
            answers.add_token(token, authorized)
        else:
            content = create_challenge(name, authorized, self._now)
            answers.add_certificate(name, content)
        is_new = found.get("status") == "pending"
        return url, str(challenge_url) if is_new else None

    def _wait_until_valid(self, url: str) -> None:
        for _ in self._polls():
            authorization = self._client.fetch(url)
            status = authorization.get("status")
            if status == "valid":
                return
            if status not in _WAITING:
                raise _failure(authorization)
            # Some servers leave it pending after a challenge has failed.
            if any(_errors(authorization)):
                raise _failure(authorization)

    def _finish(self, url: str, key: Any) -> bytes:  # noqa: ANN401 - an EC key
        """Wait for the order, and return the content of the file."""
        is_requested = False
        for _ in self._polls():
            order = self._client.fetch(url)
            status = order.get("status")
            if status == "valid":
                break
            if status == "ready" and not is_requested:
                is_requested = True
                request = signing_request(key, self._rules.names)
                self._client.update(
                    str(order.get("finalize")), {"csr": base64url(request)}
                )
            elif status not in {*_WAITING, "ready"}:
                raise _refused(order)
        chain = self._client.fetch_text(str(order.get("certificate")))
        content = bundle(self._rules.directory, key_pem(key), chain.encode())
        try:
            issued = parse(content)
        except ValueError as error:
            raise AuthorityUnavailable(
                f"the authority's certificate can't be used: {error}"
            ) from error
        if not issued.names.issuperset(self._rules.names):
            raise AuthorityUnavailable(
                "the authority's certificate doesn't have all names"
            )
        return content

    def _polls(self) -> Iterable[None]:
        """Yield at each look, after a pause. Raises AuthorityUnavailable."""
        shortest, longest = _POLL_SECONDS
        pause = shortest / 2
        while time.monotonic() < self._until:
            yield
            wish = self._client.retry_after_seconds or 0
            pause = min(pause * 1.5, longest)
            self._client.pause(min(max(pause, wish), longest))
        raise AuthorityUnavailable(
            f"the authority didn't finish the order within {ORDER_SECONDS} s"
        )


def _name(authorization: _Members) -> str:
    identifier = authorization.get("identifier")
    value = identifier.get("value") if isinstance(identifier, dict) else None
    return str(value).lower()


def _strings(members: _Members, name: str) -> list[str]:
    found = members.get(name)
    return [str(each) for each in found] if isinstance(found, list) else []


def _errors(authorization: _Members) -> list[_Members]:
    return [
        each["error"]
        for each in authorization.get("challenges") or ()
        if isinstance(each, dict) and isinstance(each.get("error"), dict)
    ]


def _failure(authorization: _Members) -> ValidationFailed:
    """Return why an authorization failed."""
    found = _errors(authorization) or [{}]
    code = str(found[0].get("type")).rpartition(":")[2]
    detail = str(found[0].get("detail") or authorization.get("status"))
    return ValidationFailed(code, f"{_name(authorization)}: {detail}")


def _refused(order: _Members) -> AuthorityRefused:
    """Return why an order failed."""
    error = order.get("error")
    if not isinstance(error, dict):
        return AuthorityRefused(
            "invalid", f"the order is {order.get('status')}"
        )
    code = str(error.get("type")).rpartition(":")[2]
    return AuthorityRefused(code, str(error.get("detail") or ""))

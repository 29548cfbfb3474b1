# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Requests to the authority: a certificate, and when to renew it.

Apart from `manager`, because the `acme` package is slow to import, and only
this module and those that it uses need it. All functions block.
"""

import logging
from contextlib import closing
from datetime import datetime, timedelta
from threading import Event

from msrv.acme import account, renewal
from msrv.acme.certificate import IssuedCertificate
from msrv.acme.client import AcmeClient
from msrv.acme.errors import UNREACHED, AuthorityRefused, ValidationFailed
from msrv.acme.order import CertificateOrder
from msrv.acme.pem import new_key
from msrv.acme.renewal import RenewalWindow
from msrv.acme.rules import CertificateRules, Challenge
from msrv.acme.state import StateFolder

log = logging.getLogger(__name__)


def issue(
    rules: CertificateRules,
    state: StateFolder,
    current: IssuedCertificate | None,
    now: datetime,
    stopped: Event,
) -> bytes:
    """Return the file of a new certificate. Raises IssuanceError, OSError.

    `current` is the certificate that is renewed, if any. An account that the
    authority has forgotten is registered again.
    """
    try:
        return _order(rules, state, current, now, stopped)
    except AuthorityRefused as error:
        if error.code != "accountDoesNotExist":
            raise
    account.forget(rules, state)
    return _order(rules, state, current, now, stopped)


def renewal_information(
    rules: CertificateRules, current: IssuedCertificate, stopped: Event
) -> tuple[RenewalWindow | None, timedelta]:
    """Return the renewal window and the interval until the next request.

    None where the authority has no such information (RFC 9773). Raises
    IssuanceError, and ValueError for a response that can't be understood.
    """
    with closing(
        AcmeClient(rules.directory, new_key(), rules.ca, stopped)
    ) as client:
        url = client.endpoint("renewalInfo")
        if url is None or current.renewal_id is None:
            return None, renewal.INFO_INTERVAL
        found = client.get(f"{url}/{current.renewal_id}")
        return (
            renewal.parse_window(found),
            renewal.info_interval(client.retry_after_seconds),
        )


def _order(
    rules: CertificateRules,
    state: StateFolder,
    current: IssuedCertificate | None,
    now: datetime,
    stopped: Event,
) -> bytes:
    """Order a certificate. An order that has failed isn't used again."""
    with closing(account.open_client(rules, state, stopped)) as client:
        replaces = None
        if current is not None and current.directory == rules.directory:
            replaces = client.endpoint("renewalInfo") and current.renewal_id
        order = CertificateOrder(client, state, rules, now, replaces)
        return _obtain(order, state, rules.challenges)


def _obtain(
    order: CertificateOrder,
    state: StateFolder,
    challenges: tuple[Challenge, ...],
) -> bytes:
    """Obtain the certificate with the first challenge that succeeds."""
    *others, last = challenges
    try:
        for challenge in others:
            state.challenges.clear()
            try:
                return order.obtain(challenge)
            except ValidationFailed as error:
                # Another port doesn't help where the name isn't found.
                if error.code not in UNREACHED:
                    raise
                log.warning("%s failed: %s", challenge, error)
        state.challenges.clear()
        return order.obtain(last)
    finally:
        state.challenges.clear()

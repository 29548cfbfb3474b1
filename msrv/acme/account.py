# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Account at an authority: registered once, and kept with its key.

The key is on disk before it is registered: a crash in between finds the same
account again (RFC 8555, section 7.3.1), which matters where an external
account can be used only once. By setting MSRV_DOMAIN, the operator agrees to
the authority's terms of service; docs/https.md says so.
"""

from dataclasses import replace
from threading import Event

from msrv.acme.client import AcmeClient
from msrv.acme.errors import AuthorityRefused
from msrv.acme.pem import key_pem, load_key, new_key
from msrv.acme.rules import CertificateRules
from msrv.acme.state import AuthorityAccount, StateFolder


def open_client(
    rules: CertificateRules, state: StateFolder, stopped: Event
) -> AcmeClient:
    """Return a client with a registered account. Raises IssuanceError."""
    account = _load_or_create(rules, state)
    client = AcmeClient(
        rules.directory,
        load_key(account.key_pem.encode()),
        rules.ca,
        stopped,
    )
    try:
        _sign_in(client, account, rules, state)
    except BaseException:
        client.close()
        raise
    return client


def _sign_in(
    client: AcmeClient,
    account: AuthorityAccount,
    rules: CertificateRules,
    state: StateFolder,
) -> None:
    """Register the account unless it is, and bring its address up to date."""
    url = account.url
    if url is None:
        url, _ = client.create("newAccount", _registration(rules, client))
        client.set_account(url)
    else:
        client.set_account(url)
        if account.email == rules.email:
            return
        contact = [f"mailto:{rules.email}"] if rules.email else []
        client.update(url, {"contact": contact})
    state.save_account(
        rules.directory, replace(account, url=url, email=rules.email)
    )


def forget(rules: CertificateRules, state: StateFolder) -> None:
    """Register again at the next request, with the same key."""
    account = state.load_account(rules.directory)
    if account is not None:
        state.save_account(rules.directory, replace(account, url=None))


def _load_or_create(
    rules: CertificateRules, state: StateFolder
) -> AuthorityAccount:
    account = state.load_account(rules.directory)
    if account is not None:
        try:
            load_key(account.key_pem.encode())
        except ValueError:
            pass  # damaged: a new account costs nothing
        else:
            return account
    account = AuthorityAccount(key_pem(new_key()).decode())
    state.save_account(rules.directory, account)
    return account


def _registration(
    rules: CertificateRules, client: AcmeClient
) -> dict[str, object]:
    members: dict[str, object] = {"termsOfServiceAgreed": True}
    if rules.email is not None:
        members["contact"] = [f"mailto:{rules.email}"]
    if rules.external_account is not None:
        members["externalAccountBinding"] = client.external_account(
            *rules.external_account
        )
    elif client.requires_external_account:
        raise AuthorityRefused("externalAccountRequired", "")
    return members

"""NONCE, and the keys that it makes for a command."""

import logging
import secrets

import click

from msrv.cli import nonce_file
from msrv.proofs import keyring as keyrings
from msrv.proofs.keyring import Keyring
from msrv.proofs.nonce_strength import weakness
from msrv.proofs.receipts import issuer_of
from msrv.settings import Settings, WrongSetting

log = logging.getLogger(__name__)


def keyring(found: Settings) -> Keyring:
    """Derive the keys from NONCE and NONCE_PREVIOUS.

    Logs a warning where NONCE is kept in the data folder. Raises WrongSetting
    for a weak NONCE, unless MSRV_ALLOW_WEAK_NONCE is set.
    """
    secret, warning = nonce_file.find(found)
    if warning:
        log.warning(warning)
    nonces = {"NONCE": secret}
    if found.nonce_previous is not None:
        nonces["NONCE_PREVIOUS"] = found.nonce_previous.get_secret_value()
    for name, value in nonces.items():
        _check_strength(name, value, allow_weak=found.allow_weak_nonce)
    return Keyring.from_nonces(
        *nonces.values(),
        accepts_pretend=found.accepts_pretend_money,
        issuer=issuer_of(found.public_url),
    )


def _check_strength(name: str, value: str, *, allow_weak: bool) -> None:
    """Refuse a secret that can be guessed. Raises WrongSetting."""
    found = weakness(value)
    if found is None:
        return
    if not allow_weak:
        raise WrongSetting(
            f"{name} is weak: {found}. Whoever guesses it can forge every "
            "receipt of this store. Set the one that `python -m msrv nonce` "
            "prints; to start all the same, set MSRV_ALLOW_WEAK_NONCE=1"
        )
    log.warning(
        "%s is weak: %s. Whoever guesses it can forge every receipt",
        name,
        found,
    )


@click.command("nonce")
def make_nonce() -> None:
    """Print a strong NONCE."""
    click.echo(keyrings.new_nonce(secrets.token_bytes))

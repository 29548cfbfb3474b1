"""NONCE, and the keys that it makes for a command."""

import logging
import secrets

import click

from msrv import nonce
from msrv.proofs import keyring as keyrings
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings

log = logging.getLogger(__name__)


def keyring(found: Settings) -> Keyring:
    """Make the keys; warns of a NONCE that is kept here, or weak."""
    secret, warning = nonce.find(found)
    if warning:
        log.warning(warning)
    weakness = keyrings.weakness(secret)
    if weakness:
        log.warning("NONCE is weak: %s; `msrv nonce` prints another", weakness)
    previous = found.nonce_previous
    return Keyring.from_nonces(
        secret, *([previous.get_secret_value()] if previous else [])
    )


@click.command("nonce")
def make_nonce() -> None:
    """Print a strong NONCE."""
    click.echo(keyrings.new_nonce(secrets.token_bytes))

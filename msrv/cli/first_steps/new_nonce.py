# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Command `nonce`: a new secret.

Apart from `msrv.cli.nonce`, which derives keys: this needs no cryptography,
and so little of the store that it starts at once.
"""

import secrets

import click

from msrv.proofs.nonce_strength import new_nonce


@click.command("nonce")
def nonce() -> None:
    """Print a new, strong NONCE."""
    click.echo(new_nonce(secrets.token_bytes))

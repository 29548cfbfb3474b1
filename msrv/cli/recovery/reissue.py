# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Command `reissue`: new receipts for everyone, after a leak of NONCE."""

from datetime import UTC, datetime
from pathlib import Path

import click

from msrv.cli.catalog import read_catalog
from msrv.cli.errors import user_errors
from msrv.cli.nonce import load_existing_keyring
from msrv.cli.options import (
    BASE_URL,
    LIBRARY,
    examples,
    load_library_settings,
    public_address,
)

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command(
    epilog=examples(
        "msrv reissue", "msrv reissue --send --before 2026-11-29 > others.csv"
    )
)
@LIBRARY
@click.option("--send", is_flag=True, help="Mail the receipts.")
@click.option(
    "--before",
    type=_DAY,
    metavar="DAY",
    help="Only orders sold before this day (UTC), like 2026-11-29.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0.1, 50),
    default=10.0,
    show_default=True,
    help="Addresses looked up at the payment provider, a second.",
)
@BASE_URL
def reissue(
    *,
    library: Path | None,
    send: bool,
    before: datetime | None,
    rate: float,
    base_url: str | None,
) -> None:
    """Sign the receipts of all orders again, with the current NONCE.

    For the time after a leak, when NONCE was replaced and its receipts no
    longer work. Without --send, count what would be done. With it, mail each
    buyer whose address the payment provider knows, and print the other orders
    with their new receipts as CSV.

    A run that was stopped is continued by the next one; nobody is mailed
    twice. A running store sends the mails.
    """
    with user_errors():
        settings = load_library_settings(library=library, public_url=base_url)
        if send and (settings.smtp_url is None or settings.mail_from is None):
            raise click.ClickException(
                "--send needs MSRV_SMTP_URL and MSRV_MAIL_FROM: this store "
                "sends no mail"
            )
        address = public_address(settings)
        keyring = load_existing_keyring(settings)
        shop = read_catalog(settings).catalog.shop
        from msrv.cli.recovery import (  # noqa: PLC0415 - slow to import
            reissue_output,
        )

        until = None
        if before is not None:
            until = int(before.replace(tzinfo=UTC).timestamp())
        reissue_output.run(
            settings,
            keyring,
            shop,
            base_url=address,
            before=until,
            rate=rate,
            send=send,
        )

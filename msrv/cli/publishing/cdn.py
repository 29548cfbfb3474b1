# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Commands `cdn`: what is configured at a CDN in front of the bucket."""

import json
import time

import click

from msrv.cli.errors import user_errors
from msrv.cli.nonce import load_keyring
from msrv.cli.options import examples, load_settings
from msrv.downloads.objects.cdn_keys import month_key, months_from
from msrv.settings import WrongSetting
from msrv.text_table import table

MAX_MONTHS = 24


@click.group()
def cdn() -> None:
    """Print what is configured at a CDN in front of the bucket."""


@cdn.command(
    epilog=examples(
        "msrv cdn keys", "msrv cdn keys --months 12 --json > keys.json"
    )
)
@click.option(
    "--months",
    type=click.IntRange(1, MAX_MONTHS),
    default=2,
    show_default=True,
    help="Number of months, from this one on.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def keys(months: int, *, as_json: bool) -> None:
    """Print the secret keys that sign addresses at Fastly or Cloudflare.

    MSRV_CDN names the CDN. Each key is of the month, in UTC, in which an
    address ends: the CDN needs those of this month and of the next one.
    Whoever has a key can download any file in its month.
    """
    with user_errors():
        settings = load_settings()
        found = settings.cdn
        if found is None:
            raise WrongSetting("MSRV_CDN is not set: it names the CDN")
        if not found.derives_keys:
            raise WrongSetting(
                f"{found.kind} has keys of its own: set MSRV_CDN_KEY to one"
            )
        if settings.cdn_key is not None:
            raise WrongSetting(
                "MSRV_CDN_KEY is set, and signs all addresses: configure it "
                "as the key `any`, or remove the setting"
            )
        keyring = load_keyring(settings)
    made = {
        month: month_key(keyring.current, found.kind, month)
        for month in months_from(int(time.time()), months)
    }
    if as_json:
        click.echo(json.dumps(made, indent=2))
    else:
        click.echo(table(list(made.items())))

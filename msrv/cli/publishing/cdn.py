# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Commands `cdn`: what is configured at a CDN, and whether it works."""

import asyncio
import json
import sys
import time

import click

from msrv.catalog.published.layout import BLOBS, blob_key
from msrv.cli.errors import user_errors
from msrv.cli.nonce import load_existing_keyring
from msrv.cli.options import examples, load_settings
from msrv.downloads.objects import cdn_probes
from msrv.downloads.objects.cdn_addresses import CdnAddresses
from msrv.downloads.objects.cdn_keys import month_key, months_from
from msrv.settings import WrongSetting
from msrv.storage.objects.bucket import Bucket
from msrv.text_table import table

MAX_MONTHS = 24


@click.group()
def cdn() -> None:
    """Print what is configured at a CDN, and check it."""


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
        keyring = load_existing_keyring(settings)
    made = {
        month: month_key(keyring.current, found.kind, month)
        for month in months_from(int(time.time()), months)
    }
    if as_json:
        click.echo(json.dumps(made, indent=2))
    else:
        click.echo(table(list(made.items())))


@cdn.command(epilog=examples("msrv cdn check"))
def check() -> None:
    """Check that the CDN sends what is signed, and nothing else.

    Requests a byte of a published file: by an address as buyers get it, by
    one that isn't signed, and by one that has expired. Exit status 1 if the
    CDN sends what it mustn't, or doesn't send what it must.
    """
    with user_errors():
        settings = load_settings()
        if settings.cdn is None or settings.bucket is None:
            raise WrongSetting(
                "MSRV_CDN and MSRV_LIBRARY are needed: the CDN, and the "
                "bucket that it is in front of"
            )
        keyring = load_existing_keyring(settings)
        bucket = Bucket.open(settings.bucket)
        addresses = CdnAddresses.of(settings, keyring, blob_key)
        results = asyncio.run(_check(bucket, addresses))
    for each in results:
        click.echo(f"{each.outcome}  {each.text}")
    if any(each.outcome == "Fail" for each in results):
        sys.exit(1)


async def _check(
    bucket: Bucket, addresses: CdnAddresses
) -> list[cdn_probes.Result]:
    """Return what the CDN does. Raises BucketError and WrongSetting."""
    async for entry in bucket.list(BLOBS):
        if entry.size_bytes:
            start = b"".join(
                [
                    part
                    async for part in bucket.stream(
                        entry.key, 0, 1, entry.size_bytes
                    )
                ]
            )
            return await cdn_probes.probe(
                addresses, entry.key, start, int(time.time())
            )
    raise WrongSetting("MSRV_LIBRARY: nothing has been published there yet")

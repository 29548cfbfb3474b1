# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Redeem codes: the `codes` commands, and the sheet to print."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import segno
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from msrv.cli.catalog import read_catalog
from msrv.cli.errors import MintError, user_errors
from msrv.cli.nonce import load_keyring
from msrv.cli.options import BASE_URL, LIBRARY, load_settings, public_address
from msrv.proofs import codes as redeem_codes
from msrv.proofs.keyring import Keyring

MAX_COUNT: Final = 100_000
_COLUMNS: Final = ("code", "url", "item", "campaign", "serial")


@click.group()
def codes() -> None:
    """Create redeem codes to print; each is valid once for one item."""


@codes.command()
@LIBRARY
@click.option("--item", required=True, help="Item id, as `check` lists it.")
@click.option(
    "--campaign", required=True, help="Campaign name, like vinyl-2026."
)
@click.option(
    "--count",
    type=click.IntRange(1, MAX_COUNT),
    required=True,
    help="Number of codes.",
)
@click.option(
    "--first",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="First serial number.",
)
@click.option(
    "--sheet", is_flag=True, help="Print an HTML page with QR codes instead."
)
@BASE_URL
def mint(
    *,
    library: Path | None,
    item: str,
    campaign: str,
    count: int,
    first: int,
    sheet: bool,
    base_url: str | None,
) -> None:
    """Print codes as CSV, or with --sheet as a page to print.

    The same options always print the same codes. For more of them, continue
    at a higher --first.
    """
    with user_errors():
        settings = load_settings(library=library, public_url=base_url)
        address = public_address(settings)
        catalog = read_catalog(settings).catalog
        entry = catalog.by_id.get(item)
        if entry is None:
            raise MintError(
                f"there is no item {item!r}; `msrv check` lists all items"
            )
        ended = _ended_with(campaign, settings.ended_campaigns)
        if ended is not None:
            raise MintError(
                f"MSRV_ENDED_CAMPAIGNS contains {ended}, which would end "
                "these codes too: choose another name"
            )
        printed = mint_codes(
            load_keyring(settings),
            address,
            item_id=item,
            campaign=campaign,
            first=first,
            count=count,
        )
    click.echo(
        format_sheet(
            printed,
            store=catalog.shop.name,
            title=entry.title,
            base_url=address,
            campaign=campaign,
        )
        if sheet
        else format_csv(printed, item, campaign),
        nl=False,
    )


@dataclass(frozen=True, slots=True)
class PrintedCode:
    """A code as it is printed. `url` opens the form with the code in it."""

    code: str
    url: str
    serial: int

    @property
    def qr_code(self) -> Markup:
        """The URL as a QR code, in SVG."""
        out = io.BytesIO()
        segno.make_qr(self.url, error="m").save(
            out,
            kind="svg",
            xmldecl=False,
            svgns=True,
            omitsize=True,
            border=4,
            svgclass="qr",
            lineclass=None,
        )
        # segno writes numbers and these constants, no part of the URL.
        return Markup(out.getvalue().decode())  # noqa: S704


def mint_codes(
    keyring: Keyring,
    base_url: str,
    *,
    item_id: str,
    campaign: str,
    first: int,
    count: int,
) -> list[PrintedCode]:
    """Return `count` codes, from serial `first` on. Raises MintError."""
    if first + count - 1 > redeem_codes.MAX_SERIAL:
        raise MintError(f"serial numbers end at {redeem_codes.MAX_SERIAL:,}")
    serials = range(first, first + count)
    try:
        made = list(redeem_codes.mint(keyring, item_id, campaign, serials))
    except ValueError:
        raise MintError(
            f"{campaign!r} is not a campaign name like 'vinyl-2026'"
        ) from None
    return [
        PrintedCode(code, f"{base_url}/redeem?code={code}", serial)
        for code, serial in zip(made, serials, strict=True)
    ]


def _ended_with(campaign: str, ended: Sequence[str]) -> str | None:
    """Return the ended campaign with the tag of `campaign`, None if none."""
    tag = redeem_codes.campaign_tag(campaign)
    return next(
        (each for each in ended if redeem_codes.campaign_tag(each) == tag),
        None,
    )


def format_csv(
    printed: Sequence[PrintedCode], item_id: str, campaign: str
) -> str:
    """Return CSV with a line for each code."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(_COLUMNS)
    table.writerows(
        (each.code, each.url, item_id, campaign, each.serial)
        for each in printed
    )
    return out.getvalue()


def format_sheet(
    printed: Sequence[PrintedCode],
    *,
    store: str,
    title: str,
    base_url: str,
    campaign: str,
) -> str:
    """Return an HTML page to print on A4 or Letter, and to cut up."""
    templates = Environment(
        loader=PackageLoader("msrv.web", "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template("codes_sheet.html").render(
        printed=printed,
        store=store,
        title=title,
        address=f"{base_url}/redeem".partition("://")[2],
        campaign=campaign,
    )

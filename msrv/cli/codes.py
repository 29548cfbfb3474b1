# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Redeem codes: the `codes` commands, and the sheet to print."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

import click
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from msrv.cli.catalog import read_catalog
from msrv.cli.errors import MintError, user_errors
from msrv.cli.nonce import load_existing_keyring
from msrv.cli.options import (
    BASE_URL,
    LIBRARY,
    load_library_settings,
    public_address,
)
from msrv.orders.grants.printed_codes import (
    NotACampaign,
    PrintedCode,
    SerialsExhausted,
    ended_campaign,
    format_csv,
    mint_codes,
    sheet_heading,
)
from msrv.proofs.codes import MAX_SERIAL
from msrv.translations import Language
from msrv.translations.negotiation import parse_language

MAX_COUNT: Final = 100_000


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
        settings = load_library_settings(library=library, public_url=base_url)
        address = public_address(settings)
        catalog = read_catalog(settings).catalog
        entry = catalog.by_id.get(item)
        if entry is None:
            raise MintError(
                f"there is no item {item!r}; `msrv check` lists all items"
            )
        ended = ended_campaign(campaign, settings.ended_campaigns)
        if ended is not None:
            raise MintError(
                f"MSRV_ENDED_CAMPAIGNS contains {ended}, which would end "
                "these codes too: choose another name"
            )
        try:
            printed = mint_codes(
                load_existing_keyring(settings),
                address,
                item_id=item,
                campaign=campaign,
                first=first,
                count=count,
            )
        except SerialsExhausted:
            raise MintError(f"serial numbers end at {MAX_SERIAL:,}") from None
        except NotACampaign:
            raise MintError(
                f"{campaign!r} is not a campaign name like 'vinyl-2026'"
            ) from None
        from msrv.cli.access.recorded_acts import (  # noqa: PLC0415 - slow to import
            record_command,
        )

        last = first + count - 1
        record_command(
            settings, "make-codes", f"{campaign}.{first}-{last}:{item}"
        )
    click.echo(
        format_sheet(
            printed,
            store=catalog.shop.name,
            title=entry.title,
            base_url=address,
            campaign=campaign,
            language=parse_language(catalog.shop.language),
        )
        if sheet
        else format_csv(printed, item, campaign),
        nl=False,
    )


def format_sheet(
    printed: Sequence[PrintedCode],
    *,
    store: str,
    title: str,
    base_url: str,
    campaign: str,
    language: Language,
) -> str:
    """Return an HTML page to print on A4 or Letter, and to cut up.

    It is in the store's language, since its cards are for buyers.
    """
    templates = Environment(
        loader=PackageLoader("msrv.web", "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = files("msrv.web").joinpath("static", "codes_sheet.css")
    return templates.get_template("codes_sheet.html").render(
        printed=printed,
        store=store,
        title=title,
        address=f"{base_url}/redeem".partition("://")[2],
        campaign=campaign,
        language=language,
        heading=sheet_heading(language, len(printed), title, campaign),
        style_url="",
        # A file of this package.
        style=Markup(style.read_text("utf-8")),  # noqa: S704
    )

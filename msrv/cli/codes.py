"""Codes on paper."""

from pathlib import Path

import click

from msrv import server
from msrv.cli import catalog_output, code_sheet
from msrv.cli.code_sheet import MintError
from msrv.cli.errors import plainly
from msrv.cli.nonce import keyring
from msrv.cli.options import BASE_URL, LIBRARY, load_settings


@click.group()
def codes() -> None:
    """Codes on paper, each worth one item once."""


@codes.command()
@LIBRARY
@click.option("--item", required=True, help="An item's id.")
@click.option("--campaign", required=True, help="Its name: vinyl-2026.")
@click.option(
    "--count",
    type=click.IntRange(1, code_sheet.MAX_COUNT),
    required=True,
    help="How many.",
)
@click.option(
    "--first",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="The first serial.",
)
@click.option("--sheet", is_flag=True, help="A page to print, with QR codes.")
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
    """Print codes as CSV. The same command prints the same codes."""
    with plainly():
        found = load_settings(library=library, public_url=base_url)
        catalog = catalog_output.read(found).catalog
        entry = catalog.by_id.get(item)
        if entry is None:
            raise MintError(
                f"there is no item {item!r}; "
                "`python -m msrv catalog` lists them"
            )
        ended = code_sheet.ending(campaign, found.ended_campaigns)
        if ended is not None:
            raise MintError(
                f"MSRV_ENDED_CAMPAIGNS has ended {ended}, and these codes "
                "with it: take another name"
            )
        address = server.store_url(found)
        printed = code_sheet.mint(
            keyring(found),
            address,
            item_id=item,
            campaign=campaign,
            first=first,
            count=count,
        )
    click.echo(
        code_sheet.as_sheet(
            printed,
            store=catalog.shop.name,
            title=entry.title,
            base_url=address,
            campaign=campaign,
        )
        if sheet
        else code_sheet.as_csv(printed, item, campaign),
        nl=False,
    )

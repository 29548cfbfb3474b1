"""Printing codes: as a table for a printing house, or a sheet to cut up."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import segno
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from msrv.proofs import codes
from msrv.proofs.keyring import Keyring

MAX_COUNT: Final = 100_000
_COLUMNS: Final = ("code", "url", "item", "campaign", "serial")


class MintError(Exception):
    """These codes can't be minted; its text is one line."""


@dataclass(frozen=True, slots=True)
class Printed:
    """One code as it is printed. `url` leads to the form with it in."""

    code: str
    url: str
    serial: int

    @property
    def picture(self) -> Markup:
        """The address as a QR code, in SVG."""
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
        # segno writes numbers and these constants, nothing of the address.
        return Markup(out.getvalue().decode())  # noqa: S704


def mint(
    keyring: Keyring,
    base_url: str,
    *,
    item_id: str,
    campaign: str,
    first: int,
    count: int,
) -> list[Printed]:
    """Make `count` codes from serial `first` on. Raises MintError."""
    if first + count - 1 > codes.MAX_SERIAL:
        raise MintError(f"a campaign has serials up to {codes.MAX_SERIAL:,}")
    serials = range(first, first + count)
    try:
        made = list(codes.mint(keyring, item_id, campaign, serials))
    except ValueError:
        raise MintError(
            f"{campaign!r} is no campaign like 'vinyl-2026'"
        ) from None
    return [
        Printed(code, f"{base_url}/redeem?code={code}", serial)
        for code, serial in zip(made, serials, strict=True)
    ]


def ending(campaign: str, ended: Sequence[str]) -> str | None:
    """Name the ended campaign that a new one's codes would end with."""
    tag = codes.campaign_tag(campaign)
    return next(
        (each for each in ended if codes.campaign_tag(each) == tag), None
    )


def as_csv(printed: Sequence[Printed], item_id: str, campaign: str) -> str:
    """Write a table with a line for each code."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(_COLUMNS)
    table.writerows(
        (each.code, each.url, item_id, campaign, each.serial)
        for each in printed
    )
    return out.getvalue()


def as_sheet(
    printed: Sequence[Printed],
    *,
    store: str,
    title: str,
    base_url: str,
    campaign: str,
) -> str:
    """Write a page that a browser prints on A4 or Letter, to be cut up."""
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

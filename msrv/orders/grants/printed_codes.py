# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Redeem codes as they are printed: with their address, as CSV."""

import csv
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import segno
from markupsafe import Markup

from msrv.proofs import codes
from msrv.proofs.keyring import Keyring
from msrv.translations import Language, language_set_to, ngettext

_COLUMNS: Final = ("code", "url", "item", "campaign", "serial")


class NotACampaign(Exception):
    """The text is not a campaign name like `vinyl-2026`."""


class SerialsExhausted(Exception):
    """There are not so many serial numbers."""


@dataclass(frozen=True, slots=True)
class PrintedCode:
    """A code as it is printed. `url` opens the form with the code in it."""

    code: str
    url: str
    serial: int

    @property
    def qr_code(self) -> Markup:
        """The URL as a QR code, in SVG. Drawing it takes milliseconds."""
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


def sheet_heading(
    language: Language, count: int, title: str, campaign: str
) -> str:
    """Return the heading of a sheet of codes."""
    with language_set_to(language):
        return ngettext(
            "%(campaign)s: %(num)s code for %(title)s",
            "%(campaign)s: %(num)s codes for %(title)s",
            count,
            title=title,
            campaign=campaign,
        )


def mint_codes(
    keyring: Keyring,
    base_url: str,
    *,
    item_id: str,
    campaign: str,
    first: int,
    count: int,
) -> list[PrintedCode]:
    """Return `count` codes, from serial `first` on.

    The same arguments return the same codes. Raises NotACampaign,
    SerialsExhausted.
    """
    if first + count - 1 > codes.MAX_SERIAL:
        raise SerialsExhausted
    serials = range(first, first + count)
    try:
        made = list(codes.mint(keyring, item_id, campaign, serials))
    except ValueError:
        raise NotACampaign from None
    return [
        PrintedCode(code, f"{base_url}/redeem?code={code}", serial)
        for code, serial in zip(made, serials, strict=True)
    ]


def ended_campaign(campaign: str, ended: Collection[str]) -> str | None:
    """Return the ended campaign with the tag of `campaign`, None if none."""
    tag = codes.campaign_tag(campaign)
    return next(
        (each for each in ended if codes.campaign_tag(each) == tag), None
    )


def serials_name(item_id: str, campaign: str) -> str:
    """Return the name under which serial numbers of codes are reserved."""
    return codes.item_tag(item_id) + codes.campaign_tag(campaign)


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

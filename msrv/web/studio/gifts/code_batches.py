# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Redeem codes made in the studio: as a list, as CSV, and as a sheet.

Codes aren't stored: the same item, campaign and serial numbers are the same
codes, also those of `msrv codes mint`. The ledger has which serial numbers
were reserved here, so that more codes continue after them.
"""

import asyncio
import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import aiohttp_jinja2
from aiohttp import web
from multidict import MultiDict

from msrv.orders.grants import printed_codes
from msrv.orders.grants.printed_codes import (
    PrintedCode,
    SerialsExhausted,
    sheet_heading,
)
from msrv.proofs.codes import MAX_SERIAL
from msrv.proofs.orders import is_campaign
from msrv.translations import gettext
from msrv.web.errors import InvalidField
from msrv.web.forms import read_form
from msrv.web.languages import own_language
from msrv.web.rendering import PRIVATE, wants_json
from msrv.web.store import ORIGIN, STORE
from msrv.web.studio import activity, page
from msrv.web.studio.gifts import entries
from msrv.web.studio.gifts.entries import GivenEntry

MAX_COUNT: Final = 1000
"""Number of codes in one request; `msrv codes mint` makes more."""
_TOKEN_BYTES: Final = 12
_TOKEN: Final = re.compile("(?:[0-9a-f]{24})?")


class Format(StrEnum):
    """Form in which codes are shown."""

    LIST = "list"
    CSV = "csv"
    SHEET = "sheet"


@dataclass(frozen=True, slots=True)
class _Form:
    """Checked fields of the form. `first` is None for the next one.

    `token` stands for the form that was opened, empty for that of a program.
    """

    campaign: str
    count: int
    first: int | None
    format: Format
    token: str

    def batch(self, item_id: str) -> str:
        """Return the name of the codes that the form makes, however often.

        A form that was changed makes others. Empty for those that are made
        each time anew.
        """
        if not self.token:
            return ""
        parts = (self.token, item_id, self.campaign, self.count, self.first)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


async def show_form(request: web.Request) -> web.Response:
    """Show the form for what the codes are of. Raises NotFound, NotReady."""
    entries.choose_release(request)
    given = entries.find(request, request.query["item"])
    return page.render(
        request,
        "codes.html",
        {"item_id": given.item_id, "title": given.entry.title},
        typed={},
        errors={},
        **_context(request, given),
    )


async def make(request: web.Request) -> web.StreamResponse:
    """Make codes, and show them once, or send them as CSV or as a sheet.

    The same form leads to the same codes, however often it is sent.
    Raises NotFound, TooManyGifts, DatabaseError.
    """
    # Errors in the request are raised before anything is reserved.
    wants_json(request)
    fields = await read_form(request)
    given = entries.find(request, fields.get("item", ""))
    try:
        form = _parse(fields)
        return await _make(request, given, form)
    except InvalidField as error:
        return entries.invalid(
            request, "codes.html", error, fields, **_context(request, given)
        )


def _context(request: web.Request, given: GivenEntry) -> dict[str, Any]:
    """Return what the form's template needs."""
    token = request.app[STORE].random(_TOKEN_BYTES).hex()
    return {"given": given, "most": MAX_COUNT, "token": token}


async def _make(
    request: web.Request, given: GivenEntry, form: _Form
) -> web.StreamResponse:
    store, campaign = request.app[STORE], form.campaign
    if printed_codes.ended_campaign(campaign, store.settings.ended_campaigns):
        raise InvalidField(
            gettext("Campaign"),
            gettext("must be another name: this campaign has ended"),
            field="campaign",
        )
    store.limits.gifts.acquire(
        entries.SOURCE, now=store.clock(), cost=form.count
    )
    first = await store.ledger.reserve_serials(
        printed_codes.serials_name(given.item_id, campaign),
        form.count,
        form.first,
        MAX_SERIAL,
        batch=form.batch(given.item_id),
    )
    try:
        made = await asyncio.to_thread(
            printed_codes.mint_codes,
            store.keyring,
            request[ORIGIN].base_url,
            item_id=given.item_id,
            campaign=campaign,
            first=first,
            count=form.count,
        )
    except SerialsExhausted:
        raise InvalidField(
            gettext("First number"),
            gettext(
                "must be lower: numbers end at %(last)s",
                last=f"{MAX_SERIAL:,}",
            ),
            field="first",
        ) from None
    last = first + form.count - 1
    await activity.record(
        request, "make-codes", f"{campaign}:{first}-{last}:{given.item_id}"
    )
    match form.format:
        case Format.CSV:
            return _csv(made, given, campaign)
        case Format.SHEET:
            return await _sheet(request, made, given, campaign)
    return _list(request, made, given, campaign)


def _list(
    request: web.Request,
    made: list[PrintedCode],
    given: GivenEntry,
    campaign: str,
) -> web.Response:
    return page.render(
        request,
        "codes_made.html",
        {
            "item_id": given.item_id,
            "campaign": campaign,
            "codes": [
                {"code": each.code, "url": each.url, "serial": each.serial}
                for each in made
            ],
        },
        status=201,
        given=given,
        campaign=campaign,
        made=made,
        first=made[0].serial,
        last=made[-1].serial,
    )


def _csv(
    made: list[PrintedCode], given: GivenEntry, campaign: str
) -> web.Response:
    name = f"codes-{campaign}-{made[0].serial}-{made[-1].serial}.csv"
    return web.Response(
        text=printed_codes.format_csv(made, given.item_id, campaign),
        content_type="text/csv",
        charset="utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": PRIVATE,
        },
    )


async def _sheet(
    request: web.Request,
    made: list[PrintedCode],
    given: GivenEntry,
    campaign: str,
) -> web.Response:
    """Return the sheet, which is drawn in a thread: milliseconds for each."""
    store = request.app[STORE]
    language, title = own_language(request), given.entry.title
    template = aiohttp_jinja2.get_env(request.app).get_template(
        "codes_sheet.html"
    )
    context: dict[str, Any] = {
        "printed": made,
        "store": store.catalog.current.shop.name,
        "title": title,
        "language": language,
        "heading": sheet_heading(language, len(made), title, campaign),
        "address": f"{request[ORIGIN].base_url}/redeem".partition("://")[2],
        "campaign": campaign,
        "style_url": store.assets.url("codes_sheet.css"),
        "style": "",
    }
    return web.Response(
        text=await asyncio.to_thread(template.render, context),
        content_type="text/html",
        charset="utf-8",
        headers={"Cache-Control": PRIVATE},
    )


def _parse(form: MultiDict[str]) -> _Form:
    """Return the form's fields. Raises InvalidField."""
    campaign = form.get("campaign", "").strip().lower()
    if not is_campaign(campaign):
        raise InvalidField(
            gettext("Campaign"),
            gettext(
                "must be up to 32 letters a to z, digits and hyphens, like "
                "vinyl-2026"
            ),
            field="campaign",
        )
    try:
        stated = Format(form.get("format", Format.LIST))
    except ValueError:
        raise InvalidField(
            "format",
            gettext("must be one of %(names)s", names="list, csv, sheet"),
        ) from None
    token = form.get("token", "")
    if not _TOKEN.fullmatch(token):
        raise InvalidField(
            "token",
            gettext("must be the value from the form: please open it again"),
        )
    count = form.get("count", "").strip()
    first = form.get("first", "").strip()
    return _Form(
        campaign,
        _number(gettext("Number of codes"), "count", count, MAX_COUNT),
        _number(gettext("First number"), "first", first, MAX_SERIAL)
        if first
        else None,
        stated,
        token,
    )


def _number(name: str, field: str, text: str, most: int) -> int:
    number = int(text) if page.is_number(text) else 0
    if not 1 <= number <= most:
        raise InvalidField(
            name,
            gettext("must be a number from 1 to %(most)s", most=f"{most:,}"),
            field=field,
        )
    return number

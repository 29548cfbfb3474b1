# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Decision on the country of an order, for the OSS report."""

from collections.abc import Mapping

from aiohttp import web

from msrv.ledger.db.order_queries import Order
from msrv.ledger.db.taxes import decisions
from msrv.ledger.errors import NotUndecided, OrderNotFound, RateNeeded
from msrv.ledger.timeouts import STUDIO_SECONDS
from msrv.proofs.receipts import is_simulated
from msrv.taxes.country_decisions import CountryDecision, parse_rate
from msrv.taxes.oss_report import group_of
from msrv.taxes.rates import TaxRules
from msrv.taxes.report_data import decision_data
from msrv.translations import gettext
from msrv.translations.countries import country_codes, country_name
from msrv.web.errors import InvalidField, NotFound
from msrv.web.forms import read_form
from msrv.web.rendering import PRIVATE, wants_json
from msrv.web.store import STORE
from msrv.web.studio import activity, page
from msrv.web.studio.access.rules import ACCESS


def is_undecided(order: Order, rules: TaxRules) -> bool:
    """Return whether the country of an order is the seller's to decide."""
    return (
        order.total_minor > 0
        and not is_simulated(order.provider)
        and group_of(order.tax, rules.country)[1] is not None
    )


def country_choices() -> list[tuple[str, str]]:
    """Return codes and names of countries, by name."""
    named = [(each, country_name(each)) for each in country_codes()]
    return sorted(named, key=lambda each: each[1].casefold())


async def submit(request: web.Request) -> web.Response:
    """Decide `country` and `rate` of an order, or with `undo` take it back.

    303 to the order, or JSON. Raises DatabaseError, InvalidField, NotFound.
    """
    store = request.app[STORE]
    as_json = wants_json(request)
    order_id = page.read_order_id(request)
    form = await read_form(request)
    made: CountryDecision | None = None
    try:
        async with store.ledger.write_transaction(
            STUDIO_SECONDS
        ) as connection:
            if form.get("undo"):
                await decisions.take_back(connection, order_id)
                act, subject = decisions.TAKEN_BACK, order_id
            else:
                made = await decisions.decide_country(
                    connection,
                    order_id,
                    _read_country(form),
                    _read_rate(form),
                    store.catalog.current.shop.tax,
                    now=store.clock(),
                    by=request[ACCESS].actor,
                )
                act, subject = decisions.DECIDED, f"{order_id}.{made.country}"
            await activity.record_within(request, connection, act, subject)
    except OrderNotFound as error:
        raise NotFound from error
    except NotUndecided as error:
        raise InvalidField(
            "country",
            gettext("is already known for this order"),
        ) from error
    except RateNeeded as error:
        raise InvalidField(
            "rate",
            gettext(
                "must be stated: no rate of %(country)s is known",
                country=country_name(error.country),
            ),
        ) from error
    if as_json:
        response = web.json_response(
            {"order_id": order_id, "decision": decision_data(made)}
        )
    else:
        response = web.Response(
            status=303,
            headers={"Location": f"/studio/orders/{order_id}#country"},
        )
    response.headers["Cache-Control"] = PRIVATE
    return response


def _read_country(form: Mapping[str, str]) -> str:
    """Return the `country` of a form. Raises InvalidField."""
    code = form.get("country", "").strip().upper()
    if code not in country_codes():
        raise InvalidField(
            "country", gettext("must be two letters, like DE (ISO 3166-1)")
        )
    return code


def _read_rate(form: Mapping[str, str]) -> int | None:
    """Return the `rate` of a form in basis points. Raises InvalidField."""
    text = form.get("rate", "").strip()
    if not text:
        return None
    try:
        return parse_rate(text)
    except ValueError:
        raise InvalidField(
            "rate", gettext("must be percent from 0 to 100, like 19 or 25.5")
        ) from None

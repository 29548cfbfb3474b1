# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Refunding an order: what, then a confirmation, then the money moves."""

import re
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from multidict import MultiMapping

from msrv.ledger.db import order_queries
from msrv.ledger.db.order_queries import OrderHistory
from msrv.ledger.errors import SpoolFailed
from msrv.money import Money, NotMoney, parse_typed
from msrv.orders.refunds.errors import (
    InvalidRefund,
    NothingChosen,
    RefundImpossible,
    RefundTooHigh,
)
from msrv.orders.refunds.plan import (
    RefundChoice,
    RefundPart,
    RefundPlan,
    line_amounts,
    plan_refund,
)
from msrv.orders.refunds.service import OrderPayment
from msrv.payments.provider import PaymentError
from msrv.payments.refunds import RefundError
from msrv.proofs.orders import is_item_id
from msrv.proofs.receipts import is_simulated
from msrv.translations import gettext
from msrv.web import formatting
from msrv.web.errors import InvalidField, NotFound
from msrv.web.errors.refunds import RefundFailed
from msrv.web.forms import read_form
from msrv.web.rendering import PRIVATE, wants_json
from msrv.web.store import STORE
from msrv.web.studio import activity, page
from msrv.web.studio.access.rules import ACCESS

_NUMBER: Final = re.compile(r"[0-9]{1,6}\.[0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class _ShownLine:
    """A line of an order in the form; `minor` is what is left of it."""

    item_id: str
    title: str
    minor: int
    is_chosen: bool


async def show_form(request: web.Request) -> web.Response:
    """Show what can be refunded, or with a choice in the query, confirm it.

    Raises DatabaseError, NotFound, InvalidField, RefundFailed.
    """
    store, history = request.app[STORE], await _read_history(request)
    try:
        state = await store.refunds.look_up(history)
    except (RefundImpossible, PaymentError) as error:
        raise RefundFailed(history.order.order_id, error) from error
    if not state.payment.remaining_minor:
        raise RefundFailed(history.order.order_id, NothingChosen())
    if "part" not in request.query:
        return _choice_page(request, history, state)
    try:
        choice = _read_choice(request.query, history)
        plan = plan_refund(history.order, state.payment, choice)
    except (InvalidField, InvalidRefund) as error:
        return _choice_page(
            request, history, state, error=_invalid_field(error)
        )
    return page.render(
        request,
        "refund_confirm.html",
        _plan_data(history, plan, state),
        order=history.order,
        choice=choice,
        plan=plan,
        number_of_state=state.number,
        ended=[
            line for line in history.order.lines if line.item_id in plan.ended
        ],
        is_mailed=store.receipt_mails.is_on
        and bool(store.refunds.mail_of(state)),
        is_simulated=is_simulated(history.order.provider),
    )


async def refund(request: web.Request) -> web.Response:
    """Refund what the confirmed form says, once.

    A browser is redirected to the order; JSON has what was refunded. Raises
    DatabaseError, NotFound, InvalidField, RefundFailed.
    """
    # Errors in the request are raised before anything is requested.
    as_json = wants_json(request)
    form = await read_form(request)
    history = await _read_history(request)
    order = history.order
    number = form.get("number", "")
    if not _NUMBER.fullmatch(number):
        raise InvalidField(
            "number",
            gettext("must be the value from the form: please open it again"),
        )
    choice = _read_choice(form, history)
    await activity.record(
        request, "start-refund", f"{order.order_id}.{choice.part.value}"
    )
    try:
        plan = await request.app[STORE].refunds.refund(
            history, choice, number, f"studio-{request[ACCESS].session}"
        )
    except (
        RefundImpossible,
        InvalidRefund,
        RefundError,
        PaymentError,
        SpoolFailed,
    ) as error:
        raise RefundFailed(order.order_id, error) from error
    if plan is not None:
        await activity.record(
            request,
            "refund",
            f"{order.order_id}.{plan.amount.currency}{plan.amount.decimal}",
        )
    if as_json:
        response = web.json_response(
            {
                "order_id": order.order_id,
                "refunded_minor": plan.amount.minor if plan else 0,
                "currency": order.currency,
                "items": list(plan.items) if plan else [],
                "ended": list(plan.ended) if plan else [],
                "repeated": plan is None,
            }
        )
    else:
        response = web.Response(
            status=303,
            headers={"Location": f"/studio/orders/{order.order_id}#history"},
        )
    response.headers["Cache-Control"] = PRIVATE
    return response


async def _read_history(request: web.Request) -> OrderHistory:
    """Return the order of the path. Raises NotFound, DatabaseError."""
    order_id = page.read_order_id(request)
    async with page.read_transaction(request) as connection:
        history = await order_queries.order_history(connection, order_id)
    if history is None:
        raise NotFound
    return history


def _choice_page(
    request: web.Request,
    history: OrderHistory,
    state: OrderPayment,
    *,
    error: InvalidField | None = None,
) -> web.Response:
    """Return the form, with an error beside the field that has one."""
    order, payment = history.order, state.payment
    amounts = line_amounts(order, payment)
    chosen = request.query.getall("item", [])
    remaining = Money(payment.remaining_minor, payment.paid.currency)
    lines = [
        _ShownLine(
            line.item_id,
            line.title,
            min(amounts[line.item_id], remaining.minor),
            line.item_id in chosen,
        )
        for line in order.lines
    ]
    return page.render(
        request,
        "refund_form.html",
        {
            "order_id": order.order_id,
            "number": state.number,
            "paid_minor": payment.paid.minor,
            "remaining_minor": remaining.minor,
            "currency": remaining.currency,
            "lines": {each.item_id: each.minor for each in lines},
            **({"error": "bad_field", "field": error.field} if error else {}),
        },
        status=400 if error else 200,
        order=order,
        payment=payment,
        remaining=remaining,
        lines=lines,
        part=request.query.get("part", ""),
        amount=request.query.get("amount", ""),
        ends_links=bool(request.query.get("end")),
        example=formatting.typed(remaining),
        errors={error.field: error.requirement} if error else {},
    )


def _plan_data(
    history: OrderHistory, plan: RefundPlan, state: OrderPayment
) -> dict[str, Any]:
    """Return a refund that is to be confirmed, for JSON."""
    return {
        "order_id": history.order.order_id,
        "number": state.number,
        "amount_minor": plan.amount.minor,
        "currency": plan.amount.currency,
        "items": list(plan.items),
        "ended": list(plan.ended),
    }


def _read_choice(
    fields: MultiMapping[str], history: OrderHistory
) -> RefundChoice:
    """Return the choice of a form or a query. Raises InvalidField."""
    try:
        part = RefundPart(fields.get("part", ""))
    except ValueError:
        names = ", ".join(RefundPart)
        raise InvalidField(
            "part", gettext("must be one of %(names)s", names=names)
        ) from None
    _refuse_other_parts(fields, part)
    items = tuple(dict.fromkeys(fields.getall("item", [])))
    held = {line.item_id for line in history.order.lines}
    if not all(is_item_id(each) and each in held for each in items):
        raise InvalidField("item", gettext("must be an item of the order"))
    minor = 0
    if part is RefundPart.AMOUNT:
        currency = history.order.currency
        try:
            minor = parse_typed(fields.get("amount", ""), currency).minor
        except NotMoney:
            example = formatting.typed(
                Money(history.order.total_minor, currency)
            )
            raise InvalidField(
                gettext("Amount"),
                gettext(
                    "must be an amount of %(currency)s, like %(example)s",
                    currency=currency,
                    example=example,
                ),
                field="amount",
            ) from None
    return RefundChoice(part, items, minor, bool(fields.get("end")))


def _refuse_other_parts(fields: MultiMapping[str], part: RefundPart) -> None:
    """Raise InvalidField if fields of another part were filled in.

    To ignore them would refund something else than what was typed.
    """
    some, amount = gettext("Some of it"), gettext("An amount")
    stated = {
        "item": (RefundPart.LINES, some, bool(fields.getall("item", []))),
        "amount": (
            RefundPart.AMOUNT,
            amount,
            bool(fields.get("amount", "").strip()),
        ),
        # Everything that is left ends all downloads anyway.
        "end": (
            RefundPart.AMOUNT,
            amount,
            bool(fields.get("end")) and part is RefundPart.LINES,
        ),
    }
    for field, (owner, choice, is_stated) in stated.items():
        if is_stated and part is not owner:
            raise InvalidField(
                field,
                gettext(
                    "must be left out, unless you choose “%(choice)s”",
                    choice=choice,
                ),
            )


def _invalid_field(error: InvalidField | InvalidRefund) -> InvalidField:
    """Return the field that is wrong in a choice."""
    if isinstance(error, InvalidField):
        return error
    if isinstance(error, RefundTooHigh):
        requirement = gettext(
            "must be at most %(amount)s, what is left of the payment",
            amount=formatting.price(error.remaining),
        )
        return InvalidField(gettext("Amount"), requirement, field="amount")
    return InvalidField(
        "part", gettext("must be something that is left to refund")
    )

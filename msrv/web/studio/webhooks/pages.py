# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Webhook endpoints, their last deliveries, and sending one again."""

from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.feed import consumers, deliveries
from msrv.ledger.db.feed.consumers import Consumer
from msrv.ledger.db.feed.deliveries import Delivery, DeliveryStatus
from msrv.ledger.timeouts import STUDIO_SECONDS
from msrv.outgoing_webhooks.worker import Receiver
from msrv.translations import gettext_noop
from msrv.web.errors import NotFound
from msrv.web.forms import read_form
from msrv.web.rendering import PRIVATE, wants_json
from msrv.web.store import STORE
from msrv.web.studio import activity, page

MAX_DELIVERIES: Final = 50
"""Number of deliveries that are listed of each endpoint."""
_MAX_DIGITS: Final = 15

STATUS_NAMES: Final = {
    DeliveryStatus.WAITING: gettext_noop("waiting"),
    DeliveryStatus.DELIVERED: gettext_noop("delivered"),
    DeliveryStatus.FAILED: gettext_noop("failed"),
}


@dataclass(frozen=True, slots=True)
class EndpointState:
    """An endpoint as the page shows it."""

    receiver: Receiver
    consumer: Consumer | None
    counts: dict[DeliveryStatus, int]
    latest: list[Delivery]

    @property
    def is_disabled(self) -> bool:
        """True after it has answered 410 Gone."""
        return (
            self.consumer is not None and self.consumer.disabled_at is not None
        )


async def show(request: web.Request) -> web.Response:
    """Show the endpoints. Raises DatabaseError."""
    receivers = request.app[STORE].outgoing_webhooks.receivers
    states = []
    async with page.read_transaction(request) as connection:
        for each in receivers:
            endpoint = each.endpoint_id
            states.append(
                EndpointState(
                    each,
                    await consumers.load(
                        connection, deliveries.consumer_name(endpoint)
                    ),
                    await deliveries.count_by_status(connection, endpoint),
                    await deliveries.list_latest(
                        connection, endpoint, MAX_DELIVERIES
                    ),
                )
            )
    return page.render(
        request,
        "webhooks.html",
        {"endpoints": [_data(each) for each in states]},
        endpoints=states,
        status_names=STATUS_NAMES,
    )


async def change(request: web.Request) -> web.Response:
    """Send a delivery again (`number`), or enable an endpoint (`enable`).

    A browser is redirected to the page. Raises DatabaseError, NotFound.
    """
    as_json = wants_json(request)
    form = await read_form(request)
    store = request.app[STORE]
    endpoint = form.get("endpoint", "")
    known = {each.endpoint_id for each in store.outgoing_webhooks.receivers}
    if endpoint not in known:
        raise NotFound
    number = form.get("number", "")
    async with store.ledger.write_transaction(STUDIO_SECONDS) as connection:
        if form.get("enable"):
            act, subject = "enable-webhook", endpoint
            await _enable(connection, endpoint)
        else:
            if not (number.isascii() and number.isdigit()) or (
                len(number) > _MAX_DIGITS
            ):
                raise NotFound
            event = await deliveries.send_again(
                connection, endpoint, int(number), store.clock()
            )
            if event is None:
                raise NotFound
            act, subject = "send-webhook", event.event_id
        await activity.record_within(request, connection, act, subject)
    store.outgoing_webhooks.wake()
    if as_json:
        response = web.json_response({"endpoint": endpoint, "done": act})
    else:
        response = web.Response(
            status=303, headers={"Location": "/studio/webhooks"}
        )
    response.headers["Cache-Control"] = PRIVATE
    return response


async def _enable(connection: AsyncConnection, endpoint: str) -> None:
    name = deliveries.consumer_name(endpoint)
    state = await consumers.load(connection, name)
    if state is None:
        raise NotFound
    await consumers.save(connection, Consumer(name, state.number))


def _data(state: EndpointState) -> dict[str, Any]:
    return {
        "endpoint": state.receiver.endpoint_id,
        "url": state.receiver.origin,
        "events": list(state.receiver.endpoint.events),
        "disabled": state.is_disabled,
        **{each.value: state.counts.get(each, 0) for each in DeliveryStatus},
        "deliveries": [
            {
                "number": each.event.number,
                "event_id": each.event.event_id,
                "type": each.event.kind.value,
                "order_id": each.event.order_id or None,
                "at": each.event.at,
                "status": each.status.value,
                "attempts": each.attempts,
                "answer": each.answer or None,
                "next_at": (
                    each.due_at
                    if each.status is DeliveryStatus.WAITING
                    else None
                ),
            }
            for each in state.latest
        ],
    }

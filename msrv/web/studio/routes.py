"""The addresses of the studio, each behind the door."""

import asyncio
import importlib
from types import ModuleType
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from msrv.ledger.errors import DatabaseError
from msrv.web.studio import auth, page

_ORDER: Final = "/studio/orders/{order}"


def _behind(room: str, name: str, *, recent: bool = False) -> Handler:
    """Give the handler `name` of a module here, for who is signed in.

    With `recent`, only for who signed in a short while ago.

    The module is imported when it is first asked for: with SQLAlchemy, that
    takes a while. Whatever it asks of a ledger that rests, the answer says
    so.
    """
    loaded: list[ModuleType] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        session = await auth.let_in(request)
        if recent:
            auth.check_recent(request)
        if not loaded:
            loaded.append(
                await asyncio.to_thread(
                    importlib.import_module, f"{__package__}.{room}"
                )
            )
        try:
            answer: web.StreamResponse = await getattr(loaded[0], name)(
                request
            )
        except DatabaseError as error:
            if request.writer.output_size > 0:
                raise  # half of it has gone: the connection ends
            answer = page.resting(request, error)
        auth.renew(request, answer, session)
        return answer

    return handle


STUDIO: Final[list[web.RouteDef]] = [
    web.get("/studio/enter/{ticket}", auth.knock, name="studio-link"),
    web.post("/studio/enter/{ticket}", auth.enter, name="studio-enter"),
    web.post("/studio/leave", auth.leave, name="studio-leave"),
    web.get("/studio", _behind("sales", "show"), name="studio"),
    web.get(
        "/studio/sellers", _behind("sellers", "show"), name="studio-sellers"
    ),
    web.get(
        "/studio/downloads",
        _behind("downloads", "show"),
        name="studio-downloads",
    ),
    web.get(
        "/studio/refunds", _behind("refunds", "show"), name="studio-refunds"
    ),
    web.get(
        "/studio/activity", _behind("activity", "show"), name="studio-activity"
    ),
    web.get("/studio/health", _behind("health", "show"), name="studio-health"),
    web.get("/studio/orders", _behind("orders", "show"), name="studio-orders"),
    web.get(
        "/studio/orders.csv",
        _behind("export", "show", recent=True),
        name="studio-export",
    ),
    web.get(_ORDER, _behind("order", "show"), name="studio-order"),
    web.get(
        f"{_ORDER}/revoke",
        _behind("revoking", "ask", recent=True),
        name="studio-ask",
    ),
    web.post(
        f"{_ORDER}/revoke",
        _behind("revoking", "change", recent=True),
        name="studio-revoke",
    ),
    # Last: any other method than these, and any other address.
    web.route("*", "/studio", auth.nothing, name="studio-nothing"),
    web.route("*", "/studio/{rest:.*}", auth.nothing, name="studio-none"),
]

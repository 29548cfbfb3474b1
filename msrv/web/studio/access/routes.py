# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of the pages that manage access, as `msrv.web.studio.routes`.

Apart from those: each is for owners alone, or for the record of acts.
"""

from typing import Final

from aiohttp import web

from msrv.web.studio.handlers import recently_signed_in, signed_in


@recently_signed_in
async def _activity_csv(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.access import (  # noqa: PLC0415 - slow to import
        activity_csv,
    )

    return await activity_csv.show(request)


@signed_in
async def _operators(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.access import (  # noqa: PLC0415 - slow to import
        operators_page,
    )

    return await operators_page.show(request)


@recently_signed_in
async def _change_operators(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.access import (  # noqa: PLC0415 - slow to import
        operators_page,
    )

    return await operators_page.change(request)


@signed_in
async def _tokens(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.access import (  # noqa: PLC0415 - slow to import
        tokens_page,
    )

    return await tokens_page.show(request)


@recently_signed_in
async def _change_tokens(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.access import (  # noqa: PLC0415 - slow to import
        tokens_page,
    )

    return await tokens_page.change(request)


ACCESS_ROUTES: Final[list[web.RouteDef]] = [
    web.get("/studio/activity.csv", _activity_csv, name="studio-activity-csv"),
    web.get("/studio/operators", _operators, name="studio-operators"),
    web.post(
        "/studio/operators", _change_operators, name="studio-operators-change"
    ),
    web.get("/studio/tokens", _tokens, name="studio-tokens"),
    web.post("/studio/tokens", _change_tokens, name="studio-tokens-change"),
]

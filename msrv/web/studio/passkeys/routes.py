# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of passkeys.

Apart from those of the pages: signing in needs no session. Each handler
imports its page when it is first requested, as theirs do.
"""

from typing import Final

from aiohttp import web

from msrv.web.studio.handlers import recently_signed_in, signed_in
from msrv.web.studio.passkeys import sign_in

_PATH: Final = "/studio/passkeys"


@signed_in
async def _list(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.passkeys import (  # noqa: PLC0415 - slow to import
        pages,
    )

    return await pages.show_list(request)


@recently_signed_in
async def _options(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.passkeys import (  # noqa: PLC0415 - slow to import
        pages,
    )

    return await pages.options(request)


@recently_signed_in
async def _add(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.passkeys import (  # noqa: PLC0415 - slow to import
        pages,
    )

    return await pages.add(request)


@recently_signed_in
async def _remove(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.passkeys import (  # noqa: PLC0415 - slow to import
        pages,
    )

    return await pages.remove(request)


PASSKEYS: Final[list[web.RouteDef]] = [
    web.post(
        f"{_PATH}/sign-in/options",
        sign_in.options,
        name="studio-passkey-challenge",
    ),
    web.get(f"{_PATH}/sign-in", sign_in.show, name="studio-passkey-page"),
    web.post(f"{_PATH}/sign-in", sign_in.sign_in, name="studio-passkey-enter"),
    web.get(_PATH, _list, name="studio-passkeys"),
    web.post(f"{_PATH}/options", _options, name="studio-passkey-options"),
    web.post(_PATH, _add, name="studio-passkey-add"),
    web.post(f"{_PATH}/remove", _remove, name="studio-passkey-remove"),
]

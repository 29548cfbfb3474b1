# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The tick at the checkout that asks for the seller's newsletter.

Apart from `checkout`, which would become too long.
"""

from collections.abc import Mapping

from aiohttp import web

from msrv.rate_limit import client_network
from msrv.translations import current_language, gettext
from msrv.web.errors import InvalidField
from msrv.web.errors.fields import MAIL, NEWSLETTER
from msrv.web.store import ORIGIN, STORE


def read_newsletter(
    request: web.Request, form: Mapping[str, str], address: str
) -> bool:
    """Return whether the buyer asked for the newsletter.

    Raises InvalidField without an address.
    """
    if request.app[STORE].newsletter is None or not form.get(NEWSLETTER):
        return False
    if not address:
        raise InvalidField(
            MAIL, gettext("is needed to send you the newsletter")
        )
    return True


def request_newsletter(request: web.Request, address: str) -> None:
    """Pass the buyer's address on to the newsletter, in the background."""
    newsletter = request.app[STORE].newsletter
    if newsletter is not None:
        newsletter.request(
            address,
            current_language().tag,
            client_network(request[ORIGIN].client),
        )

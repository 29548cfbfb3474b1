# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Route of the legal texts that the seller wrote.

Apart from those of withdrawals, which are forms.
"""

from aiohttp import web
from markupsafe import Markup

from msrv.catalog.markdown import PAGE_LEVEL
from msrv.catalog.texts.legal_texts import LegalKind
from msrv.translations import current_language
from msrv.web.errors import NotFound
from msrv.web.rendering import respond
from msrv.web.store import STORE


async def show(request: web.Request) -> web.Response:
    """Return a legal text, in the visitor's language if it is in that.

    Else it is in the store's own language. Raises NotFound.
    """
    store = request.app[STORE]
    shop = store.catalog.current.shop
    wanted = request.match_info["text"]
    if wanted not in set(LegalKind):
        raise NotFound
    found = shop.legal.text(
        LegalKind(wanted), current_language().texts, shop.language
    )
    if found is None:
        raise NotFound
    text = await store.catalog_cache.texts.render(
        found.text, first_level=PAGE_LEVEL
    )
    return respond(
        request,
        "legal_text.html",
        {
            "kind": found.kind,
            "language": found.language,
            "title": found.title,
            "text": found.text,
        },
        found=found,
        text=Markup(text.html),  # noqa: S704 - rendered without raw HTML
    )

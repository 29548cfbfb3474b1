# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Route of the language switch, which sets the visitor's choice.

Apart, since the pages of errors need to know the language, too.
"""

from aiohttp import web

from msrv.translations import gettext
from msrv.translations.catalogs import LANGUAGES
from msrv.web import cookies, formatting
from msrv.web.errors import InvalidField
from msrv.web.forms import read_back, read_form
from msrv.web.languages import find_language
from msrv.web.rendering import wants_json


async def choose(request: web.Request) -> web.StreamResponse:
    """Keep the choice of `language` in a cookie, and return to `back`.

    Raises InvalidField for a language that the store isn't available in.
    """
    form = await read_form(request)
    found = find_language(form.get("language", ""))
    if not found:
        raise InvalidField(
            "language",
            gettext(
                "must be one of %(choices)s",
                choices=formatting.listed(LANGUAGES),
            ),
        )
    if wants_json(request):
        response = web.json_response({"language": found})
        cookies.write(request, response, cookies.LANGUAGE, found)
        return response
    again = web.HTTPSeeOther(read_back(form, "/"))
    cookies.write(request, again, cookies.LANGUAGE, found)
    raise again

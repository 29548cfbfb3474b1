"""Reading what a form sent: text fields only, within the body's limit."""

import asyncio
from typing import Final

from aiohttp import web
from multidict import MultiDict

from msrv.pages.errors import BadField

_FORMS = frozenset(
    {"application/x-www-form-urlencoded", "multipart/form-data"}
)

FORM_SECONDS: Final = 30
"""How long a form may take to arrive, all of it."""


async def read_form(request: web.Request) -> MultiDict[str]:
    """Read a form's text fields; uploaded files are passed over.

    Raises HTTPUnsupportedMediaType for another body, BadField for one that is
    no form inside, and HTTPRequestTimeout for one that doesn't come.
    """
    if request.content_type not in _FORMS:
        # Nothing at all is an empty form: `curl -X POST`.
        if not request.can_read_body:
            return MultiDict()
        raise web.HTTPUnsupportedMediaType
    try:
        async with asyncio.timeout(FORM_SECONDS):
            fields = await request.post()
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error
    except (
        ValueError,
        LookupError,
        AssertionError,
        # A body that is not compressed as its Content-Encoding says.
        web.RequestPayloadError,
    ) as error:
        raise BadField("body", "is a form that can be read") from error
    return MultiDict(
        (name, value)
        for name, value in fields.items()
        if isinstance(value, str)
    )


def read_minor(form: MultiDict[str], name: str) -> int | None:
    """Read an amount in minor units, None where the form has none.

    Raises BadField.
    """
    text = form.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise BadField(name, "is an amount in minor units, like 700")
    return int(text)

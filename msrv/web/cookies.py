"""The visitor's cookies: one rule for their names, attributes and reading.

Over HTTPS each is called `__Host-NAME` (RFC 6265bis, section 4.1.3.2): a
browser takes such a cookie from this very host alone, over HTTPS, for all
paths, so that no other host under the same domain can set or shadow it. Over
plain HTTP, where browsers take none of that name, the prefix is left out.
"""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from msrv.web.store import ORIGIN

_PREFIX: Final = "__Host-"
_MAX_CHARS: Final = 16 * 1024
"""Of all headers together. Browsers keep 4096 bytes of one."""
_ALL: Final[web.RequestKey[Mapping[str, str]]] = web.RequestKey("_ALL")


def all_of(request: web.Request) -> Mapping[str, str]:
    """Return the visitor's cookies by their full names.

    aiohttp's own reader makes an object of each, which for 1,500 of them
    takes longer than others should wait. Ours are never quoted.
    """
    if _ALL in request:
        return request[_ALL]
    header = ";".join(request.headers.getall("Cookie", ()))[:_MAX_CHARS]
    found: dict[str, str] = {}
    for pair in header.split(";"):
        name, _, value = pair.partition("=")
        found[name.strip()] = value.strip()
    request[_ALL] = found
    return found


def of(request: web.Request) -> Mapping[str, str]:
    """Return the visitor's cookies by their names without the prefix.

    Over HTTPS, those without it are left out: another host may have set them.
    """
    origin = request.get(ORIGIN)
    if not (origin.scheme == "https" if origin else request.secure):
        return all_of(request)
    return {
        name.removeprefix(_PREFIX): value
        for name, value in all_of(request).items()
        if name.startswith(_PREFIX)
    }


def write(
    response: web.StreamResponse,
    name: str,
    value: str,
    *,
    max_age_seconds: int,
    secure: bool,
) -> None:
    """Set a cookie, or delete it where `value` is empty.

    `secure` says whether the visitor came over HTTPS.
    """
    full_name = _PREFIX + name if secure else name
    if not value:
        response.del_cookie(
            full_name, path="/", secure=secure, httponly=True, samesite="Lax"
        )
        return
    response.set_cookie(
        full_name,
        value,
        max_age=max_age_seconds,
        path="/",
        secure=secure,
        httponly=True,
        samesite="Lax",
    )

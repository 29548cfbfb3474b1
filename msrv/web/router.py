"""Router that bounds the time spent on a path.

Apart from the routes, as aiohttp takes it when the app is created.
"""

from typing import Final

from aiohttp import web, web_urldispatcher

MAX_SEGMENTS: Final = 32
"""The longest address has five; what people paste behind one has some more."""


class Router(web.UrlDispatcher):
    """aiohttp's router, with a bound on a path's segments.

    It looks for a path, then for the path without its last segment, and so
    on, which for four thousand segments takes longer than others should wait.
    """

    async def resolve(self, request: web.Request) -> web.UrlMappingMatchInfo:
        """Return the route of a request, or 404."""
        if request.rel_url.raw_path.count("/") > MAX_SEGMENTS:
            return web_urldispatcher.MatchInfoError(web.HTTPNotFound())
        return await super().resolve(request)

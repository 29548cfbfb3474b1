# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Stock aiohttp as a peer, as in its documentation.

`python -m bench.stock FOLDER PORT [CERTIFICATE KEY]`
"""

import importlib
import ssl
import sys
from pathlib import Path
from typing import Final

from aiohttp import web
from jinja2 import Environment

from bench.fifty_rows import PAGE, TITLE, rows
from bench.files import ALBUM

FILES: Final = Path(sys.argv[1])
TEMPLATE: Final = Environment(autoescape=True).from_string(PAGE)


async def hello(_request: web.Request) -> web.Response:
    """Respond with one word."""
    return web.Response(text="hello")


async def show(_request: web.Request) -> web.Response:
    """Respond with a page of fifty rows."""
    text = TEMPLATE.render(title=TITLE, rows=rows())
    return web.Response(text=text, content_type="text/html")


async def send(request: web.Request) -> web.FileResponse:
    """Send a file."""
    return web.FileResponse(FILES / request.match_info["name"])


async def pack(request: web.Request) -> web.StreamResponse:
    """Send the album as a ZIP by zipstream-ng."""
    zipstream = importlib.import_module("zipstream")  # optional
    stream = zipstream.ZipStream.from_path(FILES / ALBUM, sized=True)
    response = web.StreamResponse(headers={"Content-Length": str(len(stream))})
    await response.prepare(request)
    for piece in stream:
        await response.write(piece)
    return response


def main(port: str, cert: str = "", key: str = "") -> None:
    """Serve, over TLS if there is a certificate."""
    app = web.Application()
    app.router.add_get("/", hello)
    app.router.add_get("/album.zip", pack)
    app.router.add_get("/page", show)
    app.router.add_get("/{name:.+}", send)
    tls = None
    if cert:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(cert, key)
    web.run_app(
        app,
        host="127.0.0.1",
        port=int(port),
        ssl_context=tls,
        print=None,
        access_log=None,
    )


main(*sys.argv[2:])

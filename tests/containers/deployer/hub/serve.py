# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Docker Hub in miniature: it is told how a deployment went, over HTTPS.

A request to `/moved/` is led elsewhere. What it was asked is a line of JSON
on standard output.
"""

import http.server
import json
import ssl
import sys


class Hub(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = {
            "path": self.path,
            "headers": dict(self.headers),
            "body": body.decode(),
        }
        sys.stdout.write(json.dumps(asked) + "\n")
        sys.stdout.flush()
        if self.path.startswith("/moved/"):
            self.send_response(307)
            self.send_header("Location", "/elsewhere/")
        else:
            self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(sys.argv[1])
server = http.server.ThreadingHTTPServer(("", 443), Hub)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()

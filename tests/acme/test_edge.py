# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""nginx of the production stack answers challenges out of certbot's folder."""

import http.client
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from msrv.acme.challenges import PATH_PREFIX, ChallengeFolder
from tests.acme.faulty_proxy import FaultyProxy
from tests.acme.requesting import Requester
from tests.nginx_process import running_nginx
from tests.store_process import ROOT, free_port

TEMPLATE = ROOT / "deploy" / "nginx" / "store.conf.template"


class Webroot(ChallengeFolder):
    """Folder that `certbot --webroot` fills."""

    def __init__(self, path: Path, root: Path) -> None:
        super().__init__(path)
        self.root = root / PATH_PREFIX.strip("/")
        self.root.mkdir(parents=True)

    def add_token(self, token: str, authorization: str) -> None:
        (self.root / token).write_text(authorization, encoding="utf-8")


@contextmanager
def nginx(
    folder: Path, port: int, public_url: str = "https://shop.example"
) -> Iterator[None]:
    """Run nginx with the template's server of plain HTTP, on this port."""
    text = TEMPLATE.read_text("utf-8")
    blocks = [
        re.search(rf"(?ms)^{start} \{{.*?^\}}", text)
        for start in (r'map "\$\{MSRV_PUBLIC_URL\}" \$public_url', "server")
    ]
    server = "\n".join(each[0] for each in blocks if each)
    server = re.sub(r"listen \[::\]:8080[^;]*;", "", server)
    server = server.replace("listen 8080", f"listen 127.0.0.1:{port}")
    server = server.replace("${MSRV_PUBLIC_URL}", public_url)
    server = server.replace("/acme;", f"{folder}/acme;")
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/nginx.pid;\n"
        f"error_log {folder}/error.log;\nevents {{}}\n"
        f"http {{ access_log off; client_body_temp_path {folder};\n"
        f"proxy_temp_path {folder}; fastcgi_temp_path {folder};\n"
        f"uwsgi_temp_path {folder}; scgi_temp_path {folder};\n{server} }}\n",
        encoding="utf-8",
    )
    with running_nginx(folder, port):
        yield


def get(port: int, path: str) -> tuple[int, str]:
    """Return a response's status and its `Location`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Host": "other.example"})
        found = connection.getresponse()
        return found.status, found.headers.get("Location", "")
    finally:
        connection.close()


def test_certificate_is_issued_through_nginx(
    proxy: FaultyProxy, tmp_path: Path
) -> None:
    edge = tmp_path / "edge"
    edge.mkdir()
    (edge / "secret").write_bytes(b"secret")
    requester = Requester(tmp_path / "data", proxy.ca, proxy.directory)
    webroot = Webroot(tmp_path / "data" / "challenges", edge / "acme")
    requester.state.challenges = webroot
    requester.state.create()
    (webroot.root / "link").symlink_to(edge / "secret")
    port = proxy.pebble.http_port
    with nginx(edge, port):
        assert requester.manager().update().problem is None
        assert requester.certificate.names == {"shop.example"}
        assert get(port, f"{PATH_PREFIX}missing") == (404, "")
        assert get(port, f"{PATH_PREFIX}link")[0] == 403
        assert get(port, f"{PATH_PREFIX}../../../secret")[0] != 200
        assert get(port, "/catalog?a=1") == (
            301,
            "https://shop.example/catalog?a=1",
        )


@pytest.mark.parametrize("end", ["", "/"])
def test_plain_http_leads_to_the_address_with_and_without_a_slash(
    tmp_path: Path, end: str
) -> None:
    """The store accepts both forms of MSRV_PUBLIC_URL."""
    port = free_port()
    with nginx(tmp_path, port, f"https://shop.example:8443{end}"):
        assert get(port, "/") == (301, "https://shop.example:8443/")
        assert get(port, "/catalog?a=1/") == (
            301,
            "https://shop.example:8443/catalog?a=1/",
        )

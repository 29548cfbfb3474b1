# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""nginx: redirects, headers, forwarded addresses and logs."""

import json
import re
import socket
import ssl
import uuid
from pathlib import Path

import pytest

from tests.containers.buyer import Buyer, send_raw
from tests.containers.conftest import Stack
from tests.containers.engine import (
    PRODUCTION,
    Project,
    docker,
    inspect_object,
    random_ipv6_network,
)
from tests.store_process import ROOT, free_port

QUOTATION = "It's easier to ask forgiveness than it is to get permission."
NGINX = (ROOT / "deploy" / "nginx" / "nginx.conf").read_text("utf-8")


@pytest.mark.parametrize(
    ("target", "host", "path"),
    [
        ("/", "localhost", "/"),
        ("/catalog?q=a%20b&page=2", "localhost", "/catalog?q=a%20b&page=2"),
        ("/a%2Fb%0d%0aX:%20y", "localhost", "/a%2Fb%0d%0aX:%20y"),
        ("/", "evil.example", "/"),
        ("//evil.example/x", "evil.example:80", "//evil.example/x"),
        ("http://evil.example/x?y", "evil.example", "/x?y"),
        ("http://evil.example", "evil.example", "/"),
        ("/.well-known/jwks.json", "x", "/.well-known/jwks.json"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_plain_http_redirects_to_the_public_host(
    stack: Stack, method: str, target: str, host: str, path: str
) -> None:
    head = send_raw(
        stack.http_port,
        f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n"
        "Content-Length: 0\r\nConnection: close\r\n\r\n".encode(),
    )
    assert head.startswith("HTTP/1.1 301 ")
    place = re.findall("^Location: (.*)\r$", head, re.MULTILINE)
    assert place == [f"https://localhost:{stack.https_port}{path}"]


def test_front_page_over_tls_has_its_security_headers(stack: Stack) -> None:
    for buyer in (
        stack.buyer,
        Buyer(stack.https_port, stack.tls, "localhost"),
    ):
        response = buyer.request("/")
        assert response.status == 200
        assert b"Dock" in response.body
        headers = response.headers
        assert headers["strict-transport-security"] == "max-age=63072000"
        assert headers["server"] == "nginx"
        assert "default-src 'none'" in headers["content-security-policy"]
    assert stack.buyer.request("/nowhere").status == 404


def test_security_txt_has_the_public_address(stack: Stack) -> None:
    path = "/.well-known/security.txt"
    response = stack.buyer.request(path)
    assert response.status == 200
    lines = response.body.decode().splitlines()
    assert "Contact: mailto:dock@example.org" in lines
    assert f"Canonical: https://localhost:{stack.https_port}{path}" in lines


def test_forwarded_headers_of_clients_are_replaced(stack: Stack) -> None:
    spoofed = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Real-IP": "6.6.6.6",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "evil.example",
        "Forwarded": "for=6.6.6.6;host=evil.example",
    }
    responses = [stack.buyer.request("/-/edge", h) for h in ({}, spoofed)]
    assert responses[0].body == responses[1].body
    lines = responses[0].body.decode().splitlines()
    assert lines[0] == QUOTATION
    forwarded = dict(line.split(": ") for line in lines[1:])
    address = forwarded["X-Forwarded-For"]
    assert forwarded == {
        "X-Forwarded-For": address,
        "X-Real-IP": address,
        "X-Forwarded-Proto": "https",
    }
    assert socket.inet_aton(address)
    stack.buyer.request("/verify", spoofed)
    logs = "\n".join(all_log_lines(stack))
    assert "6.6.6.6" not in logs
    clients = re.findall('"route": "verify".*"client": "([^"]+)"', logs)
    assert set(clients) == {address}


def test_forwarded_addresses_are_trusted_from_the_edge_only(
    stack: Stack, image: str
) -> None:
    app = stack.project.containers("app")[0]
    networks = inspect_object(app)["NetworkSettings"]["Networks"]
    trusted: dict[str, bool] = {}
    for name, network in networks.items():
        claimed = f"7.7.7.{len(trusted)}"
        docker(
            "run", "--rm", f"--network={name}", "--entrypoint=python", image,
            "-c", _CLAIM_SCRIPT, network["IPAddress"], claimed,
        )  # fmt: skip
        output = docker("logs", app).splitlines()
        lines = [each for each in output if "verify" in each]
        trusted[name.rpartition("_")[2]] = claimed in lines[-1]
    assert trusted == {"edge": True, "ledger": False, "outgoing": False}


_CLAIM_SCRIPT = """
import sys
from urllib.request import Request, urlopen
headers = {"Host": "localhost", "X-Forwarded-For": sys.argv[2]}
urlopen(Request(f"http://{sys.argv[1]}:8000/verify", headers=headers)).read()
"""


def test_foreign_host_is_a_421(stack: Stack) -> None:
    response = stack.buyer.request("/", {"Host": "evil.example"})
    assert response.status == 421


@pytest.mark.parametrize("path", ["/-/metrics"])
def test_metrics_are_not_public(stack: Stack, path: str) -> None:
    assert (
        stack.buyer.request(path, {"X-Forwarded-For": "127.0.0.1"}).status
        == 404
    )


def all_log_lines(stack: Stack) -> list[str]:
    """Return all lines of the store's and nginx's logs."""
    return [
        line
        for service in ("app", "nginx")
        for line in stack.project.logs(service)
    ]


def test_no_token_is_logged_by_the_store_or_nginx(stack: Stack) -> None:
    response = stack.buyer.post("/purchases", b"item=short&item=pack")
    receipt = response.json["receipt"].rpartition("/")[2]
    paths = [
        "/" + url.partition("://")[2].partition("/")[2]
        for url in response.json["downloads"].values()
    ]
    tokens = [receipt, *(part for p in paths for part in p.split("/")[2:4])]
    assert all(len(each) > 30 for each in tokens)
    link = paths[0]
    referrer = {"Referer": f"https://localhost/purchases/{receipt}"}
    for path in (
        link,
        f"/purchases/{receipt}",
        f"/purchases?receipt={receipt}",
        f"/verify?q={receipt}",
        f"/payments/demo/{receipt}",
        link.replace("/download", "/%64ownload"),
        f"/{link}",
        f"/{receipt}",
        link + "x" * 9000,
    ):
        stack.buyer.request(path, referrer)
    stack.plain_http_buyer.request(link, referrer)
    for request in (
        f"GET {link} HTTP/1.1\r\n\r\n",
        f"GET {link} HTTP/9.9\r\nHost: x\r\n\r\n",
        f"G{{}}T {link} HTTP/1.1\r\nHost: x\r\n\r\n",
        f"GET {link} HTTP/1.1\r\nHost: x\r\nContent-Length: z\r\n\r\n",
        f"GET {link}\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
    ):
        send_raw(stack.https_port, request.encode(), stack.tls)
        send_raw(stack.http_port, request.encode())
    logs = "\n".join(all_log_lines(stack))
    assert '"route":"download"' in logs
    for token in tokens:
        assert token not in logs
        assert token[5:] not in logs
    edge = stack.project.logs("nginx")
    lines = [json.loads(line) for line in edge if line.startswith("{")]
    assert {"download", "purchase", "buy", "verify", "payment"} <= {
        line["route"] for line in lines
    }
    assert all(line["client"] for line in lines)
    # All other lines are from the start of nginx.
    others = [line for line in edge if not line.startswith("{")]
    assert not [line for line in others if "request" in line.split("#")[-1]]


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("nameserver 127.0.0.11\noptions ndots:0\n", "127.0.0.11"),
        ("search dns.podman\nnameserver 10.89.0.1\n", "10.89.0.1"),
        (
            "nameserver 10.89.0.1\nnameserver fd00::1\n",
            "10.89.0.1 [fd00::1]",
        ),
    ],
    ids=["docker", "podman", "two"],
)
def test_replicas_are_resolved_by_the_engine_s_name_servers(
    stack: Stack, tmp_path: Path, written: str, used: str
) -> None:
    (nginx,) = stack.project.containers("nginx")
    found = inspect_object(nginx)
    (tmp_path / "resolv.conf").write_text(written, "utf-8")
    template = ROOT / "deploy" / "nginx" / "store.conf.template"
    environ = [
        f"--env={each}"
        for each in found["Config"]["Env"]
        if each.startswith(("MSRV_", "NGINX_ENV", "NGINX_ENTRY"))
    ]
    made = docker(
        "run", "--rm", "--network=none", *environ,
        f"--volume={tmp_path}/resolv.conf:/etc/resolv.conf:ro",
        f"--volume={template}:/etc/nginx/templates/store.conf.template:ro",
        "--entrypoint=sh", found["Image"], "-c",
        "/docker-entrypoint.sh nginx -v >/dev/null 2>&1; "
        "grep -n resolver /tmp/store.conf",
    )  # fmt: skip
    resolvers = re.findall(r"resolver (.*) valid=1s ipv6=off;", made)
    assert [each.split() for each in resolvers] == [used.split()] * 2


@pytest.mark.parametrize(
    ("value", "header"),
    [
        ("", "max-age=63072000"),
        ("0", "max-age=63072000"),
        ("false", "max-age=63072000"),
        ("1", "max-age=63072000; includeSubDomains"),
        ("True", "max-age=63072000; includeSubDomains"),
    ],
)
def test_hsts_of_nginx_follows_the_subdomains_setting(
    production: Project, value: str, header: str
) -> None:
    name = f"{production.name}-hsts-{value or 'unset'}"
    port = free_port()
    alone = Project(
        PRODUCTION,
        name.lower(),
        {
            **production.environ,
            "MSRV_HSTS_SUBDOMAINS": value,
            "MSRV_LIBRARY": str(ROOT / "msrv" / "demo"),
            "EDGE_HTTP_PORT": str(free_port()),
            "EDGE_HTTPS_PORT": str(port),
            **unused_networks(),
        },
    )
    try:
        alone("up", "--detach", "--wait", "--no-deps", "nginx")
        # No store is running, so this is nginx's own page.
        ca = Path(alone.environ["MSRV_TLS_CERT"]).with_name("ca.crt")
        buyer = Buyer(port, ssl.create_default_context(cafile=ca))
        response = buyer.request("/")
        assert response.status == 503
        assert response.headers["strict-transport-security"] == header
    finally:
        alone.down()


def unused_networks() -> dict[str, str]:
    """Return networks that no other stack of this machine has."""
    part = uuid.uuid4().bytes
    network = f"10.{part[0]}.{part[1]}"
    return {
        "EDGE_NETWORK": f"{network}.0/26",
        "HOOKS_NETWORK": f"{network}.64/26",
        "LEDGER_NETWORK": f"{network}.128/26",
        "OUTSIDE_NETWORK6": random_ipv6_network(part),
    }

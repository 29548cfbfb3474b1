"""What nginx says and demands, and what it keeps to itself."""

import json
import re
import socket
import ssl
import uuid
from pathlib import Path

import pytest

from tests.containers.buyer import Buyer, raw
from tests.containers.conftest import Stack
from tests.containers.engine import (
    PRODUCTION,
    Project,
    docker,
    inspected,
    private_network6,
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
def test_plain_http_leads_to_the_store_s_own_name(
    stack: Stack, method: str, target: str, host: str, path: str
) -> None:
    """A visitor is led to whoever wrote the Host, or to another page."""
    head = raw(
        stack.http_port,
        f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n"
        "Content-Length: 0\r\nConnection: close\r\n\r\n".encode(),
    )
    assert head.startswith("HTTP/1.1 301 ")
    place = re.findall("^Location: (.*)\r$", head, re.MULTILINE)
    assert place == [f"https://localhost:{stack.https_port}{path}"]


def test_the_front_page_over_tls(stack: Stack) -> None:
    """The store can't be seen, or tells too much, or can be framed."""
    for buyer in (
        stack.buyer,
        Buyer(stack.https_port, stack.tls, "localhost"),
    ):
        answer = buyer.ask("/")
        assert answer.status == 200
        assert b"Dock" in answer.body
        headers = answer.headers
        assert headers["strict-transport-security"] == "max-age=63072000"
        assert headers["server"] == "nginx"
        assert "default-src 'none'" in headers["content-security-policy"]
    assert stack.buyer.ask("/nowhere").status == 404


def test_the_store_hears_who_asks_from_nginx_alone(stack: Stack) -> None:
    """A visitor claims any address, and passes every limit."""
    spoofed = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Real-IP": "6.6.6.6",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "evil.example",
        "Forwarded": "for=6.6.6.6;host=evil.example",
    }
    answers = [stack.buyer.ask("/-/edge", h) for h in ({}, spoofed)]
    assert answers[0].body == answers[1].body
    lines = answers[0].body.decode().splitlines()
    assert lines[0] == QUOTATION
    told = dict(line.split(": ") for line in lines[1:])
    address = told["X-Forwarded-For"]
    assert told == {
        "X-Forwarded-For": address,
        "X-Real-IP": address,
        "X-Forwarded-Proto": "https",
    }
    assert socket.inet_aton(address)
    stack.buyer.ask("/verify", spoofed)
    logs = "\n".join(every_line(stack))
    assert "6.6.6.6" not in logs
    clients = re.findall('"route": "verify".*"client": "([^"]+)"', logs)
    assert set(clients) == {address}


def test_only_the_edge_is_believed(stack: Stack, image: str) -> None:
    """Any container beside the store says who a visitor is."""
    app = stack.project.containers("app")[0]
    networks = inspected(app)["NetworkSettings"]["Networks"]
    believed: dict[str, bool] = {}
    for name, network in networks.items():
        claimed = f"7.7.7.{len(believed)}"
        docker(
            "run", "--rm", f"--network={name}", "--entrypoint=python", image,
            "-c", _CLAIMS, network["IPAddress"], claimed,
        )  # fmt: skip
        said = docker("logs", app).splitlines()
        lines = [each for each in said if "verify" in each]
        believed[name.rpartition("_")[2]] = claimed in lines[-1]
    assert believed == {"edge": True, "ledger": False}


_CLAIMS = """
import sys
from urllib.request import Request, urlopen
headers = {"Host": "localhost", "X-Forwarded-For": sys.argv[2]}
urlopen(Request(f"http://{sys.argv[1]}:8000/verify", headers=headers)).read()
"""


def test_a_foreign_name_is_no_store(stack: Stack) -> None:
    """Another's name leads here, and its receipts say so."""
    answer = stack.buyer.ask("/", {"Host": "evil.example"})
    assert answer.status == 421


@pytest.mark.parametrize("path", ["/-/metrics"])
def test_figures_are_not_for_visitors(stack: Stack, path: str) -> None:
    """A visitor reads what the store earns."""
    assert (
        stack.buyer.ask(path, {"X-Forwarded-For": "127.0.0.1"}).status == 404
    )


def every_line(stack: Stack) -> list[str]:
    """Give all that was logged, by all."""
    return [
        line
        for service in ("app", "nginx")
        for line in stack.project.logs(service)
    ]


def test_no_token_is_in_a_log(stack: Stack) -> None:
    """Whoever reads the logs can download, and see every receipt."""
    answer = stack.buyer.post("/purchases", b"item=short&item=pack")
    receipt = answer.json["receipt"].rpartition("/")[2]
    paths = [
        "/" + url.partition("://")[2].partition("/")[2]
        for url in answer.json["downloads"].values()
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
        stack.buyer.ask(path, referrer)
    stack.passer_by.ask(link, referrer)
    for request in (
        f"GET {link} HTTP/1.1\r\n\r\n",
        f"GET {link} HTTP/9.9\r\nHost: x\r\n\r\n",
        f"G{{}}T {link} HTTP/1.1\r\nHost: x\r\n\r\n",
        f"GET {link} HTTP/1.1\r\nHost: x\r\nContent-Length: z\r\n\r\n",
        f"GET {link}\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
    ):
        raw(stack.https_port, request.encode(), stack.tls)
        raw(stack.http_port, request.encode())
    logs = "\n".join(every_line(stack))
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
    # Everything else that nginx wrote is of its start.
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
def test_replicas_are_looked_up_where_the_engine_says(
    stack: Stack, tmp_path: Path, written: str, used: str
) -> None:
    """On another engine than Docker, nginx never finds the store."""
    (nginx,) = stack.project.containers("nginx")
    found = inspected(nginx)
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
    ("value", "said"),
    [
        ("", "max-age=63072000"),
        ("0", "max-age=63072000"),
        ("false", "max-age=63072000"),
        ("1", "max-age=63072000; includeSubDomains"),
        ("True", "max-age=63072000; includeSubDomains"),
    ],
)
def test_hosts_under_the_store_s_name_are_held_to_https(
    production: Project, value: str, said: str
) -> None:
    """nginx says another thing than what the store was told to say."""
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
            **other_networks(),
        },
    )
    try:
        alone("up", "--detach", "--wait", "--no-deps", "nginx")
        # There is no store, so this is nginx's own page.
        ca = Path(alone.environ["MSRV_TLS_CERT"]).with_name("ca.crt")
        buyer = Buyer(port, ssl.create_default_context(cafile=ca))
        answer = buyer.ask("/")
        assert answer.status == 503
        assert answer.headers["strict-transport-security"] == said
    finally:
        alone.down()


def other_networks() -> dict[str, str]:
    """Choose networks that no other stack of this machine has."""
    part = uuid.uuid4().bytes
    network = f"10.{part[0]}.{part[1]}"
    return {
        "EDGE_NETWORK": f"{network}.0/26",
        "HOOKS_NETWORK": f"{network}.64/26",
        "LEDGER_NETWORK": f"{network}.128/26",
        "OUTSIDE_NETWORK6": private_network6(part),
    }

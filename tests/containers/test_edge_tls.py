"""What nginx speaks, and what it refuses to."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import require
from tests.containers.conftest import Stack
from tests.containers.engine import docker, inspected


def in_network(stack: Stack, *arguments: str, config: str = "") -> str:
    """Run a client's OpenSSL beside nginx: what it says."""
    edge = stack.project.containers("nginx")[0]
    (network,) = [
        name
        for name in inspected(edge)["NetworkSettings"]["Networks"]
        if name.endswith("_edge")
    ]
    script = (
        "printf '%s' \"$CONFIG\" > /tmp/c; OPENSSL_CONF=/tmp/c "
        'python -W ignore -c "$SCRIPT" "$@"'
    )
    return docker(
        "run", "--rm", f"--network={network}", "--entrypoint=sh",
        f"--env=CONFIG={config}", f"--env=SCRIPT={_HANDSHAKE}",
        stack.project.environ["MSRV_IMAGE"], "-c", script, "sh", *arguments,
    )  # fmt: skip


_HANDSHAKE = """
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
version, ciphers = sys.argv[1:]
context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
if ciphers:
    context.set_ciphers(ciphers)
context.set_alpn_protocols(["h2", "http/1.1"])
try:
    plain = socket.create_connection(("nginx", 8443), 10)
    with context.wrap_socket(plain, server_hostname="localhost") as sock:
        session = sock.session
        print(sock.version(), sock.cipher()[0], sock.selected_alpn_protocol(),
            bool(session and session.has_ticket))
except (ssl.SSLError, ConnectionError) as error:
    print("refused", error)
"""


@pytest.mark.parametrize(
    ("version", "ciphers", "said"),
    [
        ("TLSv1_3", "", "TLSv1.3 TLS_AES_256_GCM_SHA384 h2 "),
        (
            "TLSv1_2",
            "ECDHE+AESGCM",
            "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384 h2",
        ),
        ("TLSv1_2", "ECDHE+CHACHA20", "TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305"),
        ("TLSv1_2", "ECDHE+SHA256:@SECLEVEL=0", "refused"),
        ("TLSv1_2", "AES128-GCM-SHA256:AES256-SHA:@SECLEVEL=0", "refused"),
        ("TLSv1_1", "ALL:@SECLEVEL=0", "refused"),
        ("TLSv1", "ALL:@SECLEVEL=0", "refused"),
    ],
)
def test_protocols_and_suites(
    stack: Stack, version: str, ciphers: str, said: str
) -> None:
    """What is known to be broken is spoken, or what is sound isn't."""
    if ciphers == "ECDHE+SHA256:@SECLEVEL=0":
        ciphers = "ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0"
    assert in_network(stack, version, ciphers).startswith(said)


def test_it_speaks_http_2(stack: Stack, tmp_path: Path) -> None:
    """A page with thirty covers takes six at a time."""
    require("curl", there=shutil.which("curl") is not None, lack="no curl")
    ca = Path(stack.project.environ["MSRV_TLS_CERT"]).with_name("ca.crt")
    path = stack.buyer.buy("short")["short"]
    for page, body in (("/", b"Dock"), (path, b"short")):
        said = subprocess.run(
            [
                "curl", "--silent", "--http2", "--cacert", ca,
                "--output", tmp_path / "body",
                "--write-out", "%{http_version} %{http_code}",
                f"https://localhost:{stack.https_port}{page}",
            ],
            capture_output=True,
            check=True,
        ).stdout  # fmt: skip
        assert said == b"2 200"
        assert body in (tmp_path / "body").read_bytes()


def test_a_session_leaves_no_ticket(stack: Stack) -> None:
    """One key that gets out opens every conversation of weeks."""
    assert in_network(stack, "TLSv1_2", "ECDHE+AESGCM").endswith("False\n")


def test_the_exchange_is_safe_from_tomorrow(stack: Stack) -> None:
    """What is recorded today can be read when there are quantum computers."""
    config = (
        "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n"
        "[c]\nGroups = X25519MLKEM768\n"
    )
    said = in_network(stack, "TLSv1_3", "", config=config)
    assert said.startswith("TLSv1.3 "), said

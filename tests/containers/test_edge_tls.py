# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""nginx's TLS: versions, cipher suites, HTTP/2 and key exchange."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.containers.conftest import Stack
from tests.containers.engine import docker, inspect_object
from tests.optional_programs import require


def handshake_beside_nginx(
    stack: Stack, *arguments: str, config: str = ""
) -> str:
    """Run OpenSSL's client in nginx's network; return its output."""
    edge = stack.project.containers("nginx")[0]
    (network,) = [
        name
        for name in inspect_object(edge)["NetworkSettings"]["Networks"]
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
    ("version", "ciphers", "expected"),
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
def test_only_secure_versions_and_suites_are_supported(
    stack: Stack, version: str, ciphers: str, expected: str
) -> None:
    if ciphers == "ECDHE+SHA256:@SECLEVEL=0":
        ciphers = "ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0"
    assert handshake_beside_nginx(stack, version, ciphers).startswith(expected)


def test_http_2_is_served(stack: Stack, tmp_path: Path) -> None:
    require(
        "curl", available=shutil.which("curl") is not None, reason="no curl"
    )
    ca = Path(stack.project.environ["MSRV_TLS_CERT"]).with_name("ca.crt")
    path = stack.buyer.buy("short")["short"]
    for page, body in (("/", b"Dock"), (path, b"short")):
        output = subprocess.run(
            [
                "curl", "--silent", "--http2", "--cacert", ca,
                "--output", tmp_path / "body",
                "--write-out", "%{http_version} %{http_code}",
                f"https://localhost:{stack.https_port}{page}",
            ],
            capture_output=True,
            check=True,
        ).stdout  # fmt: skip
        assert output == b"2 200"
        assert body in (tmp_path / "body").read_bytes()


def test_no_session_ticket_is_issued(stack: Stack) -> None:
    assert handshake_beside_nginx(stack, "TLSv1_2", "ECDHE+AESGCM").endswith(
        "False\n"
    )


def test_post_quantum_key_exchange_is_supported(stack: Stack) -> None:
    config = (
        "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n"
        "[c]\nGroups = X25519MLKEM768\n"
    )
    output = handshake_beside_nginx(stack, "TLSv1_3", "", config=config)
    assert output.startswith("TLSv1.3 "), output

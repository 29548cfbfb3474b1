# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`doctor` beside a running store, with a certificate of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import trustme

from tests.store_process import (
    ROOT,
    START_SECONDS,
    free_port,
    launch_store,
)


def test_doctor_recognizes_the_running_store(tmp_path: Path) -> None:
    authority = trustme.CA()
    leaf = authority.create_child_ca().issue_cert("localhost")
    chain = b"".join(each.bytes() for each in leaf.cert_chain_pems)
    (tmp_path / "cert.pem").write_bytes(chain)
    leaf.private_key_pem.write_to_path(tmp_path / "key.pem")
    (tmp_path / "key.pem").chmod(0o600)
    (tmp_path / "certs").mkdir()
    authority.cert_pem.write_to_path(tmp_path / "certs" / "ca.crt")
    port = free_port()
    environ = {
        "MSRV_TLS_CERT": str(tmp_path / "cert.pem"),
        "MSRV_TLS_KEY": str(tmp_path / "key.pem"),
        "MSRV_PUBLIC_URL": f"https://localhost:{port}",
        "SSL_CERT_FILE": str(tmp_path / "certs" / "ca.crt"),
    }
    with launch_store(
        tmp_path, f"--port={port}", files=None, **environ
    ) as store:
        findings = {}
        for environ in (
            store.environ | {"MSRV_PORT": str(port)},
            store.environ
            | {
                "MSRV_PORT": str(port),
                "NONCE": "another: 9Jk2-Lmx7-Rr4T-wP0e-Zz82",
            },
        ):
            done = subprocess.run(
                [sys.executable, "-m", "msrv", "doctor", "--json"],
                cwd=ROOT,
                env=os.environ | environ,
                capture_output=True,
                text=True,
                check=False,
                timeout=START_SECONDS * 2,
            )
            rows = json.loads(done.stdout)
            findings[done.returncode] = {
                each["text"]: each["outcome"] for each in rows
            }
    right, wrong = findings[0], findings[1]
    listens = f"port {port} of 127.0.0.1"
    assert right[f"this store listens on {listens}"] == "pass"
    where = f"https://localhost:{port} (127.0.0.1)"
    assert right[f"this store answers at {where}"] == "pass"
    assert wrong[f"a store with another NONCE listens on {listens}"] == "fail"
    assert wrong[f"a store with another NONCE answers at {where}"] == "fail"

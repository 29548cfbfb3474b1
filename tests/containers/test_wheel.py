# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The wheel in a container that has Python, and nothing of the repository."""

import hashlib
from pathlib import Path

from msrv import __version__
from tests.containers.buyer import Buyer
from tests.containers.engine import docker, run_container, wait_until
from tests.packaging.conftest import (
    STEP_SECONDS,
    build_wheel,
    write_constraints,
)
from tests.store_process import ROOT, free_port

BASE = "python:3.13-slim-trixie"
PROGRAM = """\
python -m venv /tmp/venv
/tmp/venv/bin/pip install -q -c /given/constraints.txt /given/*.whl
cd /tmp
exec /tmp/venv/bin/msrv serve --no-tls
"""


def test_wheel_sells_the_demo_on_the_base_image(
    engine: None,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    build_wheel(tmp_path)
    write_constraints(tmp_path / "constraints.txt")
    (tmp_path / "program").write_text(PROGRAM, "utf-8")
    tmp_path.chmod(0o755)
    port = free_port()
    options = (
        f"--volume={tmp_path}:/given:ro",
        f"--publish=127.0.0.1:{port}:8000",
        "--env=MSRV_HOST=0.0.0.0",
        "--env=MSRV_PORT=8000",
        "--env=MSRV_DATA=/tmp/data",
        "--entrypoint=sh",
    )
    command = "-e /given/program"
    with run_container(BASE, *options, command=command) as name:
        buyer = Buyer(port)

        def is_ready() -> bool:
            running = docker(
                "inspect", "--format={{.State.Running}}", name
            ).strip()
            assert running == "true", docker("logs", name)
            return buyer.is_ready()

        wait_until(is_ready, "the store can sell", STEP_SECONDS)
        items = [
            item["item_id"]
            for release in buyer.request_json("/catalog")["releases"]
            for item in release["items"]
        ]
        sold = {
            hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (ROOT / "msrv" / "demo").rglob("*")
            if path.is_file()
        }
        assert items
        for item, path in buyer.buy(*items).items():
            body = buyer.request(path).body
            assert hashlib.sha256(body).hexdigest() in sold, item
        version = docker("exec", name, "/tmp/venv/bin/msrv", "--version")  # noqa: S108 - the container's own
        assert version == f"msrv, version {__version__}\n"
        assert "Traceback" not in docker("logs", name)

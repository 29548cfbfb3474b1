# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A store that `init` has just set up sells, and so does its restart."""

import json
import os
import re
import ssl
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from urllib.error import HTTPError

from tests.store_process import ROOT, START_SECONDS, free_port


def test_new_store_serves_at_once(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "msrv"]
    subprocess.run(
        [*command, "init", "--yes", "--name", "The Wet Coats"],
        cwd=tmp_path,
        env=environ,
        check=True,
        timeout=START_SECONDS,
        capture_output=True,
    )
    port = free_port()
    with subprocess.Popen(
        [*command, "serve", "--port", str(port)],
        cwd=tmp_path,
        env=environ | {"MSRV_SETTLE_SECONDS": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout
            for line in process.stdout:
                if line.strip().startswith("store"):
                    break
            tls = ssl.create_default_context(
                cafile=tmp_path / "certs" / "ca.crt"
            )
            page = _wait_for_page(f"https://localhost:{port}/", tls)
            assert "The Wet Coats" in page
            path = re.search(r'href="(/[^"]*first-release[^"]*)"', page)
            assert path
            bought = _buy_hello(f"https://localhost:{port}", tls, tmp_path)
            assert b"the first thing that your store offers" in bought
            probe = subprocess.run(
                [*command, "healthcheck"],
                cwd=tmp_path,
                env=environ | {"MSRV_PORT": str(port)},
                check=False,
                timeout=START_SECONDS,
            )
            assert probe.returncode == 0
        finally:
            process.terminate()


def _wait_for_page(url: str, tls: ssl.SSLContext) -> str:
    """Return a page, once the library has been read."""
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(
                url, context=tls, timeout=START_SECONDS
            ) as response:
                return str(response.read().decode())
        except HTTPError as error:
            error.close()
            if error.code != 503 or time.monotonic() > until:
                raise
            time.sleep(0.1)


def _buy_hello(url: str, tls: ssl.SSLContext, folder: Path) -> bytes:
    """Place an order of the first file, and return what it downloads."""
    listed = subprocess.run(
        [sys.executable, "-m", "msrv", "check", "--json"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        timeout=START_SECONDS,
    )
    (item,) = json.loads(listed.stdout)["items"]
    form = urllib.parse.urlencode({"item": item["item_id"]}).encode()
    order = urllib.request.Request(
        f"{url}/purchases", form, {"Accept": "application/json"}
    )
    with urllib.request.urlopen(
        order, context=tls, timeout=START_SECONDS
    ) as response:
        (download,) = json.load(response)["downloads"].values()
    with urllib.request.urlopen(
        download, context=tls, timeout=START_SECONDS
    ) as response:
        return bytes(response.read())


def test_health_probe_reads_the_settings_file(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "msrv.env").write_text(f"MSRV_PORT={port}\n")
    probe = subprocess.run(
        [sys.executable, "-m", "msrv", "healthcheck"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
    )
    assert probe.returncode == 1
    assert f"port {port}" in probe.stderr

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`serve --reload`: edits of templates and code take effect."""

import asyncio
import http.client
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from tests.store_process import ROOT, free_port


@pytest.mark.alone
async def test_reload_serves_edited_templates_and_code(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "msrv", copy / "msrv")
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "msrv",
        "serve",
        "--reload",
        "--no-tls",
        f"--port={port}",
        cwd=copy,
        env={
            "PATH": os.environ["PATH"],
            "MSRV_DATA": str(tmp_path / "data"),
            "MSRV_SETTLE_SECONDS": "0",
            "NONCE": "a nonce for reloads: 9Jk2-Lmx7-Rr4T-wP0e-Zz81",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await wait_for_page(port, "New releases")
        template = copy / "msrv" / "web" / "templates" / "front.html"
        edit(template, "New releases", "Just in")
        await wait_for_page(port, "Just in")
        handler = copy / "msrv" / "web" / "shop" / "operations.py"
        edit(handler, "It's easier to ask", "It was easier to ask")
        await wait_for_page(port, "It was easier", path="/-/edge")
    finally:
        process.send_signal(signal.SIGTERM)
        # On a busy machine, the child is killed after two seconds.
        ended = await asyncio.wait_for(process.wait(), 60)
    assert ended in {0, 256 - signal.SIGKILL}


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text in a file."""
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


async def wait_for_page(
    port: int, text: str, *, path: str = "/", seconds: float = 120
) -> None:
    """Wait until a page contains a text. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            if text in await asyncio.to_thread(read_page, port, path):
                return
            await asyncio.sleep(0.05)


def read_page(port: int, path: str) -> str:
    """Return a page, empty if the store doesn't respond (yet)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`msrv cdn check`: it shows what a CDN does with the addresses of a store."""

import asyncio
import os
import ssl
import sys
import time
from pathlib import Path

import pytest
import trustme

from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.storage.objects.bucket import Bucket
from tests.conftest import NONCE
from tests.downloads.objects import cdn_verifiers
from tests.web.shop.published.cdn.cdn_stand_in import CdnStandIn
from tests.web.shop.published.cdn.conftest import (
    TOKEN_KEY,
    keys_of,
)


@pytest.mark.parametrize("case", ["right", "bare", "open", "wrong key"])
async def test_check_shows_what_the_cdn_does(
    remote: Settings,
    published: str,
    keyring: Keyring,
    tmp_path: Path,
    case: str,
) -> None:
    del remote  # its variables come first
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(tls)
    cdn = CdnStandIn(Bucket.open(published), lambda: int(time.time()))
    keys = keys_of(keyring, "fastly")
    if case != "open":
        cdn.verify = cdn_verifiers.fastly(
            keys if case != "wrong key" else lambda _month: TOKEN_KEY
        )
    if case == "right":
        cdn.store, cdn.names_files = "https://shop.example", True
    async with cdn.running(tls):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "msrv", "cdn", "check"),
            env={
                **os.environ,
                "NONCE": NONCE,
                "MSRV_DATA": str(tmp_path / "data"),
                "MSRV_LIBRARY": published,
                "MSRV_CDN": f"fastly {cdn.origin}/store",
                "SSL_CERT_FILE": str(tmp_path / "ca.pem"),
            },
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
    outcomes = [line.split()[0] for line in output.decode().splitlines()]
    assert (process.returncode, outcomes) == {
        "right": (0, ["Pass"] * 5),
        "bare": (0, ["Pass", "Warn", "Pass", "Pass", "Warn"]),
        "open": (1, ["Pass", "Warn", "Fail", "Fail", "Fail"]),
        "wrong key": (1, ["Fail", "Pass", "Pass", "Warn"]),
    }[case]

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Check of the bucket that has the library, on Ceph."""

from pathlib import Path

import pytest

from msrv.catalog.model import Catalog, Shop
from msrv.catalog.published import upload
from msrv.catalog.published.layout import (
    POINTER,
    PublishedLibrary,
    catalog_key,
)
from msrv.health_checks.bucket import check_bucket
from msrv.health_checks.findings import Outcome
from msrv.proofs.keyring import Keyring
from msrv.storage.objects.bucket import Bucket
from tests.health_checks.conftest import MakeContext
from tests.storage.objects.ceph_server import SECRET, CephServer

PASS, WARN, FAIL = Outcome.PASS, Outcome.WARN, Outcome.FAIL
NOTHING = Catalog(Shop(), (), (), "", {}, {})
NOON = 1_800_000_000


async def test_folder_has_no_finding(context: MakeContext) -> None:
    assert await check_bucket(context()) == []


async def test_catalog_and_rights_are_checked(
    ceph: CephServer,
    context: MakeContext,
    keyring: Keyring,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = ceph.create_bucket("checked") + "/store"
    reader = ceph.create_reader()

    async def check() -> list[tuple[Outcome, str]]:
        findings = await check_bucket(context(library=Path(address)))
        for each in findings:
            assert bool(each.fix) == (each.outcome is not PASS)
            assert SECRET not in each.text + each.fix
        return [(each.outcome, each.text) for each in findings]

    for name, value in ceph.environ.items():
        monkeypatch.setenv(name, value)
    bucket = Bucket.open(address)
    ((outcome, line),) = await check()
    assert outcome is FAIL
    assert "isn't in the bucket" in line

    library = PublishedLibrary(NOTHING, (), {}, NOON)
    done = await upload.publish(
        bucket, keyring, library, (), known=(None, None)
    )
    written = await bucket.read(POINTER)
    found = [(PASS, f"{address}: {done.catalog}")]
    may_write = (WARN, "the bucket's credentials may write to it")
    assert await check() == [*found, may_write]
    assert await bucket.read(POINTER) == written

    for name, value in reader.items():
        monkeypatch.setenv(name, value)
    assert await check() == found

    await bucket.upload(
        catalog_key(done.catalog), iter([b"something else"]), {}
    )
    ((outcome, line),) = await check()
    assert outcome is FAIL
    assert "isn't what was published" in line

    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    ((outcome, line),) = await check()
    assert outcome is FAIL
    assert "denies access" in line

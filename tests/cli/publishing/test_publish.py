# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A library is published into a bucket of Ceph, from the command line."""

import asyncio
import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from msrv.catalog.library import indexing
from msrv.catalog.loaded_library import LoadedLibrary
from msrv.catalog.model import Item
from msrv.catalog.published import upload
from msrv.catalog.published.current import PublicationError, read_pointer
from msrv.catalog.published.layout import (
    BadDocument,
    Pointer,
    PublishedLibrary,
    blob_key,
    blobs_of,
    catalog_key,
)
from msrv.catalog.published.pruning import prune
from msrv.catalog.published.upload import roll_back
from msrv.cli.publishing.whole_library import read_whole_library
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.storage.objects.bucket import Bucket
from tests.cli.conftest import Cli
from tests.conftest import NONCE
from tests.storage.objects.ceph_server import CephServer

Publish = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def address(ceph: CephServer) -> str:
    return ceph.create_bucket("published")


@pytest.fixture(autouse=True)
def bucket_environ(ceph: CephServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ceph.environ.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def target(address: str, request: pytest.FixtureRequest) -> str:
    return f"{address}/{request.node.name}"


@pytest.fixture
def publish(cli: Cli, target: str) -> Publish:
    def run(*options: str) -> dict[str, Any]:
        done = cli("publish", "--json", *options, target)
        if done.exit_code:
            raise RuntimeError(done.output)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return run


def keys(bucket: Bucket, prefix: str = "") -> list[str]:
    """Return the keys of all objects."""

    async def run() -> list[str]:
        return [each.key async for each in bucket.list(prefix)]

    return asyncio.run(run())


def read(bucket: Bucket, key: str) -> bytes:
    """Return an object's bytes."""
    found = bucket.read_blocking(key)
    assert found is not None
    return found.data


def test_only_what_is_new_is_uploaded_and_catalogs_roll_back(
    publish: Publish, library: Path, target: str, keyring: Keyring
) -> None:
    planned = publish("--dry-run")
    assert planned["uploaded"] == planned["objects"] != 0
    bucket = Bucket.open(target)
    assert keys(bucket) == []

    first = publish()
    assert first["uploaded"] == planned["uploaded"]
    again = publish()
    assert (again["uploaded"], again["changed"]) == (0, False)
    assert again["catalog"] == first["catalog"]

    (library / "Zine" / "zine.pdf").write_bytes(b"%PDF-1.4 second %%EOF")
    uploaded = 0
    while True:  # until another second, so that names differ
        second = publish()
        uploaded += second["uploaded"]
        if second["catalog"] != first["catalog"]:
            break
    assert uploaded == 1
    names = [first["catalog"], second["catalog"]]
    assert publish("--list") == {"catalogs": names, "current": names[1]}

    document = read(bucket, catalog_key(second["catalog"]))
    found = PublishedLibrary.decode(keyring, document)
    assert "zine" in found.catalog.by_id
    blobs = blobs_of(keyring, document)
    assert second["objects"] == len(blobs)
    assert {*map(blob_key, blobs)} < {*keys(bucket, "blobs/")}
    for sha256 in blobs:
        data = read(bucket, blob_key(sha256))
        assert hashlib.sha256(data).digest() == sha256

    assert publish("--roll-back", "previous") == {"current": names[0]}
    with pytest.raises(RuntimeError, match="no catalog is older"):
        publish("--roll-back", "previous")
    back = publish("--roll-back", names[1])
    assert back == {"current": names[1]}

    # After a roll-back and a new catalog, the bad one stays passed over.
    publish("--roll-back", names[0])
    (library / "Zine" / "zine.pdf").write_bytes(b"%PDF-1.4 third %%EOF")
    assert publish()["catalog"] not in names
    assert publish("--roll-back", "previous") == {"current": names[0]}


def test_objects_that_no_kept_catalog_needs_are_deleted(
    publish: Publish, library: Path, target: str, keyring: Keyring
) -> None:
    first = publish()
    (library / "Zine" / "zine.pdf").write_bytes(b"%PDF-1.4 other %%EOF")
    second = publish()
    bucket = Bucket.open(target)
    now = int(time.time())
    # Both are of today.
    assert asyncio.run(prune(bucket, keyring, before=now - 3600)) == (0, 0)
    later = now + 3600
    count, size_bytes = asyncio.run(
        prune(bucket, keyring, before=later, dry_run=True)
    )
    assert count == 2  # the first catalog and its zine
    assert asyncio.run(prune(bucket, keyring, before=later)) == (
        count,
        size_bytes,
    )
    listed = publish("--list")
    assert listed["catalogs"] == [second["catalog"]]
    with pytest.raises(PublicationError, match="there is no catalog"):
        asyncio.run(roll_back(bucket, keyring, now, first["catalog"]))
    # All that the current catalog needs is still there.
    assert publish()["uploaded"] == 0


def test_another_nonce_neither_reads_nor_overwrites(
    publish: Publish, target: str, cli: Cli
) -> None:
    publish()
    cli.environ["NONCE"] = NONCE + "another"
    with pytest.raises(RuntimeError, match="another store's"):
        publish()
    bucket = Bucket.open(target)
    keyring = Keyring.from_nonces(NONCE + "another")
    with pytest.raises(BadDocument, match="isn't signed"):
        Pointer.decode(keyring, read(bucket, "current"))
    # With the old NONCE as NONCE_PREVIOUS, the new one takes over.
    cli.environ["NONCE_PREVIOUS"] = NONCE
    assert publish()["uploaded"] == 0


def test_half_an_upload_is_not_published(
    publish: Publish, cli: Cli, library: Path, target: str, keyring: Keyring
) -> None:
    publish()
    cli.environ["MSRV_SETTLE_SECONDS"] = "2"
    zine = library / "Zine" / "zine.pdf"
    copying = subprocess.Popen(
        [sys.executable, "-c", COPYING, zine],
        stdout=subprocess.PIPE,
    )
    assert copying.stdout is not None
    copying.stdout.readline()
    current = publish()["catalog"]
    assert copying.wait() == 0
    copying.stdout.close()
    document = read(Bucket.open(target), catalog_key(current))
    found = PublishedLibrary.decode(keyring, document).catalog.by_id["zine"]
    assert isinstance(found, Item)
    assert found.content.sha256 == hashlib.sha256(zine.read_bytes()).digest()


def test_only_the_operators_own_folder_is_published(
    publish: Publish, cli: Cli, target: str
) -> None:
    """Never the demo, over the catalog that stores sell from."""
    current = publish()["catalog"]
    for library, problem, options in (
        ("", "MSRV_LIBRARY is not set", ()),
        ("", "MSRV_LIBRARY is not set", ("--dry-run",)),
        (target, f"MSRV_LIBRARY is {target}", ()),
    ):
        refused = cli("publish", *options, target, MSRV_LIBRARY=library)
        assert refused.exit_code == 1
        assert problem in refused.stderr
        assert "folder of your files with --library" in refused.stderr
    assert publish("--list")["current"] == current


def test_an_empty_library_is_not_published(
    publish: Publish, library: Path
) -> None:
    library.rename(library.with_name("elsewhere"))
    library.mkdir()
    with pytest.raises(RuntimeError, match="is its disk mounted"):
        publish()


def test_a_release_without_a_file_that_cannot_be_read_is_not_published(
    publish: Publish, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publish()
    with (library / "Night Bus" / "02 Wrong Stop.wav").open("ab") as file:
        file.write(b"more")

    def unreadable(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(indexing, "_hash", unreadable)
        with pytest.raises(RuntimeError, match=r"Stop\.wav.*can't be read"):
            publish()
    assert publish("--list")["current"] == first["catalog"]


@pytest.mark.parametrize("size_bytes", [100, 9_000_000])
def test_a_file_that_changes_before_it_is_uploaded(
    publish: Publish,
    library: Path,
    monkeypatch: pytest.MonkeyPatch,
    size_bytes: int,
) -> None:
    """Only other bytes matter, and an error names the file."""
    zine = library / "Zine" / "zine.pdf"
    changes: list[Callable[[], object]] = []

    def read_and_change(settings: Settings) -> LoadedLibrary:
        reading = read_whole_library(settings)
        changes.pop()()
        return reading

    monkeypatch.setattr(
        "msrv.cli.publishing.publish.read_whole_library", read_and_change
    )
    data = b"%%PDF-1.4 %b %%%%EOF" % bytes(size_bytes)
    changed = r"Zine/zine\.pdf has changed meanwhile: run this again$"
    for change, problem in (
        (zine.unlink, r"Zine/zine\.pdf is missing or can't be read$"),
        (lambda: zine.write_bytes(data + b"more"), changed),
        (lambda: zine.write_bytes(data.lower()), changed),
    ):
        zine.write_bytes(data)
        changes.append(change)
        with pytest.raises(RuntimeError, match=problem):
            publish()
    zine.write_bytes(data)
    changes.append(lambda: zine.chmod(0o600))
    assert publish()["changed"]


def test_a_catalog_that_was_published_meanwhile_stays(
    publish: Publish, target: str, keyring: Keyring
) -> None:
    name = publish()["catalog"]
    bucket = Bucket.open(target)
    before = asyncio.run(read_pointer(bucket, keyring))
    publish("--roll-back", name)  # with the next serial
    later = asyncio.run(read_pointer(bucket, keyring))
    document = read(bucket, catalog_key(name))
    library = PublishedLibrary.decode(keyring, document)
    with pytest.raises(PublicationError, match="meanwhile"):
        asyncio.run(upload.publish(bucket, keyring, library, (), known=before))
    assert asyncio.run(read_pointer(bucket, keyring)) == later


def test_the_replaced_catalog_is_found_where_clocks_differ(
    publish: Publish, target: str, keyring: Keyring
) -> None:
    """Also by the store, which takes none with a lower serial."""
    first = publish()["catalog"]
    bucket = Bucket.open(target)
    known = asyncio.run(read_pointer(bucket, keyring))
    assert known[0] is not None
    # Newer than those of a prefix that was deleted, and is begun anew.
    assert known[0].serial > time.time() - 3600
    document = read(bucket, catalog_key(first))
    library = PublishedLibrary.decode(keyring, document)
    late = replace(library, published_at=library.published_at - 3600)
    second = asyncio.run(
        upload.publish(bucket, keyring, late, (), known=known)
    ).catalog
    assert publish("--list")["catalogs"] == [first, second]
    later = asyncio.run(read_pointer(bucket, keyring))[0]
    assert later is not None
    assert later.serial == known[0].serial + 1
    assert publish("--roll-back", "previous") == {"current": first}


def test_a_damaged_object_is_uploaded_again(
    publish: Publish, target: str, library: Path
) -> None:
    publish()
    data = (library / "Zine" / "zine.pdf").read_bytes()
    bucket = Bucket.open(target)
    key = blob_key(hashlib.sha256(data).digest())
    asyncio.run(bucket.delete([key]))
    assert asyncio.run(bucket.create(key, data[:-1], {}))
    assert publish()["uploaded"] == 1
    assert read(bucket, key) == data
    assert publish()["uploaded"] == 0


COPYING = """
import sys, time

with open(sys.argv[1], "wb", buffering=0) as file:
    for number in range(4):
        file.write(b"part %d of a PDF" % number)
        print(flush=True)
        time.sleep(0.3)
"""
KILLED = """
import asyncio, hashlib, io, os, signal, sys
from msrv.catalog.published.upload import BlobSource, _upload_all
from msrv.storage.objects.bucket import Bucket

def opened(data):
    if data == b"9":
        os.kill(os.getpid(), signal.SIGKILL)
    return io.BytesIO(data)

def source(data):
    digest = hashlib.sha256(data).digest()
    return BlobSource(digest, len(data), "a/b", "c", lambda: opened(data))

sources = [source(b"%d" % number) for number in range(10)]
asyncio.run(_upload_all(Bucket.open(sys.argv[1]), sources, print))
"""


def test_a_killed_upload_is_continued(
    publish: Publish, target: str, library: Path
) -> None:
    for number in range(10):
        path = library / "Zine" / f"part {number}.pdf"
        path.write_bytes(b"%d" % number)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, target],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL
    before = keys(Bucket.open(target))
    assert 0 < len(before) < 10
    assert all(each.startswith("blobs/") for each in before)
    result = publish()
    assert result["changed"]
    assert result["uploaded"] == result["objects"] - len(before)

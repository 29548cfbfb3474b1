# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Downloads in a chosen format: one link, one proof, several formats."""

import asyncio
import hashlib
import io
import zipfile
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest

from msrv.settings import Settings
from msrv.web.store import STORE
from tests.catalog.encodings.masters import EncodedLibrary
from tests.conftest import Clock, StartStore
from tests.polling import wait_until
from tests.web.purchases import JSON
from tests.web.shop.formats.conftest import Bought


async def test_link_sends_the_original_unless_a_format_is_chosen(
    bought: Bought, encoded: EncodedLibrary
) -> None:
    original = (encoded.root / "Night Bus" / "01 a.flac").read_bytes()
    path = bought.tracks["Departure"]
    for address in (path, f"{path}?as=original", f"{path}?as=flac"):
        async with bought.store.get(address) as response:
            assert response.status == 200
            assert response.headers["Content-Type"] == "audio/flac"
            assert "01 a.flac" in response.headers["Content-Disposition"]
            assert await response.read() == original


async def test_format_has_its_own_type_name_and_validator(
    bought: Bought,
) -> None:
    path = bought.tracks["Departure"]
    async with bought.store.get(f"{path}?as=mp3-v0") as response:
        assert response.status == 200
        data = await response.read()
        headers = response.headers
    digest = hashlib.sha256(data)
    assert data.startswith(b"ID3")
    assert headers["Content-Type"] == "audio/mpeg"
    assert "01 a.mp3" in headers["Content-Disposition"]
    assert headers["ETag"] == f'"{digest.hexdigest()}"'
    encoded_digest = b64encode(digest.digest()).decode("ascii")
    assert headers["Repr-Digest"] == f"sha-256=:{encoded_digest}:"


async def test_download_in_a_format_resumes(bought: Bought) -> None:
    address = bought.tracks["Departure"] + "?as=mp3-v0"
    async with bought.store.get(address) as response:
        whole, etag = await response.read(), response.headers["ETag"]
    headers = {"Range": "bytes=1000-", "If-Range": etag}
    async with bought.store.get(address, headers=headers) as response:
        assert response.status == 206
        assert await response.read() == whole[1000:]


@pytest.mark.parametrize("has_own_folder", [True, False])
async def test_download_resumes_on_another_replica(
    bought: Bought,
    start_store: StartStore,
    settings: Settings,
    encoded: EncodedLibrary,
    tmp_path: Path,
    *,
    has_own_folder: bool,
) -> None:
    """Replicas that encode for themselves have the same bytes."""
    folder = encoded.encodings
    if has_own_folder:
        folder = tmp_path / "own"
        data = tmp_path / "data of its own"
        await replace(encoded, data=data, encodings=folder).encode_all()
    other = await start_store(
        settings.model_copy(
            update={
                "data": tmp_path / "other",
                "library": encoded.root,
                "encodings": folder,
                "encode_jobs": 0,
            }
        )
    )
    for path in (bought.tracks["Departure"], bought.album):
        address = f"{path}?as=mp3-v0"
        async with bought.store.get(address) as response:
            whole, etag = await response.read(), response.headers["ETag"]
        headers = {"Range": "bytes=1000-", "If-Range": etag}
        async with other.get(address, headers=headers) as response:
            assert response.status == 206
            assert await response.read() == whole[1000:]


async def test_resume_in_another_format_starts_again(bought: Bought) -> None:
    """Two formats are never mixed, though their link is the same."""
    path = bought.tracks["Departure"]
    async with bought.store.get(f"{path}?as=mp3-v0") as response:
        await response.read()
        etag = response.headers["ETag"]
    headers = {"Range": "bytes=1000-", "If-Range": etag}
    async with bought.store.get(path, headers=headers) as response:
        assert response.status == 200
        assert (await response.read()).startswith(b"fLaC")


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("opus-128", 404, "unknown_format"),
        ("mp3", 404, "unknown_format"),
        ("", 404, "unknown_format"),
        ("../../nonce", 404, "unknown_format"),
        ("x" * 5000, 404, "unknown_format"),
    ],
)
async def test_unknown_format_is_an_error(
    bought: Bought, name: str, status: int, code: str
) -> None:
    for path in (bought.tracks["Departure"], bought.album):
        async with bought.store.get(
            path, params={"as": name}, headers=JSON
        ) as response:
            assert response.status == status
            data = await response.json()
            assert data["error"] == code
            assert len(data["format"]) <= 32


async def test_format_that_is_not_ready_is_a_conflict(
    bought: Bought, tmp_path: Path
) -> None:
    assert bought.store.app is not None
    store = bought.store.app[STORE]
    store.encodings.store.folder = tmp_path / "empty"
    await asyncio.to_thread(store.encodings.store.load)
    for path in (bought.tracks["Departure"], bought.album):
        async with bought.store.get(
            f"{path}?as=mp3-v0", headers=JSON
        ) as response:
            assert response.status == 409
            assert (await response.json())["error"] == "format_not_ready"
            assert int(response.headers["Retry-After"]) > 0
        async with bought.store.get(path) as response:
            assert response.status == 200


async def test_zip_has_each_track_in_the_format_and_other_files(
    bought: Bought,
) -> None:
    async with bought.store.get(f"{bought.album}?as=mp3-v0") as response:
        assert response.status == 200
        data = await response.read()
        assert int(response.headers["Content-Length"]) == len(data)
        etag = response.headers["ETag"]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        names = [each.rpartition("/")[2] for each in archive.namelist()]
    assert names[:3] == [
        "01 The Wet Coats - Departure.mp3",
        "02 The Wet Coats - Wrong Stop.mp3",
        "Lyrics.pdf",
    ]
    async with bought.store.get(bought.album) as response:
        assert response.headers["ETag"] != etag
    headers = {"Range": f"bytes={len(data) - 500}-", "If-Range": etag}
    async with bought.store.get(
        f"{bought.album}?as=mp3-v0", headers=headers
    ) as response:
        assert response.status == 206
        assert await response.read() == data[-500:]


async def test_zip_in_a_format_keeps_tracks_that_are_in_it(
    bought: Bought,
) -> None:
    async with bought.store.get(f"{bought.album}?as=flac") as response:
        data = await response.read()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [each.rpartition(".")[2] for each in archive.namelist()]
    assert names[:3] == ["flac", "flac", "pdf"]


async def test_expired_link_resumes_in_its_format_only(
    bought: Bought, clock: Clock
) -> None:
    address = bought.tracks["Departure"] + "?as=mp3-v0"
    async with bought.store.get(address) as response:
        whole, etag = await response.read(), response.headers["ETag"]
    clock.now += 25 * 3600
    headers = {"Range": "bytes=1000-", "If-Range": etag}
    async with bought.store.get(address, headers=headers) as response:
        assert response.status == 206
        assert await response.read() == whole[1000:]
    for other in ("original", "opus-128"):
        async with bought.store.get(
            f"{bought.tracks['Departure']}?as={other}",
            headers={**headers, **JSON},
        ) as response:
            assert response.status == 410


async def test_changed_encoding_is_not_sent(
    bought: Bought, encoded: EncodedLibrary
) -> None:
    """Its bytes are checked as the library's are."""
    address = bought.tracks["Wrong Stop"] + "?as=mp3-v0"
    async with bought.store.get(address) as response:
        data = await response.read()
    path = next(
        path
        for path in encoded.encodings.glob("*.mp3")
        if path.read_bytes() == data
    )
    path.write_bytes(bytes(len(data)))
    try:
        # The cache of small responses has it for a second.
        headers = {**JSON, "Range": "bytes=0-"}
        async with bought.store.get(address, headers=headers) as response:
            assert response.status == 503
    finally:
        path.write_bytes(data)
    async with bought.store.get(address, headers=headers) as response:
        assert response.status == 206
        assert await response.read() == data


async def test_metrics_state_the_progress(bought: Bought) -> None:
    assert bought.store.app is not None
    progress = bought.store.app[STORE].encodings.progress
    await wait_until(lambda: progress.status.wanted)
    async with bought.store.get("/-/metrics") as response:
        text = await response.text()
    assert "msrv_encodings_wanted 3.0" in text
    assert "msrv_encodings_ready 3.0" in text
    assert "msrv_encodings_made_total 0.0" in text

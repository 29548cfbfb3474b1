# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The image's own ffmpeg: every format, previews, and what it is made of."""

import json
from pathlib import Path
from typing import Any, Final

from msrv.catalog.encodings.recipes import RECIPES
from tests.containers.buyer import Buyer
from tests.containers.engine import docker, run_container, wait_until
from tests.store_process import free_port
from tests.wav_files import write_wav

_LOCKED: Final = (
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
)
_PRELUDES: Final = {
    "flac": (b"fLaC",),
    "mp3-v0": (b"ID3",),
    "mp3-320": (b"ID3",),
    "opus-128": (b"OggS", b"OpusHead"),
    "aac-256": (b"ftypM4A",),
    "alac": (b"ftypM4A", b"alac"),
    "vorbis-q6": (b"OggS", b"vorbis"),
    "aiff": (b"FORM", b"AIFF"),
}
"""What the first kilobytes of a format's files contains."""


def test_image_encodes_every_format(image: str, tmp_path: Path) -> None:
    library = tmp_path / "library"  # which any user can open
    write_wav(library / "Night Bus" / "01 Departure.wav", seconds=6)
    names = json.dumps(list(RECIPES))
    (library / "store.toml").write_text(
        f'formats = {names}\n[prices]\nitem = "0"\n', "utf-8"
    )
    port = free_port()
    buyer = Buyer(port)
    mount = f"--volume={library}:/library:ro"
    publish = f"--publish=127.0.0.1:{port}:8000"
    with run_container(image, publish, mount, *_LOCKED) as name:
        wait_until(buyer.is_ready, "the store can sell")

        def counts() -> dict[str, int]:
            printed = docker("exec", name, "msrv", "check", "--json")
            found: dict[str, int] = json.loads(printed)["formats"]
            return found

        wanted = len(RECIPES) - 1  # without its own
        wait_until(
            lambda: counts() == {"wanted": wanted, "ready": wanted},
            "all formats are ready",
        )
        log = docker("logs", name)
        assert "has no" not in log
        assert "Traceback" not in log
        (item,) = buyer.catalog_ids()
        path = buyer.buy(item)[item]
        for recipe, marks in _PRELUDES.items():
            response = buyer.request(f"{path}?as={recipe}")
            assert response.status == 200
            assert all(each in response.body[:4096] for each in marks), recipe
        assert buyer.request(f"/previews/{item}").body.startswith(b"\xff")


def test_ffmpeg_can_do_what_the_store_uses_and_no_more(image: str) -> None:
    def run(*arguments: str) -> str:
        return docker(
            *("run", "--rm", "--entrypoint=ffmpeg", image),
            *("-hide_banner", *arguments),
        )

    protocols = run("-protocols").split()
    assert {"http", "tcp", "concat"}.isdisjoint(protocols)
    demuxers = run("-demuxers")
    assert "hls" not in demuxers
    assert "concat" not in demuxers
    assert "--enable-gpl" not in run("-buildconf")


def test_image_names_ffmpeg_with_its_licences(image: str) -> None:
    def read(path: str) -> str:
        return docker("run", "--rm", "--entrypoint=cat", image, path)

    notices = read("/usr/share/doc/msrv/FFMPEG")
    for each in ("ffmpeg", "lame", "libogg", "opus", "libvorbis"):
        assert f"{each} " in notices
    assert "LGPL-2.1" in notices
    records = read("/var/lib/dpkg/status.d/ffmpeg")
    version: Any = docker(
        "run", "--rm", "--entrypoint=ffmpeg", image, "-version"
    )
    stated = records.split("Version: ")[1].split()[0].partition(":")[2]
    assert f"ffmpeg version {stated} " in version

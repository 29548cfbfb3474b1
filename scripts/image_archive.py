# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Archive of an image whose bytes depend on the image's contents alone.

Two builds of the same sources differ in the times of their files, and in the
digests that follow from those. BuildKit can set these times itself
(`rewrite-timestamp`), but not in the engine's own builder. So the archive of
`docker save` is written again, with no time later than a given one; layers
without a later time, those of the base image, are kept as they are.

`docker load` and `podman load` read the result:
https://github.com/moby/docker-image-spec/blob/main/v1.2.0.md
"""

import gzip
import hashlib
import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

_TIMES = ("mtime", "atime", "ctime")
_BLOCK_BYTES = 1 << 20


def normalize_image(saved: Path, result: Path, tag: str, epoch: int) -> str:
    """Write an archive again, under a tag; return the image's id, a digest.

    `saved` has one image; no time in `result` is later than `epoch`, in Unix
    seconds.
    """
    with tarfile.open(saved) as source, _archive(result, epoch) as target:
        (manifest,) = _read_json(source, "manifest.json")
        layers: list[str] = []
        diff_ids = []
        for name in manifest["Layers"]:
            with tempfile.TemporaryFile() as layer:
                shutil.copyfileobj(_open(source, name), layer, _BLOCK_BYTES)
                if _is_newer(layer, epoch):
                    with tempfile.TemporaryFile() as clamped:
                        _clamp(layer, clamped, epoch)
                        digest = _add_layer(target, clamped, layers, epoch)
                else:
                    digest = _add_layer(target, layer, layers, epoch)
            diff_ids.append(f"sha256:{digest}")
        config = _read_json(source, manifest["Config"])
        config["rootfs"]["diff_ids"] = diff_ids
        data = _to_json(config)
        image_id = hashlib.sha256(data).hexdigest()
        _add(target, f"{image_id}.json", data, epoch)
        entry = {
            "Config": f"{image_id}.json",
            "RepoTags": [tag],
            "Layers": layers,
        }
        _add(target, "manifest.json", _to_json([entry]), epoch)
    return f"sha256:{image_id}"


@contextmanager
def _archive(path: Path, epoch: int) -> Iterator[tarfile.TarFile]:
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", 6, raw, mtime=epoch) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        yield archive


def _open(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    found = archive.extractfile(name)
    if found is None:
        raise ValueError(f"{name} of the archive is not a file")
    return found


def _read_json(archive: tarfile.TarFile, name: str) -> Any:  # noqa: ANN401 - JSON
    return json.load(_open(archive, name))


def _to_json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _is_newer(layer: IO[bytes], epoch: int) -> bool:
    layer.seek(0)
    with tarfile.open(fileobj=layer) as archive:
        return any(member.mtime > epoch for member in archive)


def _clamp(layer: IO[bytes], result: IO[bytes], epoch: int) -> None:
    """Write a layer with no time later than `epoch`."""
    layer.seek(0)
    with (
        tarfile.open(fileobj=layer) as source,
        tarfile.open(fileobj=result, mode="w") as target,
    ):
        for member in source:
            member.mtime = min(int(member.mtime), epoch)
            member.pax_headers = {
                name: value
                for name, value in member.pax_headers.items()
                if name not in _TIMES
            }
            target.addfile(
                member, source.extractfile(member) if member.isreg() else None
            )


def _add_layer(
    target: tarfile.TarFile, layer: BinaryIO, layers: list[str], epoch: int
) -> str:
    """Add a layer, once if the image has it twice; return its digest."""
    layer.seek(0)
    digest = hashlib.file_digest(layer, "sha256").hexdigest()  # type: ignore[arg-type] # it is a file
    name = f"{digest}.tar"
    if name not in layers:
        member = _member(name, layer.seek(0, io.SEEK_END), epoch)
        layer.seek(0)
        target.addfile(member, layer)
    layers.append(name)
    return digest


def _add(target: tarfile.TarFile, name: str, data: bytes, epoch: int) -> None:
    target.addfile(_member(name, len(data), epoch), io.BytesIO(data))


def _member(name: str, size_bytes: int, epoch: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size_bytes
    member.mtime = epoch
    return member

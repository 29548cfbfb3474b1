# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Archives of images, written again without their times."""

import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

import pytest

from tests.store_process import ROOT

TAG = "msrv:1.0.0"
EPOCH = 1_795_897_600
OLD = EPOCH - 1_000


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(ROOT / "scripts")])


def _layer(mtime: float) -> bytes:
    """Return a layer with one of each kind of entry, as engines write them."""
    data = io.BytesIO()
    links = {"bin/same": "bin/run", "bin/link": "run"}
    with tarfile.open(
        fileobj=data, mode="w", format=tarfile.PAX_FORMAT
    ) as archive:
        for name, kind in (
            ("bin", tarfile.DIRTYPE),
            ("bin/run", tarfile.REGTYPE),
            ("bin/same", tarfile.LNKTYPE),
            ("bin/link", tarfile.SYMTYPE),
            (".wh.gone", tarfile.REGTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type = kind
            member.mode = 0o4755
            member.uid = 10001
            member.mtime = mtime
            member.linkname = links.get(name, "")
            body = b"program" if name == "bin/run" else b""
            member.size = len(body)
            if body:
                member.pax_headers = {"SCHILY.xattr.security.capability": "x"}
            archive.addfile(member, io.BytesIO(body))
    return data.getvalue()


def _save(path: Path, *layers: bytes) -> Path:
    """Write an archive as `docker save` does."""
    names = [
        f"blobs/sha256/{hashlib.sha256(each).hexdigest()}" for each in layers
    ]
    config = {"rootfs": {"type": "layers", "diff_ids": ["sha256:of before"]}}
    manifest = [{"Config": "config", "RepoTags": None, "Layers": names}]
    files = dict(zip(names, layers, strict=True))
    files["config"] = json.dumps(config).encode()
    files["manifest.json"] = json.dumps(manifest).encode()
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def _normalize(saved: Path, result: Path) -> str:
    from image_archive import (  # noqa: PLC0415 - found by the fixture
        normalize_image,
    )

    return normalize_image(saved, result, TAG, EPOCH)


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    found = archive.extractfile(member)
    assert found is not None
    return found.read()


def test_archives_that_differ_in_times_become_the_same_bytes(
    tmp_path: Path,
) -> None:
    results = []
    for number, mtime in enumerate((EPOCH + 1, EPOCH + 86_400.25)):
        saved = _save(tmp_path / f"{number}.tar", _layer(OLD), _layer(mtime))
        result = tmp_path / f"{number}.tar.gz"
        image_id = _normalize(saved, result)
        results.append((image_id, result.read_bytes()))
    assert results[0] == results[1]


def test_archive_with_other_contents_has_another_id(tmp_path: Path) -> None:
    ids = {
        _normalize(
            _save(tmp_path / f"{mtime}.tar", _layer(mtime)),
            tmp_path / f"{mtime}.tar.gz",
        )
        for mtime in (OLD, OLD - 1)
    }
    assert len(ids) == 2


def test_new_archive_is_consistent_and_keeps_all_but_late_times(
    tmp_path: Path,
) -> None:
    old, new = _layer(OLD), _layer(EPOCH + 5.5)
    saved = _save(tmp_path / "saved.tar", old, new, old)
    result = tmp_path / "result.tar.gz"
    image_id = _normalize(saved, result)
    with tarfile.open(result) as archive:
        files = {member.name: _read(archive, member) for member in archive}
        assert {member.mtime for member in archive} == {EPOCH}
    (entry,) = json.loads(files["manifest.json"])
    assert entry["RepoTags"] == [TAG]
    config = files[entry["Config"]]
    assert image_id == f"sha256:{hashlib.sha256(config).hexdigest()}"
    layers = [files[name] for name in entry["Layers"]]
    assert json.loads(config)["rootfs"]["diff_ids"] == [
        f"sha256:{hashlib.sha256(each).hexdigest()}" for each in layers
    ]
    assert layers[0] == layers[2] == old
    expected = [each | {"mtime": EPOCH} for each in _members(new)]
    assert _members(layers[1]) == expected


def _members(layer: bytes) -> list[dict[str, object]]:
    names = ("name", "type", "mode", "uid", "linkname", "mtime")
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        return [
            {
                **{name: getattr(member, name) for name in names},
                "xattrs": {
                    name: value
                    for name, value in member.pax_headers.items()
                    if name != "mtime"
                },
                "body": _read(archive, member) if member.isreg() else b"",
            }
            for member in archive
        ]

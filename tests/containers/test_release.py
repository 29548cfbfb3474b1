# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`make release` with the image."""

import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from msrv import __version__
from tests.containers.engine import docker, succeeds
from tests.packaging.release_tree import (
    checksums,
    create_release_environment,
    create_repository,
    locked_versions,
    run_release,
)

TAG = f"msrv:{__version__}"


@pytest.fixture(scope="module")
def releases(
    engine: None,  # noqa: ARG001
    tmp_path_factory: pytest.TempPathFactory,
) -> list[Path]:
    """Two releases of one commit, one from the cache and one without it."""
    python = create_release_environment(tmp_path_factory.mktemp("release"))
    repositories = {
        umask: create_repository(tmp_path_factory.mktemp("tree"))
        for umask in (0o022, 0o077)
    }
    found: list[Path] = []
    for umask, repository in repositories.items():
        options = () if not found else ("--no-cache",)
        result = run_release(python, repository, *options, umask=umask)
        assert result.returncode == 0, result.stderr
        found.append(repository / "dist" / __version__)
    return found


def _image(release: Path) -> Path:
    (found,) = release.glob("*-image-*.tar.gz")
    return found


def test_release_with_image_built_twice_is_the_same_bytes(
    releases: list[Path],
) -> None:
    one, other = (checksums(each) for each in releases)
    assert len(one) == 6
    assert one == other


def test_archive_of_a_release_is_the_image(releases: list[Path]) -> None:
    archive = _image(releases[0])
    with tarfile.open(archive) as files:
        manifest = files.extractfile("manifest.json")
        assert manifest
        (entry,) = json.load(manifest)
    image_id = "sha256:" + entry["Config"].removesuffix(".json")
    before = (
        docker("image", "inspect", "--format={{.Id}}", TAG).strip()
        if succeeds("image", "inspect", TAG)
        else None
    )
    try:
        assert TAG in docker("load", "--input", str(archive))
        loaded = docker("image", "inspect", "--format={{.Id}}", TAG)
        assert loaded.strip() == image_id
        version = docker("run", "--rm", "--network=none", TAG, "--version")
        assert version == f"msrv, version {__version__}\n"
        labels = docker(
            "image", "inspect", "--format={{json .Config.Labels}}", TAG
        )
        revision = json.loads(labels)["org.opencontainers.image.revision"]
        assert re.fullmatch("[0-9a-f]{40}", revision)
    finally:
        docker("image", "rm", "--force", TAG)
        if before is not None:
            docker("tag", before, TAG)


def test_bill_of_the_image_lists_packages_and_the_system(
    releases: list[Path],
) -> None:
    (path,) = releases[0].glob("*-image-*.cdx.json")
    bill: dict[str, Any] = json.loads(path.read_text("utf-8"))
    root = bill["metadata"]["component"]
    assert (root["name"], root["version"]) == ("msrv", __version__)
    assert root["type"] == "container"
    kinds: dict[str, set[str]] = {}
    for each in bill["components"]:
        purl = each.get("purl", "")
        kinds.setdefault(purl.partition("/")[0], set()).add(
            re.sub(r"[-_.]+", "-", each["name"]).lower()
            + "=="
            + each["version"]
        )
    assert locked_versions(releases[0]) <= kinds["pkg:pypi"]
    assert any(each.startswith("libc6==2.") for each in kinds["pkg:deb"])
    assert any(each.startswith("ffmpeg==7:") for each in kinds["pkg:deb"])
    (python,) = kinds["pkg:generic"]
    assert python.startswith("python==3.13.")

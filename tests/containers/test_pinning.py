# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Images of the production stack: where they are set, and their digests."""

import json
import re
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.deployer.engine_programs import Registry
from tests.containers.engine import PRODUCTION, docker, inspect_object
from tests.store_process import ROOT

IMAGES = ROOT / "deploy" / "images.env"
DIGEST = "sha256:" + "a" * 64


def parse_images(text: str) -> dict[str, str]:
    """Parse NAME_IMAGE=REFERENCE lines."""
    return dict(re.findall(r"^([A-Z]+_IMAGE)=(\S+)$", text, re.MULTILINE))


def tag_of(reference: str) -> str:
    return reference.partition("@")[0]


def test_default_images_are_the_pinned_ones() -> None:
    pinned = parse_images(IMAGES.read_text("utf-8"))
    assert set(pinned) == {"PYTHON_IMAGE", "NGINX_IMAGE", "MARIADB_IMAGE"}
    compose = PRODUCTION.read_text("utf-8")
    for name, reference in pinned.items():
        found = re.findall(rf"\$\{{{name}:-([^${{}}]+)\}}", compose)
        assert found
        assert set(found) == {tag_of(reference)}
    for older, name in (("EDGE", "NGINX"), ("DB", "MARIADB")):
        (found,) = re.findall(rf"\$\{{{older}_IMAGE:-([^${{}}]+)\}}", compose)
        assert found == tag_of(pinned[f"{name}_IMAGE"])
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    assert parse_images(dockerfile.replace("ARG ", "")) == {
        "PYTHON_IMAGE": tag_of(pinned["PYTHON_IMAGE"])
    }


def test_digests_of_the_list_have_a_date() -> None:
    text = IMAGES.read_text("utf-8")
    pinned = ["@sha256:" in each for each in parse_images(text).values()]
    assert all(pinned) or not any(pinned)
    dates = re.findall(r"^# pinned (\d{4}-\d\d-\d\d)$", text, re.MULTILINE)
    assert len(dates) == int(all(pinned))


@pytest.mark.parametrize("digest", ["", f"@{DIGEST}"])
def test_renovate_finds_every_image(digest: str) -> None:
    config = json.loads((ROOT / "renovate.json").read_text("utf-8"))
    assert "custom.regex" in config["enabledManagers"]
    text = "".join(
        f"{name}={tag_of(reference)}{digest}\n"
        for name, reference in parse_images(IMAGES.read_text("utf-8")).items()
    )
    found: dict[str, set[str]] = {}
    for manager in config["customManagers"]:
        for pattern in manager["managerFilePatterns"]:
            file = re.sub(r"[/^$\\]", "", pattern.removeprefix("/^"))
            file = "deploy/images.env" if "images" in file else file
            content = (ROOT / file).read_text("utf-8")
            if file == "deploy/images.env":
                content = text
            for each in manager["matchStrings"]:
                # JavaScript's named groups in Python's syntax.
                regex = each.replace("(?<", "(?P<")
                for match in re.finditer(regex, content):
                    found.setdefault(file, set()).add(match["depName"])
                    if file == "deploy/images.env":
                        assert match["currentDigest"] == (
                            digest.removeprefix("@") or None
                        )
    nginx, mariadb = "nginxinc/nginx-unprivileged", "mariadb"
    assert found == {
        "deploy/images.env": {"python", nginx, mariadb},
        "Dockerfile": {"python"},
        "docker-compose.prod.yml": {"python", nginx, mariadb},
    }


@pytest.fixture
def pushed_images(registry: Registry, image: str) -> Iterator[dict[str, str]]:
    """Three images in a registry, as `images.env` names them."""
    folder = f"{registry.host}/{uuid.uuid4().hex[:8]}"
    made = {
        "PYTHON_IMAGE": f"{folder}/python:3.13",
        "NGINX_IMAGE": f"{folder}/sub/nginx:1.30",
        "MARIADB_IMAGE": f"{folder}/mariadb:11.8",
    }
    # It is one image, with a digest in each repository.
    for reference in made.values():
        docker("tag", image, reference)
        docker("push", "--quiet", reference)
    yield made
    for reference in made.values():
        docker("image", "rm", "--force", reference, check=False)


def pin(*arguments: "Path | str") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [ROOT / "deploy" / "pin-images.sh", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_pinning_images_changes_nothing_else(
    pushed_images: dict[str, str], tmp_path: Path
) -> None:
    source, target = tmp_path / "images.env", tmp_path / ".env"
    lines = [
        f"{name}={reference}" for name, reference in pushed_images.items()
    ]
    source.write_text("# A sentence.\n" + "\n".join(lines) + "\n", "utf-8")
    target.write_text(
        "NONCE='a b'\nNGINX_IMAGE=old:1\nMSRV_PUBLIC_URL=https://x\n", "utf-8"
    )
    result = pin(source, target)
    assert result.returncode == 0, result.stderr
    assert target.stat().st_mode & 0o777 == 0o600
    text = target.read_text("utf-8")
    kept = "NONCE='a b'\nMSRV_PUBLIC_URL=https://x\n"
    assert re.match(rf"{re.escape(kept)}# pinned 20\d\d-\d\d-\d\d\n", text)
    pinned = parse_images(text)
    assert set(pinned) == set(pushed_images)
    for name, reference in pushed_images.items():
        assert tag_of(pinned[name]) == reference
        repository = reference.rpartition(":")[0]
        digest = pinned[name].partition("@")[2]
        digests = inspect_object(reference)["RepoDigests"]
        assert f"{repository}@{digest}" in digests
    # Compose reads them from the file, and an image can be built on one.
    shown = docker(
        "compose", f"--env-file={target}", "--file", str(PRODUCTION),
        "config", "--format=json",
    )  # fmt: skip
    services = json.loads(shown)["services"]
    assert services["nginx"]["image"] == pinned["NGINX_IMAGE"]
    assert services["db"]["image"] == pinned["MARIADB_IMAGE"]
    base = pinned["PYTHON_IMAGE"]
    assert services["app"]["build"]["args"] == {"PYTHON_IMAGE": base}
    (tmp_path / "Dockerfile").write_text(
        "ARG PYTHON_IMAGE=none\nARG BASE=${PYTHON_IMAGE}\nFROM ${BASE}\n",
        "utf-8",
    )
    docker(
        "build", "--quiet", f"--build-arg=PYTHON_IMAGE={base}", str(tmp_path)
    )
    # Pinning pinned images changes nothing.
    target.rename(source)
    assert pin(source, target).returncode == 0
    assert parse_images(target.read_text("utf-8")) == pinned


def test_update_moves_pinned_images_to_what_their_tags_name(
    pushed_images: dict[str, str], tmp_path: Path
) -> None:
    """Also in the list of images itself, whose other lines are kept."""
    source = tmp_path / "images.env"
    head = "# A sentence.\n# pinned 2020-01-02\n"
    lines = [
        f"{name}={reference}@{DIGEST}\n"
        for name, reference in pushed_images.items()
    ]
    source.write_text(head + "".join(lines), "utf-8")
    # No image has that digest.
    assert pin(source, source).returncode == 1
    assert source.read_text("utf-8") == head + "".join(lines)
    result = pin("--update", source, source)
    assert result.returncode == 0, result.stderr
    assert source.stat().st_mode & 0o777 == 0o644
    text = source.read_text("utf-8")
    pattern = r"# A sentence.\n# pinned (?!2020)20\d\d-\d\d-\d\d\n[A-Z]"
    assert re.match(pattern, text)
    pinned = parse_images(text)
    for name, reference in pushed_images.items():
        assert tag_of(pinned[name]) == reference
        assert DIGEST not in pinned[name]


def test_nothing_is_written_if_an_image_is_missing(
    pushed_images: dict[str, str], tmp_path: Path
) -> None:
    source, target = tmp_path / "images.env", tmp_path / ".env"
    target.write_text("NGINX_IMAGE=old:1\n", "utf-8")
    for missing in (
        f"MARIADB_IMAGE={pushed_images['MARIADB_IMAGE']}-none",
        "",
    ):
        lines = [
            f"PYTHON_IMAGE={pushed_images['PYTHON_IMAGE']}",
            f"NGINX_IMAGE={pushed_images['NGINX_IMAGE']}",
            missing,
        ]
        source.write_text("\n".join(lines) + "\n", "utf-8")
        result = pin(source, target)
        assert result.returncode == 1
        assert result.stderr
        assert target.read_text("utf-8") == "NGINX_IMAGE=old:1\n"
        assert {each.name for each in tmp_path.iterdir()} == {
            ".env",
            "images.env",
        }

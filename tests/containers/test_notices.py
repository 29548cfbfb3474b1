# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Licences and sources of what the image contains."""

import re
from pathlib import Path
from typing import Final

import pytest

from deploy.notices import third_party
from msrv.settings.model import SOURCE_URL
from tests.containers.engine import docker, inspect_object

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = "/usr/share/doc/msrv"
LICENCES: Final = "AGPL-3.0-or-later AND Bitstream-Vera AND CC0-1.0"

HASH_SCRIPT: Final = """
import base64, hashlib, sys
from importlib import metadata
for name in ("certifi", "mutagen"):
    sources = [each for each in metadata.files(name) if each.suffix == ".py"]
    print(name, len(sources))
    for file in sources:
        digest = hashlib.sha256(file.read_binary()).digest()
        text = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        assert file.hash.value == text, file
"""


@pytest.fixture(scope="module")
def notices(image: str) -> str:
    """List of what the image contains."""
    return docker(
        "run", "--rm", "--entrypoint=cat", image, f"{FOLDER}/THIRD-PARTY"
    )


def test_each_package_is_listed_with_licence_and_source(notices: str) -> None:
    lock = (ROOT / "requirements.txt").read_text("utf-8")
    locked = set(re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE))
    listed = re.findall(
        r"^(\S+) (\S+)\n    licence: (.+)\n    source:  (\S.+)$",
        notices,
        re.MULTILINE,
    )
    assert {
        (third_party.normalize(name), version)
        for name, version, _, _ in listed
    } - {("python", "")} >= locked
    assert "UNKNOWN" not in [licence for _, _, licence, _ in listed]
    with_source = {
        name for name, _, _, source in listed if source.startswith("in this")
    }
    assert with_source >= {"certifi", "mutagen"}


def test_each_licence_has_its_text(notices: str) -> None:
    texts = "\n".join(re.findall("^Text of (.*)$", notices, re.MULTILINE))
    named = set(re.split(r"[,\s]+", texts))
    for entry in re.findall(
        r"^(\S+) \S+\n    licence:", notices, re.MULTILINE
    ):
        assert entry in named
    for words in (
        "GNU GENERAL PUBLIC LICENSE\n                       Version 2",
        "Mozilla Public",
        "PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2",
        "Fedor Indutny",  # in aiohttp: llhttp
    ):
        assert words in notices


def test_sources_that_licences_ask_for_are_those_of_the_authors(
    image: str,
) -> None:
    """They are the files of the wheels, and are imported compiled."""
    output = docker(
        "run", "--rm", "--entrypoint=python", image, "-c", HASH_SCRIPT
    )
    counts = dict(line.split() for line in output.splitlines())
    assert int(counts["mutagen"]) > 30
    assert int(counts["certifi"]) > 1
    loading = docker(
        "run", "--rm", "--read-only", "--entrypoint=sh", image, "-c",
        "python -v -c 'import mutagen.flac' 2>&1",
    )  # fmt: skip
    assert "matches" in loading
    assert "wrote" not in loading
    assert "could not write" not in loading


def test_debian_packages_are_listed_by_source(
    image: str, notices: str
) -> None:
    output = docker(
        "run", "--rm", "--entrypoint=dpkg-query", image,
        "--show", "--showformat=${source:Package} ${source:Version}\\n",
    )  # fmt: skip
    listed = set(notices.splitlines())
    assert len(output.splitlines()) > 50
    assert set(output.splitlines()) <= listed


def test_image_contains_its_own_licence_and_source(image: str) -> None:
    assert "GNU AFFERO" in docker(
        "run", "--rm", "--entrypoint=cat", image,
        f"{FOLDER}/AGPL-3.0-or-later.txt",
    )  # fmt: skip
    labels = inspect_object(image)["Config"]["Labels"]
    assert labels["org.opencontainers.image.licenses"] == LICENCES
    assert labels["org.opencontainers.image.source"] == SOURCE_URL
    compiled_alone = docker(
        "run", "--rm", "--entrypoint=sh", image, "-c",
        "find /app -name '*.pyc' ! -path '*/__pycache__/*'; ls /app/msrv",
    )  # fmt: skip
    assert "app.py" in compiled_alone.split()
    assert ".pyc" not in compiled_alone


def install(site: Path, licence: str, files: dict[str, str]) -> None:
    """Write a package as pip installs it."""
    info = site / "thing-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.4\nName: Thing\nVersion: 1.0\n"
        f"License-Expression: {licence}\n",
        "utf-8",
    )
    for name, text in files.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    names = [*files, "thing-1.0.dist-info/METADATA"]
    lines = "".join(f"{name},,\n" for name in names)
    (info / "RECORD").write_text(lines, "utf-8")


TEXT: Final = {"thing-1.0.dist-info/licenses/LICENSE": "Do as you like."}
SOURCE: Final = {"thing/__init__.py": ""}


@pytest.mark.parametrize(
    ("licence", "files", "problem"),
    [
        ("MIT", SOURCE, "no text of its licence"),
        ("Proprietary", TEXT | SOURCE, "is under 'Proprietary'"),
        ("UNKNOWN", TEXT | SOURCE, "is under 'UNKNOWN'"),
        ("GPL-2.0-only", TEXT | SOURCE, "the AGPL doesn't allow"),
        ("GNU General Public License v2 (GPLv2)", TEXT | SOURCE, "allow"),
        ("GPL-3.0-or-later", TEXT | {"thing/a.so": ""}, "source of thing/a"),
    ],
)
def test_package_that_the_image_cannot_contain_stops_the_build(
    tmp_path: Path, licence: str, files: dict[str, str], problem: str
) -> None:
    install(tmp_path, licence, files)
    with pytest.raises(SystemExit, match=f"^Thing 1.0 .*{problem}"):
        third_party.read_packages(tmp_path, {"thing": licence}, Path("/site"))


def test_copyleft_package_without_its_source_stops_the_build(
    tmp_path: Path,
) -> None:
    install(tmp_path, "MPL-2.0", TEXT | SOURCE)
    (tmp_path / "thing" / "__init__.py").unlink()
    with pytest.raises(SystemExit, match=r"source of thing/__init__\.py"):
        third_party.read_packages(tmp_path, {"thing": "MPL-2.0"}, Path("/"))


@pytest.mark.parametrize(
    ("licence", "source"),
    [
        ("MIT", "https://pypi.org/project/Thing/1.0/"),
        ("GPL-2.0-or-later", "in this image: /site/thing"),
        ("GNU General Public License v2 or later (GPLv2+)", "in this image"),
        ("LGPL-2.1-only", "in this image: /site/thing"),
        ("MPL-2.0", "in this image: /site/thing"),
    ],
)
def test_package_is_listed_with_its_source(
    tmp_path: Path, licence: str, source: str
) -> None:
    install(tmp_path, licence, TEXT | SOURCE)
    (package,) = third_party.read_packages(
        tmp_path, {"thing": licence}, Path("/site")
    )
    assert f"    licence: {licence}\n    source:  {source}" in package.entry()


def test_licence_that_only_its_text_states_is_read_from_that(
    tmp_path: Path,
) -> None:
    text = "The MIT License (MIT)\n\nCopyright (c) 2022 Some Author\n"
    install(tmp_path, "x", SOURCE | dict.fromkeys(TEXT, text))
    (package,) = third_party.read_packages(
        tmp_path, {"thing": "UNKNOWN"}, Path("/site")
    )
    assert package.licence == "MIT"


def test_package_that_only_one_list_has_stops_the_build(
    tmp_path: Path,
) -> None:
    install(tmp_path, "MIT", TEXT | SOURCE)
    with pytest.raises(SystemExit, match="thing"):
        third_party.read_packages(tmp_path, {}, Path("/site"))

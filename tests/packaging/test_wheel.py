# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Contents of the wheel and of the source distribution."""

import re
import subprocess
import sys
import tarfile
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

from msrv import __version__
from tests.packaging.conftest import names_in
from tests.packaging.release_tree import list_files
from tests.store_process import ROOT

BUILD = (sys.executable, "-m", "hatchling", "build")
INFO = f"msrv-{__version__}.dist-info"


def _build(kind: str, source: Path, folder: Path) -> Path:
    """Build a wheel or an sdist as a release does; return its path."""
    subprocess.run(
        [*BUILD, "--target", kind, "--directory", folder],
        cwd=source,
        check=True,
        capture_output=True,
        timeout=600,
    )
    (found,) = folder.glob("msrv-*.*")
    return found


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Source distribution."""
    return _build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


def test_wheel_is_the_whole_package_and_nothing_else(wheel: Path) -> None:
    assert wheel.name == f"msrv-{__version__}-py3-none-any.whl"
    names = set(names_in(wheel))
    units = f"msrv-{__version__}.data/data/share/msrv/systemd/"
    assert {
        name for name in names if not name.startswith((f"{INFO}/", units))
    } == list_files("msrv")
    assert {"msrv/web/templates/front.html", "msrv/demo/store.toml"} <= names


def test_metadata_names_the_extras_and_the_console_script(
    wheel: Path,
) -> None:
    with ZipFile(wheel) as archive:
        metadata = Parser().parsestr(archive.read(f"{INFO}/METADATA").decode())
        scripts = archive.read(f"{INFO}/entry_points.txt").decode()
    assert metadata["Version"] == __version__
    assert metadata["Requires-Python"] == ">=3.11"
    extras = set(metadata.get_all("Provides-Extra", []))
    assert {"stripe", "mysql", "postgresql", "deployer"} <= extras
    plain = " ".join(
        each
        for each in metadata.get_all("Requires-Dist", [])
        if "extra ==" not in each
    )
    assert "aiohttp" in plain
    for package in ("stripe", "aiomysql", "asyncpg", "aiodocker"):
        assert package not in plain
    assert scripts.split("\n")[:2] == [
        "[console_scripts]",
        "msrv = msrv.__main__:main",
    ]


def test_wheel_states_its_licence_and_has_its_texts(wheel: Path) -> None:
    """By PEP 639."""
    with ZipFile(wheel) as archive:
        metadata = Parser().parsestr(archive.read(f"{INFO}/METADATA").decode())
        expression = metadata["License-Expression"]
        assert expression == "AGPL-3.0-or-later AND Bitstream-Vera AND CC0-1.0"
        files = metadata.get_all("License-File", [])
        assert set(files) == {
            "LICENSE",
            "LICENSES/AGPL-3.0-or-later.txt",
            "LICENSES/Bitstream-Vera.txt",
            "LICENSES/CC0-1.0.txt",
            "msrv/demo/LICENSE",
        }
        for name in files:
            packed = archive.read(f"{INFO}/licenses/{name}")
            assert packed == (ROOT / name).read_bytes()


def test_version_is_the_same_everywhere() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    assert f"\nARG VERSION={__version__}\n" in dockerfile
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    newest = re.search(r"^## (.+)$", changes, re.MULTILINE)
    assert newest
    heading = rf"\[{re.escape(__version__)}\] - \d{{4}}-\d\d-\d\d"
    assert newest[1] == "[Unreleased]" or re.fullmatch(heading, newest[1])


def test_source_distribution_has_the_whole_repository(sdist: Path) -> None:
    """Tests and documents too, and no file that git ignores."""
    top = f"msrv-{__version__}"
    assert sdist.name == f"{top}.tar.gz"
    with tarfile.open(sdist) as archive:
        names = {name.removeprefix(f"{top}/") for name in archive.getnames()}
    assert names - {"PKG-INFO"} == list_files()


def test_wheel_of_the_source_distribution_is_the_same(
    sdist: Path, wheel: Path, tmp_path: Path
) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    unpacked = tmp_path / f"msrv-{__version__}"
    result = _build("wheel", unpacked, tmp_path / "result")
    with ZipFile(result) as built, ZipFile(wheel) as other:
        assert {each.filename: each.CRC for each in built.infolist()} == {
            each.filename: each.CRC for each in other.infolist()
        }

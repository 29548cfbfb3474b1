# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Build a release: wheel, source distribution, image, SBOMs and checksums.

    python scripts/make_release.py [--no-image] [--no-cache] [--output dist]

Everything is built from the last commit, in a folder that nothing else is in,
and has its time: the same commit makes the same bytes, as far as
docs/development.md says. The folder of the version appears when all of it is
there.
"""

import argparse
import contextlib
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import bill_of_materials
import image_archive

ROOT = Path(__file__).parents[1]


class ReleaseError(Exception):
    """A release can't be built; its text is one line."""


@dataclass(frozen=True, slots=True)
class Release:
    """Sources of one commit, and the folder of what is built from them."""

    commit: str
    epoch: int
    source: Path
    results: Path
    work: Path

    @property
    def version(self) -> str:
        """Version that the sources state."""
        text = (self.source / "msrv" / "__init__.py").read_text("utf-8")
        found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
        if found is None:
            raise ReleaseError("msrv/__init__.py states no version")
        return found[1]

    @property
    def pyproject(self) -> Path:
        """Path of pyproject.toml."""
        return self.source / "pyproject.toml"

    def check_changelog(self) -> None:
        """Raise ReleaseError unless CHANGELOG.md has this version's date."""
        text = (self.source / "CHANGELOG.md").read_text("utf-8")
        heading = rf"^## \[{re.escape(self.version)}\] - \d{{4}}-\d\d-\d\d$"
        if not re.search(heading, text, re.MULTILINE):
            raise ReleaseError(
                f"CHANGELOG.md has no heading '## [{self.version}] - DATE'"
            )

    def build_packages(self) -> Path:
        """Build the wheel and the source distribution; return the wheel."""
        for target in ("sdist", "wheel"):
            _run(
                *(sys.executable, "-m", "hatchling", "build"),
                *("--target", target, "--directory", str(self.results)),
                cwd=self.source,
                stdout=subprocess.DEVNULL,
            )
        (wheel,) = self.results.glob("*.whl")
        return wheel

    def describe_wheel(self, wheel: Path) -> None:
        """Write the SBOM of the wheel with all extras, as they are locked.

        Nothing is installed: the metadata in the wheels say everything.
        """
        wheels, packages = self.work / "wheels", self.work / "packages"
        _run(
            *(sys.executable, "-m", "pip", "--disable-pip-version-check"),
            *("download", "--quiet", "--no-deps", "--require-hashes"),
            *("--only-binary=:all:", "--dest", str(wheels)),
            *("--requirement", str(self.source / "requirements.txt")),
        )
        for each in (wheel, *wheels.iterdir()):
            with zipfile.ZipFile(each) as archive:
                archive.extractall(  # noqa: S202 - pip has checked its hash
                    packages,
                    [
                        name
                        for name in archive.namelist()
                        if name.partition("/")[0].endswith(".dist-info")
                    ],
                )
        bill = bill_of_materials.describe_packages(
            packages, self.work / "wheel", self.pyproject, self.version
        )
        bill_of_materials.write_bill(
            bill, self.results / f"msrv-{self.version}-wheel.cdx.json"
        )

    def build_image(self, *, cached: bool) -> None:
        """Build the image, write its archive and its SBOM.

        With `cached`, layers of earlier builds are used again.
        """
        id_file = self.work / "image-id"
        arguments = {
            "PYTHON_IMAGE": _base_image(self.source / "deploy/images.env"),
            "REVISION": self.commit,
            "SOURCE_DATE_EPOCH": str(self.epoch),
            "VERSION": self.version,
        }
        _run(
            *("docker", "build", "--quiet", "--iidfile", str(id_file)),
            *(f"--build-arg={name}={arguments[name]}" for name in arguments),
            *(() if cached else ("--no-cache",)),
            str(self.source),
            stdout=subprocess.DEVNULL,
        )
        image = id_file.read_text("utf-8").strip()
        platform = _run("docker", "version", "--format={{.Server.Arch}}")
        name = f"msrv-{self.version}-image-{platform.strip()}"
        try:
            saved = self.work / "image.tar"
            _run("docker", "save", "--output", str(saved), image)
            image_archive.normalize_image(
                saved,
                self.results / f"{name}.tar.gz",
                f"msrv:{self.version}",
                self.epoch,
            )
            self._describe_image(image, self.results / f"{name}.cdx.json")
        finally:
            _run("docker", "image", "rm", image)

    def _describe_image(self, image: str, path: Path) -> None:
        container = _run("docker", "create", image).strip()
        try:
            files = self.work / "files"
            files.mkdir()
            for source in (
                "/usr/local/lib",
                "/usr/lib/os-release",
                "/var/lib/dpkg/status",
                "/var/lib/dpkg/status.d",
            ):
                _run("docker", "cp", f"{container}:{source}", str(files))
        finally:
            _run("docker", "rm", container)
        python = _run(
            *("docker", "run", "--rm", "--network=none"),
            *("--entrypoint=python", image, "--version"),
        )
        (packages,) = files.glob("lib/python*/site-packages")
        bill = bill_of_materials.describe_packages(
            packages, self.work / "image", self.pyproject, self.version
        )
        bill_of_materials.add_system(
            bill,
            python.split()[1],
            (files / "os-release").read_text("utf-8"),
            "\n\n".join(
                each.read_text("utf-8").strip()
                for each in (files / "status", *(files / "status.d").iterdir())
            ),
        )
        bill_of_materials.write_bill(bill, path)

    def write_checksums(self) -> None:
        """Write SHA256SUMS, for `sha256sum --check`."""
        lines = [
            f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
            for path in sorted(self.results.iterdir())
        ]
        (self.results / "SHA256SUMS").write_text("".join(lines), "utf-8")


def _run(
    *command: str, cwd: Path = ROOT, stdout: int = subprocess.PIPE
) -> str:
    """Run a program; return its output. Raises ReleaseError if it fails."""
    try:
        result = subprocess.run(
            command,
            cwd=cwd,
            stdout=stdout,
            text=True,
            check=True,
        )
    except FileNotFoundError:
        raise ReleaseError(f"{command[0]} is not installed") from None
    except subprocess.CalledProcessError as error:
        raise ReleaseError(
            f"{command[0]} failed with status {error.returncode}: "
            f"{' '.join(command[1:4])}"
        ) from error
    return str(result.stdout or "")


def _base_image(file: Path) -> str:
    """Return the reference of the base image in deploy/images.env."""
    found = re.search(
        r"^PYTHON_IMAGE=(\S+)$", file.read_text("utf-8"), re.MULTILINE
    )
    if found is None:
        raise ReleaseError(f"{file.name} names no PYTHON_IMAGE")
    return found[1]


@contextlib.contextmanager
def _checkout(output: Path) -> Iterator[Release]:
    """Unpack the last commit; yield it with an empty folder for results."""
    if _run("git", "status", "--porcelain").strip():
        raise ReleaseError("there are changes that are not committed")
    commit = _run("git", "rev-parse", "HEAD").strip()
    epoch = int(_run("git", "log", "-1", "--format=%ct"))
    archive = subprocess.run(
        ["git", "archive", "--format=tar", commit],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".release-", dir=output) as name:
        folder = Path(name).resolve()
        release = Release(
            commit,
            epoch,
            folder / "source",
            folder / "results",
            folder / "work",
        )
        for each in (release.source, release.results, release.work):
            each.mkdir()
        with tarfile.open(fileobj=io.BytesIO(archive)) as members:
            members.extractall(release.source, filter="data")
        yield release


def make_release(output: Path, *, image: bool, cached: bool) -> Path:
    """Build a release; return its folder. Raises ReleaseError."""
    with _checkout(output) as release:
        target = output / release.version
        if target.exists():
            raise ReleaseError(f"{target} exists: remove it first")
        release.check_changelog()
        # Read by hatchling, cyclonedx-py and the builder of images.
        os.environ["SOURCE_DATE_EPOCH"] = str(release.epoch)
        _report("wheel and source distribution")
        wheel = release.build_packages()
        _report("SBOM of the wheel")
        release.describe_wheel(wheel)
        if image:
            _report("image and its SBOM")
            release.build_image(cached=cached)
        release.write_checksums()
        for path in release.results.iterdir():
            path.chmod(0o644)
        release.results.chmod(0o755)
        shutil.move(release.results, target)
    return target


def _report(step: str) -> None:
    print(f"release: {step}", file=sys.stderr, flush=True)


def main() -> None:
    """Build a release and print the folder's checksums."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--no-image", action="store_true", help="leave the image out"
    )
    parser.add_argument(
        "--no-cache", action="store_true", help="build all layers again"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=ROOT / "dist",
        help="folder in which the version's folder appears (default: dist)",
    )
    options = parser.parse_args()
    os.umask(0o022)
    os.environ["TZ"] = "UTC"
    os.environ["LC_ALL"] = "C.UTF-8"
    try:
        folder = make_release(
            options.output,
            image=not options.no_image,
            cached=not options.no_cache,
        )
    except (
        ReleaseError,
        OSError,
        ValueError,
        subprocess.CalledProcessError,
    ) as error:
        sys.exit(f"release: {error}")
    print((folder / "SHA256SUMS").read_text("utf-8"), end="")
    _report(f"{folder} is complete")


if __name__ == "__main__":
    main()

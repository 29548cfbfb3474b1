# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""List what the image contains besides MSRV: licences, and where sources are.

    pip-licenses --format=json | python third_party.py SITE_PACKAGES

Run while the image is built. It stops the build if a package has an unknown
licence or no text of it, or a licence that asks for sources that the image
doesn't contain.
"""

import json
import re
import subprocess
import sys
import sysconfig
from collections import defaultdict
from importlib import metadata
from pathlib import Path
from typing import Final, NamedTuple

PERMISSIVE: Final = re.compile(r"Apache|BSD|ISC|MIT|PSF|Python Software|Zlib")
COPYLEFT: Final = re.compile(r"GPL|MPL|Mozilla")
"""Licences that ask for the source of what is distributed."""
INCOMPATIBLE: Final = re.compile(
    r"(?<!L)GPL-2\.0(?!-or-later|\+)|(?<!L)GPLv2(?!\+)"
)
"""Licences with which a package can't be part of a program under the AGPL."""
UNSTATED: Final = "UNKNOWN"
"""What pip-licenses reports for a package that states no licence."""
TITLES: Final = {"MIT License": "MIT", "The MIT License (MIT)": "MIT"}
"""First lines of licences' texts: some packages have only the text."""
TEXTS: Final = re.compile("licen[cs]e|copying|notice", re.IGNORECASE)
MIT: Final = """\
MIT License

{copyright}

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE."""
LACKING: Final = {
    "obstore": MIT.format(copyright="Copyright (c) 2024 Development Seed")
}
"""Texts of packages whose wheels state a licence and lack its text."""
RULE: Final = "-" * 78

HEAD: Final = """\
What this image contains besides MSRV, under which licences, and where the
sources are.

MSRV itself is in /app, as source; its licences are in the folder of this file.

The GPL, the LGPL and the MPL ask for sources. Those of the Python packages
under these licences are in the image, where it says so below; those of the
other packages are at the addresses below. The sources of the Debian packages
are at https://snapshot.debian.org, by the names and versions below; their
licences are in /usr/share/doc/*/copyright.
"""

PYTHON: Final = """\
    licence: PSF-2.0, as below
    source:  https://www.python.org/ftp/python/
    pip and what it contains: licences and sources in its folder
"""


class Package(NamedTuple):
    """An installed package, with its licence and the texts of it."""

    name: str
    version: str
    licence: str
    texts: tuple[str, ...]
    folder: str
    lacks_source: tuple[str, ...]

    @property
    def needs_source(self) -> bool:
        """True if its licence asks for its source."""
        return COPYLEFT.search(self.licence) is not None

    def problem(self) -> str:
        """Return why the image can't contain it; nothing if it can."""
        if not self.texts:
            return "has no text of its licence"
        if INCOMPATIBLE.search(self.licence):
            return f"is under {self.licence}, which the AGPL doesn't allow"
        if self.needs_source and self.lacks_source:
            return (
                f"is under {self.licence}, and the image doesn't contain the "
                f"source of {self.lacks_source[0]}: see deploy/slim.py"
            )
        if not self.needs_source and not PERMISSIVE.search(self.licence):
            return f"is under {self.licence!r}: see PERMISSIVE"
        return ""

    def entry(self) -> str:
        """Return its lines in the list."""
        source = f"https://pypi.org/project/{self.name}/{self.version}/"
        if self.needs_source:
            source = f"in this image: {self.folder}"
        return (
            f"{self.name} {self.version}\n"
            f"    licence: {self.licence}\n"
            f"    source:  {source}\n"
        )


def read_package(
    found: metadata.Distribution, licence: str, installed: Path
) -> Package:
    """Return a package. `installed` is where the image has its folder."""
    texts, lacking, folder = [], [], ""
    for file in sorted(found.files or (), key=str):
        path = Path(str(found.locate_file(file)))
        if ".dist-info" in file.parts[0]:
            if TEXTS.match(file.name) and path.is_file():
                texts.append(path.read_text("utf-8").strip())
        elif file.suffix == ".so" or (
            file.suffix == ".py" and not path.exists()
        ):
            lacking.append(str(file))
        elif file.suffix == ".py" and not folder:
            folder = str(installed / file.parts[0])
    if not texts and normalize(found.name) in LACKING:
        texts.append(LACKING[normalize(found.name)])
    if licence == UNSTATED and len(texts) == 1:
        licence = TITLES.get(texts[0].partition("\n")[0], UNSTATED)
    return Package(
        found.name,
        found.version,
        licence,
        tuple(texts),
        folder,
        tuple(lacking),
    )


def read_packages(
    site: Path, licences: dict[str, str], installed: Path
) -> list[Package]:
    """Return the packages of a folder, by name.

    `licences` has the licence of each, by its normalized name. Exits if the
    image can't contain one of them.
    """
    found = {
        normalize(each.name): each
        for each in metadata.distributions(path=[str(site)])
    }
    if found.keys() != licences.keys():
        odd = ", ".join(sorted(found.keys() ^ licences.keys()))
        raise SystemExit(f"listed and not installed, or the reverse: {odd}")
    packages = [
        read_package(found[name], licences[name], installed)
        for name in sorted(found)
    ]
    problems = [
        f"{each.name} {each.version} {problem}"
        for each in packages
        if (problem := each.problem())
    ]
    if problems:
        raise SystemExit("\n".join(problems))
    return packages


def normalize(name: str) -> str:
    """Return a package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def debian_sources() -> list[str]:
    """Return the names and versions of the system's source packages."""
    shown = "${source:Package} ${source:Version}\n"
    output = subprocess.run(  # noqa: S603 - fixed arguments
        ["/usr/bin/dpkg-query", "--show", f"--showformat={shown}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return sorted(set(output.splitlines()))


def write_list(packages: list[Package]) -> str:
    """Return the list of packages, and each text of a licence once."""
    users: defaultdict[str, list[str]] = defaultdict(list)
    for package in packages:
        for text in package.texts:
            users[text].append(package.name)
    python = Path(sysconfig.get_path("stdlib")) / "LICENSE.txt"
    users[python.read_text("utf-8").strip()].append("Python")
    sections = [
        HEAD,
        f"{RULE}\nPython {sys.version.split()[0]}\n{RULE}\n",
        PYTHON,
        f"{RULE}\nPython packages\n{RULE}\n",
        *(each.entry() for each in packages),
        f"{RULE}\nDebian's source packages\n{RULE}\n",
        "\n".join(debian_sources()) + "\n",
    ]
    for text, names in users.items():
        sections.append(f"{RULE}\nText of {', '.join(names)}\n{RULE}\n")
        sections.append(text + "\n")
    return "\n".join(sections)


def main(site: Path) -> None:
    """Print the list for the packages of a folder."""
    licences = {
        normalize(each["Name"]): each["License"]
        for each in json.load(sys.stdin)
    }
    installed = Path(sysconfig.get_path("purelib"))
    print(write_list(read_packages(site, licences, installed)), end="")  # noqa: T201 - its output


if __name__ == "__main__":
    main(Path(sys.argv[1]))

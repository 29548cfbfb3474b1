# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Bills of materials (SBOM) of the wheel and of the image, in CycloneDX.

The same contents make the same bytes: the serial number is derived from the
rest, and the time is SOURCE_DATE_EPOCH's.
https://cyclonedx.org/docs/1.6/json/
"""

import json
import subprocess
import sys
import uuid
import venv
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

_CYCLONEDX = Path(sys.executable).with_name("cyclonedx-py")


def describe_packages(
    packages: Path, work: Path, pyproject: Path, version: str
) -> dict[str, Any]:
    """Return the bill of a folder of installed packages.

    Its root component is the project of `pyproject`. `work` is for an
    environment whose interpreter finds these packages.
    """
    venv.create(work, with_pip=False)
    (own,) = work.glob("lib/python*/site-packages")
    (own / "packages.pth").write_text(f"{packages}\n", "utf-8")
    result = subprocess.run(
        [
            _CYCLONEDX,
            "environment",
            "--output-reproducible",
            "--spec-version=1.6",
            f"--pyproject={pyproject}",
            work / "bin" / "python",
        ],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    bill: dict[str, Any] = json.loads(result.stdout)
    root = bill["metadata"]["component"]
    root |= {"version": version, "purl": f"pkg:pypi/msrv@{version}"}
    return bill


def add_system(
    bill: dict[str, Any], python_version: str, os_release: str, status: str
) -> None:
    """Add an image's Python, and what dpkg's status file lists."""
    release = dict(_assignments(os_release))
    distribution = f"{release['ID']}-{release['VERSION_ID']}"
    found = [
        {
            "type": "operating-system",
            "bom-ref": distribution,
            "name": release["ID"],
            "version": release["VERSION_ID"],
        },
        {
            "type": "application",
            "bom-ref": f"python=={python_version}",
            "name": "python",
            "version": python_version,
            "purl": f"pkg:generic/python@{python_version}",
        },
    ]
    for paragraph in status.strip().split("\n\n"):
        package = HeaderParser().parsestr(paragraph)
        if not package["Status"].endswith(" installed"):
            continue
        name, version = package["Package"], package["Version"]
        purl = (
            f"pkg:deb/{release['ID']}/{quote(name)}@{quote(version)}"
            f"?arch={package['Architecture']}&distro={distribution}"
        )
        found.append(
            {
                "type": "library",
                "bom-ref": purl,
                "name": name,
                "version": version,
                "purl": purl,
            }
        )
    bill["components"] += sorted(found, key=lambda each: each["bom-ref"])
    bill["dependencies"] += [{"ref": each["bom-ref"]} for each in found]
    bill["dependencies"].sort(key=lambda each: str(each["ref"]))
    bill["metadata"]["component"]["type"] = "container"


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    """Parse lines of `NAME="value"`, as os-release(5) describes them."""
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            yield name, value.strip("\"'")


def write_bill(bill: dict[str, Any], path: Path) -> None:
    """Write a bill with its serial number. Raises ValueError if invalid."""
    name = json.dumps(bill, sort_keys=True)
    number = uuid.uuid5(uuid.NAMESPACE_URL, name)
    bill["serialNumber"] = f"urn:uuid:{number}"
    text = json.dumps(bill, indent=2, sort_keys=True) + "\n"
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error is not None:
        raise ValueError(f"{path.name} is not CycloneDX: {error}")
    path.write_text(text, "utf-8")

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""docs/security.md names only existing tests."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = (ROOT / "docs" / "security.md").read_text("utf-8")
NAMED: Final = re.findall(r"`(tests/[\w/.]+)(?:::(\w+))?", PAGE)


def test_named_tests_exist() -> None:
    assert len(NAMED) > 100
    lost = []
    for file, name in NAMED:
        path = ROOT / file
        if not path.exists():
            lost.append(file)
        elif name and not re.search(
            rf"(?:def|class) {name}\b|^{name}\b",
            path.read_text("utf-8") if path.is_file() else "",
            re.MULTILINE,
        ):
            lost.append(f"{file}::{name}")
    assert lost == []


def test_every_finding_has_a_row() -> None:
    labels = {
        label
        for row in re.findall(r"^\| ([^|]+) \|", PAGE, re.MULTILINE)
        for label in re.findall(r"\b[FHMLI][0-9]+\b", row)
    }
    wanted = {f"F{n}" for n in range(1, 16)} | {"H1", "H2"}
    wanted |= {f"M{n}" for n in range(1, 18)}
    wanted |= {f"L{n}" for n in range(1, 10)} | {f"I{n}" for n in range(1, 5)}
    assert wanted - labels == set()

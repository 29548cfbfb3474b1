# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""docs/proofs.md: its examples are current, and its program runs."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from msrv.proofs.keyring import Purpose
from msrv.proofs.orders import MAX_LINES

Run = Callable[[str], subprocess.CompletedProcess[str]]

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "proofs.md").read_text(encoding="utf-8")


def vectors(name: str) -> dict[str, Any]:
    path = ROOT / "tests" / "vectors" / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def test_examples_in_the_document_are_the_vectors() -> None:
    keys, link = (vectors("links")[name] for name in ("keys", "made"))
    receipt = vectors("receipts")["made"][0]
    short = vectors("short_receipts")["made"][0]
    quote = vectors("quotes")["made"][0]
    code = vectors("codes")["made"][0]
    for shown in (
        *keys["current"].values(),
        link[0]["order_id"],
        link[0]["path"],
        str(link[0]["expires_at"]),
        canonical(receipt["header"]),
        canonical(receipt["payload"]),
        receipt["token"],
        short["token"],
        short["body"],
        canonical(quote["payload"]),
        quote["token"],
        code["code"],
        code["code_id"],
        json.dumps(vectors("retired_keys")["list"], indent=2),
        *(f"| `{purpose.value}` |" for purpose in Purpose),
        f"1 to {MAX_LINES}",
    ):
        assert shown in PAGE


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the page's program, as it is told to be run."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    script = tmp_path / "check_receipt.py"
    script.write_text(program, encoding="utf-8")
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps(vectors("receipts")["jwks"]), encoding="utf-8")

    def run(token: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(script), token, str(jwks)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


@pytest.mark.parametrize("number", [0, 1])
def test_program_in_the_document_verifies_receipts(
    run: Run, number: int
) -> None:
    made = vectors("receipts")["made"][number]
    done = run(made["token"])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == made["payload"]


@pytest.mark.parametrize(
    "name",
    ["alg none", "alg HS256", "an unknown kid", "another signature"],
)
def test_program_in_the_document_rejects_forged_receipts(
    run: Run, name: str
) -> None:
    cases = vectors("receipts")["cases"]
    (case,) = [case for case in cases if case["name"] == name]
    done = run(case["token"])
    assert done.returncode != 0
    assert not done.stdout

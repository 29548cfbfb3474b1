# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`deploy/secrets.sh`: `NONCE`, and the passwords of the database."""

import re
import subprocess
from pathlib import Path

from tests.store_process import ROOT

FORMS = {
    "nonce": r"([0-9a-f]{64})\n",
    "db_root": r"([0-9a-f]{48})\n",
    "db_store": r"mysql://store:([0-9a-f]{48})@db/msrv\n",
    "db_migrator": r"mysql://migrator:([0-9a-f]{48})@db/msrv\n",
}


def run_script(folder: Path) -> dict[str, str]:
    """Run the script; return the contents of each file."""
    result = subprocess.run(
        [ROOT / "deploy" / "secrets.sh", folder],
        capture_output=True,
        text=True,
        check=True,
    )
    texts = {path.name: path.read_text("ascii") for path in folder.iterdir()}
    for text in texts.values():
        assert text.strip() not in result.stdout + result.stderr
    return texts


def test_secrets_differ_and_have_their_format(tmp_path: Path) -> None:
    texts = run_script(tmp_path / "made" / "secrets")
    assert texts.keys() == FORMS.keys()
    found = [re.fullmatch(FORMS[name], text) for name, text in texts.items()]
    assert len({each[1] for each in found if each}) == len(FORMS)


def test_secrets_are_readable_in_containers_and_to_no_other_user(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "secrets"
    run_script(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        0o444
    }


def test_existing_secrets_are_kept(tmp_path: Path) -> None:
    made = run_script(tmp_path)
    (tmp_path / "db_store").unlink()
    again = run_script(tmp_path)
    changed = {name for name in FORMS if made[name] != again[name]}
    assert changed == {"db_store"}

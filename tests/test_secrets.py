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


def make(folder: Path) -> dict[str, str]:
    """Run it: what is in each file after that."""
    said = subprocess.run(
        [ROOT / "deploy" / "secrets.sh", folder],
        capture_output=True,
        text=True,
        check=True,
    )
    texts = {path.name: path.read_text("ascii") for path in folder.iterdir()}
    for text in texts.values():
        assert text.strip() not in said.stdout + said.stderr
    return texts


def test_each_has_a_password_of_its_own(tmp_path: Path) -> None:
    """Whoever breaks into the store can change its tables, too."""
    texts = make(tmp_path / "made" / "secrets")
    assert texts.keys() == FORMS.keys()
    found = [re.fullmatch(FORMS[name], text) for name, text in texts.items()]
    assert len({each[1] for each in found if each}) == len(FORMS)


def test_a_container_reads_them_and_a_neighbour_does_not(
    tmp_path: Path,
) -> None:
    """The database does not start, or anyone on the machine has its key."""
    folder = tmp_path / "secrets"
    make(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        0o444
    }


def test_what_is_there_stays(tmp_path: Path) -> None:
    """Run twice, it locks the store out of its own database."""
    made = make(tmp_path)
    (tmp_path / "db_store").unlink()
    again = make(tmp_path)
    changed = {name for name in FORMS if made[name] != again[name]}
    assert changed == {"db_store"}

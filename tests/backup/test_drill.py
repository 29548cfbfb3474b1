# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Drills: a store that was killed comes back, or the drill names what not."""

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pyrage import x25519

from msrv import settings as settings_room
from msrv.backup.drill_store import environment
from tests.backup.filled_stores import StoreFolder, names_in
from tests.backup.running_shop import Shop, make_library
from tests.store_process import ROOT

SECONDS = 600
ITEMS = ("departure", "night-bus", "zine", "departure")


@dataclass
class SoldShop:
    """Killed store that has sold, its newest backup, and its settings."""

    folder: Path
    receipts: list[str]
    environ: dict[str, str]
    scratch: Path = field(init=False)

    def __post_init__(self) -> None:
        self.scratch = self.folder / "scratch"
        self.scratch.mkdir(exist_ok=True)

    def run(
        self, *arguments: str, **environ: str
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "msrv", *arguments],
            cwd=ROOT,
            env=self.environ | environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )

    def drill(
        self, *arguments: str, **environ: str
    ) -> "subprocess.CompletedProcess[str]":
        result = self.run(
            "drill", "--scratch", str(self.scratch), *arguments, **environ
        )
        assert names_in(self.scratch) == []
        return result


def versions_of(item_id: str, folder: Path) -> list[str]:
    """Return the SHA-256 of an item that the ledger has seen."""
    with contextlib.closing(
        sqlite3.connect(folder / "data" / "ledger.sqlite3")
    ) as ledger:
        return [
            str(sha256)
            for (sha256,) in ledger.execute(
                "SELECT sha256 FROM item_contents WHERE item_id = ?",
                (item_id,),
            )
        ]


@pytest.fixture(scope="module")
def sold_shop(tmp_path_factory: pytest.TempPathFactory) -> SoldShop:
    """Store that was killed after four sales, one of them refunded."""
    folder = tmp_path_factory.mktemp("drill")
    make_library(folder / "library")
    shop = Shop(folder).start()
    try:
        receipts = [shop.buy(item) for item in ITEMS]
        refunded = shop.order_id(receipts[-1])
        until = time.monotonic() + SECONDS
        while True:  # until the sale is in the database
            try:
                shop.store.run("revoke", refunded)
                break
            except subprocess.CalledProcessError:
                assert time.monotonic() < until
        receipts.append(shop.buy("zine"))
        while not versions_of("zine", folder):  # every few seconds
            assert time.monotonic() < until
            time.sleep(0.1)
    finally:
        shop.kill()
    environ = shop.store.environ | {"MSRV_BACKUPS": str(folder / "backups")}
    sold = SoldShop(folder, receipts, environ)
    made = sold.run("backup")
    assert made.returncode == 0, made.stderr
    return sold


def test_drill_comes_back(sold_shop: SoldShop) -> None:
    data = StoreFolder(sold_shop.folder / "data")
    before = data.files(), data.rows()
    result = sold_shop.drill()
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    *lines, last = result.stdout.splitlines()
    assert re.fullmatch(
        r"back in [0-9,]+ seconds?, 5 of 5 receipts open", last
    )
    shown = {line[:10].strip(): line[10:] for line in lines}
    assert shown["orders"] == "5, 1 line refunded"
    # Both songs, the book and the release as a whole.
    assert shown["items"] == "4 fetched, with and without the ledger"
    assert (data.files(), data.rows()) == before


def test_report_is_json_for_programs(sold_shop: SoldShop) -> None:
    result = sold_shop.drill("--json")
    data = json.loads(result.stdout)
    assert data["back"] is True
    assert (data["receipts"], data["open_receipts"], data["items"]) == (
        5,
        5,
        4,
    )
    assert data["missing"] == []
    assert 0 < data["seconds"] <= data["total_seconds"]


@pytest.fixture
def changed_library(sold_shop: SoldShop, tmp_path: Path) -> Path:
    """Copy of the library, to change."""
    copy = tmp_path / "library"
    shutil.copytree(sold_shop.folder / "library", copy)
    return copy


def test_missing_file_is_named(
    sold_shop: SoldShop, changed_library: Path
) -> None:
    (changed_library / "Zine" / "zine.pdf").unlink()
    result = sold_shop.drill("--library", str(changed_library))
    assert result.returncode == 1
    assert result.stdout.splitlines()[-1] == (
        "not back: 5 of 5 receipts open, 1 missing"
    )
    (line,) = result.stderr.splitlines()
    assert re.fullmatch(r"missing: .+ \(zine\): .+", line)


def test_renamed_and_changed_files_are_no_loss(
    sold_shop: SoldShop, changed_library: Path
) -> None:
    (changed_library / "Zine").rename(changed_library / "Our Zine")
    path = changed_library / "Our Zine" / "zine.pdf"
    path.write_bytes(path.read_bytes() + b"corrected")
    result = sold_shop.drill("--library", str(changed_library))
    assert result.returncode == 0, result.stderr
    assert "1 of them changed since they were sold" in result.stdout


def test_receipts_of_buyers_are_opened_too(
    sold_shop: SoldShop, tmp_path: Path
) -> None:
    mail = tmp_path / "mail.txt"
    mail.write_text(
        f"Thank you!\nhttps://shop.example{sold_shop.receipts[0]}\n"
    )
    head, _, signature = sold_shop.receipts[1].rpartition(".")
    forged = f"{head}.{signature[::-1]}"
    result = sold_shop.drill(
        f"--receipt={sold_shop.receipts[2]}",
        f"--receipt={mail}",
        f"--receipt={forged}",
    )
    assert result.returncode == 1
    assert "7 of 8 receipts open" in result.stdout
    (line,) = result.stderr.splitlines()
    assert "receipt 3 of those given" in line


def test_another_nonce_is_no_way_back(sold_shop: SoldShop) -> None:
    result = sold_shop.drill(NONCE="another nonce: 7Yh2-Lpx7-Rr4T-wP0e-Zz81")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: NONCE is not that of the backup")


def test_encrypted_backup_needs_no_other_secret(sold_shop: SoldShop) -> None:
    key = x25519.Identity.generate()
    file = sold_shop.folder / "key.txt"
    file.write_text(f"{key}\n")
    path = sold_shop.folder / "encrypted.age"
    made = sold_shop.run(
        "backup",
        "--with-nonce",
        f"--recipient={key.to_public()}",
        f"--output={path}",
    )
    assert made.returncode == 0, made.stderr
    environ = {k: v for k, v in sold_shop.environ.items() if k != "NONCE"}
    # After a total loss: another data folder, and no NONCE.
    environ["MSRV_DATA"] = str(sold_shop.folder / "nothing")
    lost = SoldShop(sold_shop.folder, [], environ)
    result = lost.drill(str(path), f"--identity={file}")
    assert result.returncode == 0, result.stderr
    assert "5 of 5 receipts open" in result.stdout
    assert not (sold_shop.folder / "nothing").exists()


def test_damaged_backup_is_named(sold_shop: SoldShop, tmp_path: Path) -> None:
    (newest,) = (sold_shop.folder / "backups").iterdir()
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(newest.read_bytes()[:-100])
    result = sold_shop.drill(str(cut))
    assert result.returncode == 1
    assert result.stderr == "Error: the backup is cut short\n"


def _processes_in(folder: Path) -> list[int]:
    """Return the processes whose working folder is in a folder."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if each.joinpath("cwd").readlink().is_relative_to(folder):
                found.append(int(each.name))
        except OSError:
            continue
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
def test_store_of_a_killed_drill_ends(
    sold_shop: SoldShop, tmp_path: Path, by: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "msrv", "drill", f"--scratch={tmp_path}"],
        cwd=ROOT,
        env=sold_shop.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + SECONDS
    while not _processes_in(tmp_path):
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(by)
    process.wait(SECONDS)
    while _processes_in(tmp_path):
        assert time.monotonic() < until
        time.sleep(0.05)
    if by is signal.SIGTERM:
        assert names_in(tmp_path) == []


def test_store_of_a_drill_has_no_secrets_but_nonce(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can send no mail, take no payment, and reach no other database."""
    environ = {
        "NONCE": "a nonce",
        "MSRV_LIBRARY": str(tmp_path),
        "MSRV_DATA": "/var/lib/msrv",
        "MSRV_DATABASE": "mysql://u:secret@db.internal/msrv",
        "MSRV_SMTP_URL": "smtps://u:secret@relay.example",
        "MSRV_MAIL_FROM": "shop@example.org",
        "MSRV_PUBLIC_URL": "https://shop.example",
        "MSRV_STRIPE_KEY": "sk_live_secret",
        "MSRV_STRIPE_WEBHOOK_SECRET": "whsec_secret",
        "HTTPS_PROXY": "http://secret@proxy",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    settings = settings_room.load()
    data = tmp_path / "scratch" / "data"
    found = environment(data.parent, data, settings, {"NONCE": "a nonce"})
    assert not [name for name, each in found.items() if "secret" in each]
    store = settings_room.load(found)
    assert store.data == data
    assert store.database is None
    assert store.smtp_url is None
    assert store.stripe_key is None
    assert store.public_url is None
    assert store.host == "127.0.0.1"
    assert not store.accepts_simulated_payments
    assert os.environ["MSRV_STRIPE_KEY"]  # nothing was changed here

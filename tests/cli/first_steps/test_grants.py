# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`grant`: from a list of buyers to receipts that open."""

import contextlib
import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.cli.first_steps.grant_output import ReceiptPrinter
from msrv.ledger.db.grants import GrantedOrder
from msrv.mail.outbox import Outbox
from msrv.mail.receipt_mail import ReceiptMail
from msrv.orders.grants.buyer_list import Buyer
from msrv.orders.grants.granted_orders import Grant
from msrv.proofs import receipts
from msrv.proofs.keyring import Keyring
from tests.cli.conftest import Cli

LIST = "name,email,order\nAnn,ann@example.org,1\nBob,Bob@Example.org,2\n"
MAIL = {
    "MSRV_SMTP_URL": "smtp://localhost:1",
    "MSRV_MAIL_FROM": "shop@example.org",
    "MSRV_PUBLIC_URL": "https://shop.example",
}


@pytest.fixture
def buyers(tmp_path: Path) -> str:
    """Path of a list of two buyers."""
    path = tmp_path / "buyers.csv"
    path.write_text(LIST, encoding="utf-8")
    return str(path)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def count_orders(data: Path) -> int:
    with sqlite3.connect(data / "ledger.sqlite3") as connection:
        found = connection.execute("SELECT COUNT(*) FROM orders").fetchone()
    connection.close()
    return int(found[0])


def tokens(text: str) -> Iterator[str]:
    for row in rows(text):
        yield row["receipt"].rpartition("/")[2]


def test_each_buyer_gets_a_receipt(
    cli: Cli, buyers: str, keyring: Keyring
) -> None:
    result = cli(
        "grant", buyers, "night-bus", "--base-url", "https://s.example"
    )
    assert result.exit_code == 0, result.stderr
    found = rows(result.stdout)
    assert [each["email"] for each in found] == [
        "ann@example.org",
        "Bob@Example.org",
    ]
    assert [each["state"] for each in found] == ["new", "new"]
    for row in found:
        assert row["receipt"].startswith("https://s.example/purchases/")
        receipt = receipts.read(keyring, row["receipt"].rpartition("/")[2])
        assert receipt.order_id == row["order"]
        assert receipt.provider == "grant"
        assert receipt.total_minor == 0
        assert [line.item_id for line in receipt.lines] == ["night-bus"]
    assert "2 new, 0 given before" in result.stderr


def test_same_list_makes_the_same_receipts(
    cli: Cli, buyers: str, tmp_path: Path
) -> None:
    first = cli("grant", buyers, "night-bus")
    # Another time, another order of the rows, one more buyer.
    Path(buyers).write_text(
        "E-Mail;Order\nnew@example.org;3\nbob@EXAMPLE.org;2\n"
        "ann@example.org;1\n"
    )
    again = cli("grant", buyers, "night-bus")
    assert set(tokens(first.stdout)) < set(tokens(again.stdout))
    assert [each["state"] for each in rows(again.stdout)] == [
        "new",
        "known",
        "known",
    ]
    assert count_orders(tmp_path / "data") == 3


def test_receipts_survive_a_change_of_nonce(cli: Cli, buyers: str) -> None:
    first = cli("grant", buyers, "night-bus")
    changed = cli(
        *("grant", buyers, "night-bus"),
        NONCE="another nonce: 9Jk2-Lmx7-Rr4T-wP0e-Zz81",
        NONCE_PREVIOUS=cli.environ["NONCE"],
    )
    assert [each["order"] for each in rows(changed.stdout)] == [
        each["order"] for each in rows(first.stdout)
    ]


def test_sources_with_the_same_numbers_are_apart(
    cli: Cli, buyers: str
) -> None:
    first = cli("grant", buyers, "night-bus", "--source", "gumroad")
    second = cli("grant", buyers, "night-bus", "--source", "itch")
    assert set(tokens(first.stdout)).isdisjoint(tokens(second.stdout))
    assert "--source" in cli("grant", buyers, "x", "--source", "A b").stderr


def test_receipts_as_json(cli: Cli, buyers: str) -> None:
    listed = rows(cli("grant", buyers, "night-bus").stdout)
    result = cli("grant", buyers, "night-bus", "--json")
    assert json.loads(result.stdout) == [
        row | {"state": "known"} for row in listed
    ]


def test_mails_are_queued_once(cli: Cli, buyers: str, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "data" / "outbox")
    result = cli("grant", buyers, "night-bus", "--mail", **MAIL)
    assert result.exit_code == 0, result.stderr
    assert "2 mails queued" in result.stdout
    assert "/purchases/" not in result.output
    queued = outbox.pending()
    mails = [outbox.read(each) for each in queued]
    assert {mail.to for mail in mails if mail} == {
        "ann@example.org",
        "Bob@Example.org",
    }
    for mail in mails:
        assert isinstance(mail, ReceiptMail)
        assert mail.titles == ("Night Bus",)
    for each in queued:
        outbox.mark_done(each)
    # Long after the outbox has forgotten them.
    outbox.remove_old(4e9)
    again = cli("grant", buyers, "night-bus", "--mail", "--json", **MAIL)
    assert json.loads(again.stdout)["mails_queued"] == 0
    assert outbox.pending() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_store_can_read_the_mails_that_root_queues(
    cli: Cli, buyers: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir(exist_ok=True)
    os.chown(data, 12345, 12345)
    result = cli("grant", buyers, "night-bus", "--mail", **MAIL)
    assert result.exit_code == 0, result.stderr
    queued = [data / "outbox", *(data / "outbox").rglob("*")]
    assert len(queued) == 4
    assert {each.stat().st_uid for each in queued} == {12345}


def test_list_first_and_mail_later(cli: Cli, buyers: str) -> None:
    listed = cli("grant", buyers, "night-bus")
    mailed = cli("grant", buyers, "night-bus", "--mail", "--json", **MAIL)
    found = json.loads(mailed.stdout)
    assert (found["known"], found["mails_queued"]) == (2, 2)
    assert rows(listed.stdout)


def test_revoked_grant_is_not_mailed(cli: Cli, buyers: str) -> None:
    first, _ = rows(cli("grant", buyers, "night-bus").stdout)
    assert cli("revoke", first["order"]).exit_code == 0
    mailed = cli("grant", buyers, "night-bus", "--mail", "--json", **MAIL)
    found = json.loads(mailed.stdout)
    assert (found["revoked"], found["mails_queued"]) == (1, 1)
    listed = rows(cli("grant", buyers, "night-bus").stdout)
    assert [each["state"] for each in listed] == ["revoked", "known"]


def test_dry_run_changes_nothing(
    cli: Cli, buyers: str, tmp_path: Path
) -> None:
    result = cli("grant", buyers, "night-bus", "--dry-run", "--json")
    found = json.loads(result.stdout)
    assert (found["new"], found["known"], found["dry_run"]) == (2, 0, True)
    cli("grant", buyers, "night-bus")
    Path(buyers).write_text(LIST + "Cy,cy@example.org,3\n")
    result = cli("grant", buyers, "night-bus", "--dry-run", "--mail", **MAIL)
    assert "1 new, 2 given before" in result.stdout
    assert "nothing was changed" in result.stdout
    assert count_orders(tmp_path / "data") == 2
    assert Outbox(tmp_path / "data" / "outbox").pending() == []


def test_one_bad_row_stops_all(cli: Cli, buyers: str, tmp_path: Path) -> None:
    Path(buyers).write_text(LIST + "Cy,nonsense,3\n,,\nDee,,4\n")
    result = cli("grant", buyers, "night-bus", "--mail", **MAIL)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert (
        "problem: buyers.csv:4: 'nonsense' is not a mail address"
        in result.stderr
    )
    assert "problem: buyers.csv:6: has no address" in result.stderr
    assert "nobody was given anything" in result.stderr
    assert not (tmp_path / "data" / "ledger.sqlite3").exists()


def test_formulas_in_names_are_only_text(cli: Cli, buyers: str) -> None:
    Path(buyers).write_text(
        'name,email,order\n"=HYPERLINK(""x"")",a@example.org,-1\n'
    )
    (row,) = rows(cli("grant", buyers, "night-bus").stdout)
    assert row["name"].startswith("'=")
    assert row["reference"] == "'-1"


@given(st.text(), st.text())
def test_any_text_is_one_harmless_cell(name: str, reference: str) -> None:
    buyer = Buyer(2, "ann@example.org", name, reference)
    order = GrantedOrder("A" * 24, 0, "EUR", is_new=True)
    out = io.StringIO(newline="")
    with contextlib.redirect_stdout(out):
        printer = ReceiptPrinter("https://shop.example", as_json=False)
        printer.write([Grant(buyer, order, "token")] * 2)
    header, *found = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert len(found) == 2
    for row in found:
        assert len(row) == len(header)
        assert not row[1].startswith(("=", "+", "-", "@"))
        assert row[4] == "https://shop.example/purchases/token"


def test_bandcamp_report_of_several_releases(cli: Cli, tmp_path: Path) -> None:
    report = tmp_path / "report.csv"
    report.write_text(
        "item type,item name,bandcamp transaction id,buyer email\n"
        "album,Night Bus,1,ann@example.org\n"
        "album,Night Bus (vinyl),2,bob@example.org\n"
        "album,Other,3,cy@example.org\n",
        encoding="utf-16",
    )
    result = cli("grant", str(report), "night-bus", "--dry-run", "--json")
    found = json.loads(result.stdout)
    assert (found["source"], found["buyers"]) == ("bandcamp", 1)
    result = cli(
        *("grant", str(report), "night-bus", "--dry-run", "--json"),
        *("--item", "Night Bus", "--item", "night bus (VINYL)"),
    )
    assert json.loads(result.stdout)["buyers"] == 2
    result = cli("grant", str(report), "zine", "--dry-run")
    assert result.exit_code == 1
    assert "choose one with --item" in result.stderr


def test_release_of_one_file_is_that_file(
    cli: Cli, buyers: str, keyring: Keyring
) -> None:
    items = json.loads(cli("check", "--json").stdout)["items"]
    (zine,) = (each for each in items if each["file"].startswith("Zine/"))
    result = cli("grant", buyers, zine["release"])
    token = next(tokens(result.stdout))
    (line,) = receipts.read(keyring, token).lines
    assert line.item_id == zine["item_id"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["BUYERS", "nothing"], "there is no release 'nothing'; `msrv check`"),
        (["/nowhere.csv", "night-bus"], "/nowhere.csv: No such file"),
        (["/", "night-bus"], "/: Is a directory"),
        (["BUYERS", "night-bus", "--mail"], "--mail needs MSRV_SMTP_URL"),
    ],
)
def test_what_cannot_be_granted_is_one_line(
    cli: Cli, buyers: str, arguments: list[str], error: str
) -> None:
    arguments = [each.replace("BUYERS", buyers) for each in arguments]
    result = cli("grant", *arguments)
    assert result.exit_code == 1
    assert error in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.output


def test_output_that_is_full_is_named(cli: Cli, buyers: str) -> None:
    """Not the list; the receipts are recorded, and the same the next time."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "msrv", "grant", buyers, "night-bus"],
            cwd=Path(__file__).parents[3],
            env=os.environ | cli.environ,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=120,
        )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        b"Error: standard output: No space left on device"
    )
    again = rows(cli("grant", buyers, "night-bus").stdout)
    assert [row["state"] for row in again] == ["known", "known"]


def test_list_on_standard_input(cli: Cli) -> None:
    result = cli("grant", "-", "night-bus", stdin=LIST)
    assert len(rows(result.stdout)) == 2


def test_unavailable_ledger_grants_nothing(cli: Cli, buyers: str) -> None:
    result = cli(
        *("grant", buyers, "night-bus", "--mail"),
        **MAIL,
        MSRV_DATABASE="mysql://a:b@127.0.0.1:1/x",
    )
    assert result.exit_code == 1
    assert "database" in result.stderr.splitlines()[-1]
    assert not (Path(cli.environ["MSRV_DATA"]) / "outbox").exists()


def test_list_may_be_a_pipe(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with ThreadPoolExecutor() as threads:
        threads.submit(path.write_text, LIST, "utf-8")
        result = cli("grant", str(path), "night-bus")
    assert result.exit_code == 0, result.stderr
    assert len(rows(result.stdout)) == 2

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Check of the certificate: dates, names, chain and key."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from msrv.acme.pem import bundle
from msrv.acme.renewal import Attempts
from msrv.acme.rules import CertificateRules
from msrv.acme.state import Progress, StateFolder
from msrv.health_checks.certificate import WARNING_DAYS, check_certificate
from msrv.health_checks.findings import CheckContext, Finding, Outcome
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from tests.health_checks.conftest import MakeContext

NOW = datetime(2027, 1, 15, tzinfo=UTC)
PASS, WARN, FAIL = Outcome.PASS, Outcome.WARN, Outcome.FAIL


class Pair:
    """Certificate and key in files, and a check of them."""

    def __init__(
        self, folder: Path, settings: Settings, keyring: Keyring
    ) -> None:
        self.cert, self.key = folder / "cert.pem", folder / "key.pem"
        self._settings, self._keyring = settings, keyring

    def write(
        self,
        *names: str,
        days: float = 60,
        since: float = -1,
        chain: bool = True,
    ) -> None:
        root = trustme.CA()
        leaf = root.create_child_ca().issue_cert(
            *(names or ("shop.example",)),
            not_before=NOW + timedelta(days=since),
            not_after=NOW + timedelta(days=days),
        )
        pems = leaf.cert_chain_pems if chain else leaf.cert_chain_pems[:1]
        self.cert.write_bytes(b"".join(each.bytes() for each in pems))
        self.key.write_bytes(leaf.private_key_pem.bytes())
        self.key.chmod(0o600)

    async def findings(self) -> list[Finding]:
        context = CheckContext(
            settings=self._settings.model_copy(
                update={
                    "tls": "auto",
                    "tls_cert": self.cert,
                    "tls_key": self.key,
                    "public_url": "https://shop.example",
                }
            ),
            keyring=self._keyring,
            clock=NOW.timestamp,
        )
        found = list(await check_certificate(context))
        assert all(bool(e.fix) == (e.outcome is not PASS) for e in found)
        return found


@pytest.fixture
def pair(tmp_path: Path, settings: Settings, keyring: Keyring) -> Pair:
    return Pair(tmp_path, settings, keyring)


@pytest.mark.parametrize(
    ("days", "outcome", "text"),
    [
        (60, PASS, "valid until 2027-03-16 (days left: 60)"),
        (WARNING_DAYS, PASS, "(days left: 14)"),
        (WARNING_DAYS - 0.5, WARN, "(days left: 13)"),
        (0.5, WARN, "(days left: 0)"),
        (-0.5, FAIL, "expired on 2027-01-14"),
    ],
)
async def test_days_of_a_certificate(
    pair: Pair, days: float, outcome: Outcome, text: str
) -> None:
    pair.write(days=days)
    (found,) = await pair.findings()
    assert found.outcome is outcome
    assert text in found.text


@pytest.mark.parametrize(
    ("names", "covered"),
    [
        (("shop.example",), True),
        (("other.example", "shop.example"), True),
        (("*.example",), True),
        (("www.shop.example",), False),
        (("*.shop.example",), False),
    ],
)
async def test_names_of_a_certificate(
    pair: Pair,
    names: tuple[str, ...],
    covered: bool,  # noqa: FBT001 - a case
) -> None:
    pair.write(*names)
    texts = [each.text for each in await pair.findings()]
    assert any("is not for shop.example" in each for each in texts) != covered


async def test_certificate_that_is_not_valid_yet(pair: Pair) -> None:
    pair.write(since=2)
    first, _ = await pair.findings()
    assert first.outcome is FAIL
    assert "not valid before 2027-01-17" in first.text


async def test_certificate_without_its_chain(pair: Pair) -> None:
    pair.write(chain=False)
    first, second = await pair.findings()
    assert (first.outcome, second.outcome) == (WARN, PASS)
    assert "no intermediate certificate" in first.text


async def test_key_of_another_pair(pair: Pair) -> None:
    pair.write()
    pair.key.write_bytes(trustme.CA().issue_cert("a").private_key_pem.bytes())
    first, _ = await pair.findings()
    assert first.outcome is FAIL
    assert "is not the key of the certificate" in first.text


async def test_key_that_everyone_can_read(pair: Pair) -> None:
    pair.write()
    pair.key.chmod(0o644)
    first, _ = await pair.findings()
    assert first.outcome is WARN
    assert first.fix == f"chmod o-rwx {pair.key}"


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN", b"\xff\x00"])
async def test_files_that_cannot_be_read(
    pair: Pair, content: bytes | None
) -> None:
    for path in (pair.key, pair.cert):
        pair.write()
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        first, *_ = await pair.findings()
        assert first.outcome is FAIL
        assert f"{path} can't be read" in first.text
        assert path.name.split(".")[0].upper() in first.fix


async def test_other_configurations(context: MakeContext) -> None:
    (found,) = await check_certificate(context(tls="auto"))
    assert found.outcome is WARN
    assert "development certificate" in found.text
    (found,) = await check_certificate(context())
    assert found.outcome is PASS
    (found,) = await check_certificate(
        context(public_url="http://shop.example")
    )
    assert found.outcome is WARN
    (found,) = await check_certificate(
        context(public_url="https://shop.invalid")
    )
    assert "can't be seen from here" in found.text


def issue(state: StateFolder, days: int) -> None:
    """Write a certificate of shop.example that expires in some days."""
    issued = trustme.CA().issue_cert(
        "shop.example",
        not_before=NOW - timedelta(days=30),
        not_after=NOW + timedelta(days=days, hours=1),
    )
    state.save_certificate(
        bundle(
            "https://acme.example/dir",
            issued.private_key_pem.bytes(),
            issued.cert_chain_pems[0].bytes(),
        )
    )


@pytest.mark.parametrize(
    ("names", "text", "outcome", "then"),
    [
        (("new.example",), "is not for new.example", FAIL, "waiting for a"),
        (
            ("www.example", "shop.example"),
            "is not for www.example",
            PASS,
            "shop.example is valid until",
        ),
    ],
)
async def test_certificate_without_a_name_of_the_store_fails(
    context: MakeContext,
    tmp_path: Path,
    names: tuple[str, ...],
    text: str,
    outcome: Outcome,
    then: str,
) -> None:
    """After a change of MSRV_DOMAIN, until the next one is issued."""
    made = context(
        tls="auto",
        domain=names,
        public_url=f"https://{names[0]}",
        acme_directory="https://acme.example/dir",
        data=tmp_path / "store",
    )
    state = StateFolder(made.settings.data)
    state.create()
    issue(state, 60)
    first, second = await check_certificate(replace(made, clock=NOW.timestamp))
    assert first.outcome is FAIL
    assert text in first.text
    assert second.outcome is outcome
    assert then in second.text


@pytest.mark.parametrize(
    ("days", "problem", "outcome", "text"),
    [
        (None, None, FAIL, "waiting for a certificate from acme.example"),
        (None, "port 80", FAIL, "port 80"),
        (60, None, PASS, "shop.example is valid until"),
        (60, "port 80", WARN, "isn't renewed: port 80"),
        (3, None, WARN, "(days left: 3)"),
        (-1, "port 80", FAIL, "the certificate expired on"),
    ],
)
async def test_certificate_that_the_store_renews_is_reported(
    context: MakeContext,
    tmp_path: Path,
    days: int | None,
    problem: str | None,
    outcome: Outcome,
    text: str,
) -> None:
    made = context(
        tls="auto",
        domain=("shop.example",),
        public_url="https://shop.example",
        acme_directory="https://acme.example/dir",
        data=tmp_path / "store",
    )
    state = StateFolder(made.settings.data)
    state.create()
    if days is not None:
        issue(state, days)
    if problem is not None:
        rules = CertificateRules.from_settings(made.settings)
        attempts = Attempts(1, NOW, NOW + timedelta(hours=1), problem)
        state.save_progress(Progress(rules.request_id, attempts=attempts))
    (found,) = await check_certificate(replace(made, clock=NOW.timestamp))
    assert found.outcome is outcome
    assert text in found.text
    assert bool(found.fix) == (outcome is not PASS)

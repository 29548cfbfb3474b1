# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Files of a certificate: whole, private, and readable after any accident."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from msrv.acme import pem
from msrv.acme.challenges import is_token
from msrv.acme.manager import CertificateManager
from msrv.acme.renewal import Attempts, RenewalWindow
from msrv.acme.rules import CertificateRules
from msrv.acme.state import (
    AuthorityAccount,
    PendingOrder,
    Progress,
    StateFolder,
    load_certificate,
)
from msrv.tls.certificate_files import CertificateError

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
NAMES = ("shop.example", "xn--bcher-kva.example")


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    """Folder of a new store."""
    made = StateFolder(tmp_path / "data")
    made.create()
    return made


def test_progress_is_read_as_it_was_written(state: StateFolder) -> None:
    assert state.load_progress("request") == Progress("request")
    for progress in (
        Progress("request"),
        Progress(
            "request",
            NOW - timedelta(days=1),
            Attempts(3, NOW, NOW + timedelta(hours=1), "why"),
            2**150,
            RenewalWindow(NOW, NOW + timedelta(days=2)),
            NOW,
        ),
    ):
        state.save_progress(progress)
        assert state.load_progress("request") == progress
    assert state.load_progress("other") == Progress("other")


def test_unreadable_progress_is_that_of_a_new_store(
    state: StateFolder,
) -> None:
    """The store starts; an attempt that can't be recorded isn't made."""
    path = state.path / "progress" / "request.json"
    for content in (b"\xff", b'{"request": 1}', b'{"next_at": "x"}'):
        path.write_bytes(content)
        assert state.load_progress("request") == Progress("request")
    path.unlink()
    path.mkdir()
    assert state.load_progress("request") == Progress("request")


def test_account_belongs_to_its_authority(state: StateFolder) -> None:
    account = AuthorityAccount("key", "https://a.example/1", "a@b.example")
    state.save_account("https://a.example/dir", account)
    assert state.load_account("https://a.example/dir") == account
    assert state.load_account("https://b.example/dir") is None


def test_order_belongs_to_its_request(state: StateFolder) -> None:
    order = PendingOrder("request", "https://a.example/order", "key", NOW)
    state.save_order(order)
    assert state.load_order("request") == order
    assert state.load_order("other") is None
    state.remove_order()
    state.remove_order()
    assert state.load_order("request") is None


def test_missing_certificate_is_none(state: StateFolder) -> None:
    assert load_certificate(state.certificate) is None


def test_placeholder_has_the_names(state: StateFolder) -> None:
    state.save_certificate(pem.create_placeholder(NAMES, NOW))
    found = load_certificate(state.certificate)
    assert found is not None
    assert found.names == set(NAMES)
    assert found.not_before < NOW < found.not_after
    assert found.directory == ""


@pytest.mark.parametrize(
    ("names", "missing", "summary"),
    [
        (NAMES, (), "certificate valid until 2027-11-29, 365 days left"),
        (
            ("www.example", NAMES[0]),
            ("www.example",),
            (
                "certificate valid until 2027-11-29, 365 days left; it "
                "doesn't name www.example"
            ),
        ),
        (
            ("new.example",),
            ("new.example",),
            (
                "waiting for a certificate from acme.example; the present "
                "one doesn't name new.example"
            ),
        ),
    ],
)
def test_status_after_a_change_of_the_names_says_which_are_missing(
    state: StateFolder,
    names: tuple[str, ...],
    missing: tuple[str, ...],
    summary: str,
) -> None:
    state.save_certificate(pem.create_placeholder(NAMES, NOW))
    status = CertificateManager(
        CertificateRules(names, "https://acme.example/dir"), state, lambda: NOW
    ).status()
    assert status.summary(NOW) == summary
    assert status.to_json()["missing_names"] == list(missing)
    assert status.is_valid(NOW) is (not missing)
    assert status.is_missing is bool(missing)


def test_every_truncated_file_is_refused(state: StateFolder) -> None:
    content = pem.bundle("https://a.example/", b"", b"") + (
        pem.create_placeholder(NAMES, NOW)
    )
    assert pem.parse(content).directory == "https://a.example/"
    for length in range(0, len(content) - 30, 7):
        state.save_certificate(content[:length])
        with pytest.raises(CertificateError, match=r"can't use .*certificate"):
            load_certificate(state.certificate)


def test_key_of_another_certificate_is_refused() -> None:
    first, second = (pem.create_placeholder(NAMES, NOW) for _ in range(2))
    key, end, _ = first.partition(b"-----BEGIN CERTIFICATE-----")
    _, _, chain = second.partition(end)
    with pytest.raises(ValueError, match="another certificate"):
        pem.parse(key + end + chain)


def test_signing_request_has_the_names_and_no_subject() -> None:
    request = x509.load_der_x509_csr(pem.signing_request(pem.new_key(), NAMES))
    assert request.is_signature_valid
    assert not list(request.subject)
    names = request.extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    ).value
    assert names.get_values_for_type(x509.DNSName) == list(NAMES)


def test_certificate_without_extensions_has_no_names() -> None:
    content = pem.create_placeholder(("a.example",), NOW)
    leaf = x509.load_pem_x509_certificate(content)
    assert leaf.public_bytes(Encoding.PEM) in content
    assert pem.parse(content).renewal_id is None


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA", True),
        ("", False),
        (".", False),
        ("..", False),
        ("../../nonce", False),
        ("a/b", False),
        ("a%2Fb", False),
        ("a\0", False),
        ("a\n", False),
        ("ä", False),
        ("a" * 201, False),
    ],
)
def test_token_is_a_name_in_its_folder(
    state: StateFolder, text: str, *, valid: bool
) -> None:
    (state.path / "nonce").write_bytes(b"secret")
    assert is_token(text) is valid
    assert state.challenges.find(text) is None


def test_answer_is_found_until_it_is_cleared(state: StateFolder) -> None:
    state.challenges.add_token("token", "token.print")
    state.challenges.add_certificate("shop.example", b"pem")
    assert state.challenges.find("token") == b"token.print"
    state.challenges.clear()
    assert state.challenges.find("token") is None
    assert not list(state.challenges.certificates.iterdir())

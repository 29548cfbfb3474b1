# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Mails to the seller, stored and rendered."""

from pathlib import Path

from msrv.mail.outbox import Outbox
from msrv.mail.rendering import MailRenderer
from msrv.mail.seller_mail import Row, Section, SellerMail
from msrv.proofs.keyring import Keyring
from tests.mail.sample_mails import renderer


def test_stored_mail_is_the_same_when_it_is_read(
    tmp_path: Path, keyring: Keyring
) -> None:
    mail = SellerMail(
        SellerMail.id_of("a"),
        "seller@example.org",
        "Store",
        1_800_000_000,
        "Sübject\r\nBcc: x@example.org",
        (Section("Sales", (Row("<b>", "€1.00", "https://a/"), Row("x"))),),
        "de",
    )
    outbox = Outbox(tmp_path / "outbox")
    assert outbox.add(mail, is_bulk=True)
    assert not outbox.add(mail, is_bulk=True)
    assert outbox.read(mail.mail_id) == mail
    message = renderer(keyring).render(mail)
    assert isinstance(renderer(keyring), MailRenderer)
    assert message["Bcc"] is None
    assert bytes(message) == bytes(renderer(keyring).render(mail))
    html = message.get_body(("html",))
    assert html is not None
    assert "&lt;b&gt;" in html.get_content()
    for text in (b"[]", b'{"kind": "seller"}', b"{}"):
        (outbox.folder / f"{mail.mail_id}.json").write_bytes(text)
        assert outbox.read(mail.mail_id) is None

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Header fields of free text: one value each, whatever the text."""

import email
import re
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import SMTP, compat32
from email.utils import getaddresses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from msrv.mail import headers

ADDRESS = "shop@example.org"
LONG = (
    "Wet Coats, The Complete Works Of Everybody Who Ever Rehearsed In That "
    "Cellar"
)
NAMES = [
    "Wet Coats",
    LONG,
    LONG + " & Sons, Inc. " + "x" * 60,
    "a, b <evil@example.net>",
    'The "Wet" Coats',
    "back\\slash",
    "(a comment)",
    "=?utf-8?q?a=2C_b?=",
    "=?utf-8?b?" + "QQ" * 30,
    "A\r\nBcc: all@example.org",
    "A\r\n\r\nbody",
    "A\x00B\x0bC\x85D\u2028E",
    "Ünïcöde, <b> & “quotes” 🎷" * 5,
    "Ü" * 300,
    "👩\u200d👩\u200d👧 band",
    "abc\u202edef",
    "\ud800 lone",
    "x" * 400,
    ",",
    '"',
    "@",
    ":;",
    "",
    "   ",
]


def written(name: str, address: str = ADDRESS) -> bytes:
    mail = EmailMessage(policy=headers.MailPolicy())
    mail["From"] = headers.mailbox(name, address)
    mail["Subject"] = headers.unstructured(name)
    mail["X-Last"] = headers.FoldedValue("end")
    mail.set_content("body", cte="quoted-printable")
    return mail.as_bytes()


def unfolded(raw: bytes) -> list[str]:
    """The fields by RFC 5322 section 2.2.3 alone, no library involved."""
    head = raw.partition(b"\r\n\r\n")[0]
    assert b"\n" not in head.replace(b"\r\n", b"")
    assert b"\r" not in head.replace(b"\r\n", b"")
    return re.sub(r"\r\n(?=[ \t])", "", head.decode()).split("\r\n")


# RFC 5322's mailbox, with encoded words and atoms alone in its phrase.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_MAILBOX = re.compile(
    rf'(?:(?P<phrase>(?:{_ATOM})(?: {_ATOM})*|"(?:[^"\\]|\\.)*") '
    rf"<(?P<named>[^<>\s,]+)>|(?P<bare>[^<>\s,]+))"
)


@given(st.one_of(st.sampled_from(NAMES), st.text(max_size=300)))
@example(LONG)
def test_any_name_makes_exactly_one_sender(name: str) -> None:
    raw = written(name)
    fields = unfolded(raw)
    assert [field.partition(":")[0] for field in fields[:3]] == [
        "From",
        "Subject",
        "X-Last",
    ]
    match = _MAILBOX.fullmatch(fields[0].partition(": ")[2])
    assert match is not None
    assert (match["named"] or match["bare"]) == ADDRESS
    for line in raw.split(b"\r\n"):
        assert len(line) <= 998
        if b"=?utf-8?" in line:
            assert len(line) <= 76
    # And as others read it: today's parser of the standard library, and the
    # one that most programs have.
    new = email.message_from_bytes(raw, policy=SMTP)
    assert [each.addr_spec for each in new["From"].addresses] == [ADDRESS]
    assert len(new["From"].groups) == 1
    old = email.message_from_bytes(raw, policy=compat32)
    assert [each[1] for each in getaddresses([str(old["From"])])] == [ADDRESS]
    assert old["X-Last"] == "end"
    assert old["Bcc"] is None


@given(st.one_of(st.sampled_from(NAMES), st.text(max_size=300)))
def test_text_survives_encoding_and_folding(text: str) -> None:
    old = BytesHeaderParser(policy=compat32).parsebytes(written(text))
    wanted = headers.single_line(text, 400)
    assert str(make_header(decode_header(old["Subject"]))) == wanted
    new = email.message_from_bytes(written(text), policy=SMTP)
    assert new["Subject"] == wanted
    name = new["From"].addresses[0].display_name
    # Python keeps the line break between two encoded words as a space.
    assert name.replace(" ", "") == headers.single_line(text).replace(" ", "")


@pytest.mark.parametrize("name", ["Wet Coats", LONG, 'The "Wet", Coats \\'])
def test_ascii_names_survive_with_all_spaces(name: str) -> None:
    mail = email.message_from_bytes(written(name), policy=SMTP)
    assert mail["From"].addresses[0].display_name == name


@given(st.text(max_size=300))
def test_single_line_has_no_control_characters(text: str) -> None:
    found = headers.single_line(text, 100)
    assert len(found) <= 100
    assert len(found.splitlines()) <= 1
    assert found == found.strip()
    assert not re.search(
        r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", found
    )
    found.encode("utf-8")


def test_non_ascii_recipient_is_utf_8() -> None:
    raw = written("", "jörg@example.org")
    assert raw.startswith("From: jörg@example.org\r\n".encode())

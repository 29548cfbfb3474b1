# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Content-Disposition: any name, in ASCII and in UTF-8."""

import re
from email.message import EmailMessage
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from msrv.downloads.representation import content_disposition

# On a new machine Hypothesis makes its table of characters first, slowly.
patient = settings(suppress_health_check=[HealthCheck.too_slow])

# RFC 6266, section 4.1, as narrow as we send it: no escapes in the quotes.
FORM = re.compile(
    r'attachment; filename="(?P<plain>[ !#$&-\[\]-~]+)"; '
    r"filename\*=UTF-8''(?P<name>(?:[A-Za-z0-9!#$&+.^_`|~-]|%[0-9A-F]{2})+)"
)


def names(file_name: str) -> tuple[str, str]:
    """Return the name in ASCII, and the name in UTF-8."""
    match = FORM.fullmatch(content_disposition(file_name, "attachment"))
    assert match
    return match["plain"], unquote(match["name"], errors="strict")


@pytest.mark.parametrize(
    ("file_name", "plain", "full"),
    [
        ("01 Departure.flac", "01 Departure.flac", None),
        ("Größe \u2013 Łódź.mp3", "Grosse - Lodz.mp3", None),
        ("Beyoncé\u2019s Déjà Vu.wav", "Beyonce's Deja Vu.wav", None),
        ("Bjo\u0308rk.mp3", "Bjork.mp3", None),
        ("日本.flac", "download.flac", None),
        ("01 日本.flac", "01 _.flac", None),
        ("ﬁn.txt", "fin.txt", None),
        ("\U0001f9d1\u200d\U0001f680.zip", "download.zip", None),
        ("100%41.txt", "100_41.txt", None),
        ('say "hi".txt', "say 'hi'.txt", None),
        # what would be a path, a header, or another suffix
        ("a/b\\c.txt", "a_b_c.txt", "a_b_c.txt"),
        ("../../etc/passwd", ".._.._etc_passwd", ".._.._etc_passwd"),
        (
            'x"\r\nSet-Cookie: a=b\r\n.mp3',
            "x'_Set-Cookie: a=b_.mp3",
            'x"_Set-Cookie: a=b_.mp3',
        ),
        ("exe.\u202egpj.exe", "exe._gpj.exe", "exe._gpj.exe"),
        ("a\u2028b\x00c\x7f.txt", "a_b_c_.txt", "a_b_c_.txt"),
        # bytes that are no UTF-8, as a file system gives them
        ("caf\udce9.mp3", "caf_.mp3", "caf_.mp3"),
        ("\ud83d.mp3", "download.mp3", "_.mp3"),
        # names that are none
        ("", "download", "download"),
        ("..", "download", "download"),
        (" . ", "download", "download"),
        ("\n", "download", "download"),
    ],
)
def test_name_is_sent_in_ascii_and_utf_8(
    file_name: str, plain: str, full: str | None
) -> None:
    found_plain, found = names(file_name)
    assert found == (file_name if full is None else full)
    assert found_plain == plain


@patient
@given(st.text(st.characters()))
@example("😀" * 63 + "abc")
@example("\u00e9" * 127)
@example("\ud800\udc00")
def test_any_name_stays_in_its_quotes(file_name: str) -> None:
    plain, full = names(file_name)
    for name in (plain, full):
        assert not re.search(r"[\x00-\x1f\x7f/\\\u202a-\u202e]", name)
        assert name.strip("._ ") or "download" in name


@patient
@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cf", "Zl"])))
def test_aiohttp_parses_the_name(file_name: str) -> None:
    message = EmailMessage()
    value = content_disposition(f"a{file_name}b.txt", "inline")
    message["Content-Disposition"] = value
    _, full = value.split("filename*=UTF-8''")
    assert message.get_content_disposition() == "inline"
    assert unquote(full) == re.sub(
        r"[/\\\u2029\ufffe\uffff]+", "_", (f"a{file_name}b.txt")
    )


def test_longest_name_fits_a_header() -> None:
    name = "\U0010fffd" * 63 + ".x"
    assert len(name.encode()) <= 255
    assert len(content_disposition(name, "attachment")) < 4096

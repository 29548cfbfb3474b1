# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Names in Latin letters."""

import hashlib
from typing import Final

import pytest
from anyascii import anyascii

from msrv.catalog.names.transliteration import spell_out, transliterate

_ANYASCII_SHA256: Final = (
    "337387c619b3139be3c8218b92ee8199982ae74c8906b4bd1a3a0c8d629d2a3b"
)


@pytest.mark.parametrize(
    ("name", "latin"),
    [
        ("Łódź", "lodz"),
        ("Bjørn Æsir Þór", "bjorn aesir thor"),
        ("Straße", "strasse"),
        ("Don\u2019t — stop", "don\u2019t — stop"),
        ("Большой день", "bolshoy den"),
        ("Йод", "yod"),
        ("Ήχος", "ichos"),
        ("キャラメル ロール", "kiyarameru roru"),
        ("が", "ga"),
        ("한국 음악", "hangug eumag"),
        ("東京", "dongjing"),
        ("موسيقى ٣", "mwsyqa 3"),
        ("العربية", "alrbyh"),
        ("สุข", "sukh"),
        ("№ 5", "no 5"),
        ("\uff26\uff35LL", "full"),
        ("", ""),
    ],
)
def test_letters_of_other_scripts_are_read(name: str, latin: str) -> None:
    assert transliterate(name) == latin


def test_signs_are_spelt_out() -> None:
    assert spell_out("🔥 €") == ":fire: eur"
    assert spell_out("\udc80") == ""


def test_data_of_anyascii_is_that_of_ids_in_use() -> None:
    """Another version of AnyAscii that reads a letter differently changes ids.

    Then `former_ids` needs the ids by the version before, too.
    """
    readings = "\n".join(
        anyascii(chr(code))
        for code in range(0x10000)
        if not 0xD800 <= code < 0xE000
    )
    digest = hashlib.sha256(readings.encode()).hexdigest()
    assert digest == _ANYASCII_SHA256

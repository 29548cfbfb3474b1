# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Names that are accepted by SNI."""

from pathlib import Path

import pytest
from cryptography import x509

from msrv.tls.sni import ServerNames
from tests.tls.listeners import certificate_for


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> x509.Certificate:
    """Return a certificate for a name, a wildcard and an address."""
    folder: Path = tmp_path_factory.mktemp("names")
    pair, _ = certificate_for(
        folder, "shop.example", "*.music.example", "192.0.2.1"
    )
    return x509.load_pem_x509_certificate(pair.cert.read_bytes())


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("shop.example", True),
        ("SHOP.Example", True),
        ("shop.example.", True),
        ("www.shop.example", False),
        ("example", False),
        ("de.music.example", True),
        ("a.de.music.example", False),
        ("music.example", False),
        ("public.example", True),
        ("other.example", False),
        ("192.0.2.1", True),
        ("198.51.100.7", True),
        ("2001:db8::1", True),
        ("", False),
        ("*.music.example", True),
        ("\xff\xfe", False),
        ("." * 300, False),
    ],
)
def test_names_of_the_certificate_and_the_store_are_accepted(
    certificate: x509.Certificate, name: str, *, known: bool
) -> None:
    """A wildcard matches one label, in any case; addresses are accepted."""
    names = ServerNames.of(certificate, ["Public.example"])
    assert names.accepts(name) is known
    assert names.accepts(name.encode("latin-1")) is known

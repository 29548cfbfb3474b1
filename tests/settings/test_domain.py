# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""MSRV_DOMAIN and the settings of its certificates."""

import pytest

from msrv import settings
from msrv.settings import WrongSetting
from msrv.settings.domain_types import LETS_ENCRYPT, LETS_ENCRYPT_STAGING

DOMAIN = {"MSRV_DOMAIN": "shop.example"}


def test_domain_alone_implies_address_and_ports() -> None:
    found = settings.load(DOMAIN)
    assert found.domain == ("shop.example",)
    assert found.public_url == "https://shop.example"
    assert (found.listening_port, found.redirecting_port) == (443, 80)
    assert found.terminates_tls
    assert found.has_operators_certificate
    assert found.acme_directory == LETS_ENCRYPT


def test_without_a_domain_nothing_changes() -> None:
    found = settings.load({})
    assert found.domain == ()
    assert found.public_url is None
    assert (found.listening_port, found.redirecting_port) == (8443, None)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Shop.Example.", ("shop.example",)),
        ("bücher.example", ("xn--bcher-kva.example",)),
        ("a.example, www.a.example", ("a.example", "www.a.example")),
        ("a.example a.example", ("a.example",)),
        ("xn--bcher-kva.example,bücher.example", ("xn--bcher-kva.example",)),
    ],
)
def test_names_are_normalized(text: str, names: tuple[str, ...]) -> None:
    assert settings.load({"MSRV_DOMAIN": text}).domain == names


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("https://shop.example", "bare name"),
        ("shop.example/", "bare name"),
        ("shop.example:443", "bare name"),
        ("*.shop.example", "wildcard"),
        ("192.0.2.1", "a name like"),
        ("127.1", "a name like"),
        ("0x7f.1", "a name like"),
        ("::1", "a name like"),
        ("[::1]", "a name like"),
        ("localhost", "no authority"),
        ("shop.localhost", "no authority"),
        ("shop", "no authority"),
        ("my_shop.example", "'_'"),
        ("a..example", "empty part"),
        (",", "a name like"),
        (" ".join(f"{n}.example" for n in range(101)), "100 names"),
        ("a" * 64 + ".example", "63"),
    ],
)
def test_bad_name_is_refused_with_its_reason(text: str, words: str) -> None:
    with pytest.raises(WrongSetting, match="MSRV_DOMAIN: must") as caught:
        settings.load({"MSRV_DOMAIN": text})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"MSRV_TLS": "off"}, "MSRV_TLS=off exclude"),
        (
            {"MSRV_TLS_CERT": "a", "MSRV_TLS_KEY": "b"},
            "MSRV_TLS_CERT exclude",
        ),
        ({"MSRV_PUBLIC_URL": "https://b.example"}, "https://shop.example"),
        ({"MSRV_PUBLIC_URL": "http://shop.example"}, "https://shop.example"),
        ({"MSRV_ACME_EAB_KID": "kid"}, "MSRV_ACME_EAB_KEY go together"),
        ({"MSRV_ACME_EAB_KEY": "a2V5"}, "MSRV_ACME_EAB_KEY go together"),
        (
            {"MSRV_ACME_EAB_KID": "kid", "MSRV_ACME_EAB_KEY": "käy"},
            "MSRV_ACME_EAB_KEY: must be the MAC key",
        ),
        (
            {"MSRV_ACME_EAB_KID": "kid", "MSRV_ACME_EAB_KEY": "a+b/"},
            "MSRV_ACME_EAB_KEY: must be the MAC key",
        ),
        ({"MSRV_ACME_DIRECTORY": "http://a.example/"}, "MSRV_ACME_DIRECTORY:"),
        ({"MSRV_ACME_DIRECTORY": "letsencrypt2"}, "MSRV_ACME_DIRECTORY:"),
        ({"MSRV_ACME_DIRECTORY": "https://a b/"}, "MSRV_ACME_DIRECTORY:"),
        ({"MSRV_ACME_DIRECTORY": "https://a@b.example/"}, "_DIRECTORY:"),
        ({"MSRV_ACME_DIRECTORY": "https://a_b.example/"}, "_DIRECTORY:"),
        ({"MSRV_ACME_EMAIL": "me"}, "MSRV_ACME_EMAIL:"),
        ({"MSRV_ACME_EMAIL": "a@b.example,c@d.example"}, "MSRV_ACME_EMAIL:"),
        ({"MSRV_ACME_CHALLENGE": "dns"}, "MSRV_ACME_CHALLENGE:"),
        ({"MSRV_HTTP_PORT": "99999"}, "MSRV_HTTP_PORT:"),
        ({"MSRV_HTTP_PORT": "444", "MSRV_PORT": "444"}, "different ports"),
        ({"MSRV_HTTP_PORT": "443"}, "different ports"),
    ],
)
def test_contradiction_is_refused_in_one_line(
    more: dict[str, str], words: str
) -> None:
    with pytest.raises(WrongSetting) as caught:
        settings.load({**DOMAIN, **more})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "käy" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("staging", LETS_ENCRYPT_STAGING),
        ("LetsEncrypt", LETS_ENCRYPT),
        ("https://acme.example:14000/dir", "https://acme.example:14000/dir"),
        ("https://[::1]:14000/dir", "https://[::1]:14000/dir"),
    ],
)
def test_directory_is_a_word_or_an_address(text: str, url: str) -> None:
    found = settings.load({**DOMAIN, "MSRV_ACME_DIRECTORY": text})
    assert found.acme_directory == url


def test_mac_key_is_read_from_a_file_and_hidden(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    file = tmp_path_factory.mktemp("secrets") / "key"
    file.write_text("c2VjcmV0LWtleQ==\n", encoding="utf-8")
    found = settings.load(
        {
            **DOMAIN,
            "MSRV_ACME_EAB_KID": "kid",
            "MSRV_ACME_EAB_KEY_FILE": str(file),
        }
    )
    assert found.acme_eab_key is not None
    assert found.acme_eab_key.get_secret_value() == "c2VjcmV0LWtleQ"
    assert "c2VjcmV0" not in repr(found)


def test_address_with_the_same_name_and_another_port_is_allowed() -> None:
    found = settings.load(
        {**DOMAIN, "MSRV_PUBLIC_URL": "https://SHOP.example:8443"}
    )
    assert found.public_url == "https://shop.example:8443"


@pytest.mark.parametrize(
    ("more", "port"),
    [
        ({"MSRV_ACME_CHALLENGE": "tls"}, None),
        ({"MSRV_ACME_CHALLENGE": "tls", "MSRV_HTTP_PORT": "8080"}, 8080),
        ({"MSRV_ACME_CHALLENGE": "http"}, 80),
    ],
)
def test_port_80_is_used_unless_only_tls_is_wanted(
    more: dict[str, str], port: int | None
) -> None:
    assert settings.load({**DOMAIN, **more}).redirecting_port == port


def test_plain_http_needs_an_address_to_redirect_to() -> None:
    with pytest.raises(WrongSetting, match="MSRV_HTTP_PORT needs HTTPS"):
        settings.load({"MSRV_HTTP_PORT": "8080"})
    found = settings.load(
        {
            "MSRV_HTTP_PORT": "8080",
            "MSRV_PUBLIC_URL": "https://shop.example",
            "MSRV_TLS_CERT": "a",
            "MSRV_TLS_KEY": "b",
        }
    )
    assert found.redirecting_port == 8080

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The language of a page: by its address, a choice, the browser, the store."""

import re
from pathlib import Path

import pytest

from msrv.settings import Settings
from msrv.translations import negotiation
from msrv.web import languages
from msrv.web.languages import switch
from tests.conftest import Client, StartStore
from tests.store_parts import with_mail
from tests.web.purchases import buy, path_of

THREE = ("en", "de", "ar")
GERMAN = {"Accept-Language": "de-AT"}


@pytest.fixture(autouse=True)
def three_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store in three languages, whatever is translated."""
    for module in (negotiation, languages, switch):
        monkeypatch.setattr(module, "LANGUAGES", THREE)
    negotiation._negotiate.cache_clear()


async def language_of(
    store: Client, path: str, headers: dict[str, str] | None = None
) -> str:
    """Return the language that a page states, in HTML and as a header."""
    answer = await store.get(path, headers=headers)
    found = re.search('<html lang="([^"]*)"', await answer.text())
    assert found is not None
    assert answer.headers["Content-Language"] == found[1]
    assert {"Accept-Language", "Cookie"} <= {
        each.strip() for each in answer.headers["Vary"].split(",")
    }
    return found[1]


async def choose(store: Client, language: str, **fields: str) -> str:
    """Choose a language in the footer; return where that leads."""
    answer = await store.post(
        "/language",
        data={"language": language, **fields},
        allow_redirects=False,
    )
    assert answer.status == 303
    return answer.headers["Location"]


async def test_page_is_in_the_browsers_language(store: Client) -> None:
    assert await language_of(store, "/") == "en"
    assert await language_of(store, "/", GERMAN) == "de"
    assert await language_of(store, "/nothing", GERMAN) == "de"
    assert await language_of(store, "/", {"Accept-Language": "sv"}) == "en"


async def test_arabic_page_is_mirrored(store: Client) -> None:
    page = await (await store.get("/?lang=ar")).text()
    assert '<html lang="ar" dir="rtl">' in page


async def test_address_states_the_language_without_a_cookie(
    store: Client,
) -> None:
    answer = await store.get("/catalog?lang=de")
    assert 'lang="de"' in await answer.text()
    assert "Set-Cookie" not in answer.headers
    assert await language_of(store, "/catalog") == "en"
    assert await language_of(store, "/catalog?lang=xx") == "en"
    assert await language_of(store, "/catalog?lang=DE") == "de"


async def test_choice_is_kept_in_a_cookie(store: Client) -> None:
    page = await (await store.get("/catalog/night-bus?lang=ar")).text()
    assert 'name="back" value="/catalog/night-bus"' in page
    assert await choose(store, "de", back="/catalog/night-bus") == (
        "/catalog/night-bus"
    )
    assert await language_of(store, "/catalog/night-bus") == "de"
    assert await language_of(store, "/", {"Accept-Language": "ar"}) == "de"
    page = await (await store.get("/")).text()
    assert '<option value="de" lang="de" selected>Deutsch</option>' in page
    # The address has precedence.
    assert await language_of(store, "/?lang=ar") == "ar"


@pytest.mark.parametrize(
    "back",
    [
        "",
        "//elsewhere.example",
        "/\\elsewhere.example",
        "https://elsewhere.example/",
        "/\nSet-Cookie: a=b",
        "/ü",
    ],
)
async def test_switch_returns_to_this_store(store: Client, back: str) -> None:
    assert await choose(store, "de", back=back) == "/"


@pytest.mark.parametrize(
    ("path", "form", "back"),
    [
        ("/redeem", {"code": "ABCD"}, "/redeem"),
        ("/checkout", {}, "/checkout"),
        ("/purchases", {"item": "night-bus", "gift": "1"}, "/checkout"),
        (
            "/purchases",
            {"item": "night-bus", "page": "release"},
            "/catalog/night-bus",
        ),
        ("/purchases", {"item": "nothing"}, "/checkout"),
        ("/withdraw", {"name": "Kim"}, "/withdraw"),
        ("/nothing", {}, ""),
    ],
)
async def test_switch_returns_from_the_answer_of_a_form_to_its_page(
    store: Client, path: str, form: dict[str, str], back: str
) -> None:
    answer = await store.post(
        path, data=form | {"gift_note": "x" * 999, "total_minor": "-"}
    )
    found = re.search(
        r'action="/language">\s*<input type="hidden" name="back" value="(.*)"',
        await answer.text(),
    )
    assert found
    assert found[1] == back


async def test_switch_returns_from_a_mail_that_was_not_sent_to_its_receipt(
    start_store: StartStore, settings: Settings
) -> None:
    store = await start_store(with_mail(settings))
    receipt = path_of((await buy(store, "night-bus"))["receipt"])
    answer = await store.post(f"{receipt}/mail?gift=1", data={"mail": "@"})
    assert f'name="back" value="{receipt}?gift=1"' in await answer.text()


async def test_unknown_language_is_refused(store: Client) -> None:
    for data in ({}, {"language": "xx"}, {"language": "../de"}):
        answer = await store.post("/language", data=data)
        assert answer.status == 400
        assert "Set-Cookie" not in answer.headers


async def test_other_site_cannot_choose(store: Client) -> None:
    answer = await store.post(
        "/language",
        data={"language": "de"},
        headers={"Origin": "https://elsewhere.example"},
    )
    assert answer.status == 403
    assert "Set-Cookie" not in answer.headers


async def test_program_gets_errors_in_its_language(store: Client) -> None:
    answer = await store.get(
        "/nothing", headers={**GERMAN, "Accept": "application/json"}
    )
    assert answer.headers["Content-Language"] == "de"
    answer = await store.post(
        "/language",
        data={"language": "de"},
        headers={"Accept": "application/json"},
    )
    assert await answer.json() == {"language": "de"}


async def test_stores_own_language_is_used_where_the_visitors_is_not_there(
    start_store: StartStore, settings: Settings, library: Path
) -> None:
    (library / "store.toml").write_text('language = "de"\n', "utf-8")
    store = await start_store(settings)
    assert await language_of(store, "/") == "de"
    assert await language_of(store, "/", {"Accept-Language": "sv"}) == "de"
    assert await language_of(store, "/", {"Accept-Language": "en"}) == "en"


async def test_search_engines_find_each_language(store: Client) -> None:
    for path in ("/", "/catalog/night-bus"):
        page = await (await store.get(path)).text()
        base = str(store.make_url(path))
        found = dict(
            re.findall(
                '<link rel="alternate" hreflang="([^"]*)" href="([^"]*)">',
                page,
            )
        )
        assert found == {
            "en": f"{base}?lang=en",
            "de": f"{base}?lang=de",
            "ar": f"{base}?lang=ar",
            "x-default": base,
        }
        assert f'<link rel="canonical" href="{base}">' in page
        page = await (await store.get(f"{path}?lang=de")).text()
        assert f'<link rel="canonical" href="{base}?lang=de">' in page


async def test_store_in_one_language_has_no_switch(
    store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(languages, "LANGUAGES", ("en",))
    page = await (await store.get("/")).text()
    assert "/language" not in page
    assert "hreflang" not in page


async def test_stores_name_is_escaped_once(
    start_store: StartStore, settings: Settings, library: Path
) -> None:
    """A message is markup, and the subject of a mail isn't."""
    (library / "store.toml").write_text('name = "Rain & Sons"\n', "utf-8")
    store = await start_store(settings)
    bought = await buy(store, "zine")
    page = await (await store.get(path_of(bought["receipt"]))).text()
    assert "subject=Receipt%20from%20Rain%20%26%20Sons&amp;" in page
    assert "&amp;amp;" not in page


async def test_feed_is_in_the_stores_language(store: Client) -> None:
    """Caches may keep it for everybody."""
    plain = await (await store.get("/feed.atom")).text()
    assert await (await store.get("/feed.atom", headers=GERMAN)).text() == (
        plain
    )

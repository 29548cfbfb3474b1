# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The seller's legal texts: on every page, in the visitor's language."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from msrv.settings import Settings
from tests.conftest import Client, StartStore
from tests.store_parts import mail_of

JSON = {"Accept": "application/json"}


@pytest.fixture
async def store(
    start_store: StartStore, settings: Settings, library: Path
) -> Client:
    """Store with an imprint in two languages, and terms."""
    with (library / "store.toml").open("a", encoding="utf-8") as config:
        config.write(
            '\n[legal]\nimprint = "20 Our Imprint.md"\nterms = "terms.md"\n'
        )
    for name, text in (
        (
            "20 Our Imprint.md",
            "# Imprint & co\n\nWe. <script>alert(1)</script>",
        ),
        ("20 Our Imprint.de.md", "# Impressum\n\nWir.\n"),
        ("terms.md", "Pay *first*.\n"),
    ):
        (library / name).write_text(text, encoding="utf-8")
    return await start_store(settings)


async def test_every_page_links_the_texts_that_there_are(
    store: Client,
) -> None:
    for path in ("/", "/cart", "/legal/terms", "/pages/none"):
        page = await (await store.get(path)).text()
        footer = page.partition('<footer class="colophon"')[2]
        assert 'href="/legal/imprint"' in footer
        assert 'href="/legal/terms"' in footer
        assert "/legal/privacy" not in page
    await store.post("/cart", data={"add": "night-bus"})
    for path in ("/cart", "/checkout"):
        page = await (await store.get(path)).text()
        form = page.partition('action="/purchases"')[2].partition("</form>")[0]
        assert 'href="/legal/terms"' in form
        assert "/legal/imprint" not in form


@pytest.mark.usefixtures("store")
async def test_mails_of_what_was_paid_link_the_texts(
    start_store: StartStore, settings: Settings
) -> None:
    mailing = await start_store(
        settings.model_copy(
            update={
                "smtp_url": SecretStr("smtp://127.0.0.1:9"),
                "mail_from": "shop@example.org",
            }
        )
    )
    form = {"item": "night-bus", "total_minor": "700", "mail": "a@b.example"}
    bought = await mailing.post("/purchases", data=form, headers=JSON)
    assert bought.status == 201, await bought.text()
    worker = mail_of(mailing)
    (name,) = worker._outbox.pending()
    mail = worker._outbox.read(name)
    assert mail is not None
    message = worker._renderer.render(mail)
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        assert body is not None
        text = body.get_content()
        for text_name in ("imprint", "terms"):
            assert f"/legal/{text_name}" in text
        assert "/legal/privacy" not in text


async def test_text_is_in_the_visitors_language_or_the_stores(
    store: Client,
) -> None:
    for language, title, lang in (
        ("en", "Imprint &amp; co", ""),
        ("de", "Impressum", ""),
        ("fr", "Imprint &amp; co", ' lang="en"'),
    ):
        header = {"Accept-Language": language}
        answer = await store.get("/legal/imprint", headers=header)
        page = await answer.text()
        assert answer.status == 200
        assert f'<h1 dir="auto">{title}</h1>' in page
        assert f'<article class="text-page" dir="auto"{lang}>' in page
        assert "<script>alert" not in page
    found = await (await store.get("/legal/terms", headers=JSON)).json()
    assert found == {
        "kind": "terms",
        "language": "en",
        "title": "terms",
        "text": "Pay *first*.",
    }


async def test_only_texts_that_there_are_have_a_page(store: Client) -> None:
    for name in ("privacy", "withdrawal", "none", "Imprint"):
        assert (await store.get(f"/legal/{name}")).status == 404


async def test_page_that_became_a_legal_text_leads_to_it(
    store: Client,
) -> None:
    for page, place in (("our-imprint", "imprint"), ("terms", "terms")):
        answer = await store.get(f"/pages/{page}", allow_redirects=False)
        assert answer.status == 308
        assert answer.headers["Location"] == f"/legal/{place}"
    for page in ("imprint", "20-our-imprint"):
        assert (await store.get(f"/pages/{page}")).status == 404

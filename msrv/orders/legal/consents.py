# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Wordings of the consent to immediate delivery, by version and language.

They aren't messages of gettext: a receipt has the digest of the wording that
its buyer agreed to, so that none may ever change. A better wording is a new
version at the end, and the old ones explain old receipts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from msrv.catalog.model import Shop
from msrv.catalog.texts.legal_texts import ConsentMode
from msrv.proofs.consents import Consent, wording_sha256
from msrv.translations import current_language
from msrv.translations.catalogs import SOURCE

VERSIONS: Final[tuple[Mapping[str, str], ...]] = (
    {
        "en": "I expressly agree that the store provides the files before the "
        "withdrawal period ends. I know that I lose my right of withdrawal "
        "when it does.",
        "de": "Ich stimme ausdrücklich zu, dass der Shop die Dateien vor "
        "Ablauf der Widerrufsfrist bereitstellt. Mir ist bekannt, dass ich "
        "damit mein Widerrufsrecht verliere.",
        "fr": "J'accepte expressément que la boutique fournisse les fichiers "
        "avant la fin du délai de rétractation. Je reconnais que je perds "
        "ainsi mon droit de rétractation.",
        "es": "Acepto expresamente que la tienda facilite los archivos antes "
        "de que finalice el plazo de desistimiento. Sé que con ello pierdo mi "
        "derecho de desistimiento.",
        "it": "Accetto espressamente che il negozio fornisca i file prima "
        "della fine del periodo di recesso. So che in questo modo perdo il "
        "diritto di recesso.",
        "nl": "Ik stem er uitdrukkelijk mee in dat de winkel de bestanden "
        "levert voordat de bedenktijd voorbij is. Ik weet dat ik daarmee mijn "
        "herroepingsrecht verlies.",
        "pt": "Aceito expressamente que a loja forneça os ficheiros antes do "
        "fim do prazo de livre resolução. Sei que, com isso, perco o direito "
        "de livre resolução.",
        "pl": "Wyraźnie zgadzam się, aby sklep dostarczył pliki przed upływem "
        "terminu do odstąpienia od umowy. Wiem, że tracę przez to prawo do "
        "odstąpienia od umowy.",
        "ja": "撤回期間が終わる前に、ストアがファイルを"
        "提供することに明示的に同意します。これにより撤回権を失うことを理解"
        "しています。",
        "ar": "أوافق صراحةً على أن يوفّر المتجر الملفات قبل انتهاء مهلة العدول. "
        "وأعلم أنني أفقد بذلك حقي في العدول.",
    },
)
"""Wordings by language, of each version, the newest last."""


@dataclass(frozen=True, slots=True)
class Wording:
    """A wording that buyers can agree to; `language` is its name in CLDR."""

    text: str
    language: str

    @property
    def sha256(self) -> str:
        """Its digest, which a form sends and a receipt has."""
        return wording_sha256(self.text)

    def consent(self, at: int) -> Consent:
        """Return the consent to it at a time in Unix seconds."""
        return Consent(self.sha256, self.language, at)


def asked_wording(shop: Shop) -> Wording | None:
    """Return the wording to ask for, None where the store asks for none.

    In the current language, or else in the store's own, or in English.
    """
    if shop.legal.consent is ConsentMode.OFF:
        return None
    offered = {each.language: each for each in _offered(shop)}
    for language in (current_language().texts, shop.language, SOURCE):
        if language in offered:
            return offered[language]
    return next(iter(offered.values()))


def find_asked(shop: Shop, sha256: str) -> Wording | None:
    """Return the wording of a digest, if the store asks for it today."""
    return _find(_offered(shop), sha256)


def agreed_text(shop: Shop, consent: Consent | None) -> str:
    """Return the wording of a consent, of any version; empty if unknown.

    That of a seller who has changed the store's own since isn't known.
    """
    if consent is None:
        return ""
    found = _find(_offered(shop), consent.sha256) or _find(
        (each for version in VERSIONS for each in _wordings(version)),
        consent.sha256,
    )
    return found.text if found else ""


def _offered(shop: Shop) -> Iterator[Wording]:
    return _wordings(dict(shop.legal.wordings) or VERSIONS[-1])


def _wordings(texts: Mapping[str, str]) -> Iterator[Wording]:
    for language, text in texts.items():
        yield Wording(text, language)


def _find(wordings: Iterator[Wording], sha256: str) -> Wording | None:
    return next((each for each in wordings if each.sha256 == sha256), None)

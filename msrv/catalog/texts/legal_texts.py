# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The store's legal texts and settings, by `[legal]` of `store.toml`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from msrv.catalog.details.invoicing import InvoiceRules
from msrv.translations import gettext_noop


class LegalKind(StrEnum):
    """Kind of a legal text; its value is the key and part of its address."""

    IMPRINT = "imprint"
    TERMS = "terms"
    PRIVACY = "privacy"
    WITHDRAWAL = "withdrawal"


class ConsentMode(StrEnum):
    """Request for consent to immediate delivery: none, a choice, a must."""

    OFF = "off"
    ASKED = "asked"
    REQUIRED = "required"


LABELS: Final = {
    LegalKind.IMPRINT: gettext_noop("Imprint"),
    LegalKind.TERMS: gettext_noop("Terms"),
    LegalKind.PRIVACY: gettext_noop("Privacy"),
    LegalKind.WITHDRAWAL: gettext_noop("Right of withdrawal"),
}
"""Names of the texts in links, in English, marked for translation."""


@dataclass(frozen=True, slots=True)
class LegalText:
    """A text in one language: its title, and Markdown below it.

    `language` is its name in CLDR. `file_name` is that of the file.
    """

    kind: LegalKind
    language: str
    title: str
    text: str
    file_name: str

    @property
    def path(self) -> str:
        """Its address in the store, the same in every language."""
        return legal_path(self.kind)


def legal_path(kind: LegalKind) -> str:
    """Return the address of a text in the store."""
    return f"/legal/{kind}"


@dataclass(frozen=True, slots=True)
class Legal:
    """Legal texts, and how buyers are asked for their consent.

    `wordings` are the seller's own wordings of the consent, by language.
    `invoices` is None where no invoices are made.
    """

    consent: ConsentMode = ConsentMode.OFF
    wordings: tuple[tuple[str, str], ...] = ()
    texts: tuple[LegalText, ...] = ()
    invoices: InvoiceRules | None = None

    @property
    def kinds(self) -> tuple[LegalKind, ...]:
        """The kinds of texts that there are, in the order of their links."""
        found = {each.kind for each in self.texts}
        return tuple(kind for kind in LegalKind if kind in found)

    def text(self, kind: LegalKind, *languages: str) -> LegalText | None:
        """Return a text in the first of some languages that it is in.

        In any other where it is in none of them; None if there is none.
        """
        found = {
            each.language: each for each in self.texts if each.kind is kind
        }
        for language in languages:
            if language in found:
                return found[language]
        return next(iter(found.values()), None)

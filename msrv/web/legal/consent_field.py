# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Field of the consent to immediate delivery, in forms that pay.

Apart from the checkout, whose other fields are in modules of their own, too.
Its value is the digest of the wording beside it, so that what is signed is
what the buyer read, whatever the store asks for a moment later.
"""

from collections.abc import Mapping
from typing import Any, Final

from msrv.catalog.model import Shop
from msrv.catalog.texts.legal_texts import ConsentMode
from msrv.orders.legal.consents import (
    Wording,
    agreed_text,
    asked_wording,
    find_asked,
)
from msrv.proofs.consents import Consent
from msrv.translations import gettext, gettext_noop
from msrv.web.errors import InvalidField
from msrv.web.errors.fields import CONSENT

_REQUIRED: Final = gettext_noop(
    "must be ticked, since the store delivers immediately"
)
_CHANGED: Final = gettext_noop(
    "must be ticked again, since its text has changed"
)


def read_consent(form: Mapping[str, str], shop: Shop) -> Wording | None:
    """Return the wording that the buyer has agreed to, None for none.

    Raises InvalidField where the seller requires it.
    """
    if shop.legal.consent is ConsentMode.OFF:
        return None
    sha256 = form.get(CONSENT, "")
    found = find_asked(shop, sha256)
    if found is None and sha256:
        raise InvalidField(CONSENT, gettext(_CHANGED))
    if found is None and shop.legal.consent is ConsentMode.REQUIRED:
        raise InvalidField(CONSENT, gettext(_REQUIRED))
    return found


def asked_json(shop: Shop) -> dict[str, Any]:
    """Return what a buyer is asked for, as members of a response."""
    wording = asked_wording(shop)
    if wording is None:
        return {}
    return {
        "consent": {
            "text": wording.text,
            "language": wording.language,
            "sha256": wording.sha256,
            "required": shop.legal.consent is ConsentMode.REQUIRED,
        }
    }


def given_json(consent: Consent | None, shop: Shop) -> dict[str, Any] | None:
    """Return a receipt's consent with its text, empty where it is unknown."""
    if consent is None:
        return None
    return {
        "text": agreed_text(shop, consent),
        "language": consent.language,
        "sha256": consent.sha256,
        "given_at": consent.given_at,
    }

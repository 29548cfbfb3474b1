# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Rules of the studio: what each route needs, of operators and of programs.

One table, which `handlers` checks for every request that has a sign-in or a
token. A route that isn't in it is the owners' alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from aiohttp import web

from msrv.ledger.operators.model import Operator, Role
from msrv.ledger.operators.tokens import ApiToken, Scope
from msrv.web.errors import NotAllowed, ScopeMissing


class Permission(Enum):
    """Permission that a route needs; the value is the roles that have it."""

    VIEW = frozenset(Role)
    """See figures, orders and the record of acts."""
    SELL = frozenset({Role.SALES, Role.OWNER})
    """Refund, send receipts again, give copies and codes away."""
    ADMINISTER = frozenset({Role.OWNER})
    """Decide who else may use the studio."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Rule of a route: for operators, and for tokens.

    `scope` is None where no token is enough.
    """

    permission: Permission
    scope: Scope | None = None


_VIEW: Final = Rule(Permission.VIEW)
_SELL: Final = Rule(Permission.SELL)
_ADMINISTER: Final = Rule(Permission.ADMINISTER)
_FIGURES: Final = Rule(Permission.VIEW, Scope.SALES_READ)
_RELEASES: Final = Rule(Permission.VIEW, Scope.RELEASES_READ)
_ORDERS: Final = Rule(Permission.VIEW, Scope.ORDERS_READ)
_REFUND: Final = Rule(Permission.SELL, Scope.ORDERS_REFUND)

RULES: Final[Mapping[str, Rule]] = {
    "studio": _FIGURES,
    "studio-sales": _FIGURES,
    "studio-sellers": _FIGURES,
    "studio-downloads": _FIGURES,
    "studio-artists": _FIGURES,
    "studio-invoices": _ORDERS,
    "studio-invoices-csv": _ORDERS,
    "studio-invoices-zip": _ORDERS,
    "studio-invoice": _ORDERS,
    "studio-oss": _FIGURES,
    "studio-oss-csv": _FIGURES,
    "studio-releases": _RELEASES,
    "studio-release": _RELEASES,
    "studio-orders": _ORDERS,
    "studio-order": _ORDERS,
    "studio-export": _ORDERS,
    "studio-download-list": _ORDERS,
    "studio-refunds": _ORDERS,
    "studio-withdrawals": _ORDERS,
    "studio-handle": _SELL,
    "studio-refund-form": _REFUND,
    "studio-refund": _REFUND,
    "studio-ask": _REFUND,
    "studio-revoke": _REFUND,
    "studio-send-receipt": Rule(Permission.SELL, Scope.RECEIPTS_SEND),
    "studio-country": _SELL,
    "studio-evidence": _SELL,
    "studio-evidence-pdf": _SELL,
    "studio-give-form": _SELL,
    "studio-give": _SELL,
    "studio-codes-form": _SELL,
    "studio-codes": _SELL,
    "studio-webhooks": Rule(Permission.VIEW, Scope.WEBHOOKS_WRITE),
    "studio-webhooks-change": Rule(Permission.SELL, Scope.WEBHOOKS_WRITE),
    "studio-activity": _VIEW,
    "studio-activity-csv": _VIEW,
    "studio-health": _VIEW,
    "studio-passkeys": _VIEW,  # an operator's own; for an owner, all
    "studio-passkey-options": _VIEW,
    "studio-passkey-add": _VIEW,
    "studio-passkey-remove": _VIEW,
    "studio-operators": _ADMINISTER,
    "studio-operators-change": _ADMINISTER,
    "studio-tokens": _ADMINISTER,
    "studio-tokens-change": _ADMINISTER,
}
"""Rule of each route, by its name."""

OPEN_ROUTES: Final = frozenset(
    {
        "studio-link",
        "studio-enter",
        "studio-leave",
        "studio-passkey-page",
        "studio-passkey-challenge",
        "studio-passkey-enter",
        "studio-nothing",
        "studio-none",
    }
)
"""Routes without a rule: signing in and out, and what isn't there."""


@dataclass(frozen=True, slots=True)
class StudioAccess:
    """Access of a request: an operator's, or a program's with its token.

    `name` is the operator's or the token's, `actor` is as in the record of
    acts, and `session` the number of the sign-in, or the token's id.
    """

    name: str
    actor: str
    session: str
    role: Role | None
    scopes: frozenset[Scope] = frozenset()

    @classmethod
    def of_operator(cls, operator: Operator, session: str) -> "StudioAccess":
        """Return the access of an operator's session."""
        return cls(operator.name, operator.actor, session, operator.role)

    @classmethod
    def of_token(cls, token: ApiToken) -> "StudioAccess":
        """Return the access of a program."""
        return cls(token.name, token.actor, token.token_id, None, token.scopes)

    @property
    def may_sell(self) -> bool:
        """True if an operator may refund, give away, and the like.

        Never for a program: it is shown no receipt, whatever its scopes are.
        """
        return self.role in Permission.SELL.value

    @property
    def may_administer(self) -> bool:
        """True if an operator may decide who uses the studio."""
        return self.role in Permission.ADMINISTER.value


ACCESS: Final = web.RequestKey("ACCESS", StudioAccess)
"""The access of a request to the studio; set once it is checked."""


def check(access: StudioAccess, route: str) -> None:
    """Raise NotAllowed or ScopeMissing unless a route is permitted."""
    rule = RULES.get(route, _ADMINISTER)
    if access.role is None:
        if rule.scope is None or rule.scope not in access.scopes:
            raise ScopeMissing(rule.scope)
    elif access.role not in rule.permission.value:
        raise NotAllowed(needs_owner=rule.permission is Permission.ADMINISTER)

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Types of JSON Schema (2020-12) that the tables of schemas are made of."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

Json = dict[str, Any]

TEXT: Final[Json] = {"type": "string"}
TEXT_OR_NULL: Final[Json] = {"type": ["string", "null"]}
BOOLEAN: Final[Json] = {"type": "boolean"}
COUNT: Final[Json] = {"type": "integer", "minimum": 0}
COUNT_OR_NULL: Final[Json] = {"type": ["integer", "null"], "minimum": 0}
SECONDS_OR_NULL: Final[Json] = {"type": ["number", "null"], "minimum": 0}
NUMBER: Final[Json] = {"type": "integer", "minimum": 1}
NUMBER_OR_NULL: Final[Json] = {"type": ["integer", "null"]}
TIME: Final[Json] = {"type": "integer", "description": "Unix seconds"}
TIME_OR_NULL: Final[Json] = {**TIME, "type": ["integer", "null"]}
MINOR: Final[Json] = {
    "type": "integer",
    "minimum": 0,
    "description": "an amount in minor units of the currency",
}
MINOR_OR_NULL: Final[Json] = {**MINOR, "type": ["integer", "null"]}
CURRENCY: Final[Json] = {
    "type": "string",
    "pattern": "^[A-Z]{3}$",
    "description": "a currency by ISO 4217",
}
ADDRESS: Final[Json] = {"type": "string", "pattern": "^https?://"}
ADDRESS_OR_NULL: Final[Json] = {**ADDRESS, "type": ["string", "null"]}
PATH: Final[Json] = {"type": "string", "pattern": "^/"}
PATH_OR_NULL: Final[Json] = {**PATH, "type": ["string", "null"]}
SHA256: Final[Json] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def described(schema: Json, description: str) -> Json:
    """Return a schema with a description."""
    return {**schema, "description": description}


def array(items: Json) -> Json:
    """Return the schema of an array."""
    return {"type": "array", "items": items}


def by_name(values: Json) -> Json:
    """Return the schema of an object whose names are data, as item ids."""
    return {"type": "object", "additionalProperties": values}


def one_of(values: Iterable[str]) -> Json:
    """Return the schema of one of several strings."""
    return {"type": "string", "enum": [str(each) for each in values]}


def member_of(kind: type[StrEnum]) -> Json:
    """Return the schema of the values of an enumeration."""
    return one_of(each.value for each in kind)


def or_null(schema: Json) -> Json:
    """Return the schema of a value that can be null."""
    return {"anyOf": [schema, {"type": "null"}]}


def reference(name: str) -> Json:
    """Return a reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(
    required: Mapping[str, Json], optional: Mapping[str, Json] | None = None
) -> Json:
    """Return the schema of an object with members that are always there.

    Later versions may add members.
    """
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
    }


PRICE: Final[Mapping[str, Json]] = {
    "price_minor": MINOR,
    "currency": CURRENCY,
    "price": described(TEXT, "the amount as people write it"),
    "minimum_minor": described(
        MINOR_OR_NULL,
        "the lowest price that a buyer can set; null for a fixed price",
    ),
}
TOTAL: Final[Mapping[str, Json]] = {
    "total_minor": MINOR,
    "currency": CURRENCY,
}
PAGE: Final[Mapping[str, Json]] = {
    "page": NUMBER,
    "pages": NUMBER,
    "total": COUNT,
}

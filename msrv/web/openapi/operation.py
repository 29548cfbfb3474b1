# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""One operation of the document: a method of an address, and its responses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from msrv.web.forms import MEDIA_TYPE as FORM
from msrv.web.openapi.schema_types import TEXT, Json, described, reference

_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_ERRORS: Final = (421, 500, 503)
"""Statuses of errors that any address may respond with."""
_FORM_ERRORS: Final = (400, 403, 408, 413, 415)
"""Statuses of errors that any form may get in addition."""
PATH_PARAMETERS: Final[Mapping[str, Json]] = {
    "release": described(TEXT, "a release's id, or a former one"),
    "tag": described(TEXT, "a tag or genre as its address has it"),
    "artist": described(TEXT, "an artist's name as its address has it"),
    "page": described(TEXT, "the name of a page that the seller wrote"),
    "text": described(TEXT, "the kind of a legal text"),
    "receipt": described(TEXT, "a signed receipt"),
    "bill": described(TEXT, "the signed bill of a gift"),
    "pop": described(TEXT, "the first part of a download link"),
    "poe": described(TEXT, "the second part of a download link"),
    "item": described(TEXT, "an item's id"),
    "provider": described(TEXT, "the name of a payment provider"),
    "order": described(TEXT, "an order's number, without spaces"),
    "quote": described(TEXT, "a signed quote"),
    "token": described(TEXT, "the end of a link that stops mails"),
}


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of an address that responds with JSON.

    `name` is that of the route. `responses` are names of schemas by status,
    `redirects` and `errors` further statuses; those that any address has
    aren't among them. `query` are the schemas of the query's parameters, and
    `form` is that of the form. `body` is the media type of another body.
    `is_negotiated` is false where `Accept` and the language change nothing,
    and `has_etag` true where the response may be 304. `scope` is the one that
    a token needs, empty where none is needed.
    """

    name: str
    method: str
    path: str
    summary: str
    responses: Mapping[int, str]
    errors: tuple[int, ...] = ()
    redirects: tuple[int, ...] = ()
    query: Mapping[str, Json] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    form: Json | None = None
    body: str = ""
    media_type: str = "application/json"
    is_negotiated: bool = True
    has_etag: bool = False
    scope: str = ""

    def to_json(self) -> Json:
        """Return the operation as the document has it."""
        found: Json = {
            "operationId": self.name,
            "summary": self.summary,
            "responses": self._responses(),
        }
        if self.scope:
            found["security"] = [{"token": [self.scope]}]
        parameters = self._parameters()
        if parameters:
            found["parameters"] = parameters
        if self.form is not None:
            found["requestBody"] = {"content": {FORM: {"schema": self.form}}}
        elif self.body:
            found["requestBody"] = {
                "required": True,
                "content": {self.body: {"schema": {}}},
            }
        return found

    def _parameters(self) -> list[Json]:
        found: list[Json] = [
            {
                "name": name,
                "in": "path",
                "required": True,
                "schema": PATH_PARAMETERS[name],
            }
            for name in _PARAMETER.findall(self.path)
        ]
        found += [
            {
                "name": name,
                "in": "query",
                "required": name in self.required,
                "schema": schema,
            }
            for name, schema in self.query.items()
        ]
        if self.is_negotiated:
            found.append({"$ref": "#/components/parameters/lang"})
        return found

    def _responses(self) -> Json:
        found: Json = {
            str(status): {
                "description": HTTPStatus(status).phrase,
                "content": {self.media_type: {"schema": reference(schema)}},
            }
            for status, schema in self.responses.items()
        }
        redirects = self.redirects + ((304,) if self.has_etag else ())
        for status in redirects:
            found[str(status)] = {"description": HTTPStatus(status).phrase}
        errors = {*self.errors, *_ERRORS}
        if self.is_negotiated:
            errors.add(HTTPStatus.NOT_ACCEPTABLE)
        if self.form is not None:
            errors |= {*_FORM_ERRORS}
        for status in sorted(errors - self.responses.keys()):
            found[str(status)] = {"$ref": "#/components/responses/Error"}
        return found

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A program that calls operations; schemathesis validates the responses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import schemathesis
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from yarl import URL

from msrv.web.forms import MEDIA_TYPE as FORM
from msrv.web.openapi.document import document

JSON: Final = {"Accept": "application/json"}
CONFORMANCE: Final = [
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
Operation = APIOperation[Any, Any, Any, Any]
Request = Case[Operation]


def strict(part: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a part of the document that allows no undescribed members."""
    if isinstance(part, list):
        return [strict(each) for each in part]
    if not isinstance(part, dict):
        return part
    found = {name: strict(each) for name, each in part.items()}
    if part.get("type") == "object" and "properties" in part:
        found["additionalProperties"] = False
    return found


def strict_document() -> dict[str, Any]:
    """Return the document, without undescribed members in responses."""
    found = document()
    found["components"] = strict(found["components"])
    return found


@dataclass
class Program:
    """A program that calls operations, and validates the responses.

    `statuses` are those that were seen of each operation.
    """

    base_url: str
    studio_token: str
    statuses: dict[str, set[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        schema = schemathesis.openapi.from_dict(strict_document())
        self.operations: dict[str, Operation] = {}
        for found in schema.get_all_operations():
            assert isinstance(found, Ok)
            name = found.ok().definition.raw["operationId"]
            self.operations[name] = found.ok()

    def send(
        self,
        case: Request,
        name: str,
        headers: Mapping[str, str] = JSON,
        **request: Any,  # noqa: ANN401 - as requests takes it
    ) -> Response:
        """Send a request and validate the response."""
        if name.startswith("studio"):
            token = {"Authorization": f"Bearer {self.studio_token}"}
            headers = {**headers, **token}
        response = case.call(
            base_url=self.base_url, headers=dict(headers), **request
        )
        case.validate_response(response, checks=CONFORMANCE)
        if response.status_code != 501:  # another format of oEmbed
            case.validate_response(response, checks=[not_a_server_error])
        self.statuses.setdefault(name, set()).add(response.status_code)
        return response

    def call(
        self,
        name: str,
        status: int = 200,
        *,
        form: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        path: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - JSON
        """Call an operation, and return the JSON of a response."""
        operation = self.operations[name]
        case = operation.Case(
            path_parameters=dict(path or {}),
            query=dict(query or {}),
            body=NOT_SET if form is None else dict(form),
            media_type=None if form is None else FORM,
        )
        response = self.send(case, name, cookies=dict(cookies or {}))
        assert response.status_code == status, response.text
        return response.json()


def token(address: str) -> str:
    """Return the last part of an address."""
    return URL(address).path.rpartition("/")[2]

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Spans by OpenTelemetry: of requests, payment providers and the database.

A span has names and numbers of this program's own: the route, a status, the
kind of a statement. It has no address, statement, parameter or error's text,
since these may have a token or a mail address. A request's own trace context
is ignored: anyone could set it.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Final

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
    OTLPSpanExporter,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from sqlalchemy import event
from sqlalchemy.engine import Engine

from msrv.telemetry.spans import Attributes, Kind, Recorder

STATUS: Final = "http.response.status_code"
_KINDS: Final = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT}
_OPERATIONS: Final = frozenset(
    {"SELECT", "INSERT", "UPDATE", "DELETE", "BEGIN", "CREATE", "WITH"}
)
_SPAN: Final = "msrv_span"


def tracer_provider(resource: Resource) -> TracerProvider:
    """Return a provider that exports by OTLP, as the variables say."""
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def span_recorder(tracer: Tracer) -> Recorder:
    """Return what records spans with a tracer."""

    @contextlib.contextmanager
    def recorder(
        name: str, kind: Kind, attributes: Attributes
    ) -> Iterator[None]:
        # A request is the root of its trace, whatever runs around it.
        parent = Context() if kind == "server" else None
        span = tracer.start_span(name, parent, kind=_KINDS[kind])
        token = context.attach(trace.set_span_in_context(span))
        try:
            yield
        except BaseException as error:
            # Its text is left out: it may repeat what was sent. A redirect
            # is raised too, with its status.
            if STATUS not in attributes:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR)
            raise
        finally:
            context.detach(token)
            span.set_attributes(attributes)
            status = attributes.get(STATUS)
            if isinstance(status, int) and status >= 500:
                span.set_status(StatusCode.ERROR)
            span.end()

    return recorder


class DatabaseSpans:
    """Spans of the statements that a request or another span waits for.

    Those of background tasks have none: they poll every other second.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to every engine of this process until the block ends."""
        listeners: dict[str, Callable[..., None]] = {
            "before_cursor_execute": self._start,
            "after_cursor_execute": self._finish,
            "handle_error": self._fail,
        }
        for name, listener in listeners.items():
            event.listen(Engine, name, listener)
        try:
            yield
        finally:
            for name, listener in listeners.items():
                event.remove(Engine, name, listener)

    def _start(  # noqa: PLR0917 - SQLAlchemy's
        self,
        connection: Any,  # noqa: ANN401
        cursor: object,  # noqa: ARG002
        statement: str,
        parameters: object,  # noqa: ARG002
        execution: Any,  # noqa: ANN401
        executemany: bool,  # noqa: ARG002, FBT001
    ) -> None:
        if not trace.get_current_span().get_span_context().is_valid:
            return
        operation = statement.lstrip().partition(" ")[0].upper()
        if operation not in _OPERATIONS:
            operation = "OTHER"
        system = connection.dialect.name
        span = self._tracer.start_span(
            f"{system} {operation}",
            kind=SpanKind.CLIENT,
            attributes={
                "db.system.name": system,
                "db.operation.name": operation,
            },
        )
        if execution is None:
            span.end()
        else:
            setattr(execution, _SPAN, span)

    @staticmethod
    def _finish(  # noqa: PLR0917 - SQLAlchemy's
        connection: object,  # noqa: ARG004
        cursor: object,  # noqa: ARG004
        statement: str,  # noqa: ARG004
        parameters: object,  # noqa: ARG004
        execution: object,
        executemany: bool,  # noqa: ARG004, FBT001
    ) -> None:
        span: Span | None = getattr(execution, _SPAN, None)
        if span is not None:
            span.end()

    @staticmethod
    def _fail(failure: Any) -> None:  # noqa: ANN401 - ExceptionContext
        span: Span | None = getattr(failure.execution_context, _SPAN, None)
        if span is not None:
            error = failure.original_exception
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(StatusCode.ERROR)
            span.end()

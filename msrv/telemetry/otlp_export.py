# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Settings of OpenTelemetry, and the export of traces and metrics.

OpenTelemetry's SDK reads its own variables; here it is decided what is
exported, and refused what the store doesn't support. The exports run in
threads, and an endpoint that is away delays neither requests nor the stop:
what it didn't accept in time is dropped.
"""

import asyncio
import contextlib
import functools
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from prometheus_client.metrics_core import Metric

from msrv import __version__
from msrv.settings import WrongSetting
from msrv.settings.optional_packages import require_packages
from msrv.tasks import TaskSupervisor
from msrv.telemetry import spans

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

log = logging.getLogger(__name__)

STOP_SECONDS: Final = 3
"""Time for the last export, when the store stops."""
_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_PROTOCOL: Final = "http/protobuf"
_DEFAULT_INTERVAL_MS: Final = 60_000

Families = Callable[[], Iterable[Metric]]


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """Signals to export, by OpenTelemetry's variables."""

    traces: bool = False
    metrics: bool = False
    interval_seconds: float = _DEFAULT_INTERVAL_MS / 1000
    """Time between two exports of the metrics."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Return the settings; raises WrongSetting and PackageMissing."""
        if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            return cls()
        chosen = {
            signal: _is_exported(environ, signal)
            for signal in ("TRACES", "METRICS")
        }
        if not any(chosen.values()):
            return cls()
        require_packages("otel", _ENDPOINT)
        return cls(
            traces=chosen["TRACES"],
            metrics=chosen["METRICS"],
            interval_seconds=_interval_seconds(environ),
        )


@contextlib.asynccontextmanager
async def exporting(
    environ: Mapping[str, str], families: Families
) -> AsyncIterator[None]:
    """Export this process's traces and metrics until the block ends.

    `families` returns the metrics at this moment, and is called on the event
    loop. Raises WrongSetting and PackageMissing.
    """
    settings = TelemetrySettings.from_environ(environ)
    async with contextlib.AsyncExitStack() as stack:
        if settings.traces or settings.metrics:
            resource = await asyncio.to_thread(_resource)
            if settings.traces:
                await stack.enter_async_context(_traces(resource))
            if settings.metrics:
                await stack.enter_async_context(
                    _metrics(resource, families, settings.interval_seconds)
                )
        yield


def _is_exported(environ: Mapping[str, str], signal: str) -> bool:
    """Return whether a signal has an endpoint; raises WrongSetting."""
    own = f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"
    if not (environ.get(own) or environ.get(_ENDPOINT)):
        return False
    exporter = f"OTEL_{signal}_EXPORTER"
    chosen = environ.get(exporter) or "otlp"
    if chosen not in {"otlp", "none"}:
        raise WrongSetting(f"{exporter}: only otlp and none are supported")
    for name in (
        f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
    ):
        if environ.get(name, "") not in {"", _PROTOCOL}:
            raise WrongSetting(f"{name}: only {_PROTOCOL} is supported")
    return chosen == "otlp"


def _interval_seconds(environ: Mapping[str, str]) -> float:
    name = "OTEL_METRIC_EXPORT_INTERVAL"
    value = environ.get(name) or str(_DEFAULT_INTERVAL_MS)
    if not value.isdecimal() or not int(value):
        raise WrongSetting(f"{name}: {value!r} is not a time in milliseconds")
    return int(value) / 1000


def _resource() -> "Resource":
    """Return what identifies this replica; the variables take precedence."""
    from opentelemetry.sdk.resources import (  # noqa: PLC0415 - an extra
        OTELResourceDetector,
        Resource,
    )

    own = Resource(
        {
            "service.name": "msrv",
            "service.version": __version__,
            "service.instance.id": socket.gethostname(),
        }
    )
    return own.merge(OTELResourceDetector().detect())


@contextlib.asynccontextmanager
async def _traces(resource: "Resource") -> AsyncIterator[None]:
    from msrv.telemetry.tracing import (  # noqa: PLC0415 - an extra
        DatabaseSpans,
        span_recorder,
        tracer_provider,
    )

    provider = await asyncio.to_thread(tracer_provider, resource)
    tracer = provider.get_tracer("msrv", __version__)
    try:
        with (
            spans.recording(span_recorder(tracer)),
            DatabaseSpans(tracer).listening(),
        ):
            yield
    finally:
        await _finish(provider.shutdown)


@contextlib.asynccontextmanager
async def _metrics(
    resource: "Resource", families: Families, interval_seconds: float
) -> AsyncIterator[None]:
    from msrv.telemetry.metrics import MetricsExport  # noqa: PLC0415 - an extra

    export = await asyncio.to_thread(MetricsExport, resource, time.time_ns())

    async def repeat() -> None:
        while True:
            await asyncio.sleep(interval_seconds)
            try:
                await _in_thread(
                    functools.partial(
                        export.send, list(families()), time.time_ns()
                    )
                )
            except Exception:
                # The next export has these numbers, too.
                log.exception("telemetry: the metrics can't be exported")

    tasks = TaskSupervisor("export of metrics")
    tasks.start(repeat())
    try:
        yield
    finally:
        await tasks.stop()
        await _finish(lambda: export.stop(families(), time.time_ns()))


async def _finish(work: Callable[[], object]) -> None:
    """Wait for a last export, and leave it to itself after some seconds."""
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await _in_thread(work)
    except TimeoutError:
        log.warning("telemetry: the last export didn't finish in time")
    except Exception:
        log.exception("telemetry: the last export failed")


async def _in_thread(work: Callable[[], object]) -> None:
    """Wait for work in a daemon thread, which doesn't delay the exit.

    Raises the exceptions of `work`. asyncio's own threads are waited for when
    the store stops, and an export may try again for ten seconds.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def finish(error: Exception | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        failure = None
        try:
            work()
        except Exception as error:  # noqa: BLE001 - raised in the loop
            failure = error
        # Where the store has stopped, nobody waits for the result.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(finish, failure)

    threading.Thread(target=run, name="export", daemon=True).start()
    await done

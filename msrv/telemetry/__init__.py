# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""OpenTelemetry: traces and metrics, exported by OTLP over HTTP.

Configured by OpenTelemetry's own variables, `OTEL_…`. Without an endpoint,
nothing of OpenTelemetry is imported.
"""

from msrv.telemetry.otlp_export import exporting

__all__ = ["exporting"]

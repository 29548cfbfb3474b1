# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Certificates from an ACME authority (RFC 8555), requested and renewed."""

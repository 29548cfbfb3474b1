# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""MSRV: a self-hosted store for digital downloads."""

__version__ = "1.0.0"

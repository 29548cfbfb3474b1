# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""MSRV: a self-hosted store for digital downloads."""

__version__ = "0.1.0"

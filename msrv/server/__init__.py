# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sockets, graceful shutdown, restart on a change of code, health probe."""

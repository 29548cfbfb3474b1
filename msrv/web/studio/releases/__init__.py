# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Releases in the studio: what is offered, what waits, and what was sold."""

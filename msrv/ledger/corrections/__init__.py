# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Corrections in the ledger: who wants to hear of them, and what changed."""

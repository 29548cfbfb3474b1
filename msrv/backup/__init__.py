# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Backup, restore, and the drill that proves that a backup can be restored.

A layer above the store: it reads what the store has written, and nothing in
the store imports it.
"""

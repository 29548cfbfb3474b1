# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Grants: receipts that a seller gives to those who bought elsewhere."""

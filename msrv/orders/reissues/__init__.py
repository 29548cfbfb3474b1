# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Receipts of all orders, signed again after NONCE has leaked."""

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Everything that the ledger holds of one buyer, by the order's number."""

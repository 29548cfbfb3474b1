# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tax of sales: where a buyer is, what tax is due, and its sums. Pure."""

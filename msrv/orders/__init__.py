# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Services of the shop: prices, discounts, orders. No request, no response."""

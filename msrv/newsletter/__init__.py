# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Addresses for the seller's newsletter: passed on, or sealed; never kept."""

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Corrections: buyers who asked for it are mailed what is new in an order."""

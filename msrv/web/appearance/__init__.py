# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Appearance of a store: themes, colours, icons, and files of the seller."""

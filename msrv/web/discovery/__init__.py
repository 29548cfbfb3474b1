# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Descriptions of the store for search engines, chats and feed readers.

Everything here is a pure function of the catalog and the store's address, so
that every replica says the same.
"""

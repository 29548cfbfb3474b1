# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The studio: the operator's pages, behind a sign-in.

The sign-in needs no database. The pages import SQLAlchemy and are therefore
imported when they are first requested.
"""

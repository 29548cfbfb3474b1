# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Passkeys: signing in to the studio with one, adding and removing them."""

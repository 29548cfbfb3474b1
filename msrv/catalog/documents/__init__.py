# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Documents: catalogs as bytes, to be stored or sent, and read again."""

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Details of releases: their kinds, tags, and what matters for each kind."""

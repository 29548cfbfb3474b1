# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Storage of the library's bytes: a local folder, or a bucket."""

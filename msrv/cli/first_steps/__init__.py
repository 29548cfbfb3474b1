# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Commands that set a store up: a new one, new releases, former buyers."""

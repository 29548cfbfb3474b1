# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Legal texts, consent to immediate delivery, and withdrawals."""

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Webhooks to other programs, by the Standard Webhooks specification.

https://github.com/standard-webhooks/standard-webhooks
"""

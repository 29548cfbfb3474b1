# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Mails to buyers and the seller: an outbox on disk, and a worker for it.

A mail stays in the data folder until the SMTP server has accepted it, or has
rejected it permanently. No buyer ever waits for a mail server.
"""

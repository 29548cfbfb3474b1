# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Object storage: a bucket of S3, Google Cloud Storage or Azure.

`bucket` is its client; `downloads.objects` reads a library's files by it.
"""

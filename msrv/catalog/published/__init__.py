# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Publication of a library into a bucket, and catalogs that come from one.

`layout` has the keys and the documents, `upload` writes them, `preparation`
makes what replicas can't, and `published_catalog` is a replica's catalog.
"""

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Stores whose library is in a bucket, compared with nginx, and replicas.

Libraries are published to Ceph's S3 server, from which replicas start. What
sends their bytes is measured with nginx as the bucket, on both sides: it
serves a copy of the objects, its processor time isn't counted, and it is never
the limit. `BENCH_FILES` sets the number of items of the large library.
"""

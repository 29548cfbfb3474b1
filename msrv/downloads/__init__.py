# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Downloads: from an HTTP request and a stored file to a response.

`representation`, `ranges`, `conditions` and `response` implement RFC 9110;
`body` and `zip` lay out the bytes; these six are pure. `sender` has the
protocol of senders and the one that streams through this process, by way of
`file_reader`, `write_buffer` and `sendfile`; `x_accel` has nginx send.
"""

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Description of the store's JSON in OpenAPI 3.1, served at `/openapi.json`.

Tables of Python, in English, the same in every store. The tests compare them
with the router, and the responses of a store with their schemas.
"""

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Retired keys: the public receipt keys of former NONCEs.

They keep receipts valid through any number of changes of NONCE, without the
secrets of the former ones.

- `key_list`: the list of them, and the MACs by which NONCE confirms each; pure
- `key_file`: the file that holds the list, in the data folder

docs/proofs.md specifies the format, with an example.
"""

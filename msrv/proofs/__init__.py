# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The cryptography: keys, and the proofs that are made with them.

Pure functions of their arguments. Time (whole Unix seconds) and randomness
are parameters; nothing is read, stored or logged here, and nothing else of
MSRV is imported.

- `errors`: the error tree: Forged and Expired
- `encoding`: base64url, canonical JSON and MACs, one spelling for each value
- `orders`: order ids, item ids, names of campaigns, and order lines
- `keyring`: NONCE, and the keys that are derived from it
- `nonce_strength`: reasons why a NONCE is weak
- `mac_tags`: short MACs for values that a browser returns
- `links`: download links: a proof of purchase and a proof of expiration
- `receipts`: signed statements of orders, and the keys to verify them
- `quotes`: signed offers, carried through a payment provider
- `codes`: printed codes, each redeemable once for one item
- `sign_in`: sign-in links and sessions of the studio
- `pasted_proofs`, `pasted_text`: proofs in text that a person pasted

docs/proofs.md specifies every format, with worked examples.
"""

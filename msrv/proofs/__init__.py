"""The cryptography: what a buyer holds, and how the store knows its own.

Pure functions of their arguments. Time (whole Unix seconds) and randomness
are parameters; nothing is read, stored or logged here, and nothing of the
rest of MSRV is imported.

- `errors`: the two ways a proof fails, Forged and Expired
- `encoding`: bytes to text and back, with one spelling for each value
- `orders`: what everything else speaks of: order ids, item ids, lines
- `keyring`: NONCE, and the keys that are derived from it
- `links`: a download link: a proof of purchase and a proof of expiration
- `receipts`: the signed statement of an order, and the keys to check it by
- `quotes`: what is to be paid, carried through a payment provider
- `codes`: a code on paper, which is worth one item, once
- `explain`: what a text that somebody pasted is

docs/proofs.md gives every format, with worked examples.
"""

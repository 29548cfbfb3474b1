"""Bytes to a buyer: what HTTP asks for, what a ZIP looks like, who sends it.

From the inside out: `representation` is what can be sent, `ranges`, `dates`
and `conditions` read a request, `answers` turns both into a status, headers
and a plan of bytes. `body` and `archive` say which bytes of which files a
representation is made of. `sending` is the protocol of who moves them;
`direct` moves them through this process, by way of `reading`. All but the
last three are pure.
"""

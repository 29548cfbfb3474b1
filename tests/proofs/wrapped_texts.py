# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Ways in which mail, chat and office programs change an address."""

import base64
import html
import quopri
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

BASE: Final = "https://shop.example"
SAFELINK: Final = (
    "https://eur05.safelinks.protection.outlook.com/?url={}&data=05%7C02%7C"
    "ann%40example.org%7C0%7Cu%3D&sdata=AbC%2B1%3D&reserved=0"
)


def broken(text: str, end: str, width: int = 60) -> str:
    return end.join(text[at : at + width] for at in range(0, len(text), width))


def printable(text: str) -> str:
    encoded = quopri.encodestring(text.encode()).decode()
    return encoded.replace("\n", "\r\n")


def urldefense_v2(url: str) -> str:
    coded = url.replace("-", "-2D").replace("_", "-5F").replace(":", "-3A")
    coded = coded.replace("/", "_")
    return (
        "https://urldefense.proofpoint.com/v2/url?"
        f"u={coded}&d=DwMFaQ&c=euGZ&r=x_y&m=z&s=A-B&e="
    )


WRAPPINGS: Final[dict[str, Callable[[str], str]]] = {
    "an address": lambda url: url,
    "a path": lambda url: url.removeprefix(BASE),
    "no scheme": lambda url: url.removeprefix("https://"),
    "a broken line": lambda url: broken(url, "\r\n", 76),
    "lines with spaces": lambda url: broken(url, " \n\t  "),
    "a quoted mail": lambda url: "> " + broken(url, "\n> "),
    "a quoted quote": lambda url: ">> See\n>> " + broken(url, "\n>> "),
    "forwarded by Outlook": lambda url: "| " + broken(url, "\r\n | > "),
    "soft breaks": lambda url: broken(url, "=\r\n", 75),
    "quoted-printable": lambda url: printable(f"Link: {url}?a=b ü\n\nBye"),
    "QP, pasted whole": lambda url: printable(
        f"Your receipt=3D\n\n    {url}\n\nKeep it."
    ),
    "angle brackets": lambda url: f"<{url}>",
    "broken in brackets": lambda url: f"<{broken(url, chr(10))}>",
    "a sentence": lambda url: f"My receipt is {url}. Thank you!",
    "glued words": lambda url: f"My receipt:{url}, and\nthe download",
    "a word on the next line": lambda url: f"Here:\n{url}\nThanks\nAnn",
    "brackets": lambda url: f"(see {url})",
    "German quotes": lambda url: f"„{url}“",
    "an apostrophe": lambda url: f"\u2018{url}\u2019s",
    "Markdown": lambda url: f"[receipt]({url} 'mine')",
    "bold": lambda url: f"*{url}*",
    "italic": lambda url: f"_{url}_",
    "code": lambda url: f"```\n{url}\n```",
    "escaped": lambda url: url.replace("_", r"\_").replace("-", r"\-"),
    "a slash": lambda url: f"{url}/",
    "two slashes": lambda url: f"{url}//",
    "a fragment": lambda url: f"{url}#x",
    "a query": lambda url: f"{url}?utm_source=mail&utm_medium=a.b.c",
    "an ampersand": lambda url: f"{url}&fbclid=IwAR0",
    "zero-width spaces": lambda url: broken(url, "\u200b", 20),
    "soft hyphens": lambda url: broken(url, "\u00ad", 9),
    "joiners and marks": lambda url: f"\ufeff\u2066{broken(url, chr(0x2060))}",
    "no-break spaces": lambda url: f"\xa0{broken(url, chr(0xA0))}\xa0",
    "unbreakable hyphens": lambda url: url.replace("-", "\u2011"),
    "en dashes": lambda url: url.replace("-", "\u2013"),
    "a PDF's ligatures": lambda url: url.replace("fi", "\ufb01"),
    "full width": lambda url: url.replace("a", "\uff41"),
    "percent": lambda url: quote(url, safe=""),
    "percent twice": lambda url: quote(quote(url, safe=""), safe=""),
    "all percent": lambda url: "".join(f"%{ord(each):02x}" for each in url),
    "a find page": lambda url: f"{BASE}/purchases?receipt={quote(url, '')}",
    "a verify page": lambda url: f"{BASE}/verify?lang=de&q={quote(url, '')}",
    "SafeLinks": lambda url: SAFELINK.format(quote(url, "")),
    "SafeLinks, broken": lambda url: broken(
        SAFELINK.format(quote(url, "")), "\r\n", 71
    ),
    "SafeLinks in SafeLinks": lambda url: SAFELINK.format(
        quote(SAFELINK.format(quote(url, "")), "")
    ),
    "SafeLinks, QP": lambda url: printable(SAFELINK.format(quote(url, ""))),
    "Google": lambda url: (
        f"https://www.google.com/url?q={quote(url, '')}&sa=D&source=x&ust=1"
    ),
    "Facebook": lambda url: (
        f"https://l.facebook.com/l.php?u={quote(url, '')}&h=AT0"
    ),
    "Barracuda": lambda url: (
        f"https://linkprotect.cudasvc.com/url?a={quote(url, '')}&c=E,1"
    ),
    "Cisco": lambda url: (
        f"https://secure-web.cisco.com/1aB-_c/{quote(url, '')}"
    ),
    "Proofpoint v2": urldefense_v2,
    "Proofpoint v2, HTML": lambda url: html.escape(urldefense_v2(url)),
    "Proofpoint v3": lambda url: (
        f"https://urldefense.com/v3/__{url}__;!!AbC!d-E_f$ "
    ),
    "Sophos": lambda url: (
        "https://eu-west-1.protection.sophos.com?d=shop.example&u="
        + base64.b64encode(url.encode()).decode()
        + "&i=x"
    ),
    "HTML": lambda url: (
        f'<p>Your <a href="{html.escape(url)}" target=x>receipt</a></p>'
    ),
    "HTML entities": lambda url: "".join(f"&#x{ord(c):x};" for c in url),
    "named entities": lambda url: url.replace("/", "&sol;").replace(
        ".", "&period;"
    ),
    "word breaks": lambda url: broken(url, "<wbr>", 30),
    "line breaks in HTML": lambda url: broken(url, "<br />\n", 30),
    "spans": lambda url: broken(url, '</span><span class="x">', 40),
    "a header before": lambda url: (
        "From: a@b.example\r\nSubject: =?utf-8?q?Re=3A?=\r\n\r\n"
        f"{url}\r\n-- \r\n"
    ),
}

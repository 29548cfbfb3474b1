# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Names of files and folders to ignore, each with the program it is from.

Temporary and partial files of programs that write into a library, and files
that operating systems and network storage create in every folder. Names are
compared in lower case. Apart from `scan` as a table of its own.
"""

import re
from typing import Final

SUFFIXES: Final = {
    # Browsers and download programs, while a download lasts.
    ".crdownload": "Chrome, Edge, Brave, Vivaldi",
    ".crswap": "Chrome: while a web page saves",
    ".download": "Safari",
    ".opdownload": "Opera",
    ".part": "Firefox, KDE, yt-dlp, Nextcloud, ownCloud, JDownloader",
    ".partial": "Internet Explorer, rclone, Shareaza",
    ".fdmdownload": "Free Download Manager",
    ".ucdownload": "UC Browser",
    ".aria2": "aria2: its control file",
    ".aria2__temp": "aria2",
    ".ytdl": "yt-dlp: its control file",
    ".dtapart": "DownThemAll",
    ".jc!": "FlashGet",
    ".td": "Xunlei (Thunder)",
    ".td.cfg": "Xunlei (Thunder)",
    ".xltd": "Xunlei (Thunder)",
    ".xltd.cfg": "Xunlei (Thunder)",
    ".lftp-pget-status": "lftp: the state of pget",
    # BitTorrent and other peers.
    ".!ut": "uTorrent",
    ".!qb": "qBittorrent",
    ".!bt": "BitTorrent",
    ".bc!": "BitComet",
    ".az!": "Vuze",
    ".bl!": "BitLord",
    ".part.met": "eMule",
    ".!mv": "QVOD",
    ".dctmp": "DC++",
    ".antifrag": "DC++",
    # Uploads and synchronisation.
    ".filepart": "WinSCP",
    ".cyberducksegment": "Cyberduck",
    ".ffs_tmp": "FreeFileSync",
    ".ffs_db": "FreeFileSync",
    ".ffs_lock": "FreeFileSync",
    ".!sync": "Resilio Sync",
    ".icloud": "iCloud Drive: a file that is not on this machine",
    ".drivedownload": "Google Drive",
    ".driveupload": "Google Drive",
    ".tmp": "Syncthing, Windows and many others",
    ".temp": "many",
    ".$$$": "many on Windows",
    ".incomplete": "many",
    ".unfinished": "many",
    ".uploading": "many",
    # Editors, and programs that keep a copy of what they replace.
    "~": "Emacs, gedit, Kate and others: the version before",
    ".bak": "many: the version before",
    ".orig": "patch and Git: the version before",
    ".rej": "patch: hunks that didn't apply",
    ".swn": "Vim: a swap file",
    ".swo": "Vim: a swap file",
    ".swp": "Vim: a swap file",
    ".swx": "Vim: a swap file",
    "___jb_tmp___": "JetBrains: while it saves",
    "___jb_old___": "JetBrains: while it saves",
    "_exiftool_tmp": "ExifTool: while it writes",
    # Metadata of another file, and links to one.
    ".lnk": "Windows: a shortcut",
    "@synoeastream": "Synology: extended attributes",
    "@synoresource": "Synology: extended attributes",
    ":encryptable": "Windows: a stream of Thumbs.db",
    ":zone.identifier": "Windows: where a file was downloaded from",
    "\uf03azone.identifier": "the same, by way of SMB or WSL",
    ":afp_afpinfo": "macOS by way of SMB: Finder's data",
    ":afp_resource": "macOS by way of SMB: a resource fork",
}
"""Suffixes of ignored names, with their reasons."""

PREFIXES: Final = {
    ".": (
        "hidden: .DS_Store, ._name, .~lock.name#, .#name, .name.swp, "
        "rsync's .name.XXXXXX, .syncthing.name.tmp, .in.name., .nfs0001"
    ),
    "~$": "Microsoft Office: the file is open",
    "~syncthing~": "Syncthing on Windows",
    "~uttransfer": "uTorrent",
    "incomplete~": "Soulseek",
}
"""Prefixes of ignored names, with their reasons."""

NAMES: Final = {
    "__macosx": "macOS: metadata in a ZIP file made there",
    "_gsdata_": "GoodSync",
    "$recycle.bin": "Windows",
    "desktop.ini": "Windows",
    "ehthumbs.db": "Windows Media Center",
    "ehthumbs_vista.db": "Windows Media Center",
    "recycle bin": "Samba, Windows on a network: deleted files",
    "system volume information": "Windows",
    "found.000": "Windows: fragments that chkdsk recovered",
    "thumbs.db": "Windows",
    "albumartsmall.jpg": "Windows Media Player: hidden",
    "icon\r": "macOS: a folder's picture",
    "icon\uf00d": "the same, by way of SMB",
    "network trash folder": "macOS by way of AFP",
    "temporary items": "macOS by way of AFP",
    "thevolumesettingsfolder": "macOS by way of AFP",
    "lost+found": "Linux",
    "trashbox": "Buffalo: deleted files",
    "~snapshot": "NetApp",
}
"""Whole names."""

NAS_FOLDERS: Final = {
    "@eadir": "Synology: thumbnails and attributes",
    "@tmp": "Synology",
    "@sharebin": "Synology",
    "@appstore": "Synology",
    "@database": "Synology",
    "#recycle": "Synology: deleted files",
    "#snapshot": "Synology: snapshots",
    "@recycle": "QNAP, Asustor: deleted files",
    "@recently-snapshot": "QNAP: snapshots",
    "@__thumb": "QNAP: thumbnails",
    "@transcode": "QNAP",
}
"""Known folders of network storage; others start with `@` or `#`, too."""

PATTERNS: Final = {
    r"albumart_\{[0-9a-f-]+\}(?:_large|_small)?\.jpg": "Windows Media Player",
    r"s-1-5-[0-9-]+": "Windows: a user's deleted files",
    r"(?:network recycle bin [0-9]+|recycle bin - volume_[0-9]+)": (
        "QNAP, D-Link: deleted files"
    ),
    r".+\.sb-[0-9a-f]{8}-[a-z0-9]{6}": "macOS: while a program saves",
    r"incomplete[0-9a-f]{32}.+": "Nicotine+",
    r".+\.part-frag[0-9]+": "yt-dlp",
    r".+\.octransferid[0-9]+.*": "Nextcloud, ownCloud",
    r"pureftpd-upload\..+": "Pure-FTPd",
}
"""Whole names, as regular expressions."""

FILE_PATTERNS: Final = {
    "#.+#": "Emacs: unsaved changes",
    "4913": "Vim: a test of whether the folder is writable",
    r".+\.[a-z0-9]+_original": "ExifTool: the version before",
    r".+\.[a-z0-9]+-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}": (
        "Cyberduck: an upload under a temporary name"
    ),
    r".+\.(?:aiff?|flac|m4a|mp3|og[ag]|opus|pdf|wav|zip)\.st": (
        "axel: the state of a download"
    ),
}
"""Patterns for files only: a folder of such a name may be an album."""


def _any_of(patterns: dict[str, str]) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.DOTALL)


_ENDS: Final = tuple(SUFFIXES)
_BEGINS: Final = tuple(PREFIXES)
_ELLIPSIS: Final = re.compile(r"\.\.\.[^.]")
"""Start of a title. With one more dot it is rsync's temporary file."""
_WHOLE: Final = _any_of(PATTERNS)
_OF_FILES: Final = _any_of(FILE_PATTERNS)


def is_ignored(name: str) -> bool:
    """Return whether to ignore a file or folder of this name."""
    lower = name.lower()
    return (
        (lower.startswith(_BEGINS) and _ELLIPSIS.match(lower) is None)
        or lower in NAMES
        or lower.endswith(_ENDS)
        or (
            # Called for each file of a library every second; each of PATTERNS
            # contains one of these.
            (
                "-" in lower
                or "incomplete" in lower
                or "octransfer" in lower
                or "recycle" in lower
            )
            and _WHOLE.fullmatch(lower) is not None
        )
    )


def is_ignored_file(name: str) -> bool:
    """Return whether to ignore a file, but not a folder, of this name."""
    if name[-1:] not in "#3lLtT" and name[-13:-12] != "-":
        return False  # quick check: none of FILE_PATTERNS can match
    return _OF_FILES.fullmatch(name.lower()) is not None


def is_nas_folder(name: str) -> bool:
    """Return whether a folder of this name belongs to network storage.

    By its first letter, as vendors keep adding names.
    """
    return name.startswith(("@", "#"))


def is_known_nas_folder(name: str) -> bool:
    """Return whether it is a well-known one, which needs no note."""
    return name.lower() in NAS_FOLDERS

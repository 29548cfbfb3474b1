"""What lies in a library without being for sale, by its name."""

from typing import Final

# What browsers, copying programs and editors leave half done or behind.
_UNFINISHED: Final = (
    ".bak",
    ".crdownload",
    ".download",
    ".part",
    ".partial",
    ".tmp",
    "~",
)
# What computers and network storage put into every folder.
_SYSTEM: Final = frozenset(
    {
        "#recycle",
        "$recycle.bin",
        "@eadir",
        "__macosx",
        "desktop.ini",
        "icon\r",
        "lost+found",
        "system volume information",
        "thumbs.db",
    }
)


def is_leftover(name: str) -> bool:
    """Whether a file or a folder of this name is none of the store's."""
    lower = name.lower()
    return (
        lower.startswith((".", "~$"))
        or lower in _SYSTEM
        or lower.endswith(_UNFINISHED)
    )

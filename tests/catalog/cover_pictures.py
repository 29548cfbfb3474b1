# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Encoded pictures, and a library of them."""

import io
from pathlib import Path

from PIL import Image

from msrv.catalog.covers import Covers
from msrv.catalog.metadata.cover_images import NotAPicture, measure_image
from msrv.catalog.model import Cover
from msrv.storage.local import LocalStorage
from msrv.storage.model import Storage
from tests.catalog import shared_parser
from tests.downloads import contents

RED = (200, 20, 30)


def covers(folder: Storage, cache: Path) -> Covers:
    return Covers(folder, cache, shared_parser.shared())


class PictureLibrary:
    """A library of pictures in a temporary folder."""

    def __init__(self, root: Path) -> None:
        self.root = root / "library"
        self.root.mkdir()
        self.cache = root / "cache"
        self.covers = covers(LocalStorage(self.root), self.cache)

    def put(self, data: bytes, name: str = "cover.png") -> Cover:
        content = contents.add_file(self.root, name, data)
        try:
            facts = measure_image(io.BytesIO(data))
        except NotAPicture:
            return Cover(content, 1000, 1000, "#000000")
        return Cover(content, facts.width, facts.height, facts.colour)

    async def shown(self, data: bytes, width: int = 160) -> Image.Image:
        picture = await self.covers.image(self.put(data), width)
        return Image.open(io.BytesIO(picture.data))


def encode(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def is_near(
    seen: object, wanted: tuple[int, int, int], within: int = 12
) -> bool:
    assert isinstance(seen, tuple)
    return all(abs(a - b) <= within for a, b in zip(seen, wanted, strict=True))

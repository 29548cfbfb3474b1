# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Parts of a store that depend on where its library is: folder or bucket."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Self

from aiohttp import web
from prometheus_client.registry import Collector

from msrv.catalog.covers import Covers
from msrv.catalog.encodings.encoding_store import EncodingStore
from msrv.catalog.encodings.worker import EncodingWorker
from msrv.catalog.ffmpeg import preview_marks
from msrv.catalog.live_catalog import LiveCatalog
from msrv.catalog.parsing.parser import Parser
from msrv.catalog.previews import Previews
from msrv.catalog.texts.release_texts import ReleaseTexts
from msrv.downloads.sender import DirectSender, Sender
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.storage.combined import CombinedStorage
from msrv.storage.local import LocalStorage

FromEdge = Callable[[web.Request], bool]
"""Returns whether a request came through nginx."""


@dataclass(frozen=True, slots=True)
class LibraryParts:
    """Catalog of a library, what is made of it, and the sender of its files.

    `metrics` are those of the catalog, which only a published one has.
    `folder` is to be closed; for a bucket, nothing is read from it.
    """

    folder: LocalStorage
    catalog: LiveCatalog
    covers: Covers
    previews: Previews
    encodings: EncodingWorker
    sender: Sender
    texts: ReleaseTexts
    metrics: tuple[Collector, ...] = ()

    @classmethod
    def of(
        cls,
        settings: Settings,
        keyring: Keyring,
        parser: Parser,
        ffmpeg: str | None,
        from_edge: FromEdge,
    ) -> Self:
        """Return the parts, not yet started. Raises BucketError."""
        if settings.bucket is not None:
            return cls._of_bucket(
                settings, settings.bucket, keyring, parser, from_edge
            )
        folder = LocalStorage(settings.library_folder)
        cache = settings.data / "cache"
        catalog = LiveCatalog(
            folder.root,
            settings.data,
            parser=parser,
            settle_seconds=settings.settle_seconds,
        )
        covers = Covers(folder, cache / "covers", parser)
        files = CombinedStorage(
            folder, LocalStorage(settings.encodings_folder)
        )
        sender: Sender = DirectSender(files, settings.stall_seconds)
        if settings.delivery == "accel":
            from msrv.downloads.x_accel import (  # noqa: PLC0415 - behind nginx only
                NginxSender,
                folder_files,
            )

            sender = NginxSender(folder_files(folder), sender, from_edge)
        return cls(
            folder,
            catalog,
            covers,
            Previews(
                ffmpeg,
                folder.root,
                cache / "previews",
                marks=preview_marks(settings.data, ffmpeg),
            ),
            EncodingWorker(
                catalog,
                folder,
                covers,
                EncodingStore(settings.encodings_folder),
                ffmpeg=shutil.which("ffmpeg"),
                jobs=settings.encode_jobs,
            ),
            sender,
            ReleaseTexts(settings.data),
        )

    @classmethod
    def _of_bucket(
        cls,
        settings: Settings,
        url: str,
        keyring: Keyring,
        parser: Parser,
        from_edge: FromEdge,
    ) -> Self:
        """Return the parts of a store that makes nothing of its library."""
        from msrv.catalog.published.catalog_metrics import (  # noqa: PLC0415 - for buckets only
            CatalogMetrics,
        )
        from msrv.catalog.published.layout import blob_key  # noqa: PLC0415 - as above
        from msrv.catalog.published.published_catalog import (  # noqa: PLC0415 - as above
            PublishedCatalog,
        )
        from msrv.catalog.published.published_files import (  # noqa: PLC0415 - as above
            PublishedEncodings,
            PublishedFiles,
            PublishedStorage,
            PublishedTexts,
        )
        from msrv.downloads.objects.object_reader import (  # noqa: PLC0415 - as above
            ObjectReader,
        )
        from msrv.downloads.objects.redirect import (  # noqa: PLC0415 - as above
            BucketTags,
            PresignedAddresses,
            RedirectSender,
        )
        from msrv.storage.objects.bucket import Bucket  # noqa: PLC0415 - as above

        bucket = Bucket.open(url)
        cache = settings.data / "cache"
        files = PublishedFiles(bucket)
        encodings = PublishedEncodings(cache / "encodings", files)
        catalog = PublishedCatalog(
            bucket,
            keyring,
            settings.data,
            parser=parser,
            files=files,
            encodings=encodings,
        )
        storage = PublishedStorage()
        covers = Covers(storage, cache / "covers", parser, files.fetch)
        sender: Sender = DirectSender(
            storage,
            settings.stall_seconds,
            open_reader=partial(ObjectReader, bucket, blob_key),
        )
        redirected = partial(
            RedirectSender, tag_of=BucketTags(bucket, blob_key)
        )
        if settings.delivery == "redirect":
            sender = redirected(PresignedAddresses(bucket, blob_key), sender)
        elif settings.delivery == "cdn":
            from msrv.downloads.objects.cdn_addresses import (  # noqa: PLC0415 - as above
                CdnAddresses,
            )

            sender = redirected(
                CdnAddresses.of(settings, keyring, blob_key), sender
            )
        elif settings.delivery == "accel":
            from msrv.downloads.objects.edge import (  # noqa: PLC0415 - as above
                bucket_files,
            )
            from msrv.downloads.x_accel import NginxSender  # noqa: PLC0415 - as above

            sender = NginxSender(
                bucket_files(bucket, blob_key),
                sender,
                from_edge,
                has_encodings=True,
            )
        return cls(
            LocalStorage(settings.library_folder),
            catalog,
            covers,
            Previews(
                None,
                settings.library_folder,
                cache / "previews",
                fetch=files.fetch,
            ),
            EncodingWorker(
                catalog, storage, covers, encodings, ffmpeg=None, jobs=0
            ),
            sender,
            PublishedTexts(files),
            (CatalogMetrics(catalog),),
        )

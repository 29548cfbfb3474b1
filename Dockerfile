# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

# The store as one image: docs/deployment.md says how to run it.
# Both name the base image; deploy/pin-images.sh adds its digest.
ARG PYTHON_IMAGE=python:3.13-slim-trixie
ARG BASE=${PYTHON_IMAGE}

# Packages, installed in a stage of their own to leave pip's files behind.
FROM ${BASE} AS packages
# Seconds; a release sets it, so that no file has the date of the build in it.
ARG SOURCE_DATE_EPOCH
COPY requirements.txt /tmp/
RUN pip install --require-hashes --only-binary :all: --no-cache-dir \
        --no-compile --root-user-action ignore \
        --prefix /packages -r /tmp/requirements.txt \
    && rm -rf /packages/bin /packages/share /packages/include
COPY msrv /app/msrv
COPY deploy/slim.py /tmp/
RUN PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 \
        python /tmp/slim.py /packages/lib/python3.*/site-packages
# Compiled here, since the image runs on a read-only file system.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash /app \
    && chmod -R u=rwX,go=rX /packages /app


# The licences of all of these, listed by a tool that isn't part of the image.
FROM packages AS notices
COPY deploy/notices /tmp/notices
RUN pip install --require-hashes --only-binary :all: --no-cache-dir \
        --root-user-action ignore --prefix /tools \
        -r /tmp/notices/requirements.txt
COPY LICENSES /usr/share/doc/msrv/
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN site=$(echo /packages/lib/python3.*/site-packages) \
    && PYTHONPATH=$(echo /tools/lib/python3.*/site-packages):$site \
        python -m piplicenses --format=json \
    | python /tmp/notices/third_party.py "$site" \
        >/usr/share/doc/msrv/THIRD-PARTY


# ffmpeg, built with what the store uses: 8 MB instead of Debian's 580.
FROM ${BASE} AS ffmpeg
COPY deploy/ffmpeg/build.sh /tmp/
RUN /tmp/build.sh /ffmpeg


FROM ${BASE} AS store
ARG SOURCE_DATE_EPOCH
ARG VERSION=1.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="MSRV" \
      org.opencontainers.image.description="A self-hosted store for digital downloads" \
      org.opencontainers.image.licenses="AGPL-3.0-or-later AND Bitstream-Vera AND CC0-1.0" \
      org.opencontainers.image.source="https://example.org/msrv" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# /data is writable for any user, like /tmp, so that --user 12345 works.
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin msrv \
    && install -d -m 1777 /data \
    && install -d -m 0755 /library /certs

COPY --from=packages /packages /usr/local
COPY --from=packages /app /app
COPY --from=ffmpeg /ffmpeg /
COPY --from=notices /usr/share/doc/msrv /usr/share/doc/msrv
COPY --chmod=0755 deploy/image/ /usr/local/bin/

# Plain HTTP for a proxy in front; the environment sets everything else, and
# with MSRV_DOMAIN the entry point drops what contradicts it.
# Put no secret here, nor in a build argument: both stay in the image.
ENV PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MSRV_TLS=off \
    MSRV_HOST=0.0.0.0 \
    MSRV_PORT=8000 \
    MSRV_DATA=/data \
    MSRV_BACKUPS=/data/backups

WORKDIR /app
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=10s --start-period=300s --start-interval=1s --retries=3 \
    CMD ["msrv", "healthcheck"]
ENTRYPOINT ["msrv"]
CMD ["serve"]

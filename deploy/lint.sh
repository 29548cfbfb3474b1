#!/usr/bin/env bash
# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

# Lint the files of containers and Kubernetes with the tools that are installed,
# and name those that are not. BIN is the folder of the Python tools.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=${BIN:-.venv/bin}:$PATH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Substitute the variables as the container's entry point does.
for name in store objects; do
    sed -e 's|${MSRV_PUBLIC_URL}|https://localhost|' \
        -e 's|${MSRV_STALL_SECONDS}|60|' \
        -e 's|${MSRV_HSTS_SUBDOMAINS}|1|' \
        -e 's|${MSRV_LOG_ADDRESSES}|network|' \
        -e 's|${MSRV_BUCKET_URL}|https://s3.example.org/bucket/store|' \
        -e 's|${MSRV_BUCKET_CA}|/etc/ssl/certs/ca-certificates.crt|' \
        -e 's|${MSRV_EDGE_CACHE_SIZE}|10g|' \
        -e 's|${NGINX_LOCAL_RESOLVERS}|127.0.0.11|' \
        "deploy/nginx/$name.conf.template" >"$work/$name.conf"
done
sed -e "s|/tmp/store.conf|$work/store.conf|" \
    -e "s|/tmp/objects.conf|$work/objects.conf|" \
    deploy/nginx/nginx.conf >"$work/nginx.conf"

has() {
    command -v "$1" >/dev/null && return
    echo "deploy/lint.sh: $1 is not installed: skipped"
    return 1
}

if has hadolint; then hadolint Dockerfile; fi

if has crossplane; then
    # The file of MIME types is in the image only. crossplane doesn't know
    # directives of a newer nginx than its own.
    sed '/mime.types/d' "$work/nginx.conf" >"$work/parsed.conf"
    crossplane parse "$work/parsed.conf" >"$work/parsed.json"
    if ! grep -q '"status":"ok","errors":\[\]' "$work/parsed.json"; then
        crossplane parse --indent 2 "$work/parsed.conf" | grep -A 6 '"errors"'
        exit 1
    fi
fi

if has gixy; then
    gixy "$work/nginx.conf" >"$work/said" ||
        { cat "$work/said"; exit 1; }
fi

if has check-jsonschema; then
    check-jsonschema --quiet --check-metaschema deploy/helm/msrv/values.schema.json
fi
if python -c 'import helm_python' 2>/dev/null; then
    python -m scripts.kubernetes_manifests --check
else
    echo "deploy/lint.sh: helm-python-sdk is not installed: skipped"
fi

image=${NGINX_IMAGE:-$(sed -n 's/^NGINX_IMAGE=\([^@]*\).*/\1/p' deploy/images.env)}
if ! docker image inspect "$image" >/dev/null 2>&1; then
    echo "deploy/lint.sh: $image is not available: nginx -t is skipped"
    exit 0
fi
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 \
    -subj /CN=localhost -keyout "$work/key" -out "$work/cert" 2>/dev/null
chmod -R a+rX "$work"
docker run --rm --network none --tmpfs /tmp --entrypoint sh \
    --volume "$PWD/deploy/nginx/nginx.conf:/etc/nginx/nginx.conf:ro" \
    --volume "$work:/filled:ro" \
    --volume "$work/cert:/run/secrets/tls_cert:ro" \
    --volume "$work/key:/run/secrets/tls_key:ro" \
    "$image" -c 'cp /filled/store.conf /filled/objects.conf /tmp/ && nginx -t -q'

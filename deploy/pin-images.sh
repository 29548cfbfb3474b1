#!/bin/sh
# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

# Pin the images of the production stack by digest.
#
#     deploy/pin-images.sh [--update] [FROM [TO]]
#
# Pulls each NAME_IMAGE=REPOSITORY:TAG in FROM (deploy/images.env), and writes
# NAME_IMAGE=REPOSITORY:TAG@DIGEST to TO (.env), where Compose reads it, below
# a line with the date. The other lines of TO are kept. An image that has a
# digest already is pulled by it; with --update, by its tag. If an image can't
# be pulled, nothing is written.
set -eu
cd "$(dirname "$0")/.."
update=
[ "${1:-}" != --update ] || {
    update=yes
    shift
}
from=${1:-deploy/images.env}
to=${2:-.env}

umask 077
[ ! -e "$to" ] || [ -f "$to" ] || {
    echo "deploy/pin-images.sh: $to is not a file" >&2
    exit 1
}
fresh=$(mktemp "$to.XXXXXX")
trap 'rm -f "$fresh"' EXIT

# digest REFERENCE: pull an image, and print its digest in this repository. An
# image may have a digest for each repository that it was pulled from.
digest() {
    docker pull --quiet "$1" >/dev/null || return 1
    repository=${1%@*}
    case ${repository##*/} in *:*) repository=${repository%:*} ;; esac
    # The engine prints names in this short form.
    repository=${repository#docker.io/}
    repository=${repository#library/}
    docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$1" |
        sed -n "s|^$repository@\(sha256:[0-9a-f]\{64\}\)\$|\1|p" | head -n 1
}

[ ! -e "$to" ] ||
    grep -Ev '^((PYTHON|NGINX|MARIADB)_IMAGE=|# pinned [0-9-]*$)' "$to" >"$fresh" || :
echo "# pinned $(date -u +%Y-%m-%d)" | tee -a "$fresh"
for name in PYTHON_IMAGE NGINX_IMAGE MARIADB_IMAGE; do
    reference=$(sed -n "s/^$name=//p" "$from" | tail -n 1)
    if [ -z "$reference" ]; then
        echo "deploy/pin-images.sh: $from has no $name" >&2
        exit 1
    fi
    [ -z "$update" ] || reference=${reference%@*}
    found=$(digest "$reference") || exit 1
    if [ -z "$found" ]; then
        echo "deploy/pin-images.sh: $reference has no digest in its repository" >&2
        exit 1
    fi
    echo "$name=${reference%@*}@$found" | tee -a "$fresh"
done
# .env may hold secrets; the list of images is everyone's.
[ "$from" != "$to" ] || chmod 0644 "$fresh"
mv "$fresh" "$to"

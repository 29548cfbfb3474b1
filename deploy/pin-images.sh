#!/bin/sh
# Pin the images of the production stack by digest.
#
#     deploy/pin-images.sh [FROM [TO]]
#
# Pulls each NAME_IMAGE=REPOSITORY:TAG of FROM (deploy/images.env), and writes
# NAME_IMAGE=REPOSITORY:TAG@DIGEST into TO (.env), where Compose reads it. The
# other lines of TO stay. One that has a digest already is pulled by it. Where
# one can't be pulled, nothing is written.
set -eu
cd "$(dirname "$0")/.."
from=${1:-deploy/images.env}
to=${2:-.env}

umask 077
[ ! -e "$to" ] || [ -f "$to" ] || {
    echo "deploy/pin-images.sh: $to is no file" >&2
    exit 1
}
fresh=$(mktemp "$to.XXXXXX")
trap 'rm -f "$fresh"' EXIT

# digest REFERENCE: pull it, and print the digest that its repository has for
# it. An image may have one for each repository that it was pulled from.
digest() {
    docker pull --quiet "$1" >/dev/null || return 1
    repository=${1%@*}
    case ${repository##*/} in *:*) repository=${repository%:*} ;; esac
    # As the engine prints it.
    repository=${repository#docker.io/}
    repository=${repository#library/}
    docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$1" |
        sed -n "s|^$repository@\(sha256:[0-9a-f]\{64\}\)\$|\1|p" | head -n 1
}

[ ! -e "$to" ] || grep -Ev '^(PYTHON|NGINX|MARIADB)_IMAGE=' "$to" >"$fresh" || :
for name in PYTHON_IMAGE NGINX_IMAGE MARIADB_IMAGE; do
    reference=$(sed -n "s/^$name=//p" "$from" | tail -n 1)
    if [ -z "$reference" ]; then
        echo "deploy/pin-images.sh: $from has no $name" >&2
        exit 1
    fi
    found=$(digest "$reference") || exit 1
    if [ -z "$found" ]; then
        echo "deploy/pin-images.sh: $reference has no digest of its repository" >&2
        exit 1
    fi
    echo "$name=${reference%@*}@$found" | tee -a "$fresh"
done
mv "$fresh" "$to"

#!/bin/sh
# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

# Update a running production stack: the images that it is built of and runs,
# the store's image, the database's tables, and then each service.
#
#     git pull
#     deploy/update.sh
#
# Pins the images of deploy/images.env (or of the file in MSRV_IMAGES) in .env,
# pulls and builds, and only then replaces anything. If a step fails, the
# services after it are left as they are, and the exit status is 1; running it
# again continues. COMPOSE_FILE, in the environment or in .env, names other
# files than docker-compose.prod.yml.
set -eu
cd "$(dirname "$0")/.."
# Compose reads .env, but prefers the environment, even what is empty there.
if [ -z "${COMPOSE_FILE:-}" ]; then
    unset COMPOSE_FILE
    grep -Eqs "^ *(export )?COMPOSE_FILE *[=:] *[\"']?[^\"' ]" .env ||
        export COMPOSE_FILE=docker-compose.prod.yml
fi

step() {
    printf '\n%s\n' "$1"
    shift
    "$@" || {
        printf 'deploy/update.sh: failed: %s\n' "$*" >&2
        exit 1
    }
}

step "Pinning the images" deploy/pin-images.sh "${MSRV_IMAGES:-deploy/images.env}"

services=$(docker compose config --services)
has() { printf '%s\n' "$services" | grep -qx "$1"; }

pulled=
for service in nginx db; do
    ! has "$service" || pulled="$pulled $service"
done
# Words, not one argument.
# shellcheck disable=SC2086
step "Pulling$pulled" docker compose pull $pulled
step "Building the store" docker compose build --pull app

! has migrate ||
    step "Updating the database's tables" docker compose run --rm --no-deps migrate
for service in app nginx db; do
    ! has "$service" ||
        step "Replacing $service" \
            docker compose up --detach --no-deps --wait "$service"
done
printf '\nUpdated.\n'

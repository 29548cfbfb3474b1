#!/usr/bin/env bash
# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

# Start the production stack as it is shipped, test it, then the development
# stack, and remove everything again.
set -uo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'TEXT'
deploy/validate.sh: test the containers of this checkout; prints Pass or Fail.

    deploy/validate.sh [-s] [-h]

  -s  skip the TLS part
  -h  show this text

It builds the image, creates the development certificate if there is none, and
serves the demo on EDGE_HTTP_PORT (80) and EDGE_HTTPS_PORT (443), then on
MSRV_DEV_PORT (8443); these ports have to be free. Nothing is left running.
It exits with 1 on any Fail. It needs docker with Compose, curl, openssl and
Python; it tests TLS with testssl.sh, and HTTP/2 with h2load, if they are
installed.
TEXT
}

tls=yes
while getopts sh option; do
    case $option in
    s) tls=no ;;
    h) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
done

http_port=${EDGE_HTTP_PORT:-80}
https_port=${EDGE_HTTPS_PORT:-443}
dev_port=${MSRV_DEV_PORT:-8443}
url=https://localhost
[ "$https_port" = 443 ] || url=$url:$https_port
plain=http://localhost
[ "$http_port" = 80 ] || plain=$plain:$http_port
name=msrv-validate-$$
certs=${MSRV_CERTS:-certs}
work=$(mktemp -d)
failed=0

export EDGE_HTTP_PORT=$http_port EDGE_HTTPS_PORT=$https_port
export MSRV_DEV_PORT=$dev_port MSRV_PUBLIC_URL=$url MSRV_DEMO_PAYMENTS=1
export MSRV_IMAGE=$name MSRV_DEV_IMAGE=$name
MSRV_TLS_CERT=$PWD/$certs/localhost.crt
MSRV_TLS_KEY=$PWD/$certs/localhost.key
MSRV_SECRETS=$work/secrets
export MSRV_TLS_CERT MSRV_TLS_KEY MSRV_SECRETS

production() {
    docker compose -p "$name" -f docker-compose.prod.yml "$@"
}
development() {
    docker compose -p "$name-dev" -f "$work/msrv/docker-compose.yml" "$@"
}

take_down() {
    production down --volumes --timeout 5 >/dev/null 2>&1
    [ ! -e "$work/msrv/docker-compose.yml" ] ||
        development down --volumes --timeout 5 >/dev/null 2>&1
    docker image rm --force "$name" >/dev/null 2>&1
    rm -rf "$work"
}
trap take_down EXIT
trap 'exit 130' INT TERM

# check SENTENCE COMMAND...: run a command, and print Pass or Fail.
check() {
    local sentence=$1
    shift
    if "$@" >"$work/said" 2>&1; then
        printf 'Pass  %s\n' "$sentence"
    else
        failed=1
        printf 'Fail  %s\n' "$sentence"
        tail -n 5 "$work/said" | sed 's/^/      /'
    fi
}
get() { curl --silent --show-error --max-time 60 --cacert "$certs/ca.crt" "$@"; }
status_of() { get --output /dev/null --write-out '%{http_code}' "$@"; }
json() { python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"; }

# Run a command of the store from the image, so that nothing has to be
# installed here, and as the owner of the checkout, who then owns the files.
msrv() {
    docker run --rm --user "$(stat -c '%u:%g' .)" \
        --volume "$PWD/$certs:/certs" --env MSRV_CERTS=/certs \
        --hostname msrv "$name" "$@"
}

echo "The image"
check "it builds" docker build --quiet --tag "$name" \
    ${PYTHON_IMAGE:+--build-arg "PYTHON_IMAGE=$PYTHON_IMAGE"} .
[ "$failed" = 0 ] || exit 1
base=${PYTHON_IMAGE:-$(sed -n 's/^ARG PYTHON_IMAGE=//p' Dockerfile)}
adds_little() {
    local whole under
    whole=$(docker image inspect -f '{{.Size}}' "$name") || return 1
    under=$(docker image inspect -f '{{.Size}}' "$base") || return 1
    echo "$((whole / 1000000)) MB, of which $(((whole - under) / 1000000)) MB are added"
    [ $((whole - under)) -lt 132000000 ]
}
check "it adds less than 132 MB to $base" adds_little
sed 's/^/      /' "$work/said"

echo "Production"
unset NONCE
check "the secrets are created" deploy/secrets.sh
nameless() {
    mv "$MSRV_SECRETS/nonce" "$work/nonce"
    ! production up --detach --no-build --no-deps app &&
        grep -q "$MSRV_SECRETS/nonce" "$work/said"
    local how=$?
    mv "$work/nonce" "$MSRV_SECRETS/nonce"
    production down --volumes --timeout 5 >/dev/null 2>&1
    return "$how"
}
check "without NONCE, nothing starts" nameless
check "a development certificate exists or is created" msrv certs
up() {
    production up --detach --wait --wait-timeout 120 --no-build || return 1
    local _
    for _ in $(seq 600); do
        [ "$(status_of "$url/-/ready")" = 200 ] && return 0
        sleep 0.1
    done
    return 1
}
check "nginx, two replicas and MariaDB start" up

answers_200() { [ "$(status_of "$url/")" = 200 ]; }
check "200 at $url/" answers_200

shows_the_edge() {
    get --header 'X-Forwarded-For: 6.6.6.6' "$url/-/edge" | tee "$work/edge"
    grep -q 'easier to ask forgiveness' "$work/edge" &&
        grep -Eq '^X-Forwarded-For: [0-9a-f.:]+$' "$work/edge" &&
        grep -Eq '^X-Real-IP: [0-9a-f.:]+$' "$work/edge" &&
        grep -q '^X-Forwarded-Proto: https$' "$work/edge" &&
        ! grep -q '6\.6\.6\.6' "$work/edge"
}
check "the quotation and the forwarded headers at $url/-/edge" shows_the_edge

redirects() {
    local place
    place=$(curl --silent --output /dev/null --write-out \
        '%{http_code} %{redirect_url}' --header 'Host: evil.example' \
        "$plain/catalog?q=a%20b")
    echo "$place"
    [ "$place" = "301 $url/catalog?q=a%20b" ]
}
check "$plain/ redirects to the same page at $url/" redirects

if [ "$tls" = yes ]; then
    handshake() {
        openssl s_client -connect "localhost:$https_port" \
            -servername localhost "$@" </dev/null 2>&1
    }
    # A handshake that doesn't take place must not pass.
    speaks() { handshake "$@" | tee "$work/tls" | grep -q 'Verify return code: 0' ||
        grep -Eq '^ *(New|Protocol).*TLSv1\.[23]' "$work/tls"; }
    refuses() { handshake "$@" | tee "$work/tls"; grep -Eq 'alert|Cipher is \(NONE\)' "$work/tls"; }
    check "TLS 1.3" speaks -tls1_3
    check "TLS 1.2 with ECDHE and AES-GCM" speaks -tls1_2 -cipher ECDHE+AESGCM
    check "no TLS 1.1" refuses -tls1_1 -cipher ALL:@SECLEVEL=0
    check "no CBC suite" refuses -tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256
    check "no static RSA" refuses -tls1_2 -cipher AES128-GCM-SHA256
    testssl=$(command -v testssl || command -v testssl.sh || true)
    if [ -n "$testssl" ]; then
        # Not --server-preference: clients may choose among the secure suites.
        sound() {
            "$testssl" --quiet --color 0 --warnings off --protocols --std \
                --fs --vulnerable --add-ca "$certs/ca.crt" "$url/" >"$work/tls"
            grep -q 'TLS 1.3 *offered' "$work/tls" || { cat "$work/tls"; return 1; }
            ! grep -E 'NOT ok|VULNERABLE' "$work/tls"
        }
        check "testssl finds nothing wrong" sound
    fi
fi

check "invalid HTTP/2 closes the connection" \
    python3 deploy/http2_check.py "https://localhost:$https_port" "$certs/ca.crt"
if command -v h2load >/dev/null; then
    streams() {
        h2load --requests=400 --clients=8 --max-concurrent=16 \
            "$url/theme.css" | tee "$work/h2load"
        grep -Eq '^requests: .* 400 done, .* 0 errored, 0 timeout' "$work/h2load" &&
            grep -Eq '^status codes: [1-9][0-9]* 2xx, 0 3xx, [0-9]+ 4xx, 0 5xx' "$work/h2load"
    }
    check "400 requests in 128 streams are all answered" streams
fi

unreachable() {
    ! curl --silent --max-time 2 http://127.0.0.1:8000/-/edge | grep forgiveness &&
        [ -z "$(production port app 8000 2>/dev/null | grep -v ':0$')" ]
}
check "the app is not reachable from here" unreachable

# The sale may reach the database up to a second later.
in_mariadb() {
    local _
    for _ in $(seq 100); do
        production exec -T app msrv ledger status | tee "$work/ledger"
        grep -q '^ledger *MariaDB, msrv on db' "$work/ledger" &&
            grep -q '^orders *[1-9]' "$work/ledger" && return 0
        sleep 0.1
    done
    return 1
}

no_keys() {
    local image
    image=$(docker inspect -f '{{.Image}}' "$(production ps -q nginx)") || return 1
    docker run --rm --user 0 --entrypoint sh "$image" -c \
        'test ! -e /run/secrets/tls_key && ! grep -rls "PRIVATE KEY" /etc/nginx'
}
check "nginx's image has no key" no_keys
db_unreachable() {
    [ -z "$(production port db 3306 2>/dev/null | grep -v ':0$')" ] &&
        ! production exec -T nginx wget -q -T 2 -O - http://db:3306/ &&
        ! production exec -T nginx getent hosts db
}
check "the database is reachable neither from here nor from nginx" db_unreachable

buys_and_downloads() {
    local item sum link
    item=$(get -H 'Accept: application/json' "$url/catalog" | json \
        "max((i for r in d['releases'] for i in r['items']), key=lambda i: i['size_bytes'])['item_id']") || return 1
    link=$(get -H 'Accept: application/json' --data "item=$item" "$url/purchases" |
        json "d['downloads']['$item']") || return 1
    sum=$(docker exec "$(production ps -q app | head -n 1)" msrv catalog --json | json \
        "next(i['sha256'] for i in d if i['item_id'] == '$item')") || return 1
    get --output "$work/whole" "$link" || return 1
    echo "$sum  $work/whole" | sha256sum --check || return 1
    # An interrupted download: a first part, and then the rest of it.
    head -c 100000 "$work/whole" >"$work/part"
    get --output "$work/part" --continue-at - "$link" || return 1
    echo "$sum  $work/part" | sha256sum --check || return 1
    [ "$(status_of --range 5-9 "$link")" = 206 ]
}
check "a purchase, its download and a resumed one have the right SHA-256" buys_and_downloads

check "the sale is in MariaDB" in_mariadb

direct_is_404() { [ "$(status_of "$url/-/files/whole/store.toml")" = 404 ]; }
check "a file can't be downloaded by its path" direct_is_404
production down --volumes --timeout 5 >/dev/null 2>&1

echo "Development"
# In a copy, so that the edit doesn't change this checkout.
mkdir "$work/msrv"
cp -R msrv docker-compose.yml Dockerfile "$work/msrv"
mkdir "$work/msrv/certs"
develops() {
    development up --detach --wait --wait-timeout 120 --no-build &&
        curl --silent --fail --cacert "$work/msrv/certs/ca.crt" \
            --retry 20 --retry-delay 1 "https://localhost:$dev_port/-/ready"
}
check "it starts, and serves HTTPS itself" develops
belongs() {
    [ "$(stat -c %u "$work/msrv/certs/localhost.key")" = "$(stat -c %u "$work/msrv/certs")" ]
}
check "files that it creates here belong to this user" belongs
reloads() {
    local began
    sed -i 's/forgiveness/pardon/' "$work/msrv/msrv/web/shop/operations.py"
    began=$(date +%s%N)
    until curl --silent --cacert "$work/msrv/certs/ca.crt" \
        "https://localhost:$dev_port/-/edge" | grep -q pardon; do
        [ $(($(date +%s%N) - began)) -lt 20000000000 ] || return 1
        sleep 0.05
    done
}
check "an edit takes effect without a build" reloads

echo
docker image ls --format '{{.Repository}}:{{.Tag}}  {{.Size}}' |
    grep -E "^($name|nginxinc/nginx-unprivileged|$(printf %s "$base" | sed 's/:.*//')):"
if [ "$failed" = 0 ]; then echo "All passed."; else echo "Something failed."; fi
exit "$failed"

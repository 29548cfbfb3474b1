#!/bin/sh
# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

# Create the secrets of the production stack, each in a separate file: NONCE,
# and the passwords of the ledger's database. Existing files are kept. If NONCE
# is set in the environment or in the file .env, that is stored instead of a
# new one, since a store that has used it has to continue with it.
#
#     deploy/secrets.sh [FOLDER]
#
# FOLDER is by default MSRV_SECRETS, of the environment or of .env, or else
# `secrets` beside the production file. A secret has the same file mode inside
# of a container as outside, and each container has another user: so the files
# are readable by everyone, in a folder that only its owner can enter.
set -eu
cd "$(dirname "$0")/.."

# from_env_file NAME: the value that Compose would read from .env, without the
# quotes around it, or without the comment behind it.
from_env_file() {
    [ ! -e .env ] || tr -d '\r' <.env |
        sed -n "s/^ *\(export \)\{0,1\}$1 *[=:] *//p" | tail -n 1 |
        sed -e "/^['\"]/!s/ \{1,\}#.*//" -e 's/ *$//' \
            -e "s/^'\(.*\)'\$/\1/" -e 's/^"\(.*\)"$/\1/'
}

folder=${1:-${MSRV_SECRETS:-$(from_env_file MSRV_SECRETS)}}
folder=${folder:-secrets}
nonce=${NONCE:-$(from_env_file NONCE)}

umask 077
mkdir -p "$folder"
chmod 0700 "$folder"

# Hexadecimal digits need no quoting in a URL.
password() { od -An -v -N 24 -t x1 /dev/urandom | tr -d ' \n'; }

# make NAME TEXT: create a file atomically. printf is a builtin of the shell,
# so the text appears in no list of processes.
make() {
    if [ -e "$folder/$1" ]; then
        echo "kept  $folder/$1"
        return
    fi
    printf '%s\n' "$2" >"$folder/.$1"
    chmod 0444 "$folder/.$1"
    mv "$folder/.$1" "$folder/$1"
    echo "made  $folder/$1"
}

make nonce "${nonce:-$(od -An -v -N 32 -t x1 /dev/urandom | tr -d ' \n')}"
make db_root "$(password)"
make db_store "mysql://store:$(password)@db/msrv"
make db_migrator "mysql://migrator:$(password)@db/msrv"
echo "Keep a copy of $folder/nonce: without it, no receipt works any more."

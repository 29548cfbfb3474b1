#!/bin/sh
# Make the secrets of the production stack, each in a file of its own: NONCE,
# and the passwords of the ledger's database. What is there already stays as
# it is. A NONCE of the environment, or of the file .env, is written down in
# place of a new one: a store that has it must go on with it.
#
#     deploy/secrets.sh [FOLDER]
#
# FOLDER is MSRV_SECRETS, or `secrets` beside the production file. A file
# secret has the mode inside that it has outside, and each container is
# somebody else: so the files are readable for all, in a folder that is closed
# to all but its owner.
set -eu
cd "$(dirname "$0")/.."
folder=${1:-${MSRV_SECRETS:-secrets}}

umask 077
mkdir -p "$folder"
chmod 0700 "$folder"

# Hexadecimal: nothing in it has to be quoted in an address.
password() { od -An -v -N 24 -t x1 /dev/urandom | tr -d ' \n'; }

# make NAME TEXT: a whole file or none. printf is the shell's own, so that no
# list of processes shows the text.
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

# The value that Compose would read, without the quotes around it.
env_nonce() {
    [ ! -e .env ] || sed -n 's/^[[:space:]]*\(export \)\{0,1\}NONCE=//p' .env |
        tail -n 1 | tr -d '\r' | sed -e "s/^'\(.*\)'\$/\1/" -e 's/^"\(.*\)"$/\1/'
}

nonce=${NONCE:-$(env_nonce)}
make nonce "${nonce:-$(od -An -v -N 32 -t x1 /dev/urandom | tr -d ' \n')}"
make db_root "$(password)"
make db_store "mysql://store:$(password)@db/msrv"
make db_migrator "mysql://migrator:$(password)@db/msrv"
echo "Keep a copy of $folder/nonce: without it no receipt works again."

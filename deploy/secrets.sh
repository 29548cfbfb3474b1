#!/bin/sh
# Make the passwords of the ledger's database, each in a file of its own.
# What is there already stays as it is.
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

make db_root "$(password)"
make db_store "mysql://store:$(password)@db/msrv"
make db_migrator "mysql://migrator:$(password)@db/msrv"

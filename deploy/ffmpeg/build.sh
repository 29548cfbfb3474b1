#!/bin/bash
# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

# Build Debian's ffmpeg with what the store uses and nothing else; run in a
# stage of its own while the image is built.
#
#     build.sh DESTINATION
#
# DESTINATION gets the program, which needs no library but libc's, the licences
# of what is in it, and records of that in dpkg's form, which scanners read.
set -euo pipefail

destination=$1
libraries=(libmp3lame-dev libogg-dev libopus-dev libvorbis-dev)
encoders=aac,alac,flac,libmp3lame,libopus,libvorbis
encoders+=,pcm_s16be,pcm_s16le,pcm_s24be,pcm_s24le
decoders=aac,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,alac,flac,mp3,mp3float
decoders+=,opus,pcm_alaw,pcm_f32be,pcm_f32le,pcm_f64be,pcm_f64le,pcm_mulaw
decoders+=,pcm_s16be,pcm_s16le,pcm_s24be,pcm_s24le,pcm_s32be,pcm_s32le
decoders+=,pcm_s8,pcm_u8,speex,vorbis

sed -i 's/^Types: deb$/Types: deb deb-src/' /etc/apt/sources.list.d/*.sources
apt-get update --quiet
apt-get install --quiet --yes --no-install-recommends \
    build-essential nasm pkgconf "${libraries[@]}"
# Without these, the linker takes the static libraries.
rm /usr/lib/*/lib{mp3lame,ogg,opus,vorbis,vorbisenc}.so

work=$(mktemp -d)
chmod 755 "$work"
cd "$work"
apt-get source --quiet ffmpeg
cd ffmpeg-*/
version=$(dpkg-parsechangelog --show-field Version)
# The date of the source rather than of a release: every release of the store
# can take the same layer from the cache.
SOURCE_DATE_EPOCH=$(dpkg-parsechangelog --show-field Timestamp)
export SOURCE_DATE_EPOCH
./configure \
    --disable-everything --disable-autodetect --disable-network \
    --disable-avdevice --disable-swscale --disable-debug --disable-doc \
    --disable-ffplay --disable-ffprobe --pkg-config-flags=--static \
    --enable-libmp3lame --enable-libopus --enable-libvorbis \
    --enable-encoder="$encoders" --enable-decoder="$decoders" \
    --enable-demuxer=aac,aiff,flac,mov,mp3,ogg,w64,wav \
    --enable-muxer=aiff,flac,ipod,mp3,ogg,opus,pcm_s16le,wav \
    --enable-parser=aac,flac,mpegaudio,opus,vorbis \
    --enable-filter=aformat,afade,anull,aresample,atrim,ebur128,volume \
    --enable-protocol=file,pipe \
    --extra-version="${version##*-}"
make --jobs="$(nproc)" ffmpeg
install -D --strip --mode=0755 ffmpeg "$destination/usr/local/bin/ffmpeg"

notices=$destination/usr/share/doc/msrv/FFMPEG
records=$destination/var/lib/dpkg/status.d/ffmpeg
mkdir -p "${notices%/*}" "${records%/*}"
{
    echo "The program ffmpeg in this image is Debian's source package ffmpeg"
    echo "$version, built with few of its parts, by deploy/ffmpeg/build.sh of"
    echo "MSRV's source; without --enable-gpl it is under the LGPL-2.1 or later."
    echo "It contains these libraries of Debian. All sources are at"
    echo "https://snapshot.debian.org, by these names and versions."
    echo
    # shellcheck disable=SC2016 # the fields are dpkg's, not the shell's
    dpkg-query --show --showformat='${source:Package} ${source:Version}\n' \
        "${libraries[@]}" | sort --unique
    for each in debian/copyright "${libraries[@]/#//usr/share/doc/}"; do
        printf '\n%s\n\n' "$(printf -- '-%.0s' {1..78})"
        if [[ -d $each ]]; then cat "$each/copyright"; else cat "$each"; fi
    done
} >"$notices"
{
    printf 'Package: ffmpeg\nStatus: install ok installed\n'
    printf 'Architecture: %s\nVersion: %s\n\n' \
        "$(dpkg --print-architecture)" "$version"
    # shellcheck disable=SC2016 # as above
    dpkg-query --show --showformat='Package: ${Package}\nStatus: ${Status}\nArchitecture: ${Architecture}\nVersion: ${Version}\n\n' \
        "${libraries[@]}"
} >"$records"

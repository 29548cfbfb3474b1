#!/bin/bash
# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Build Debian's ffmpeg with what the store uses, and nothing else: run while
# the image is built, in a stage of its own.
#
#     build.sh DESTINATION
#
# DESTINATION gets the program, its libraries, and for each the notices and
# the record that dpkg has of it.
set -euo pipefail

destination=$1
encoders=aac,alac,flac,libmp3lame,libopus,libvorbis,pcm_s16be,pcm_s16le,pcm_s24be,pcm_s24le
decoders=aac,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,alac,flac,libopus,mp3,mp3float,opus,pcm_alaw,pcm_f32be,pcm_f32le,pcm_f64be,pcm_f64le,pcm_mulaw,pcm_s8,pcm_s16be,pcm_s16le,pcm_s24be,pcm_s24le,pcm_s32be,pcm_s32le,pcm_u8,speex,vorbis
demuxers=aac,aiff,flac,mov,mp3,ogg,w64,wav
muxers=aiff,flac,ipod,mp3,ogg,opus,wav
parsers=aac,flac,mpegaudio,opus,vorbis
filters=aformat,afade,anull,aresample,atrim

cd "$(mktemp -d)"
apt-get source --quiet ffmpeg
cd ffmpeg-*/
./configure \
    --disable-everything --disable-autodetect --disable-network \
    --disable-doc --disable-debug --disable-avdevice \
    --disable-ffplay --disable-ffprobe --disable-swscale \
    --enable-libmp3lame --enable-libopus --enable-libvorbis \
    --enable-encoder="$encoders" --enable-decoder="$decoders" \
    --enable-demuxer="$demuxers" --enable-muxer="$muxers" \
    --enable-parser="$parsers" --enable-filter="$filters" \
    --enable-protocol=file,pipe \
    --extra-version="$(dpkg-parsechangelog --show-field Version | sed 's/^[0-9]*://; s/^[^-]*-//')"
make --jobs="$(nproc)" ffmpeg
strip ffmpeg
install -D --mode=0755 ffmpeg "$destination/usr/local/bin/ffmpeg"

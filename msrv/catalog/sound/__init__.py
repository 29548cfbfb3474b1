# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Analysis of a track's sound: its loudness, and the peaks of its waveform."""

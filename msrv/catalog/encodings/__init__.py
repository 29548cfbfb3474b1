# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Formats of tracks, encoded from lossless masters before they are needed."""

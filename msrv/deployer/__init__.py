# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Deployer: turns a pushed image into a rolling update. A program of its own.

It runs apart from the store, in another container. The gate, which alone has
the container engine's socket, is a third. Of the store's packages it imports
the settings and four shared modules, and nothing else.
"""

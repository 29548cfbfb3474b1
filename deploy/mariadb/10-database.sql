-- SPDX-FileCopyrightText: MSRV contributors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- First boot: the ledger's database, empty. Its tables are made by
-- `msrv ledger upgrade`, so that they are made in one place.
CREATE DATABASE IF NOT EXISTS msrv
    CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

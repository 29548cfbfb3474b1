-- SPDX-FileCopyrightText: MSRV contributors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- First boot: who may do what to the ledger. Run again, it takes up new
-- passwords; docs/deployment.md says how.
--
-- A password comes from the secret file that its user connects with, an
-- address as deploy/secrets.sh writes it, and from nowhere else: so the two
-- can't differ, and none is written here. Without one, nobody is let in.
DELIMITER //

FOR person IN (SELECT 'store' AS name UNION ALL SELECT 'migrator') DO
    SET @file = CONCAT('/run/secrets/db_', person.name);
    SET @password = REGEXP_SUBSTR(
        CONVERT(LOAD_FILE(@file) USING utf8mb4),
        CONCAT(
            '(?<=^mysql://', person.name, ':)',
            '[0-9A-Za-z_-]{20,}(?=@db/msrv\\s*$)'
        )
    );
    IF COALESCE(@password, '') = '' THEN
        SET @sentence = CONCAT(
            @file, ' does not say mysql://', person.name,
            ':PASSWORD@db/msrv, or not with 20 letters and digits'
        );
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = @sentence;
    END IF;
    EXECUTE IMMEDIATE CONCAT(
        'CREATE OR REPLACE USER ', person.name, '@''%'' IDENTIFIED BY ',
        QUOTE(@password)
    );
END FOR//

DELIMITER ;
SET @password = NULL;

-- The store reads and writes rows, and can change no table.
GRANT SELECT, INSERT, UPDATE, DELETE ON msrv.* TO store@'%';

-- Who brings the tables up to a version's; nothing that runs all day.
GRANT SELECT, INSERT, UPDATE, DELETE,
    CREATE, ALTER, INDEX, DROP, REFERENCES ON msrv.* TO migrator@'%';

-- SPDX-License-Identifier: GPL-2.0-only
-- SPDX-FileCopyrightText: 2026 The codearena authors
--
-- Work for PostgreSQL's JIT: see postgres.sh.
DROP TABLE IF EXISTS points;
CREATE TABLE points AS SELECT i, (i * 7919) % 1000 AS x, i % 97 AS y, 'p' || i AS name FROM generate_series(1, 5000) i;
ANALYZE points;
SELECT pg_jit_available();
SELECT sum(x * y + i % 13), count(*) FROM points WHERE x > 100 AND y < 50;
SELECT y, sum(x), max(length(name)) FROM points WHERE (x + y) % 3 = 1 GROUP BY y ORDER BY y LIMIT 5;
SELECT count(*) FROM points a JOIN points b ON a.x = b.y WHERE a.i < 200 AND b.i > 10 AND a.name <> b.name;

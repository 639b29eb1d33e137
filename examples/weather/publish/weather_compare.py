"""The playing year against the mean of the earlier ones."""

import sqlite3

DATABASE = '${weather.output}/weather/${zdt.format("yyyy-MM-dd")}/weather.db'
YEAR = "${weather.year}"
MEASURES = [
    ("mean_high", "temperature"),
    ("mean_low", "temperature"),
    ("rain", "rain"),
    ("wet_days", "rain"),
    ("dry_days", "spell"),
    ("sunny_days", "spell"),
]

with sqlite3.connect(DATABASE, timeout=60) as db:
    db.execute("BEGIN IMMEDIATE")
    db.execute("DROP TABLE IF EXISTS comparison")
    db.execute(
        "CREATE TABLE comparison (place TEXT, measure TEXT, this_year REAL, earlier REAL,"
        " difference REAL, PRIMARY KEY (place, measure))"
    )
    for measure, table in MEASURES:
        db.execute(
            f"""
            INSERT INTO comparison
            SELECT place, ?, now, before, now - before
            FROM (SELECT place,
                         avg(CASE WHEN year = ? THEN {measure} END) AS now,
                         avg(CASE WHEN year < ? THEN {measure} END) AS before
                  FROM {table}
                  GROUP BY place)
            """,
            (measure, YEAR, YEAR),
        )
    missing = db.execute(
        "SELECT count(*) FROM comparison WHERE this_year IS NULL OR earlier IS NULL"
    ).fetchone()[0]
    if missing:
        raise SystemExit(f"{missing} measures have nothing to be compared with: is ${weather.year} in the data?")
    for row in db.execute("SELECT * FROM comparison ORDER BY place, measure"):
        print("{}: {} {:.2f}, earlier {:.2f} ({:+.2f})".format(*row))

"""Means and extremes of temperature by place and year."""

import sqlite3

DATABASE = '${weather.output}/weather/${zdt.format("yyyy-MM-dd")}/weather.db'

with sqlite3.connect(DATABASE, timeout=60) as db:
    db.executescript(
        """
        BEGIN IMMEDIATE;
        DROP TABLE IF EXISTS temperature;
        CREATE TABLE temperature AS
        SELECT place,
               substr(date, 1, 4)               AS year,
               count(*)                         AS days,
               avg(high)                        AS mean_high,
               avg(low)                         AS mean_low,
               max(high)                        AS highest,
               min(low)                         AS lowest
        FROM observation
        GROUP BY place, substr(date, 1, 4);
        COMMIT;
        """
    )
    for place, year, high, low in db.execute(
        "SELECT place, year, mean_high, mean_low FROM temperature ORDER BY place, year"
    ):
        print(f"{place} {year}: {low:.1f} to {high:.1f} °C on average")

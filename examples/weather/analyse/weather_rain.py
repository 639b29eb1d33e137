"""Rain and wet days by place and year."""

import sqlite3

DATABASE = '${weather.output}/weather/${zdt.format("yyyy-MM-dd")}/weather.db'

with sqlite3.connect(DATABASE, timeout=60) as db:
    db.executescript(
        """
        BEGIN IMMEDIATE;
        DROP TABLE IF EXISTS rain;
        CREATE TABLE rain AS
        SELECT place,
               substr(date, 1, 4)               AS year,
               sum(rain)                        AS rain,
               sum(rain >= ${wet.mm})           AS wet_days,
               max(rain)                        AS wettest
        FROM observation
        GROUP BY place, substr(date, 1, 4);
        COMMIT;
        """
    )
    for place, year, rain, wet_days in db.execute(
        "SELECT place, year, rain, wet_days FROM rain ORDER BY place, year"
    ):
        print(f"{place} {year}: {rain:.1f} mm, {wet_days} days with at least ${wet.mm} mm")

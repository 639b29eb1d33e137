"""The longest dry spell and the sunny days by place and year."""

import itertools
import sqlite3

DATABASE = '${weather.output}/weather/${zdt.format("yyyy-MM-dd")}/weather.db'
WET_MM = float("${wet.mm}")

with sqlite3.connect(DATABASE, timeout=60) as db:
    observations = db.execute(
        "SELECT place, substr(date, 1, 4), rain, kind FROM observation ORDER BY place, date"
    ).fetchall()
    spells = []
    for (place, year), group in itertools.groupby(observations, key=lambda row: row[:2]):
        days = list(group)
        dry = [
            len(list(run))
            for wet, run in itertools.groupby(days, key=lambda row: row[2] >= WET_MM)
            if not wet
        ]
        sunny = sum(kind == "sun" for *_, kind in days)
        spells.append((place, year, max(dry, default=0), sunny))
        print(f"{place} {year}: dry for {spells[-1][2]} days on end, {sunny} sunny days")
    db.execute("BEGIN IMMEDIATE")
    db.execute("DROP TABLE IF EXISTS spell")
    db.execute("CREATE TABLE spell (place TEXT, year TEXT, dry_days INTEGER, sunny_days INTEGER)")
    db.executemany("INSERT INTO spell VALUES (?, ?, ?, ?)", spells)

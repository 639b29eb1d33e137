"""Refuses gaps, doubles and impossible values; loads the rest into SQLite."""

import collections
import csv
import os
import sqlite3
import sys

DIR = '${weather.output}/weather/${zdt.format("yyyy-MM-dd")}'
COLDEST, HOTTEST = map(float, "${possible.celsius}".split())
COLUMNS = ["location", "date", "precipitation", "temp_max", "temp_min", "wind", "weather"]

problems = []
rows = []
with open(os.path.join(DIR, "observations.csv"), newline="") as source:
    reader = csv.DictReader(source)
    if reader.fieldnames != COLUMNS:
        sys.exit(f"columns are {reader.fieldnames}, expected {COLUMNS}")
    for line, row in enumerate(reader, start=2):
        try:
            rain, high, low, wind = (float(row[name]) for name in COLUMNS[2:6])
        except ValueError as error:
            problems.append(f"line {line}: {error}")
            continue
        if rain < 0 or wind < 0:
            problems.append(f"line {line}: rain {rain} or wind {wind} is negative")
        if not COLDEST <= low <= high <= HOTTEST:
            problems.append(f"line {line}: temperatures {low} to {high} are not possible")
        rows.append((row["location"], row["date"], rain, high, low, wind, row["weather"]))

doubles = [key for key, n in collections.Counter(r[:2] for r in rows).items() if n > 1]
problems += [f"{place} {date} is there more than once" for place, date in doubles]

# Every place has the same days in every year, but for the 29th of February.
days = collections.defaultdict(set)
for place, date, *_ in rows:
    if not date.endswith("02-29"):
        days[place, date[:4]].add(date[5:])
wanted = set().union(*days.values()) if days else set()
for (place, year), have in sorted(days.items()):
    if have != wanted:
        problems.append(f"{place} {year} lacks {sorted(wanted - have)}")
if not rows:
    problems.append("there are no observations")

if problems:
    sys.exit("\n".join(problems))

database = os.path.join(DIR, "weather.db")
if os.path.exists(database):
    os.remove(database)
with sqlite3.connect(database) as db:
    # Three jobs write to this file at the same time afterwards.
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(
        "CREATE TABLE observation (place TEXT, date TEXT, rain REAL, high REAL, low REAL,"
        " wind REAL, kind TEXT, PRIMARY KEY (place, date))"
    )
    db.executemany("INSERT INTO observation VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
print(f"{len(rows)} observations are sound; loaded into {database}")

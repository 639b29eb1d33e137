"""Writes the comparison as CSV, Markdown and HTML."""

import csv
import html
import os
import sqlite3

DIR = '${weather.output}/weather/${zdt.format("yyyy-MM-dd")}'
TITLE = '${weather.year}, ${zdt.addDay(-1).format("MM")}-01 to ${zdt.addDay(-1).format("MM-dd")}, against earlier years'
WORDS = {
    "mean_high": "mean daily maximum, °C",
    "mean_low": "mean daily minimum, °C",
    "rain": "rain, mm",
    "wet_days": "wet days",
    "dry_days": "longest dry spell, days",
    "sunny_days": "sunny days",
}


def write(name, text):
    """Whoever sees the file sees all of it."""
    path = os.path.join(DIR, name)
    with open(path + ".part", "w", newline="") as out:
        out.write(text)
    os.replace(path + ".part", path)
    print(f"wrote {path}")


with sqlite3.connect(os.path.join(DIR, "weather.db"), timeout=60) as db:
    rows = db.execute(
        "SELECT place, measure, this_year, earlier, difference FROM comparison ORDER BY place, measure"
    ).fetchall()

with open(os.path.join(DIR, "report.csv.part"), "w", newline="") as out:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["place", "measure", "this_year", "earlier", "difference"])
    writer.writerows([place, measure, *(f"{x:.4f}" for x in numbers)] for place, measure, *numbers in rows)
os.replace(os.path.join(DIR, "report.csv.part"), os.path.join(DIR, "report.csv"))

cells = [(place, WORDS[measure], f"{now:.1f}", f"{before:.1f}", f"{diff:+.1f}") for place, measure, now, before, diff in rows]
head = ("place", "measure", "${weather.year}", "earlier years", "difference")

lines = [f"# Weather: {TITLE}", "", "| " + " | ".join(head) + " |", "|---|---|--:|--:|--:|"]
lines += ["| " + " | ".join(row) + " |" for row in cells]
write("report.md", "\n".join(lines) + "\n")
print("\n".join(lines))


def table_row(tag, row):
    return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row) + "</tr>"


page = [
    "<!doctype html>",
    '<html lang="en"><meta charset="utf-8">',
    f"<title>Weather: {html.escape(TITLE)}</title>",
    "<style>body{font:15px system-ui;margin:2rem}td,th{padding:.3rem .8rem;text-align:left}"
    "td:nth-child(n+3){text-align:right;font-variant-numeric:tabular-nums}</style>",
    f"<h1>Weather: {html.escape(TITLE)}</h1>",
    "<table>",
    table_row("th", head),
    *(table_row("td", row) for row in cells),
    "</table></html>",
]
write("report.html", "\n".join(page) + "\n")

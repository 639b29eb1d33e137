# Checks that the report is whole and makes it the latest.
set -euo pipefail

day='${zdt.format("yyyy-MM-dd")}'
cd '${weather.output}/weather'

for file in report.csv report.md report.html; do
    test -s "$day/$file" || { echo "$day/$file is missing or empty"; exit 1; }
done
rows=$(($(wc -l < "$day/report.csv") - 1))
test "$rows" -eq 12 || { echo "report.csv has $rows rows, expected 12 (2 places, 6 measures)"; exit 1; }

# A link is replaced in one step: readers see the old report or the new one.
ln -sfn "$day" latest.part
mv -T latest.part latest
echo "latest is $day: $rows rows"

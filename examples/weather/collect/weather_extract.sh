# Takes the month's days up to yesterday out of the archive, for every year.
set -euo pipefail

dir='${weather.output}/weather/${zdt.format("yyyy-MM-dd")}'
month='${zdt.addDay(-1).format("MM")}'
last='${zdt.addDay(-1).format("MM-dd")}'

mkdir -p "$dir"
echo "days $month-01 to $last of every year in ${weather.home}/weather/data/weather.csv"

awk -F, -v first="$month-01" -v last="$last" '
    NR == 1 { print; next }
    { day = substr($2, 6) }
    day >= first && day <= last { print; count[$1 " " substr($2, 1, 4)]++ }
    END { for (key in count) print key ": " count[key] " days" > "/dev/stderr" }
' '${weather.home}/weather/data/weather.csv' > "$dir/observations.csv.part"

# Whoever sees the file sees all of it.
mv "$dir/observations.csv.part" "$dir/observations.csv"
wc -l "$dir/observations.csv"

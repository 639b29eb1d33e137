//! HERAs for tests: the schema, and as many jobs as wanted, always the same for a seed.

use std::fmt::Write as _;

/// The tables of a HERA 2.4 with what it begins with.
pub const SCHEMA: &str = include_str!("tests/hera-2.4.sql");

/// Groups of the first level below the root, of the second and of the third; jobs are in those.
const WIDTHS: [i64; 3] = [4, 3, 3];
const FIRST_GROUP: i64 = 10;
const FIRST_JOB: i64 = 1001;
/// Rows of one INSERT.
const ROWS: usize = 100;
const THEMES: [&str; 6] = ["订单", "用户", "支付", "库存", "traffic", "广告"];
const LAYERS: [&str; 3] = ["ods", "dwd", "ads"];

/// A job of a generated HERA, as far as its times go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeraJob {
    pub id: i64,
    /// Quartz, for jobs by cron.
    pub cron: Option<String>,
    /// For dependent jobs.
    pub upstreams: Vec<i64>,
    pub open: bool,
}

/// A HERA with `count` jobs in four levels of groups: the statements that fill [`SCHEMA`], and
/// the jobs.
pub fn generate(seed: u64, count: i64) -> (Vec<String>, Vec<HeraJob>) {
    let mut dice = Dice(seed | 1);
    let (mut statements, leaves) = groups(&mut dice);
    let mut jobs = Vec::new();
    let mut rows = Vec::new();
    for index in 0..count {
        let job = job(&mut dice, FIRST_JOB + index, &jobs);
        rows.push(row(&mut dice, &job, &leaves));
        jobs.push(job);
    }
    for rows in rows.chunks(ROWS) {
        statements.push(format!(
            "INSERT INTO hera_job (id, name, description, group_id, owner, auto, schedule_type, \
             cron_expression, dependencies, run_type, script, configs, resources, host_group_id, \
             `offset`, must_end_minute, estimated_end_hour, repeat_run, area_id, cron_period, \
             cron_interval, biz_label) VALUES {}",
            rows.join(", ")
        ));
    }
    (statements, jobs)
}

/// The groups' statements, and the ids of the small ones.
fn groups(dice: &mut Dice) -> (Vec<String>, Vec<i64>) {
    let mut rows = Vec::new();
    let mut above = vec![1];
    let mut next = FIRST_GROUP;
    for (level, width) in WIDTHS.into_iter().enumerate() {
        let mut here = Vec::new();
        for parent in above {
            for n in 0..width {
                let name = format!("{}_{}{n}", LAYERS[level], dice.pick(&THEMES));
                let config = format!(
                    "{{\"queue\":\"q{next}\",\"level{level}\":\"{}\",\"dt\":\"${{zdt.addDay(-{n}).format(\\\"yyyyMMdd\\\")}}\"}}",
                    dice.below(100)
                );
                let small = i32::from(level == WIDTHS.len() - 1);
                rows.push(format!(
                    "({next}, {}, {parent}, {small}, 'hera', {})",
                    quoted(&name),
                    quoted(&config)
                ));
                here.push(next);
                next += 1;
            }
        }
        above = here;
    }
    let insert = format!(
        "INSERT INTO hera_group (id, name, parent, directory, owner, configs) VALUES {}",
        rows.join(", ")
    );
    (vec![insert], above)
}

fn job(dice: &mut Dice, id: i64, earlier: &[HeraJob]) -> HeraJob {
    let mut upstreams = Vec::new();
    // Hubs and chains: often the latest jobs, sometimes any.
    if earlier.len() > 5 && dice.below(10) < 5 {
        for _ in 0..=dice.below(3) {
            let back = if dice.below(3) == 0 {
                dice.below(earlier.len() as u64)
            } else {
                dice.below(12.min(earlier.len() as u64))
            };
            let upstream = &earlier[earlier.len() - 1 - usize::try_from(back).unwrap_or(0)];
            if upstream.open && !upstreams.contains(&upstream.id) {
                upstreams.push(upstream.id);
            }
        }
    }
    HeraJob {
        id,
        cron: upstreams.is_empty().then(|| cron(dice)),
        upstreams,
        open: dice.below(12) != 0,
    }
}

/// A cron of any shape that Quartz takes.
fn cron(dice: &mut Dice) -> String {
    let (m, h, d) = (dice.below(60), dice.below(24), dice.below(28) + 1);
    match dice.below(26) {
        0 => format!("0 {m} {h}-23 * * ?"),
        1 => format!("0 {m}/15 {h},{} * * ?", (h + 7) % 24),
        2 => "0 0/30 * * * ?".to_owned(),
        3 => format!("{m} {m} {h} * * ?"),
        4 => format!("0/20 {m} {h} * * ?"),
        5 => format!("* {m} {h} * * ?"),
        6 => format!("0 {m} {h} ? * MON-FRI"),
        7 => format!("0 {m} {h} ? * 2#{}", d % 4 + 1),
        8 => format!("0 {m} {h} L * ?"),
        9 => format!("0 {m} {h} LW * ?"),
        10 => format!("0 {m} {h} {d}W * ?"),
        11 => format!("0 {m} {h} L-{} * ?", d % 20 + 1),
        12 => format!("0 {m} {h} ? * {}L", d % 7 + 1),
        13 => format!("0 {m} {h} 1,15,{d} * ?"),
        14 => format!("0 {m} {h} {d}/5 * ?"),
        15 => format!("0 {m} 22-2 * * ?"),
        16 => format!("0 {m} {h} ? * FRI-MON"),
        17 => format!("0 {m} {h} * 1-6 ?"),
        18 => format!("0 {m} {h} {d} NOV,DEC,FEB ?"),
        19 => format!("0 {m} {h} * * ? 2026-2028"),
        20 => format!("0 {m} {h} ? DEC-FEB sun,Wed"),
        21 => format!("0 {m}-59/7 {h} * * ?"),
        _ => format!("0 {m} {h} * * ?"),
    }
}

fn row(dice: &mut Dice, job: &HeraJob, leaves: &[i64]) -> String {
    let types = ["shell", "hive", "spark"];
    let scripts = [
        "echo ${queue}\r\nhive -e \"select '${dt}'\"\n",
        "-- 汇总\ninsert overwrite table t partition (dt='${zdt.addDay(-1).format(\"yyyy-MM-dd\")}')\n\tselect a, 'x;y' from s where dt = '${yesterday}'\n",
        "for f in *.txt; do\n  echo \"$f\" '${zdt.add(2,-1).format(\"yyyyMM\")}' \\\\ done\ndone\n",
        "set -eu\n# 中文 — “quotes” & <tags> | pipes: {a: [b]}\nprintf '%s\\n' \"${level0}\"  \n\n\n",
    ];
    let config = format!(
        "{{\"run.priority.level\":\"{}\",\"roll.back.times\":\"{}\",\"roll.back.wait.time\":\"{}\",\"own.{}\":\"{}\"}}",
        dice.below(3) + 1,
        dice.below(5),
        dice.pick(&["1", "5", "10"]),
        job.id % 3,
        dice.pick(&[
            "a=b",
            "yes",
            "0755",
            "null",
            "'q'",
            "# no comment",
            " padded",
            "1e3",
            "值: 一"
        ])
    );
    let resources = match dice.below(4) {
        0 => "[{\"name\":\"udf.jar\",\"uri\":\"hdfs:///hera/udf.jar\"}]",
        _ => "[]",
    };
    let cron = job.cron.as_deref().map_or("NULL".to_owned(), quoted);
    let upstreams: Vec<String> = job.upstreams.iter().map(ToString::to_string).collect();
    let mut row = String::from("(");
    let name = format!("{}_{}_{}", dice.pick(&LAYERS), dice.pick(&THEMES), job.id);
    let group = dice.pick(leaves);
    let _ = write!(
        row,
        "{}, {}, {}, {group}, 'hera', {}, {}, {cron}, {}, {}, {}, {}, {}",
        job.id,
        quoted(&name),
        quoted(dice.pick(&["每日汇总", "daily", "两行\n说明", " "])),
        i32::from(job.open),
        i32::from(job.cron.is_none()),
        quoted(&upstreams.join(",")),
        quoted(dice.pick(&types)),
        quoted(dice.pick(&scripts)),
        quoted(&config),
        quoted(resources),
    );
    let _ = write!(
        row,
        ", {}, {}, {}, {}, {}, '1', {}, {}, {})",
        dice.below(2) + 1,
        dice.below(3),
        dice.pick(&[0, 30, 90, 600]),
        dice.pick(&[0, 480, 1439]),
        dice.below(2),
        quoted(dice.pick(&["day", "hour", "month", "other"])),
        dice.pick(&[0, -1, 2]),
        quoted(dice.pick(&["", "核心", "核心,日报"]))
    );
    row
}

/// A text as MySQL reads it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

/// Chance that repeats itself (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap_or(0)]
    }
}

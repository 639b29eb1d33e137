//! Sentences with values in them, in both languages.

use std::collections::BTreeSet;

use hera_domain::calendar::{DayOfWeek, DayVerdict};
use hera_domain::status::RunStatus;

use super::Lang;
use super::cron_words::MONTHS;

impl Lang {
    /// `n` of something, with the English plural.
    fn count(self, n: usize, one: &str, many: &str, zh: &str) -> String {
        match self {
            Self::En => format!("{n} {}", if n == 1 { one } else { many }),
            Self::Zh => format!("{n} {zh}"),
        }
    }

    /// The word for a run's status.
    pub const fn run_status(self, status: RunStatus) -> &'static str {
        let t = &self.texts().status;
        match status {
            RunStatus::Queued => t.queued,
            RunStatus::Dispatched => t.dispatched,
            RunStatus::Running => t.running,
            RunStatus::Success => t.success,
            RunStatus::Failed => t.failed,
            RunStatus::Cancelled => t.cancelled,
            RunStatus::Lost => t.lost,
        }
    }

    pub fn jobs(self, n: usize) -> String {
        self.count(n, "job", "jobs", "个任务")
    }

    pub fn groups(self, n: usize) -> String {
        self.count(n, "group", "groups", "个分组")
    }

    pub fn lines(self, n: usize) -> String {
        self.count(n, "line", "lines", "行")
    }

    pub fn exit_code(self, code: i32) -> String {
        match self {
            Self::En => format!("exit {code}"),
            Self::Zh => format!("退出码 {code}"),
        }
    }

    pub fn signal(self, signal: i32) -> String {
        match self {
            Self::En => format!("ended by signal {signal}"),
            Self::Zh => format!("被信号 {signal} 终止"),
        }
    }

    /// How many other jobs stand still because of one.
    pub fn blocks(self, n: usize) -> String {
        match (self, n) {
            (_, 0) => String::new(),
            (Self::En, 1) => "1 job waits for it".to_owned(),
            (Self::En, n) => format!("{n} jobs wait for it"),
            (Self::Zh, n) => format!("{n} 个下游任务在等待"),
        }
    }

    /// A job's schedule in words.
    pub fn schedule(self, cron: bool, upstreams: usize) -> String {
        match (self, cron, upstreams) {
            (Self::En, true, 0) => "Fires by its cron".to_owned(),
            (Self::Zh, true, 0) => "按定时表达式触发".to_owned(),
            (Self::En, false, 0) => "Runs by hand only.".to_owned(),
            (Self::Zh, false, 0) => "仅手动执行。".to_owned(),
            (Self::En, false, n) => format!("Runs when its {} succeeded.", self.upstreams(n)),
            (Self::Zh, false, n) => format!("{n} 个上游任务成功后执行。"),
            (Self::En, true, n) => {
                format!(
                    "Fires by its cron, once its {} succeeded",
                    self.upstreams(n)
                )
            }
            (Self::Zh, true, n) => format!("按定时表达式触发，且需 {n} 个上游任务成功"),
        }
    }

    fn upstreams(self, n: usize) -> String {
        self.count(n, "upstream job has", "upstream jobs have", "个上游任务")
    }

    /// A lone number of minutes.
    pub fn minutes(self, n: u32) -> String {
        match self {
            Self::En => format!("{n} min"),
            Self::Zh => format!("{n} 分钟"),
        }
    }

    /// A size in binary units: `512 B`, `3.2 MiB`.
    pub fn bytes(self, count: u64) -> String {
        let (mut count, mut unit) = (count * 10, 0);
        while count >= 10_240 && unit < 3 {
            count /= 1_024;
            unit += 1;
        }
        let unit_word = ["B", "KiB", "MiB", "GiB"][unit];
        match unit {
            0 => format!("{} {unit_word}", count / 10),
            _ => format!("{}.{} {unit_word}", count / 10, count % 10),
        }
    }

    /// How long something took: `0.2 s`, `12 s`, `3 m 04 s`, `2 h 05 m`, `4 d 3 h`.
    pub fn duration(self, ms: i64) -> String {
        let seconds = ms.max(0) / 1000;
        let (d, h, m, s) = match self {
            Self::En => ("d", "h", "m", "s"),
            Self::Zh => ("天", "小时", "分", "秒"),
        };
        let ms_word = match self {
            Self::En => "ms",
            Self::Zh => "毫秒",
        };
        match seconds {
            0 if ms < 100 => format!("{} {ms_word}", ms.max(0)),
            0..10 => {
                let tenths = (ms.max(0) + 50) / 100;
                format!("{}.{} {s}", tenths / 10, tenths % 10)
            }
            10..60 => format!("{seconds} {s}"),
            60..3600 => format!("{} {m} {:02} {s}", seconds / 60, seconds % 60),
            3600..86400 => format!("{} {h} {:02} {m}", seconds / 3600, seconds / 60 % 60),
            86400.. => format!("{} {d} {} {h}", seconds / 86400, seconds / 3600 % 24),
            i64::MIN..0 => String::new(),
        }
    }

    /// How far an instant is from now; positive = ahead.
    pub fn relative(self, ms: i64) -> String {
        let seconds = ms.abs() / 1000;
        let (n, unit) = match seconds {
            0..5 => return self.pick("now", "刚刚").to_owned(),
            5..60 => (seconds, self.pick(" s", " 秒")),
            60..3600 => (seconds / 60, self.pick(" min", " 分钟")),
            3600..86400 => (seconds / 3600, self.pick(" h", " 小时")),
            _ => (seconds / 86400, self.pick(" d", " 天")),
        };
        match (self, ms > 0) {
            (Self::En, true) => format!("in {n}{unit}"),
            (Self::En, false) => format!("{n}{unit} ago"),
            (Self::Zh, true) => format!("{n}{unit}后"),
            (Self::Zh, false) => format!("{n}{unit}前"),
        }
    }
}

const WEEKDAYS: [[&str; 7]; 2] = [
    [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ],
    ["周一", "周二", "周三", "周四", "周五", "周六", "周日"],
];

impl Lang {
    /// A day of the week by its full name.
    pub fn weekday(self, day: DayOfWeek) -> &'static str {
        WEEKDAYS[self as usize][day as usize]
    }

    /// Monday to Sunday, as narrow as columns.
    pub const fn weekday_initials(self) -> [&'static str; 7] {
        match self {
            Self::En => ["M", "T", "W", "T", "F", "S", "S"],
            Self::Zh => ["一", "二", "三", "四", "五", "六", "日"],
        }
    }

    /// Days of the week in a line; days in a row become a range.
    pub fn weekdays(self, days: &BTreeSet<DayOfWeek>) -> String {
        let mut runs: Vec<(DayOfWeek, DayOfWeek)> = Vec::new();
        for day in days {
            match runs.last_mut() {
                Some((_, last)) if *last as usize + 1 == *day as usize => *last = *day,
                Some(_) | None => runs.push((*day, *day)),
            }
        }
        let (to, joint) = match self {
            Self::En => (" to ", ", "),
            Self::Zh => ("至", "、"),
        };
        let run = |(first, last): &(DayOfWeek, DayOfWeek)| {
            let (one, other) = (self.weekday(*first), self.weekday(*last));
            match *last as usize - *first as usize {
                0 => one.to_owned(),
                1 => format!("{one}{joint}{other}"),
                _ => format!("{one}{to}{other}"),
            }
        };
        runs.iter().map(run).collect::<Vec<_>>().join(joint)
    }

    /// A month by its number from 0.
    pub fn month(self, month0: usize) -> &'static str {
        const ZH: [&str; 12] = [
            "1月", "2月", "3月", "4月", "5月", "6月", "7月", "8月", "9月", "10月", "11月", "12月",
        ];
        match self {
            Self::En => MONTHS[month0],
            Self::Zh => ZH[month0],
        }
    }

    /// What a calendar does to a version; nothing if it is as planned.
    pub fn day_verdict(self, verdict: DayVerdict, note: Option<&str>) -> Option<String> {
        let why = match (self, note) {
            (_, None) => String::new(),
            (Self::En, Some(note)) => format!(" ({note})"),
            (Self::Zh, Some(note)) => format!("（{note}）"),
        };
        Some(match (verdict, self) {
            (DayVerdict::AsPlanned, _) => return None,
            (DayVerdict::Skipped, Self::En) => format!("skipped{why}"),
            (DayVerdict::Skipped, Self::Zh) => format!("跳过{why}"),
            (DayVerdict::Moved(to), Self::En) => format!("due on {to}{why}"),
            (DayVerdict::Moved(to), Self::Zh) => format!("改到 {to} 执行{why}"),
            (DayVerdict::NowhereToGo, Self::En) => {
                "stays: the calendar has no day for it within a year".to_owned()
            }
            (DayVerdict::NowhereToGo, Self::Zh) => "不移动：日历一年内没有可用日期".to_owned(),
        })
    }

    /// The same where the calendar must be named.
    pub fn by_calendar(self, calendar: &str, says: &str) -> String {
        match self {
            Self::En => format!("calendar {calendar}: {says}"),
            Self::Zh => format!("日历“{calendar}”：{says}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weekdays_in_a_row_are_a_range() {
        let said = |days: &[usize]| {
            let days = days.iter().map(|n| DayOfWeek::ALL[*n]).collect();
            (Lang::En.weekdays(&days), Lang::Zh.weekdays(&days))
        };
        let pair = |en: &str, zh: &str| (en.to_owned(), zh.to_owned());
        assert_eq!(
            said(&[0, 1, 2, 3, 4]),
            pair("Monday to Friday", "周一至周五")
        );
        assert_eq!(
            said(&[0, 1, 5]),
            pair("Monday, Tuesday, Saturday", "周一、周二、周六")
        );
        assert_eq!(said(&[]), pair("", ""));
    }

    #[test]
    fn durations_and_distances_read_as_people_say_them() {
        let said: Vec<_> = [240, 12_000, 184_000, 7_500_000, 356_400_000]
            .map(|ms| (Lang::En.duration(ms), Lang::Zh.duration(ms)))
            .to_vec();
        insta::assert_debug_snapshot!(said);
        let far: Vec<_> = [-2_000, -40_000, 300_000, -7_300_000, 864_000_000]
            .map(|ms| (Lang::En.relative(ms), Lang::Zh.relative(ms)))
            .to_vec();
        insta::assert_debug_snapshot!(far);
    }
}

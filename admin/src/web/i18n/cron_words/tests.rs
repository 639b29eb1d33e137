use hera_domain::cron::CronExpr;

use crate::web::i18n::Lang;

#[track_caller]
fn said(text: &str, en: &str, zh: &str) {
    let words = CronExpr::parse(text).unwrap().words();
    let found = (Lang::En.cron(&words), Lang::Zh.cron(&words));
    assert_eq!(found, (en.to_owned(), zh.to_owned()), "{text}");
}

#[test]
fn times_of_the_day_are_told_by_the_clock() {
    said("0 30 2 * * ?", "every day at 02:30", "每天 02:30");
    said("30 2 * * *", "every day at 02:30", "每天 02:30");
    said("@daily", "every day at 00:00", "每天 00:00");
    said(
        "0 0 8,20 * * ?",
        "every day at 08:00 and 20:00",
        "每天 08:00、20:00",
    );
    said(
        "15 0,30 8 * * ?",
        "every day at 08:00:15 and 08:30:15",
        "每天 08:00:15、08:30:15",
    );
}

#[test]
fn intervals_are_told_as_intervals() {
    said("0 0 * * * ?", "every hour", "每小时");
    said("0 5 * * * ?", "5 minutes past every hour", "每小时第 5 分");
    said("0 0/15 * * * ?", "every 15 minutes", "每 15 分钟");
    said("0 * * * * ?", "every minute", "每分钟");
    said("* * * * * ?", "every second", "每秒");
    said("*/10 * * * * ?", "every 10 seconds", "每 10 秒");
    said("0 0 */2 * * ?", "every 2 hours", "每 2 小时");
    said(
        "0 30 1/2 * * ?",
        "every 2 hours from 01:30 to 23:30",
        "每天 01:30 至 23:30 每 2 小时",
    );
    said(
        "0 10 8-18 * * ?",
        "every hour from 08:10 to 18:10",
        "每天 08:10 至 18:10 每小时",
    );
    said(
        "0 0 20-4 * * ?",
        "every hour from 20:00 to 04:00",
        "每天 20:00 至 04:00 每小时",
    );
    said(
        "0 */15 8-18 ? * MON-FRI",
        "every 15 minutes from 08:00 to 18:45 on Monday to Friday",
        "每周一至周五 08:00 至 18:45 每 15 分钟",
    );
    said("@every 1m30s", "every 1 minute 30 seconds", "每 1 分 30 秒");
    said("@every 1d2h", "every 1 day 2 hours", "每 1 天 2 小时");
}

#[test]
fn what_has_no_shorter_form_is_told_field_by_field() {
    said(
        "0 5,10,20 * * * ?",
        "at minutes 5, 10 and 20 of every hour",
        "每小时，第 5、10、20 分",
    );
    said(
        "0 5/20 8-18 * * ?",
        "every 20 minutes from minute 5 to 45 of hours 8 to 18",
        "第 8 至 18 时，第 5 至 45 分每 20 分钟",
    );
    said(
        "30 * 8-18 * * ?",
        "at second 30 of every minute of hours 8 to 18",
        "第 8 至 18 时，每分钟，第 30 秒",
    );
    said(
        "0 */7 */3 * * ?",
        "every 7 minutes from minute 0 to 56 of every 3rd hour from 0 to 21",
        "第 0 至 21 时每 3 小时，第 0 至 56 分每 7 分钟",
    );
}

#[test]
fn days_of_the_week_are_named() {
    said("0 0 8 ? * MON", "every Monday at 08:00", "每周一 08:00");
    said(
        "0 0 8 ? * MON,WED,FRI",
        "at 08:00 on Mondays, Wednesdays and Fridays",
        "每周一、周三、周五 08:00",
    );
    said(
        "0 0 8 ? * SAT-SUN",
        "at 08:00 on Saturday to Sunday",
        "每周六至周日 08:00",
    );
    said(
        "0 0 8 ? * FRI-MON",
        "at 08:00 on Friday to Monday",
        "每周五至周一 08:00",
    );
    said(
        "0 0 8 ? NOV-FEB MON",
        "every Monday in November to February at 08:00",
        "每年 11 月至 2 月的每周一 08:00",
    );
}

#[test]
fn days_of_the_month_are_told_with_their_months() {
    said(
        "0 0 8 LW * ?",
        "at 08:00 on the last working day of each month",
        "每月最后一个工作日 08:00",
    );
    said(
        "0 0 8 L-3 * ?",
        "at 08:00 3 days before the last day of each month",
        "每月倒数第 4 天 08:00",
    );
    said(
        "0 0 8 15W * ?",
        "at 08:00 on the working day nearest to the 15th of each month",
        "每月距 15 日最近的工作日 08:00",
    );
    said(
        "0 0 8 L-3W 12 ?",
        "at 08:00 on the working day nearest to 3 days before the last day of December",
        "每年 12 月距倒数第 4 天最近的工作日 08:00",
    );
    said(
        "0 0 8 ? * 6#3",
        "at 08:00 on the third Friday of each month",
        "每月第三个周五 08:00",
    );
    said(
        "0 0 8 ? * 6L 2027",
        "at 08:00 on the last Friday of each month, in 2027",
        "2027 年每月最后一个周五 08:00",
    );
    said(
        "0 0 8 1,15 * ?",
        "at 08:00 on the 1st and 15th of each month",
        "每月 1 日、15 日 08:00",
    );
    said(
        "0 0 8 L 2 ?",
        "at 08:00 on the last day of February",
        "每年 2 月最后一天 08:00",
    );
    said(
        "0 0 8 1-3,22 1/3 ? 2026-2028",
        "at 08:00 on the 1st to 3rd and 22nd of January, April, July and October, in 2026 to 2028",
        "2026 至 2028 年 1 月、4 月、7 月、10 月 1 日至 3 日、22 日 08:00",
    );
    said(
        "0 0 8 * 2 ?",
        "every day in February at 08:00",
        "每年 2 月每天 08:00",
    );
    said(
        "@yearly",
        "at 00:00 on the 1st of January",
        "每年 1 月 1 日 00:00",
    );
}

#[test]
fn both_day_fields_of_unix_are_told_apart() {
    said(
        "0 8 13 * 5",
        "at 08:00 on the 13th of each month and on Fridays",
        "每月 13 日以及每周五 08:00",
    );
    said(
        "0 8 1-7 * */7",
        "at 08:00 on the 1st to 7th of each month, on Sundays only",
        "每月 1 日至 7 日中的周日 08:00",
    );
    said(
        "0 8 13 2 5",
        "at 08:00 on the 13th of February and on Fridays in February",
        "每年 2 月 13 日以及每周五 08:00",
    );
}

#[test]
fn a_single_moment_is_told_as_it_was_written() {
    said(
        "@at 2026-11-21 08:00",
        "once, at 2026-11-21 08:00:00",
        "仅一次：2026-11-21 08:00:00",
    );
    said(
        "@at 2026-11-21T08:00:00+08:00",
        "once, at 2026-11-21 00:00:00 UTC",
        "仅一次：2026-11-21 00:00:00 UTC",
    );
}

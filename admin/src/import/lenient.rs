//! How HERA's Quartz reads crons that are refused here: it stops reading a value where it has
//! understood one, and passes over whatever follows.

use hera_domain::cron::{CronExpr, CronKind};

/// Seconds, minutes, hours, day of month, month, day of week, year.
const FIELDS: usize = 7;

/// What Quartz makes of an expression that is refused here; `None` if that is no expression of ours
/// either: then Quartz refuses it too, as far as anybody knows.
pub(super) fn as_quartz_reads(written: &str) -> Option<String> {
    // What follows the year is never looked at.
    let fields = written.split_whitespace().take(FIELDS);
    let read: Vec<String> = fields.map(|field| list(&field.to_uppercase())).collect();
    let read = read.join(" ");
    takes(&read).is_ok().then_some(read)
}

/// Whether Quartz takes an expression that may stand here; in words if not.
pub(super) fn takes(expression: &str) -> Result<(), String> {
    let fields: Vec<&str> = expression.split_whitespace().collect();
    match CronExpr::parse(expression.trim()) {
        Ok(cron) if cron.kind() == CronKind::Quartz => {
            // Some take both days; Quartz takes one, and `?` for the other.
            let days = [fields.get(3), fields.get(5)];
            match days.iter().filter(|day| **day == Some(&"?")).count() {
                1 => Ok(()),
                _ => Err(
                    "Quartz wants ? for exactly one of the two days: HERA never ran it".to_owned(),
                ),
            }
        }
        Ok(_) => Err(format!(
            "it has {} fields, and Quartz takes six or seven: HERA never ran it",
            fields.len()
        )),
        Err(error) => Err(error.to_string()),
    }
}

/// The values of a field; nothing between two commas is no value.
fn list(field: &str) -> String {
    let values = field.split(',').filter(|value| !value.is_empty());
    values.map(value).collect::<Vec<_>>().join(",")
}

fn value(text: &str) -> String {
    let mut rest = text.chars();
    match rest.next() {
        Some('?') if rest.as_str().chars().count() == 1 => "?".to_owned(),
        Some('*') => every(rest.as_str()),
        Some('/') => every(text),
        Some(c) if c.is_ascii_digit() => number(text),
        Some(c) if c.is_ascii_uppercase() => name(text),
        Some(_) | None => text.to_owned(),
    }
}

/// Behind `*`: junk, or a step, which ends its field. A step of zero is one of one.
fn every(rest: &str) -> String {
    match rest.strip_prefix('/').map(digits) {
        None => "*".to_owned(),
        Some((step, "")) if is_zero(step) => "*".to_owned(),
        Some(_) => format!("*{rest}"),
    }
}

/// A number, or a range of numbers.
fn number(text: &str) -> String {
    let (first, rest) = digits(text);
    let mut behind = rest.chars();
    match behind.next() {
        Some(end @ ('L' | 'W')) => format!("{first}{end}"),
        Some('/') => match digits(behind.as_str()) {
            (step, "") if is_zero(step) => first.to_owned(),
            _ => text.to_owned(),
        },
        Some('-') => range(first, behind.as_str()).unwrap_or_else(|| text.to_owned()),
        Some('#') => text.to_owned(),
        Some(_) | None => first.to_owned(),
    }
}

/// A range with its step; one of zero leaves only the first value.
fn range(first: &str, rest: &str) -> Option<String> {
    let (last, rest) = digits(rest);
    if last.is_empty() {
        return None;
    }
    match rest.strip_prefix('/').map(digits) {
        None => Some(format!("{first}-{last}")),
        Some(("", _)) => None,
        Some((step, _)) if is_zero(step) => Some(first.to_owned()),
        Some((step, _)) => Some(format!("{first}-{last}/{step}")),
    }
}

/// A month or a day of the week, or a range of them: three letters each.
fn name(text: &str) -> String {
    let Some((first, rest)) = text.split_at_checked(3) else {
        return text.to_owned();
    };
    let mut behind = rest.chars();
    match behind.next() {
        _ if !first.chars().all(|c| c.is_ascii_uppercase()) => text.to_owned(),
        Some('#') => text.to_owned(),
        Some('L') => format!("{first}L"),
        Some('-') => match behind.as_str().get(..3) {
            Some(last) => format!("{first}-{last}"),
            None => text.to_owned(),
        },
        Some(_) | None => first.to_owned(),
    }
}

/// The digits that a text begins with, and what follows them.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

fn is_zero(number: &str) -> bool {
    !number.is_empty() && number.chars().all(|digit| digit == '0')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the real Quartz 2.3.2 reads them: the same times as what stands beside, or refused.
    const READINGS: [(&str, Option<&str>); 48] = [
        ("0 0/0 * * * ?", Some("0 0 * * * ?")),
        ("0 0/00 3 * * ?", Some("0 0 3 * * ?")),
        ("0 */0 3 * * ?", Some("0 * 3 * * ?")),
        ("0 */5x 3 * * ?", None),
        ("0 5-9/0 3 * * ?", Some("0 5 3 * * ?")),
        ("0 5-9/2x 3 * * ?", Some("0 5-9/2 3 * * ?")),
        ("0 5-9x 3 * * ?", Some("0 5-9 3 * * ?")),
        ("0 0-5-9 3 * * ?", Some("0 0-5 3 * * ?")),
        ("0 10-20/0x 3 * * ?", Some("0 10 3 * * ?")),
        ("0 /0 3 * * ?", Some("0 * 3 * * ?")),
        ("0 *x 3 * * ?", Some("0 * 3 * * ?")),
        ("0 5x 3 * * ?", Some("0 5 3 * * ?")),
        ("0 5/5x 3 * * ?", None),
        ("0 0/60 3 * * ?", None),
        ("0 60/0 3 * * ?", None),
        ("0 3;5 3 * * ?", Some("0 3 3 * * ?")),
        ("0 3.5 3 * * ?", Some("0 3 3 * * ?")),
        ("0 1,,2 3 * * ?", Some("0 1,2 3 * * ?")),
        ("0 1, 3 * * ?", Some("0 1 3 * * ?")),
        ("0 , 3 * * ?", None),
        ("0 0/5,7x 3 * * ?", Some("0 0/5,7 3 * * ?")),
        ("0 0 3,x * * ?", None),
        ("0 0 3 * * ?x", Some("0 0 3 * * ?")),
        ("0 0 3 * * ?xy", None),
        ("0 0 3 ?x * MON", Some("0 0 3 ? * MON")),
        ("0 0 3 15W-20W * ?", Some("0 0 3 15W * ?")),
        ("0 0 3 1? * ?", Some("0 0 3 1 * ?")),
        ("0 0 3 1/0 * ?", Some("0 0 3 1 * ?")),
        ("0 0 3 L,15 * ?", None),
        ("0 0 3 LWx * ?", None),
        ("0 0 3 W * ?", None),
        ("0 0 3 ? * MON-FRI/2", Some("0 0 3 ? * MON-FRI")),
        ("0 0 3 ? * MON/2", Some("0 0 3 ? * MON")),
        ("0 0 3 ? * MON-FRI#2", Some("0 0 3 ? * MON-FRI")),
        ("0 0 3 ? * mon-friday,sunday", Some("0 0 3 ? * MON-FRI,SUN")),
        ("0 0 3 ? * 1-7/0", Some("0 0 3 ? * 1")),
        ("0 0 3 ? * FRILx", Some("0 0 3 ? * FRIL")),
        ("0 0 3 ? * 6Lx", Some("0 0 3 ? * 6L")),
        ("0 0 3 ? * 6#3x", None),
        ("0 0 3 ? * 2#1-3", None),
        ("0 0 3 ? * MON-5", None),
        ("0 0 3 ? * 2-FRI", None),
        ("0 0 3 1 JANUARY ?", Some("0 0 3 1 JAN ?")),
        ("0 0 3 1 JAN-MARCH/2 ?", Some("0 0 3 1 JAN-MAR ?")),
        ("0 0 3 * * ? 2026x", Some("0 0 3 * * ? 2026")),
        ("0 0 3 * * ? 2026 x", Some("0 0 3 * * ? 2026")),
        ("0x 0 3 * * ?", Some("0 0 3 * * ?")),
        ("0 0 3 1 * 2", None),
    ];

    #[test]
    fn what_is_refused_here_is_read_as_quartz_reads_it() {
        for (written, wanted) in READINGS {
            assert!(takes(written).is_err(), "{written}");
            let read = as_quartz_reads(written);
            assert_eq!(read.as_deref(), wanted, "{written}");
        }
    }

    #[test]
    fn what_quartz_refuses_has_no_reading() {
        for written in [
            "",
            "0 3 * * *",
            "@daily",
            "0 0 3 * * MON",
            "每天",
            "0 0 3 ？ * ?",
        ] {
            assert_eq!(as_quartz_reads(written), None, "{written}");
        }
    }
}

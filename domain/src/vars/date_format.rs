//! Patterns of the JDK's `SimpleDateFormat`, with the names of Locale.US.

use chrono::{Datelike, NaiveDate};
use chrono::{Offset, TimeZone};
use chrono_tz::{OffsetName, Tz};

use super::calendar::{Calendar, Field, OutOfRange};
use crate::clock::Timestamp;
use crate::zone;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
const LETTERS: &str = "GyYMLwWDdFEuaHkKhmsSzZX";

/// More letters in a row than any field needs.
const MAX_WIDTH: usize = 32;

/// A pattern that can be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Item>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Text(String),
    Letter(char, usize),
}

impl Pattern {
    /// Reads a pattern; an error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut items: Vec<Item> = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\'' if chars.next_if_eq(&'\'').is_some() => push_text(&mut items, '\''),
                '\'' => loop {
                    match chars.next() {
                        Some('\'') if chars.next_if_eq(&'\'').is_some() => {
                            push_text(&mut items, '\'');
                        }
                        Some('\'') => break,
                        Some(c) => push_text(&mut items, c),
                        None => return Err("a \"'\" is not closed; add one".to_owned()),
                    }
                },
                c if LETTERS.contains(c) => match items.last_mut() {
                    Some(Item::Letter(last, count)) if *last == c => *count += 1,
                    _ => items.push(Item::Letter(c, 1)),
                },
                c if c.is_ascii_alphabetic() => {
                    return Err(format!(
                        "\"{c}\" is no pattern letter; use one of {LETTERS}, or write '{c}' for the letter itself"
                    ));
                }
                c => push_text(&mut items, c),
            }
        }
        for item in &items {
            if let Item::Letter(c, count) = item {
                check_width(*c, *count)?;
            }
        }
        Ok(Self(items))
    }

    /// Writes an instant as a clock in the zone shows it.
    pub(super) fn format(&self, tz: Tz, at: Timestamp) -> Result<String, OutOfRange> {
        let mut calendar = Calendar::new(tz, at)?;
        let mut out = String::new();
        for item in &self.0 {
            match item {
                Item::Text(text) => out.push_str(text),
                Item::Letter(c, count) => {
                    write_letter(&mut out, *c, *count, &mut calendar, tz, at)?;
                }
            }
        }
        Ok(out)
    }

    /// Reads a date that was written by this pattern; `None` if it was not. Like the JDK it takes
    /// numbers out of range and ignores what follows.
    pub(super) fn read(&self, tz: Tz, text: &str, now: Timestamp) -> Option<Timestamp> {
        let mut calendar = Calendar::cleared(tz);
        let mut input = Input(text);
        for (index, item) in self.0.iter().enumerate() {
            match item {
                Item::Text(text) => input.literal(text)?,
                Item::Letter(c, count) => {
                    let next_is_field = matches!(self.0.get(index + 1), Some(Item::Letter(..)));
                    let width = next_is_field.then_some(*count);
                    read_letter(
                        &mut input,
                        *c,
                        *count,
                        width,
                        &mut calendar,
                        zone::local_time(tz, now).date(),
                    )?;
                }
            }
        }
        calendar.time().ok()
    }
}

fn check_width(letter: char, count: usize) -> Result<(), String> {
    match letter {
        'X' if count > 3 => Err("\"X\" stands at most three times; use XXX".to_owned()),
        'z' if count > 3 => Err("\"zzzz\" is not supported; use z, Z or XXX".to_owned()),
        c if count > MAX_WIDTH => Err(format!(
            "\"{c}\" stands more than {MAX_WIDTH} times; shorten it"
        )),
        _ => Ok(()),
    }
}

fn push_text(items: &mut Vec<Item>, c: char) {
    if let Some(Item::Text(text)) = items.last_mut() {
        text.push(c);
    } else {
        items.push(Item::Text(c.to_string()));
    }
}

fn write_letter(
    out: &mut String,
    letter: char,
    count: usize,
    calendar: &mut Calendar,
    tz: Tz,
    at: Timestamp,
) -> Result<(), OutOfRange> {
    let mut get = |field| calendar.get(field);
    let number = match letter {
        'y' | 'Y' => {
            let year = get(Field::Year)?;
            let next_year =
                letter == 'Y' && get(Field::Month)? == 11 && get(Field::WeekOfYear)? == 1;
            let year = year + i64::from(next_year);
            if count == 2 { year % 100 } else { year }
        }
        'M' | 'L' if count >= 3 => {
            let month = usize::try_from(get(Field::Month)?).unwrap_or_default();
            out.push_str(name(MONTHS[month], count));
            return Ok(());
        }
        'E' => {
            let day = usize::try_from(get(Field::DayOfWeek)? - 1).unwrap_or_default();
            out.push_str(name(DAYS[day], count));
            return Ok(());
        }
        'G' => {
            out.push_str("AD");
            return Ok(());
        }
        'a' => {
            out.push_str(if get(Field::AmPm)? == 0 { "AM" } else { "PM" });
            return Ok(());
        }
        'z' | 'Z' | 'X' => {
            write_zone(out, letter, count, tz, at);
            return Ok(());
        }
        'M' | 'L' => get(Field::Month)? + 1,
        'w' => get(Field::WeekOfYear)?,
        'W' => get(Field::WeekOfMonth)?,
        'D' => get(Field::DayOfYear)?,
        'd' => get(Field::DayOfMonth)?,
        'F' => get(Field::DayOfWeekInMonth)?,
        'u' => (get(Field::DayOfWeek)? + 5) % 7 + 1,
        'H' => get(Field::HourOfDay)?,
        'k' => (get(Field::HourOfDay)? + 23) % 24 + 1,
        'K' => get(Field::Hour)?,
        'h' => (get(Field::Hour)? + 11) % 12 + 1,
        'm' => get(Field::Minute)?,
        's' => get(Field::Second)?,
        // The rest of LETTERS, which the parser lets through, is 'S'.
        _ => get(Field::Millisecond)?,
    };
    out.push_str(&format!("{number:0count$}"));
    Ok(())
}

/// Four letters and more write a name in full.
fn name(full: &'static str, count: usize) -> &'static str {
    if count >= 4 {
        full
    } else {
        full.get(..3).unwrap_or(full)
    }
}

fn write_zone(out: &mut String, letter: char, count: usize, tz: Tz, at: Timestamp) {
    let offset = tz.offset_from_utc_datetime(&at.naive_utc());
    let minutes = offset.fix().local_minus_utc() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
    out.push_str(&match (letter, count) {
        ('z', _) => offset.abbreviation().unwrap_or("GMT").to_owned(),
        ('X', _) if hours == 0 && minutes == 0 => "Z".to_owned(),
        ('X', 1) => format!("{sign}{hours:02}"),
        ('X', 3) => format!("{sign}{hours:02}:{minutes:02}"),
        _ => format!("{sign}{hours:02}{minutes:02}"),
    });
}

/// What is left of a text that is being read.
struct Input<'a>(&'a str);

impl Input<'_> {
    fn literal(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    /// Digits, at most `width` of them; with how many there were.
    fn number(&mut self, width: Option<usize>) -> Option<(i64, usize)> {
        self.0 = self.0.trim_start_matches([' ', '\t']);
        let digits = self.0.bytes().take_while(u8::is_ascii_digit);
        let count = digits.count().min(width.unwrap_or(usize::MAX));
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some((digits.parse().ok()?, count))
    }

    /// One of some names, in full or by its first three letters; which.
    fn name(&mut self, names: &[&str]) -> Option<i64> {
        self.0 = self.0.trim_start_matches([' ', '\t']);
        for width in [usize::MAX, 3] {
            for (index, full) in names.iter().enumerate() {
                let wanted = full.get(..width.min(full.len()))?;
                let Some((start, rest)) = self.0.split_at_checked(wanted.len()) else {
                    continue;
                };
                if start.eq_ignore_ascii_case(wanted) {
                    self.0 = rest;
                    return i64::try_from(index).ok();
                }
            }
        }
        None
    }
}

fn read_letter(
    input: &mut Input<'_>,
    letter: char,
    count: usize,
    width: Option<usize>,
    calendar: &mut Calendar,
    today: NaiveDate,
) -> Option<()> {
    let (field, shift) = match letter {
        'y' => {
            let (year, digits) = input.number(width)?;
            let short = count <= 2 && digits == 2;
            calendar.set(
                Field::Year,
                if short { full_year(year, today) } else { year },
            );
            return Some(());
        }
        'M' | 'L' if count >= 3 => {
            calendar.set(Field::Month, input.name(&MONTHS)?);
            return Some(());
        }
        'a' => {
            calendar.set(Field::AmPm, input.name(&["AM", "PM"])?);
            return Some(());
        }
        // The day of the week follows from the date.
        'E' => return input.name(&DAYS).map(|_| ()),
        'G' => return input.name(&["AD"]).map(|_| ()),
        'M' | 'L' => (Field::Month, -1),
        'd' => (Field::DayOfMonth, 0),
        'D' => (Field::DayOfYear, 0),
        'H' => (Field::HourOfDay, 0),
        'K' => (Field::Hour, 0),
        'm' => (Field::Minute, 0),
        's' => (Field::Second, 0),
        'S' => (Field::Millisecond, 0),
        'k' => {
            let hour = input.number(width)?.0;
            calendar.set(Field::HourOfDay, if hour == 24 { 0 } else { hour });
            return Some(());
        }
        'h' => {
            let hour = input.number(width)?.0;
            calendar.set(Field::Hour, if hour == 12 { 0 } else { hour });
            return Some(());
        }
        // Weeks and zones are for writing only.
        _ => return None,
    };
    let (value, _) = input.number(width)?;
    calendar.set(field, value.checked_add(shift)?);
    Some(())
}

/// Two digits mean the year that is at most 80 years ago and less than 20 ahead.
fn full_year(two_digits: i64, today: NaiveDate) -> i64 {
    let first = i64::from(today.year()) - 80;
    first + (two_digits - first).rem_euclid(100)
}

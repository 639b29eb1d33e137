//! From an expression to its value.

use super::{Moment, Output, Step, Zdt};
use crate::vars::calendar::{Calendar, OutOfRange};
use crate::vars::date_format::Pattern;

impl Zdt {
    /// The value; an error says why there is none.
    pub(in crate::vars) fn evaluate(&self, moment: Moment) -> Result<String, String> {
        let Moment { base, tz, now } = moment;
        let mut calendar = Calendar::new(tz, base).map_err(out_of_range)?;
        for step in &self.steps {
            match *step {
                Step::Add(field, amount) => {
                    calendar.add(field, amount.into()).map_err(out_of_range)?;
                }
                Step::Set(field, value) => calendar.set(field, value.into()),
            }
        }
        let value = match &self.output {
            Output::Format(pattern) => pattern.format(tz, calendar.time().map_err(out_of_range)?),
            Output::Get(field) => calendar.get(*field).map(|value| value.to_string()),
            Output::Seconds => calendar.time().map(|time| time.timestamp().to_string()),
            Output::Millis => calendar
                .time()
                .map(|time| time.timestamp_millis().to_string()),
            Output::NowMillis => Ok(now.timestamp_millis().to_string()),
            Output::Today => Pattern::parse("yyyy-MM-dd")?.format(tz, now),
            Output::Reformat { text, from, to } => {
                let read = from.read(tz, text, now).ok_or_else(|| {
                    format!(
                        "the date \"{text}\" does not fit the first pattern; change one of them"
                    )
                })?;
                to.format(tz, read)
            }
        };
        value.map_err(out_of_range)
    }
}

fn out_of_range(_: OutOfRange) -> String {
    "the date leaves the years 1583 to 9999; use smaller numbers".to_owned()
}

//! The id of a version as people see it.

use chrono::{NaiveDate, NaiveDateTime, Timelike};

use crate::id::JobId;

/// `yyyyMMddHHmm` of the business time in the job's zone and the job's id padded to six digits,
/// followed by what tells apart versions that would be equal otherwise.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VersionId(pub String);

impl VersionId {
    /// Makes the id for a business time in the job's zone; `second_pass` when the local time is
    /// the repeated one of an hour that summer time's end repeats, `taken` counts equal ids.
    pub fn new(local: NaiveDateTime, job: JobId, second_pass: bool, taken: u32) -> Self {
        let mut id = format!("{}{:06}", local.format("%Y%m%d%H%M"), job.0);
        if local.second() != 0 {
            id.push_str(&format!("-{:02}", local.second()));
        }
        if second_pass {
            id.push('b');
        }
        if taken > 0 {
            id.push_str(&format!("-{taken}"));
        }
        Self(id)
    }

    /// The business day that the id names, in the job's zone; `None` if it is no id of ours.
    pub fn local_day(&self) -> Option<NaiveDate> {
        NaiveDate::parse_from_str(self.0.get(..8)?, "%Y%m%d").ok()
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for VersionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: u32, minute: u32, second: u32) -> NaiveDateTime {
        let day = NaiveDate::from_ymd_opt(2026, 11, 20).unwrap();
        day.and_hms_opt(hour, minute, second).unwrap()
    }

    #[test]
    fn is_hera_s_eighteen_digits_for_a_whole_minute() {
        assert_eq!(
            VersionId::new(at(3, 0, 0), JobId(42), false, 0).0,
            "202611200300000042"
        );
    }

    #[test]
    fn names_its_business_day() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 20);
        assert_eq!(
            VersionId::new(at(3, 0, 7), JobId(42), false, 1).local_day(),
            day
        );
        assert_eq!(VersionId("20261".into()).local_day(), None);
        assert_eq!(VersionId("二〇二六一一二〇".into()).local_day(), None);
    }

    #[test]
    fn tells_seconds_second_pass_and_equal_ids_apart() {
        assert_eq!(
            VersionId::new(at(3, 0, 7), JobId(42), false, 0).0,
            "202611200300000042-07"
        );
        assert_eq!(
            VersionId::new(at(1, 30, 0), JobId(42), true, 0).0,
            "202611200130000042b"
        );
        assert_eq!(
            VersionId::new(at(3, 0, 0), JobId(1_234_567), false, 2).0,
            "2026112003001234567-2"
        );
    }
}

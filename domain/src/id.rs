//! One type per kind of id, so that a job's id is never passed for a run's.

macro_rules! id {
    ($( $(#[$meta:meta])* $name:ident ),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

id! {
    /// A node of the tree of groups.
    GroupId,
    /// A job.
    JobId,
    /// The database key of a version; what people see is its [`crate::version_id::VersionId`].
    VersionKey,
    /// One attempt to execute a version.
    RunId,
    /// A worker, by its registration (it keeps its id across restarts).
    WorkerId,
    /// A named set of workers.
    HostGroupId,
    /// A calendar.
    CalendarId,
    /// A team: owner of jobs.
    TeamId,
    /// A person.
    UserId,
    /// A numbered revision of a job, counted from 1 for each job.
    Revision,
    /// The number of a leader's commit; "since" and "after" between decisions mean this, never clocks.
    CommitSeq,
    /// The number of a leadership; it grows with every takeover.
    Epoch,
}

impl RunId {
    /// The id after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl VersionKey {
    /// The key after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

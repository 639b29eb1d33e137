//! The handlers of `/hera/api/v1`, one file per resource.

pub(super) mod calendars;
pub(super) mod cluster;
pub(super) mod cron;
pub(super) mod groups;
pub(super) mod host_groups;
mod job_body;
mod job_view;
pub(super) mod jobs;
pub(super) mod logs;
mod masked;
#[cfg(test)]
mod properties;
pub(super) mod render;
pub(super) mod revisions;
pub(super) mod runs;
pub(super) mod session;
pub(super) mod versions;

pub(crate) use job_body::JobBody;
pub(crate) use job_view::shown_content;

//! The handlers of `/hera/api/v1`, one file per resource.

pub(super) mod session;

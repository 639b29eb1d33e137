//! The admin: web application, HTTP API and candidate master.

pub mod access;
pub mod master;

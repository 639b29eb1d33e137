//! The admin: web application, HTTP API and candidate master.

pub mod access;
pub mod app;
pub mod cli;
mod grpc;
pub mod import;
mod join;
pub mod logs;
pub mod master;
pub mod metrics;
pub mod secret;
pub mod store;
pub mod web;

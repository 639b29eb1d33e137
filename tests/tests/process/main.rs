//! What must hold with real processes: that a pipeline runs by itself, and that killing any part
//! of the installation at any moment loses nothing and doubles nothing.
//!
//! Names end in `::sqlite` and `::mysql`: one body, two databases.

#![expect(
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "a failed test is all that can come of it"
)]

use hera_tests::{Backend, Installation, Options};

/// Makes one test for each database of functions that take an installation.
macro_rules! on_each_database {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[test]
            fn sqlite() {
                crate::on(hera_tests::Backend::Sqlite, super::$name);
            }

            #[test]
            fn mysql() {
                crate::on(hera_tests::Backend::Mysql, super::$name);
            }
        }
    )+};
}

mod as_code;
mod bad_input;
mod example;
mod fan_out;
mod heras_file;
mod import;
mod killed;
mod secrets;
mod several_admins;
mod signals;
mod terminal;
mod tls;

/// Runs a body on a fresh installation.
fn on(backend: Backend, body: fn(&mut Installation)) {
    if backend.available() {
        body(&mut Installation::start(backend, Options::quick()));
    }
}

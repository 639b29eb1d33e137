//! The runner; see `hera_worker::runner`. Started by hera-worker, one for each run.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use hera_worker::{output, tenant};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(folder), None) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: hera-run FOLDER (hera-worker starts it; there is no use by hand)");
        return ExitCode::from(64);
    };
    let served = match folder.to_str() {
        Some(tenant::ARGUMENT) => Some(tenant::inside::serve()),
        Some(output::ARGUMENT) => Some(output::serve()),
        Some(_) | None => None,
    };
    match served {
        Some(Ok(())) => return ExitCode::SUCCESS,
        Some(Err(error)) => {
            eprintln!("hera-run {}: {error}", folder.display());
            return ExitCode::FAILURE;
        }
        None => {}
    }
    match hera_worker::runner::run(Path::new(&folder), &inherited()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // To the worker, which tells the admin. It may be gone.
            let folder = Path::new(&folder).display();
            let _ = writeln!(
                io::stdout(),
                "hera-run cannot work in {folder}: {error}; free or mend the disk of the worker's HERA_DATA_DIR"
            );
            ExitCode::FAILURE
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "what a tenant may inherit of it is chosen elsewhere"
)]
fn inherited() -> Vec<(std::ffi::OsString, std::ffi::OsString)> {
    std::env::vars_os().collect()
}

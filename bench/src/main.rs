//! Load and latency of a real installation, printed as a table.
//!
//! Every figure stands beside the same number of bare `bash -c true` on this machine in the same
//! run: absolute times say more about the machine than about the scheduler.
//!
//! `cargo run --release -p hera-bench -- [--database mysql]` (MySQL: set `HERA_TEST_MYSQL_URL`);
//! with `workers` at the end: what many workers cost one admin.

mod load;
mod machine;
mod table;
mod workers;

use std::time::Duration;

use clap::{Parser, ValueEnum};
use hera_tests::{Backend, Installation, Options};

#[derive(Parser)]
#[command(name = "hera-bench", version, about)]
struct Arguments {
    /// Where the state is kept.
    #[arg(long, value_enum, default_value = "sqlite")]
    database: Database,
    /// Tasks that start together.
    #[arg(long, default_value_t = 200)]
    tasks: usize,
    /// Tasks that start one after the other.
    #[arg(long, default_value_t = 40)]
    chain: usize,
    /// Each scenario so often; the median round is shown.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// `--set` of both programs.
    #[arg(long = "set")]
    sets: Vec<String>,
    #[command(subcommand)]
    scenario: Option<Scenario>,
}

#[derive(clap::Subcommand)]
enum Scenario {
    /// Simulated workers with heartbeats, runs and logs on one admin: its processor and memory
    Workers {
        #[arg(long, default_value_t = 200)]
        count: usize,
        #[arg(long, default_value_t = 30)]
        seconds: u64,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Database {
    Sqlite,
    Mysql,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let (backend, name) = match arguments.database {
        Database::Sqlite => (Backend::Sqlite, "SQLite"),
        Database::Mysql => (Backend::Mysql, "MariaDB"),
    };
    let options = Options {
        sets: arguments.sets,
        ..Options::default()
    };
    let mut hera = Installation::start(backend, options);
    if let Some(Scenario::Workers { count, seconds }) = arguments.scenario {
        let figures = workers::measure(&mut hera, count, Duration::from_secs(seconds))?;
        println!("{name}, {}", machine::description());
        println!(
            "{count} workers, {:.0} heartbeats/s, {:.1} runs/s, {:.0} KiB/s of logs: \
             the admin takes {:.1} % of a core and {:.1} MB",
            figures.beats_per_second,
            figures.runs_per_second,
            figures.log_kib_per_second,
            figures.admin.cpu_percent,
            figures.admin.resident_mb,
        );
        return Ok(());
    }
    let idle = machine::idle(&mut hera)?;

    let mut fan_outs = Vec::new();
    let mut chains = Vec::new();
    for round in 0..arguments.rounds.max(1) {
        fan_outs.push(load::fan_out(&hera, round, arguments.tasks)?);
        chains.push(load::chain(&hera, round, arguments.chain)?);
    }
    println!("{name}, {}", machine::description());
    println!();
    table::print(&table::rows(fan_outs, chains));
    println!();
    for (program, usage) in idle {
        println!(
            "idle {program}: {:.1} MB resident, {:.2} % of a core",
            usage.resident_mb, usage.cpu_percent
        );
    }
    Ok(())
}

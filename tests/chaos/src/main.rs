//! `hera-chaos`: attacks of any length, printed as a table.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};
use hera_chaos::{Fault, LEASE, Orders, Shape, attack, takeovers};

#[derive(Parser)]
#[command(
    name = "hera-chaos",
    version,
    about = "Kills, stops and cuts off the parts of an installation"
)]
struct Line {
    #[command(subcommand)]
    command: What,
}

#[derive(Subcommand)]
enum What {
    /// One attack
    Attack {
        /// Repeats an attack; else a new one
        #[arg(long)]
        seed: Option<u64>,
        #[arg(long, default_value_t = 80)]
        faults: usize,
        #[command(flatten)]
        size: Size,
    },
    /// A leader is stopped inside a transaction until another leads, and wakes up: so often
    Wakes {
        #[arg(long, default_value_t = 20)]
        times: usize,
    },
    /// Time from `kill -9` of the leader to the next dispatch, with the default timings
    Takeover {
        #[arg(long, default_value_t = 20)]
        times: usize,
    },
    /// The disk of a worker, or with --leader of the leading admin, is full for a while: so often
    Disk {
        #[arg(long)]
        leader: bool,
        #[arg(long, default_value_t = 6)]
        times: usize,
    },
    /// Attacks with new seeds until the time is over: soak 1h
    Soak {
        #[arg(value_parser = duration)]
        time: Duration,
        #[command(flatten)]
        size: Size,
    },
}

#[derive(clap::Args, Clone, Copy)]
struct Size {
    #[arg(long, default_value_t = 3)]
    admins: usize,
    #[arg(long, default_value_t = 3)]
    workers: usize,
}

fn main() -> anyhow::Result<ExitCode> {
    let clean = match Line::parse().command {
        What::Attack { seed, faults, size } => {
            let seed = seed.unwrap_or_else(|| rand::random_range(0..1_000_000));
            let orders = Orders {
                seed,
                only: None,
                faults,
                limit: None,
                shape: Shape::quick(size.admins, size.workers),
            };
            let report = attack(&orders)?;
            print!("{report}");
            report.violations.is_empty()
        }
        What::Wakes { times } => {
            let report = attack(&Orders::wakes(times))?;
            print!("{report}");
            report.violations.is_empty()
        }
        What::Disk { leader, times } => {
            let fault = if leader {
                Fault::FillLeader
            } else {
                Fault::FillWorker
            };
            let report = attack(&Orders::full_disks(fault, times))?;
            print!("{report}");
            report.violations.is_empty()
        }
        What::Takeover { times } => takeover(times)?,
        What::Soak { time, size } => soak(time, size)?,
    };
    Ok(if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn takeover(times: usize) -> anyhow::Result<bool> {
    let took = takeovers(times)?;
    let median = took.get(took.len() / 2).context("measured nothing")?;
    let ms = |time: &Duration| time.as_millis();
    println!(
        "first dispatch after kill -9 of the leader, {} times: median {} ms, from {} to {} ms",
        took.len(),
        ms(median),
        took.first().map_or(0, ms),
        took.last().map_or(0, ms),
    );
    Ok(*median <= LEASE + Duration::from_secs(2))
}

fn soak(time: Duration, size: Size) -> anyhow::Result<bool> {
    let began = std::time::Instant::now();
    let mut clean = true;
    let mut sum = Vec::new();
    while began.elapsed() < time {
        let orders = Orders {
            seed: rand::random_range(0..1_000_000),
            only: None,
            faults: 150,
            limit: Some(time - began.elapsed()),
            shape: Shape::quick(size.admins, size.workers),
        };
        let report = attack(&orders)?;
        print!("{report}");
        clean &= report.violations.is_empty();
        sum.push(report);
    }
    println!("{}", hera_chaos::Sum(&sum));
    Ok(clean)
}

fn duration(text: &str) -> anyhow::Result<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits
        .parse()
        .with_context(|| format!("\"{text}\" is no time; write 1h, 30m or 90s"))?;
    let unit = match text.trim_start_matches(|c: char| c.is_ascii_digit()) {
        "h" => 3600,
        "m" => 60,
        "s" => 1,
        other => bail!("\"{other}\" is no unit; write h, m or s"),
    };
    Ok(Duration::from_secs(number * unit))
}

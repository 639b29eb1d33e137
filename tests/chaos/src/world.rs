//! The installation under attack: a database, admins, workers, and a wire for every link.
//!
//! Admin n listens on 127.0.0.1 and tells others to reach it at 127.0.1.n, where a proxy listens
//! on the same ports: so whatever address one part learns of another leads through a wire.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use hera_tests::{Api, Ended, Program, Reply, eventually, free_port, programs};
use nix::sys::signal::Signal;
use serde::Deserialize;
use serde_json::Value;

use crate::database::Database;
use crate::proxy::{Proxies, Traffic, Wire, anywhere};

/// How many of what, and how fast they find each other dead.
#[derive(Debug, Clone)]
pub struct Shape {
    pub admins: usize,
    pub workers: usize,
    /// Runs at a time of each worker.
    pub slots: usize,
    /// `--set` of all programs.
    pub sets: Vec<String>,
    /// The folder of each part is a small file system of its own.
    pub small_disks: bool,
}

impl Shape {
    /// Timings by which a fault is over in seconds.
    #[must_use]
    pub fn quick(admins: usize, workers: usize) -> Self {
        let sets = [
            "hera.leaseMs=1500",
            "hera.renewMs=300",
            "hera.heartBeatMs=300",
            "hera.selfFenceMs=2000",
            "hera.workerLostMs=7500",
            "hera.systemMemUsed=0",
        ];
        Self {
            admins,
            workers,
            slots: 12,
            small_disks: false,
            sets: sets.map(ToOwned::to_owned).to_vec(),
        }
    }

    /// The timings that come with the product.
    #[must_use]
    pub fn usual(admins: usize, workers: usize) -> Self {
        Self {
            sets: Vec::new(),
            ..Self::quick(admins, workers)
        }
    }
}

/// An admin, alive or not.
#[derive(Debug)]
pub struct Admin {
    name: String,
    process: Option<Program>,
    api: Api,
    port: u16,
    connect_port: u16,
    /// To the database.
    pub database: Wire,
    /// From other admins, for pages and for the workers' protocol.
    pub peers: [Wire; 2],
}

/// A worker, alive or not.
#[derive(Debug)]
pub struct Worker {
    name: String,
    process: Option<Program>,
    /// To each admin.
    pub admins: Vec<Wire>,
}

/// Which part of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Admin(usize),
    Worker(usize),
}

/// Everything that runs.
#[derive(Debug)]
pub struct World {
    // Dropped in this order: the database outlives those who use it.
    pub workers: Vec<Worker>,
    pub admins: Vec<Admin>,
    pub database: Database,
    shape: Shape,
    token: String,
    folder: PathBuf,
    proxies: Proxies,
}

#[derive(Deserialize)]
struct Lock {
    holder: Option<String>,
    epoch: i64,
    live: i64,
}

impl World {
    /// Starts everything in `folder` and waits until all have met.
    ///
    /// # Errors
    /// When a part cannot be started.
    pub fn start(folder: &Path, shape: Shape) -> anyhow::Result<Self> {
        let database = Database::create(&folder.join("db"), free_port()?)?;
        let mut world = Self {
            workers: Vec::new(),
            admins: Vec::new(),
            database,
            shape,
            token: String::new(),
            folder: folder.to_owned(),
            proxies: Proxies::new()?,
        };
        for number in 1..=world.shape.admins {
            let admin = world.admin(number)?;
            world.admins.push(admin);
        }
        for number in 1..=world.shape.workers {
            let worker = world.worker(number)?;
            world.workers.push(worker);
        }
        world.mount()?;
        world.revive(Part::Admin(0))?;
        world.await_ready();
        world.log_in()?;
        for number in 1..world.shape.admins {
            world.revive(Part::Admin(number))?;
        }
        for number in 0..world.shape.workers {
            world.revive(Part::Worker(number))?;
        }
        world.await_whole();
        Ok(world)
    }

    /// Where the tasks write.
    #[must_use]
    pub fn truth(&self) -> PathBuf {
        self.folder.join("truth")
    }

    #[must_use]
    pub fn slots(&self) -> usize {
        self.shape.slots
    }

    fn admin(&self, number: usize) -> anyhow::Result<Admin> {
        let (port, connect_port) = (free_port()?, free_port()?);
        let outside = public(number)?;
        let wire = |port| {
            self.proxies
                .wire(SocketAddr::from((outside, port)), local(port))
        };
        Ok(Admin {
            name: format!("admin{number}"),
            process: None,
            api: Api::new(&format!("http://127.0.0.1:{port}/hera"), ""),
            database: self.proxies.wire(anywhere(), local(self.database.port()))?,
            peers: [wire(port)?, wire(connect_port)?],
            port,
            connect_port,
        })
    }

    fn worker(&self, number: usize) -> anyhow::Result<Worker> {
        let admins = self.admins.iter();
        let wires = admins.map(|admin| self.proxies.wire(anywhere(), local(admin.connect_port)));
        Ok(Worker {
            name: format!("worker{number}"),
            process: None,
            admins: wires.collect::<anyhow::Result<_>>()?,
        })
    }

    fn command(&self, program: &str, arguments: &[&str], name: &str) -> Command {
        // Whatever ends the harness ends its parts: a worker by the signal that ends scripts too.
        let signal = if program == "hera-worker" {
            "INT"
        } else {
            "KILL"
        };
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", signal]);
        command.arg(programs().join(program));
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env_remove("HERA_PROFILE")
            .env("HERA_JOIN_TOKEN", "a join token of the tests")
            .env("HERA_TIMEZONE", "UTC")
            .env("HERA_BIND", "127.0.0.1")
            .env("HERA_LOG", "info,hera=debug")
            .env("HERA_DATA_DIR", self.folder.join(name));
        for set in &self.shape.sets {
            command.args(["--set", set]);
        }
        command.args([
            "--set",
            &format!("hera.worker.maxRuns={}", self.shape.slots),
        ]);
        if self.shape.small_disks {
            command.args(["--set", "hera.worker.minDiskFree=2"]);
        }
        command
    }

    fn admin_command(&self, number: usize, arguments: &[&str]) -> anyhow::Result<Command> {
        let admin = &self.admins[number];
        let mut command = self.command("hera-admin", arguments, &admin.name);
        let database = format!("mysql://hera:hera@{}/hera", admin.database.address());
        command
            .env("HERA_PORT", admin.port.to_string())
            .env("HERA_CONNECT_PORT", admin.connect_port.to_string())
            .env("HERA_ADVERTISE", public(number + 1)?.to_string())
            .env("HERA_DATABASE_URL", database);
        Ok(command)
    }

    fn worker_command(&self, number: usize) -> Command {
        let worker = &self.workers[number];
        let addresses = worker.admins.iter().map(|wire| wire.address().to_string());
        let mut command = self.command("hera-worker", &["serve"], &worker.name);
        command
            .env(
                "HERA_ADMIN_ADDRESS",
                addresses.collect::<Vec<_>>().join(","),
            )
            .env("HERA_WORKER_NAME", &worker.name);
        command
    }

    fn log_in(&mut self) -> anyhow::Result<()> {
        let arguments = ["token", "create", "--user", "hera", "--name", "chaos"];
        let ended = Ended::of(&mut self.admin_command(0, &arguments)?)?;
        ensure!(ended.status.success(), "no token: {}", ended.stderr);
        ended.stdout.trim().clone_into(&mut self.token);
        for admin in &mut self.admins {
            let base = format!("http://127.0.0.1:{}/hera", admin.port);
            admin.api = Api::with_patience(&base, &self.token, Duration::from_secs(4));
        }
        Ok(())
    }

    /// Starts a part unless it runs; a stopped one goes on.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn revive(&mut self, part: Part) -> anyhow::Result<()> {
        self.signal(part, Signal::SIGCONT);
        if self.is_alive(part) {
            return Ok(());
        }
        let (mut command, name) = match part {
            Part::Admin(number) => {
                let command = self.admin_command(number, &["serve"])?;
                (command, &self.admins[number].name)
            }
            Part::Worker(number) => (self.worker_command(number), &self.workers[number].name),
        };
        let program = Program::spawn(&mut command, &self.folder.join(format!("{name}.out")))?;
        if let Part::Worker(number) = part {
            for (admin, wire) in self.admins.iter().zip(&self.workers[number].admins) {
                self.proxies
                    .lead_through(program.pid(), admin.peers[1].address(), wire);
            }
        }
        *self.process(part) = Some(program);
        Ok(())
    }

    /// `kill -9`.
    pub fn kill(&mut self, part: Part) {
        if let Some(program) = self.process(part).take() {
            program.kill();
        }
    }

    /// SIGTERM, and waits for the end.
    pub fn terminate(&mut self, part: Part) {
        self.signal(part, Signal::SIGCONT);
        if let Some(mut program) = self.process(part).take() {
            program.end(Signal::SIGTERM);
        }
    }

    /// Sends a signal, if the part runs.
    pub fn signal(&mut self, part: Part, signal: Signal) {
        if let Some(program) = self.process(part) {
            program.signal(signal);
        }
    }

    /// Whether its process is there; one that ended by itself is taken note of.
    pub fn is_alive(&mut self, part: Part) -> bool {
        self.process(part)
            .as_mut()
            .is_some_and(|program| !program.has_ended())
    }

    fn process(&mut self, part: Part) -> &mut Option<Program> {
        match part {
            Part::Admin(number) => &mut self.admins[number].process,
            Part::Worker(number) => &mut self.workers[number].process,
        }
    }

    /// Gives each part a disk of its own, if it shall have one.
    fn mount(&self) -> anyhow::Result<()> {
        for part in self.parts().into_iter().filter(|_| self.shape.small_disks) {
            let folder = self.data(part);
            std::fs::create_dir_all(&folder)?;
            let mounted = Ended::of(
                Command::new("mount")
                    .args(["-t", "tmpfs", "-o", "size=24m", "hera-chaos"])
                    .arg(&folder),
            )?;
            ensure!(
                mounted.status.success(),
                "no small disk: {}",
                mounted.stderr
            );
        }
        Ok(())
    }

    /// The data folder of a part.
    fn data(&self, part: Part) -> PathBuf {
        self.folder.join(match part {
            Part::Admin(number) => &self.admins[number].name,
            Part::Worker(number) => &self.workers[number].name,
        })
    }

    /// Fills a part's disk to the last byte; whether it has one of its own.
    #[must_use]
    pub fn fill(&self, part: Part) -> bool {
        let filler = || -> std::io::Result<()> {
            let mut file = std::fs::File::create(self.data(part).join("filler"))?;
            loop {
                file.write_all(&[0; 4096])?;
            }
        };
        self.shape.small_disks
            && filler().is_err_and(|error| error.kind() == std::io::ErrorKind::StorageFull)
    }

    /// Makes room again.
    pub fn make_room(&self, part: Part) {
        // Gone already is as good.
        drop(std::fs::remove_file(self.data(part).join("filler")));
    }

    /// Every part there is.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let admins = (0..self.admins.len()).map(Part::Admin);
        admins
            .chain((0..self.workers.len()).map(Part::Worker))
            .collect()
    }

    /// Which admin holds the lease, by the database.
    #[must_use]
    pub fn leader(&self) -> Option<usize> {
        let lock = self.lock().filter(|lock| lock.live == 1)?;
        self.admin_called(&lock.holder?)
    }

    /// The epoch, by the database.
    #[must_use]
    pub fn epoch(&self) -> Option<i64> {
        self.lock().map(|lock| lock.epoch)
    }

    fn lock(&self) -> Option<Lock> {
        let columns = [
            ("holder", "connect_address"),
            ("epoch", "epoch"),
            ("live", "IF(expires_at > UTC_TIMESTAMP(3), 1, 0)"),
        ];
        self.database.rows(&columns, "hera.hera_lock").ok()?.pop()
    }

    fn admin_called(&self, connect: &str) -> Option<usize> {
        let port: u16 = connect.rsplit(':').next()?.parse().ok()?;
        self.admins
            .iter()
            .position(|admin| admin.connect_port == port)
    }

    /// Every wire as if nothing had been.
    pub fn heal_wires(&self) {
        for admin in &self.admins {
            admin.database.heal();
            admin.peers.iter().for_each(Wire::heal);
        }
        self.workers
            .iter()
            .flat_map(|worker| &worker.admins)
            .for_each(Wire::heal);
    }

    /// Changes all wires of an admin but that to the database.
    pub fn cut_off_admin(&self, number: usize, traffic: Traffic) {
        self.admins[number]
            .peers
            .iter()
            .for_each(|wire| wire.set(traffic));
        for worker in &self.workers {
            worker.admins[number].set(traffic);
        }
    }

    /// Changes all wires of a worker.
    pub fn cut_off_worker(&self, number: usize, traffic: Traffic) {
        self.workers[number]
            .admins
            .iter()
            .for_each(|wire| wire.set(traffic));
    }

    /// A client of one admin.
    #[must_use]
    pub fn api(&self, number: usize) -> &Api {
        &self.admins[number].api
    }

    /// Asks the admins one after the other until one answers other than "not now".
    #[must_use]
    pub fn ask(&self, ask: impl Fn(&Api) -> anyhow::Result<Reply>) -> Option<Reply> {
        let replies = self.admins.iter().filter_map(|admin| ask(&admin.api).ok());
        replies.into_iter().find(|reply| reply.status < 500)
    }

    /// [`World::ask`] until there is an answer; it must be a success.
    ///
    /// # Panics
    /// When there is none for long, or a refusal.
    pub fn must(&self, what: &str, ask: impl Fn(&Api) -> anyhow::Result<Reply>) -> Value {
        eventually(what, || self.ask(&ask)).ok()
    }

    fn await_ready(&mut self) {
        eventually("an admin is ready", || {
            let ready = self.admins.iter().any(|admin| {
                admin
                    .api
                    .page("/readyz")
                    .is_ok_and(|(status, _)| status == 200)
            });
            ready.then_some(())
        });
    }

    /// Waits until every part is up and every worker is connected to the leader.
    ///
    /// # Panics
    /// When that takes too long.
    pub fn await_whole(&mut self) {
        eventually("all parts are up and have met", || {
            let leader = self.leader()?;
            let connected = self.admins[leader].api.connected_workers().ok()?;
            (connected == self.workers.len()).then_some(())
        });
    }

    /// Heals every wire, revives every part and waits until they have met.
    ///
    /// # Errors
    /// When a part cannot be started.
    pub fn heal(&mut self) -> anyhow::Result<()> {
        self.heal_wires();
        self.database.signal(Signal::SIGCONT);
        self.database.start();
        self.database.sql("SET GLOBAL read_only = 0")?;
        for part in self.parts() {
            self.make_room(part);
            self.revive(part).with_context(|| format!("{part:?}"))?;
        }
        self.await_whole();
        Ok(())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.heal_wires();
        for part in self.parts() {
            self.signal(part, Signal::SIGCONT);
        }
        // SIGINT ends the running scripts too.
        for number in 0..self.workers.len() {
            if let Some(mut worker) = self.workers[number].process.take()
                && !worker.has_ended()
            {
                worker.end(Signal::SIGINT);
            }
        }
        let mounted = if self.shape.small_disks {
            self.parts()
        } else {
            Vec::new()
        };
        for part in mounted {
            self.kill(part);
            unmount(&self.data(part));
        }
    }
}

/// Whether parts can be given small disks on this machine.
#[must_use]
pub fn small_disks() -> bool {
    let Ok(folder) = tempfile::tempdir() else {
        return false;
    };
    let mounted = mount(folder.path()).is_ok();
    if mounted {
        unmount(folder.path());
    }
    mounted
}

fn mount(folder: &Path) -> anyhow::Result<()> {
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=24m", "hera-chaos"]);
    let mounted = Ended::of(mount.arg(folder))?;
    ensure!(
        mounted.status.success(),
        "no small disk (only root can mount one): {}",
        mounted.stderr
    );
    Ok(())
}

fn unmount(folder: &Path) {
    let ended = Ended::of(Command::new("umount").arg("--lazy").arg(folder));
    if !ended.is_ok_and(|ended| ended.status.success()) {
        eprintln!("{} stays mounted", folder.display());
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// The address by which others reach an admin.
fn public(number: usize) -> anyhow::Result<Ipv4Addr> {
    Ok(Ipv4Addr::new(127, 0, 1, u8::try_from(number)?))
}

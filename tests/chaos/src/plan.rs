//! The jobs that run while parts die, and what must come of them.
//!
//! Each task writes what it does into a file of its job, one line per event, before and after it
//! prints: what it wrote there is the truth that the database is held against.

use std::path::Path;

use serde_json::{Value, json};

/// Which attempts of a job fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fails {
    Never,
    /// All before this one.
    UntilAttempt(u32),
    Always,
}

/// When a job's versions are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Every so many seconds, a divisor of 60.
    Every(u32),
    /// Once a minute, at this second.
    AtSecond(u32),
    /// When the versions of the same instant of these jobs succeeded.
    After(&'static [&'static str]),
    /// Only by hand.
    Manual,
}

/// A job of the workload.
#[derive(Debug, Clone)]
pub struct Spec {
    pub name: String,
    pub when: When,
    /// How long it runs, in tenths of a second.
    pub beats: u32,
    /// Lines that it prints at once, before the beats.
    pub lines: u32,
    pub fails: Fails,
    pub retries: u32,
    pub overlap: &'static str,
    pub on_lost: &'static str,
    /// Whether people cancel runs of it.
    pub cancelled: bool,
}

impl Spec {
    fn new(name: &str, when: When, beats: u32) -> Self {
        Self {
            name: name.to_owned(),
            when,
            beats,
            lines: 0,
            fails: Fails::Never,
            retries: 0,
            overlap: "wait",
            on_lost: "ask",
            cancelled: false,
        }
    }

    /// The number of seconds between its own instants, and the first second of a minute.
    #[must_use]
    pub fn rhythm(&self) -> Option<(u32, u32)> {
        match self.when {
            When::Every(seconds) => Some((seconds, 0)),
            When::AtSecond(second) => Some((60, second)),
            When::After(_) | When::Manual => None,
        }
    }

    /// The jobs it waits for.
    #[must_use]
    pub fn upstreams(&self) -> &'static [&'static str] {
        match self.when {
            When::After(names) => names,
            When::Every(_) | When::AtSecond(_) | When::Manual => &[],
        }
    }

    /// The schedule as the API takes it; `id` finds the jobs made before.
    #[must_use]
    pub fn schedule(&self, id: impl Fn(&str) -> i64) -> Value {
        let cron = |text: String| json!({"kind": "cron", "cron": text, "timezone": "UTC"});
        match self.when {
            When::Every(seconds) => cron(format!("0/{seconds} * * * * ?")),
            When::AtSecond(second) => cron(format!("{second} * * * * ?")),
            When::Manual => json!({"kind": "manual"}),
            When::After(names) => {
                let edge = |name: &&str| json!({"job_id": id(name), "window": "nearest", "policy": "success"});
                let edges: Vec<Value> = names.iter().map(edge).collect();
                json!({"kind": "dependent", "timezone": "UTC", "dependencies": edges})
            }
        }
    }

    /// The script; its events go to `<truth>/<job id>`.
    #[must_use]
    pub fn script(&self, truth: &Path) -> String {
        let Self { beats, lines, .. } = self;
        let verdict = match self.fails {
            Fails::Never => "true".to_owned(),
            Fails::UntilAttempt(attempt) => format!("[ \"$HERA_ATTEMPT\" -ge {attempt} ]"),
            Fails::Always => "false".to_owned(),
        };
        format!(
            r#"say() {{ printf '%s %s %s %s %s\n' "$1" "$HERA_VERSION" "$HERA_RUN_ID" "$HERA_ATTEMPT" "$EPOCHREALTIME" >>"{truth}/$HERA_JOB_ID"; }}
exec {{never}}<> <(:)
say start
for ((i = 1; i <= {lines}; i++)); do echo "number $i of run $HERA_RUN_ID, which writes a long log"; done
for ((i = 1; i <= {beats}; i++)); do echo "beat $i of run $HERA_RUN_ID"; say beat; read -rt 0.1 -u "$never"; done
if {verdict}; then say end; else say fail; exit 3; fi
"#,
            truth = truth.display()
        )
    }

    /// What a run prints that comes to its own end.
    #[must_use]
    pub fn output(&self, run: i64) -> String {
        let numbers =
            (1..=self.lines).map(|i| format!("number {i} of run {run}, which writes a long log\n"));
        let beats = (1..=self.beats).map(|i| format!("beat {i} of run {run}\n"));
        numbers.chain(beats).collect()
    }

    /// Whether its versions succeed when nobody interferes.
    #[must_use]
    pub fn succeeds(&self) -> bool {
        match self.fails {
            Fails::Never => true,
            Fails::UntilAttempt(attempt) => attempt <= self.retries + 1,
            Fails::Always => false,
        }
    }
}

/// Every kind of job that a fault may hit differently.
#[must_use]
pub fn jobs() -> Vec<Spec> {
    let spec = Spec::new;
    let mut jobs = vec![
        spec("quick", When::Every(2), 1),
        spec("serial", When::Every(6), 30),
        spec("long", When::Every(20), 90),
        spec("chain a", When::AtSecond(5), 3),
        spec("chain b", When::After(&["chain a"]), 8),
        spec("chain c", When::After(&["chain b"]), 3),
        spec("chain d", When::After(&["chain c"]), 3),
        spec("top", When::AtSecond(25), 3),
        spec("left", When::After(&["top"]), 10),
        spec("right", When::After(&["top"]), 25),
        spec("bottom", When::After(&["left", "right"]), 3),
        spec("late a", When::AtSecond(45), 30),
        spec("late b", When::After(&["late a"]), 30),
        spec("by hand", When::Manual, 8),
        spec("by hand, long", When::Manual, 60),
    ];
    jobs.push(Spec {
        overlap: "allow",
        ..spec("beside itself", When::Every(6), 80)
    });
    jobs.push(Spec {
        lines: 6000,
        ..spec("talks", When::Every(10), 10)
    });
    jobs.push(Spec {
        fails: Fails::UntilAttempt(3),
        retries: 3,
        ..spec("third time", When::Every(10), 3)
    });
    jobs.push(Spec {
        fails: Fails::Always,
        retries: 1,
        ..spec("never well", When::Every(10), 3)
    });
    jobs.push(Spec {
        on_lost: "rerun",
        ..spec("runs again", When::Every(30), 90)
    });
    for job in &mut jobs {
        job.cancelled = matches!(
            job.name.as_str(),
            "by hand, long" | "long" | "beside itself"
        );
    }
    jobs
}

//! Opening and closing jobs as HERA has them.

use hera_domain::id::JobId;
use hera_domain::status::Switch;

use super::Importer;
use super::report::{Kind, Severity};

/// How a job's switch is remembered.
const SWITCH: &str = "switch";

impl Importer {
    /// Opens or closes a job as HERA has it, unless a person has switched it here since.
    pub(super) fn follow_switch(
        &mut self,
        old: i64,
        name: &str,
        job: JobId,
        is_new: bool,
        wanted: Switch,
        to_close: &mut Vec<(i64, JobId)>,
    ) {
        let Some(now) = self.offline.jobs().get(&job).map(|def| def.switch) else {
            return;
        };
        let mark = self.marks.get(SWITCH, old);
        let remembered = mark.map(|mark| mark.fingerprint.as_str());
        let is_ours = is_new || remembered.is_none_or(|word| word == now.as_str());
        // A trial beside HERA: nothing is opened, and what people opened stays so.
        let wanted = match (self.options.closed, wanted) {
            (true, Switch::Open) => now,
            (_, wanted) => wanted,
        };
        if !is_ours || wanted == now {
            if remembered.is_none() {
                self.remember_switch(old, job, now);
            }
            return;
        }
        match wanted {
            Switch::Closed => to_close.push((old, job)),
            Switch::Open | Switch::Invalid => {
                if let Err(error) = self.offline.switch(job, wanted) {
                    let todo = "open what it names, then import again or open it";
                    self.notes(Kind::Job, old, name).add(
                        Severity::Closed,
                        "auto",
                        error.to_string(),
                        todo,
                    );
                    self.remember_switch(old, job, now);
                } else {
                    self.remember_switch(old, job, wanted);
                }
            }
        }
    }

    pub(super) fn set_switch(&mut self, old: i64, job: JobId, to: Switch) {
        match self.offline.switch(job, to) {
            Ok(()) => self.remember_switch(old, job, to),
            Err(error) => {
                let todo = "close what it names, then import again or close it";
                self.notes(Kind::Job, old, "").add(
                    Severity::Altered,
                    "auto",
                    error.to_string(),
                    todo,
                );
            }
        }
    }

    fn remember_switch(&mut self, old: i64, job: JobId, is: Switch) {
        let mark = self
            .marks
            .make(SWITCH, old, job.0, is.as_str().to_owned(), None);
        self.mark(mark);
    }
}

//! Many tasks at once, while everything is killed around them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use hera_tests::{Installation, eventually, pause, within};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

on_each_database!(
    both_killed_in_a_fan_out_of_200_lose_and_double_nothing,
    stopping_everything_at_any_of_20_moments_leaves_nothing_stuck_or_doubled,
);

/// A root and its dependents, each of which appends its name to one file.
struct FanOut {
    root: i64,
    tasks: Vec<i64>,
    file: PathBuf,
}

impl FanOut {
    fn create(hera: &Installation, name: &str, tasks: usize) -> Self {
        let file = hera.scratch().join(format!("{name}.done"));
        let group = hera.api().create_group(name);
        let create = |name: &str, schedule: &Value| {
            let script = format!("echo {name} >> {}\necho {name} ran\n", file.display());
            hera.api().create_job(group, name, &script, schedule)
        };
        let root = create(
            &format!("{name}_root"),
            &json!({"kind": "cron", "cron": "0 0 0 * * ?"}),
        );
        let after_root = json!({
            "kind": "dependent",
            "dependencies": [{"job_id": root, "window": "nearest", "policy": "success"}],
        });
        let tasks = (0..tasks)
            .map(|i| create(&format!("{name}_{i:03}"), &after_root))
            .collect();
        Self { root, tasks, file }
    }

    /// Lines of the file: how often each task did its work.
    fn done(&self) -> BTreeMap<String, usize> {
        let mut done = BTreeMap::new();
        for line in std::fs::read_to_string(&self.file)
            .unwrap_or_default()
            .lines()
        {
            *done.entry(line.to_owned()).or_default() += 1;
        }
        done
    }

    fn wait_until_all_are_final(&self, hera: &Installation) {
        let all = self.tasks.len() + 1;
        within(Duration::from_secs(120), "all tasks end", || {
            let ended = hera
                .api()
                .get(&format!(
                    "/runs?status=success&limit=1&job_id={}",
                    self.root
                ))
                .is_ok();
            (ended && self.done().len() == all).then_some(())
        });
        for task in self.tasks.iter().chain([&self.root]) {
            let run = eventually("the task has a run", || {
                hera.api().runs(&format!("job_id={task}")).first().cloned()
            });
            let run = hera.api().finished(run["id"].as_i64().unwrap());
            assert_eq!(run["status"], "success", "{run}");
        }
    }

    /// Every task worked exactly once, in exactly one run whose log is whole.
    fn assert_each_once(&self, hera: &Installation) {
        let done = self.done();
        let doubled: Vec<_> = done.iter().filter(|(_, times)| **times != 1).collect();
        assert!(doubled.is_empty(), "worked more than once: {doubled:?}");
        assert_eq!(done.len(), self.tasks.len() + 1);
        for task in &self.tasks {
            let runs = hera.api().runs(&format!("job_id={task}"));
            assert_eq!(runs.len(), 1, "{runs:?}");
            let log = hera.api().log(runs[0]["id"].as_i64().unwrap());
            let expected = format!("{} ran\n", runs[0]["job_name"].as_str().unwrap());
            assert_eq!(String::from_utf8_lossy(&log), expected);
        }
    }
}

fn both_killed_in_a_fan_out_of_200_lose_and_double_nothing(hera: &mut Installation) {
    let fan_out = FanOut::create(hera, "fan", 200);
    hera.api().recover(fan_out.root);
    eventually("a quarter has run", || {
        (fan_out.done().len() >= 50).then_some(())
    });
    hera.kill_both();
    let done = fan_out.done().len();
    assert!(done < 201, "all had run before the kill: it proves nothing");
    hera.start_both();
    fan_out.wait_until_all_are_final(hera);
    fan_out.assert_each_once(hera);
}

fn stopping_everything_at_any_of_20_moments_leaves_nothing_stuck_or_doubled(
    hera: &mut Installation,
) {
    let seed = hera_tests::variable("HERA_TEST_SEED").map_or(7, |seed| seed.parse().unwrap());
    eprintln!("HERA_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let rounds: Vec<FanOut> = (0..20)
        .map(|round| FanOut::create(hera, &format!("round{round:02}"), 10))
        .collect();
    for fan_out in &rounds {
        hera.api().recover(fan_out.root);
        pause(Duration::from_millis(random.random_range(0..400)));
        hera.kill_both();
        hera.start_both();
    }
    for fan_out in &rounds {
        fan_out.wait_until_all_are_final(hera);
    }
    for fan_out in &rounds {
        fan_out.assert_each_once(hera);
    }
}

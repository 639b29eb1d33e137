//! The attack of `./test.sh`: every kind of fault, at most eight minutes, nothing violated.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hera_chaos::{Fault, LEASE, Orders, Shape, attack, small_disks, takeovers};
use hera_tests::variable;

#[test]
fn eighty_faults_lose_nothing_and_double_nothing() {
    let _alone = alone();
    let number = |name, usual| variable(name).map_or(usual, |text| text.parse().expect("a number"));
    let seed = number("HERA_CHAOS_SEED", rand::random_range(0..1_000_000));
    let orders = Orders {
        seed,
        only: None,
        faults: usize::try_from(number("HERA_CHAOS_FAULTS", 80)).expect("a small number"),
        limit: None,
        shape: Shape::quick(3, 3),
    };
    let report = attack(&orders).expect("the harness works");
    println!("{report}");
    assert!(
        report.violations.is_empty(),
        "to repeat the faults: tests/chaos.sh attack --seed {seed}; what was written is in {:?}",
        report.folder
    );
}

#[test]
fn hera_fault_1_a_stopped_leader_that_wakes_up_commits_nothing_and_starts_nothing() {
    let _alone = alone();
    let report = attack(&Orders::wakes(5)).expect("the harness works");
    println!("{report}");
    assert!(report.violations.is_empty(), "see {:?}", report.folder);
    assert!(
        report.hits() >= 3,
        "it was hardly ever inside a transaction"
    );
    let hits = i64::try_from(report.hits()).expect("few");
    assert!(report.epochs >= hits, "nobody took over from it");
}

#[test]
fn the_next_leader_dispatches_within_two_seconds_of_the_lease() {
    let _alone = alone();
    // Of few the median swings widely.
    let took = takeovers(7).expect("the harness works");
    assert!(
        took[took.len() / 2] <= LEASE + Duration::from_secs(2),
        "{took:?}"
    );
}

#[test]
fn a_full_disk_of_a_worker_loses_nothing_silently() {
    let _alone = alone();
    if !small_disks() {
        eprintln!("SKIPPED: file systems cannot be mounted here (not root, or a sandbox)");
        return;
    }
    let report = attack(&Orders::full_disks(Fault::FillWorker, 2)).expect("the harness works");
    println!("{report}");
    assert!(report.violations.is_empty(), "see {:?}", report.folder);
}

/// One world at a time: beside each other they would measure the machine.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

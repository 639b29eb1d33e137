//! The attack of `./test.sh`: every kind of fault, at most eight minutes, nothing violated.

use hera_chaos::{Orders, Shape, attack};
use hera_tests::variable;

#[test]
fn eighty_faults_lose_nothing_and_double_nothing() {
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

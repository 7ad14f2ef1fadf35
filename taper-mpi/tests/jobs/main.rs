//! Tests of jobs of several ranks. This program is both: the tests, and, started by them under `mpirun`, a rank of a job.
//!
//! ```sh
//! cargo test                              # all; scripts/test.sh installs what they need
//! cargo test --test jobs -- faults        # those whose names have this in them
//! TAPER_MPI_KILLS=50 cargo test --test jobs -- kills
//! ```
//!
//! `TAPER_MPIRUN` is the command that starts a job, up to the number of ranks.

mod faults;
mod job;
mod kills;
mod numbers;
mod sums;
mod training;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use taper_mpi::Mpi;

/// What a rank does, in a folder that all of them see.
type Worker = fn(Mpi, &Path) -> Result<(), Box<dyn Error>>;

/// What is done by ranks, by name.
const WORKERS: &[(&str, Worker)] = &[
    ("sums", sums::worker),
    ("momentum", training::momentum),
    ("adam", training::adam),
    ("normalization", training::normalization),
    ("bf16", training::bf16),
    ("other_model", faults::other_model),
    ("other_data", faults::other_data),
    ("other_settings", faults::other_settings),
    ("error", faults::error),
    ("not_finite", faults::not_finite),
    ("panic", faults::panic),
    ("error_in_pass", faults::error_in_pass),
    ("schedule", faults::schedule),
    ("leaves_before", faults::leaves_before),
    ("panics_before", faults::panics_before),
    ("exits", faults::exits),
    ("long", kills::worker),
];

const TESTS: &[(&str, fn())] = &[
    ("sums_are_those_of_a_loop_in_the_order_of_ranks", sums::test),
    ("as_many_steps_of_one_two_and_three_ranks_agree", training::test),
    ("gradients_of_sixteen_bits", training::test_bf16),
    ("faults_end_all_ranks", faults::test),
    ("kills_leave_a_checkpoint_that_goes_on", kills::test),
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next().unwrap_or_default();
    if first == "--worker" {
        let [name, folder] = [(); 2].map(|()| arguments.next().expect("a worker and a folder"));
        let (_, worker) = WORKERS.iter().find(|(known, _)| *known == name).expect("a worker by this name");
        return taper_mpi::run(|mpi| worker(mpi, Path::new(&folder)));
    }
    for (name, test) in TESTS.iter().filter(|(name, _)| name.contains(&first)) {
        let start = std::time::Instant::now();
        test();
        println!("test {name} ... ok, {:.1} s", start.elapsed().as_secs_f64());
    }
    ExitCode::SUCCESS
}

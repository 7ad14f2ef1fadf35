//! Tests of jobs of several ranks. This program is both: the tests, and, started by them under `mpirun`, a rank of a job.
//!
//! ```sh
//! cargo test                              # all; scripts/test.sh installs what they need
//! cargo test --test jobs -- sums          # those whose names have this in them
//! ```
//!
//! `TAPER_MPIRUN` is the command that starts a job, up to the number of ranks.

mod job;
mod numbers;
mod sums;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use taper_mpi::Mpi;

/// What a rank does, in a folder that all of them see.
type Worker = fn(&mut Mpi, &Path) -> Result<(), Box<dyn Error>>;

/// What is done by ranks, by name.
const WORKERS: &[(&str, Worker)] = &[("sums", sums::worker)];

const TESTS: &[(&str, fn())] = &[("sums_are_those_of_a_loop_in_the_order_of_ranks", sums::test)];

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

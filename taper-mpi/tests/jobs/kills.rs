//! Ranks that are killed: the last checkpoint is whole, and a training that goes on from it ends in the same bits.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use taper::io::Checkpoints;
use taper::losses::CrossEntropy;
use taper::optimizers::Adam;
use taper::train::{Communicator, Dataset, Fit};
use taper::{Optimizer, Trainer};
use taper_mpi::Mpi;

use super::job::{Job, folder};
use super::numbers::{numbers, write};
use super::training::{data, model, of_ranks, same_bits, weights};

/// How often a rank is killed, unless `TAPER_MPI_KILLS` says.
const KILLS: usize = 3;
const RANKS: usize = 3;

/// Trains for a while and writes checkpoints often. Goes on where there is one.
pub(crate) fn worker(mpi: Mpi, folder: &Path) -> Result<(), Box<dyn Error>> {
    let (rank, size, checkpoint) = (mpi.rank(), mpi.size(), folder.join("checkpoint"));
    fs::write(folder.join(format!("process-{rank}")), std::process::id().to_string())?;
    let (inputs, labels) = data::<f32>(600)?;
    let mut model = model::<f32>()?;
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.001)?))
        .with_batch(30)?
        .with_communicator(mpi);
    if checkpoint.exists() {
        trainer.resume(&checkpoint)?;
    }
    let fit = Fit::epochs(20).with_checkpoints(Checkpoints::new(&checkpoint).every_steps(10)?);
    trainer.fit(Dataset::new(&inputs, &labels)?, fit)?;
    Ok(write(&folder.join(format!("{size}-{rank}")), &weights(trainer.model())?)?)
}

pub(crate) fn test() {
    let undisturbed = folder("undisturbed");
    let start = Instant::now();
    Job::succeeds("long", RANKS, &undisturbed);
    let (took, expected) = (start.elapsed(), of_ranks(&undisturbed, RANKS));
    let kills =
        std::env::var("TAPER_MPI_KILLS").map_or(KILLS, |kills| kills.parse().expect("a number of kills"));
    let (mut hits, mut resumed) = (0, 0);
    // A machine with other things to do is not always as fast: a kill that comes too late counts for nothing.
    for (attempt, random) in numbers(u64::from(std::process::id())).take(10 * kills).enumerate() {
        if hits == kills {
            break;
        }
        let folder = folder("killed");
        let job = Job::start("long", RANKS, &folder);
        let rank = attempt % RANKS;
        let process = wait_for(&folder.join(format!("process-{rank}")));
        // A third at any moment, the others where there is something to go on from.
        if attempt % 3 > 0 {
            wait_for(&folder.join("checkpoint"));
        }
        thread::sleep(took.mul_f64(0.4 + 0.4 * random));
        let kill = Command::new("kill").args(["-9", &process]).output().expect("kill");
        let ended = job.end();
        if !kill.status.success() {
            continue;
        }
        hits += 1;
        let is_done = (0..RANKS).all(|rank| folder.join(format!("{RANKS}-{rank}")).exists());
        assert!(is_done || !ended.is_success, "rank {rank} was killed, and nobody noticed");
        resumed += usize::from(folder.join("checkpoint").exists());
        Job::succeeds("long", RANKS, &folder);
        assert!(
            same_bits(&of_ranks(&folder, RANKS), &expected),
            "other bits after kill {hits}, of rank {rank}"
        );
    }
    assert_eq!(hits, kills, "kills that came in time");
    println!("{kills} kills, {resumed} of them with a checkpoint to go on from");
}

/// What is in a file that a rank will write.
fn wait_for(path: &Path) -> String {
    for _ in 0..4000 {
        match fs::read(path) {
            Ok(bytes) if !bytes.is_empty() => return String::from_utf8_lossy(&bytes).into_owned(),
            _ => thread::sleep(Duration::from_millis(5)),
        }
    }
    panic!("{} was not written", path.display());
}

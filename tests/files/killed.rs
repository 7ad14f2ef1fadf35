//! A process that is killed while it writes leaves the old file or the new one: models, checkpoints, NumPy's files and ONNX.
//!
//! ```text
//! TAPER_KILLS=1000 cargo test --all-features --test files a_writer_that_is_killed -- --nocapture
//! ```

use std::fs;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use rand::RngExt;
use taper::losses::MeanSquaredError;
use taper::optimizers::Adam;
use taper::{Optimizer, Result, Trainer};

use super::written_whole::{Folder, PATH, child, model};

/// Tells a child which kind of file to write, and which of the two first.
const KIND: &str = "TAPER_TEST_WRITES_KIND";
const FIRST: &str = "TAPER_TEST_BEGINS_WITH";

/// How often a writer is killed, unless `TAPER_KILLS` says.
const KILLS: usize = 300;

/// A kind of file, and how one is written that is made of a seed.
type Kind = (&'static str, fn(&Path, u64) -> Result<()>);

const KINDS: &[Kind] = &[
    ("model", |path, seed| model(seed).save(path)),
    ("checkpoint", |path, seed| {
        let optimizer = Optimizer::new(Adam::new(0.1)?);
        Trainer::owning(model(seed), MeanSquaredError::new(), optimizer).save_checkpoint(path)
    }),
    #[cfg(feature = "npy")]
    ("npy", |path, seed| taper::io::npy::write(path, &array(seed))),
    #[cfg(feature = "npy")]
    ("npz", |path, seed| {
        let (one, other) = (array(seed), array(seed + 2));
        taper::io::npy::write_archive(path, [("one", (&one).into()), ("other", (&other).into())])
    }),
    #[cfg(feature = "onnx")]
    ("onnx", |path, seed| model(seed).to_onnx(path)),
];

#[cfg(feature = "npy")]
fn array(seed: u64) -> taper::Tensor<f32> {
    taper::Tensor::from_fn([300, 200], |i| i as f32 + seed as f32).unwrap()
}

/// Not a test of its own: the child, which writes two files of a kind in turn until it is killed.
#[test]
fn writes_until_it_is_killed() {
    let (Ok(path), Ok(kind)) = (std::env::var(PATH), std::env::var(KIND)) else { return };
    let (_, write) = KINDS.iter().find(|(name, _)| *name == kind).unwrap();
    let first: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    for seed in [first, 3 - first].into_iter().cycle() {
        write(path.as_ref(), seed).unwrap();
    }
}

/// A child that is killed where this ends, however it ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_writer_that_is_killed_leaves_a_whole_file() {
    let kills = std::env::var("TAPER_KILLS").map_or(KILLS, |kills| kills.parse().expect("a number of kills"));
    let (folder, mut rng) = (Folder::new("killed"), taper::seeded(3));
    for &(kind, write) in KINDS {
        let path = folder.path().join(kind);
        // What a writer whom nobody disturbs leaves.
        let whole = [1, 2].map(|seed| {
            write(&path, seed).unwrap();
            fs::read(&path).unwrap()
        });
        assert_ne!(whole[0], whole[1]);
        let (mut seen, mut left) = ([0, 0], 0);
        let kills = kills.div_ceil(KINDS.len());
        for round in 0..kills {
            let before = fs::metadata(&path).unwrap().modified().unwrap();
            // Each in turn, since a slow disk may leave no time for a second.
            let first = if round % 2 == 0 { "1" } else { "2" };
            let mut command = child("killed::writes_until_it_is_killed", &path, &[]);
            let writer = Killed(command.env(KIND, kind).env(FIRST, first).spawn().unwrap());
            // From when it has begun to write.
            let start = Instant::now();
            while fs::metadata(&path).unwrap().modified().unwrap() == before {
                assert!(start.elapsed() < Duration::from_secs(30), "the child writes nothing");
                std::thread::sleep(Duration::from_micros(200));
            }
            std::thread::sleep(Duration::from_micros(rng.random_range(0..5000)));
            drop(writer);
            let bytes = fs::read(&path).unwrap();
            let which = whole.iter().position(|whole| *whole == bytes);
            seen[which.unwrap_or_else(|| panic!("{kind}: neither of the two files"))] += 1;
            // What is left of a file that was not finished is another file.
            for entry in fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.extension() == Some("tmp".as_ref()) {
                    left += 1;
                    fs::remove_file(entry).unwrap();
                }
            }
        }
        println!("{kind}: killed {kills} times: {seen:?} of the two files, {left} in the middle of writing");
        // Kills that all come between two files, or all in one, would prove nothing.
        let few = kills / 10;
        assert!(
            seen[0] > few && seen[1] > few && left > few,
            "{kind}: {seen:?} {left}: not at random moments"
        );
        fs::remove_file(&path).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{kind}: something else is left");
    }
}

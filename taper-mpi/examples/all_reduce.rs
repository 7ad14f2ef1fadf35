//! How long sums over all ranks take on these machines: the numbers that the model in `docs/distributed.md` wants.
//!
//! ```sh
//! mpirun -n 2 target/release/examples/all_reduce
//! ```
//!
//! For buckets of several sizes, one at a time: the median of many. Then for the 13.4 million gradients of a network 12544→1024→512→3 in
//! buckets of a million, in `f32` and in 16 bits: by themselves, and begun one by one while the program computes for as long as they take,
//! as a backward pass does.

use std::error::Error;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use taper::train::{Bucket, Communicator, Precision};
use taper_mpi::Mpi;

const SIZES: [usize; 8] = [1, 256, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304];
const BUCKET: usize = 1 << 20;
const GRADIENTS: usize = 13_371_907;

fn main() -> ExitCode {
    taper_mpi::run(run)
}

fn run(mut mpi: Mpi) -> Result<(), Box<dyn Error>> {
    let is_first = mpi.rank() == 0;
    let tell = |text: String| {
        if is_first {
            println!("{text}");
        }
    };
    tell(format!("{} ranks", mpi.size()));
    for size in SIZES {
        let rounds = (1_000_000 / size).clamp(11, 101);
        let mut times = Vec::new();
        let mut numbers = Bucket::F32(vec![1e-3; size]);
        for _ in 0..rounds {
            barrier(&mut mpi)?;
            let start = Instant::now();
            numbers = mpi.all_reduce(numbers)?;
            times.push(start.elapsed());
        }
        tell(format!("{:9} bytes {:9.3} ms", 4 * size, milliseconds(median(times))));
    }
    let a_second = work_of_a_second();
    for (name, precision) in [("f32", Precision::Full), ("bf16", Precision::Bf16)] {
        let mut mpi = mpi.clone().with_precision(precision);
        let mut buckets: Vec<Bucket> = (0..GRADIENTS)
            .step_by(BUCKET)
            .map(|start| Bucket::F32(vec![1e-3; BUCKET.min(GRADIENTS - start)]))
            .collect();
        let [mut sums, mut work, mut both] = [(); 3].map(|()| Vec::new());
        // As much work as takes the time of the sums.
        let mut loops = 0;
        for _ in 0..9 {
            sums.push(step(&mut mpi, &mut buckets, 0)?);
            if loops == 0 {
                loops = (a_second * sums[0].as_secs_f64()) as usize;
            }
            let start = Instant::now();
            compute(loops);
            work.push(start.elapsed());
            both.push(step(&mut mpi, &mut buckets, loops)?);
        }
        let [sums, work, both] = [sums, work, both].map(|times| milliseconds(median(times)));
        tell(format!(
            "{GRADIENTS} gradients in {name}: {sums:.1} ms; {work:.1} ms of work; both at once {both:.1} ms"
        ));
    }
    Ok(())
}

/// Begins the sums of all buckets between pieces of so much work, and waits for them.
fn step(mpi: &mut Mpi, buckets: &mut Vec<Bucket>, loops: usize) -> taper::Result<Duration> {
    barrier(mpi)?;
    let (start, count) = (Instant::now(), buckets.len());
    for bucket in buckets.drain(..) {
        compute(loops / count);
        mpi.begin_all_reduce(bucket)?;
    }
    for _ in 0..count {
        buckets.push(mpi.finish_all_reduce()?);
    }
    Ok(start.elapsed())
}

/// All ranks begin together.
fn barrier(mpi: &mut Mpi) -> taper::Result<()> {
    mpi.all_reduce(Bucket::F64(vec![0.0])).map(|_| ())
}

/// Arithmetic that needs no memory.
fn compute(loops: usize) {
    let mut value = 1.0_f64;
    for _ in 0..loops {
        value = black_box(value * 0.999 + 0.001);
    }
}

fn work_of_a_second() -> f64 {
    let start = Instant::now();
    compute(10_000_000);
    1e7 / start.elapsed().as_secs_f64()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn milliseconds(time: Duration) -> f64 {
    1e3 * time.as_secs_f64()
}

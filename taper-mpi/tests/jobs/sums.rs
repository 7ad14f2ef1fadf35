//! Sums against a loop over the ranks.

use std::error::Error;
use std::path::Path;

use taper::train::{Bucket, Communicator, Precision};
use taper_mpi::Mpi;

use super::job::{Job, folder};
use super::numbers::numbers;

/// Fewer than ranks, parts of several lengths, several blocks, and a bucket of gradients.
const LENGTHS: [usize; 9] = [0, 1, 2, 3, 7, 1023, 3073, 10_000, 1_048_577];

pub(crate) fn test() {
    for ranks in 1..=3 {
        Job::succeeds("sums", ranks, &folder("sums"));
    }
}

/// The numbers of a rank. Among them are some that are lost in others, so that the order shows.
fn values(rank: usize, length: usize) -> Vec<f64> {
    let scales = [1.0, 1e-6, 1e3, -1e9];
    let values = numbers((rank * 1_000_003 + length) as u64).take(length);
    values.enumerate().map(|(index, value)| value * scales[(index + rank) % 4]).collect()
}

fn single(rank: usize, length: usize) -> Vec<f32> {
    values(rank, length).into_iter().map(|value| value as f32).collect()
}

/// To the nearest number of 16 bits by arithmetic: eight digits of a binary number.
fn rounded(value: f32) -> f32 {
    if value == 0.0 {
        return value;
    }
    let value = f64::from(value);
    let step = 2.0_f64.powi(value.abs().log2().floor() as i32 - 7);
    ((value / step).round_ties_even() * step) as f32
}

/// In the order of the ranks.
fn sum<T: Copy + std::ops::Add<Output = T>>(of_rank: impl Fn(usize) -> Vec<T>, size: usize) -> Vec<T> {
    let add = |sums: Vec<T>, rank| sums.into_iter().zip(of_rank(rank)).map(|(a, b)| a + b).collect();
    (1..size).fold(of_rank(0), add)
}

pub(crate) fn worker(mut mpi: Mpi, _: &Path) -> Result<(), Box<dyn Error>> {
    let (rank, size) = (mpi.rank(), mpi.size());
    // All of them under way at once.
    for length in LENGTHS {
        mpi.begin_all_reduce(Bucket::F64(values(rank, length)))?;
        mpi.begin_all_reduce(Bucket::F32(single(rank, length)))?;
    }
    for length in LENGTHS {
        let expected = Bucket::F64(sum(|rank| values(rank, length), size));
        expect(mpi.finish_all_reduce()? == expected, &format!("{length} of f64"))?;
        let expected = Bucket::F32(sum(|rank| single(rank, length), size));
        expect(mpi.finish_all_reduce()? == expected, &format!("{length} of f32"))?;
    }
    let mut full = mpi.clone();
    let mut mpi = mpi.with_precision(Precision::Bf16);
    for length in LENGTHS {
        let of_rank = |rank| single(rank, length).into_iter().map(rounded).collect();
        let expected = match size {
            1 => single(0, length),
            _ => sum(of_rank, size).into_iter().map(rounded).collect(),
        };
        let got = mpi.all_reduce(Bucket::F32(single(rank, length)))?;
        expect(got == Bucket::F32(expected), &format!("{length} of bf16"))?;
        let expected = Bucket::F64(sum(|rank| values(rank, length), size));
        let got = mpi.all_reduce(Bucket::F64(values(rank, length)))?;
        expect(got == expected, &format!("{length} of f64 beside bf16"))?;
    }
    special(&mpi)?;
    let mut bytes: Vec<u8> = (0..=255).map(|byte: u8| if rank == 0 { byte } else { 7 }).collect();
    full.broadcast(&mut bytes)?;
    expect(bytes.iter().copied().eq(0..=255), "a broadcast")
}

/// What is not a number or not finite goes through, in each precision; so does a number to which others add zeros.
fn special(mpi: &Mpi) -> Result<(), Box<dyn Error>> {
    let (is_last, last) = (mpi.rank() + 1 == mpi.size(), [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.375]);
    for precision in [Precision::Full, Precision::Bf16] {
        let mut mpi = mpi.clone().with_precision(precision);
        let mine = if is_last { last.to_vec() } else { vec![0.0; 4] };
        let Bucket::F32(sums) = mpi.all_reduce(Bucket::F32(mine))? else {
            return Err("expected sums of f32".into());
        };
        let same = sums.iter().zip(last).all(|(&sum, last)| sum == last || sum.is_nan() && last.is_nan());
        expect(same, &format!("{sums:?}"))?;
    }
    Ok(())
}

fn expect(is_right: bool, what: &str) -> Result<(), Box<dyn Error>> {
    if is_right { Ok(()) } else { Err(format!("wrong: {what}").into()) }
}

//! The sum of numbers of all ranks.
//!
//! Each rank adds up one part of the numbers: it gets that part from every other rank, adds in the order of the ranks, and gives the sum to all.
//! So the order of the summands follows from the number of ranks, and all ranks have the bits of the one that added.
//! MPI's own all-reduce leaves the order to each implementation.

use std::ops::{AddAssign, Range};

use mpi::request::multiple_scope;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, Destination, Equivalence, Source};

use crate::bf16::{rounded, widened};

/// Numbers that are added up at a time, of each rank, in the cache.
const BLOCK: usize = 1024;

/// Numbers that are sent at once, at most: MPI counts them in 32 bits.
const MOST: usize = 1 << 28;

/// Tags of messages: numbers to add up, and their sum.
const PARTS: i32 = 1;
const SUMS: i32 = 2;

/// Memory for what others send.
#[derive(Debug, Default)]
pub(crate) struct Received {
    of_f32: Vec<f32>,
    of_f64: Vec<f64>,
    of_bf16: Vec<u16>,
    own_bf16: Vec<u16>,
}

/// How long a test is made again until it is true.
pub(crate) type Wait<'a> = &'a dyn Fn(&mut dyn FnMut() -> bool);

impl Received {
    pub(crate) fn sum_f32(&mut self, world: &SimpleCommunicator, values: &mut [f32], wait: Wait<'_>) {
        values.chunks_mut(MOST).for_each(|values| sum(world, values, &mut self.of_f32, wait));
    }

    pub(crate) fn sum_f64(&mut self, world: &SimpleCommunicator, values: &mut [f64], wait: Wait<'_>) {
        values.chunks_mut(MOST).for_each(|values| sum(world, values, &mut self.of_f64, wait));
    }

    /// The sum in `f32` of numbers that are rounded to 16 bits, rounded to 16 bits.
    pub(crate) fn sum_bf16(&mut self, world: &SimpleCommunicator, values: &mut [f32], wait: Wait<'_>) {
        for values in values.chunks_mut(MOST) {
            let halves = &mut self.own_bf16;
            halves.clear();
            halves.extend(values.iter().map(|&value| rounded(value)));
            scatter(world, halves, &mut self.of_bf16, wait);
            let own = part(halves.len(), world);
            add_up(&mut halves[own], &self.of_bf16, world, |block, summands| {
                let mut sums = [0.0; BLOCK];
                for (sum, &half) in sums.iter_mut().zip(summands.next().expect("there is a rank")) {
                    *sum = widened(half);
                }
                for summand in summands {
                    sums.iter_mut().zip(summand).for_each(|(sum, &half)| *sum += widened(half));
                }
                block.iter_mut().zip(sums).for_each(|(half, sum)| *half = rounded(sum));
            });
            gather(world, halves, wait);
            values.iter_mut().zip(&*halves).for_each(|(value, &half)| *value = widened(half));
        }
    }
}

fn sum<T>(world: &SimpleCommunicator, values: &mut [T], received: &mut Vec<T>, wait: Wait<'_>)
where
    T: Equivalence + Copy + Default + AddAssign,
{
    scatter(world, values, received, wait);
    let own = part(values.len(), world);
    add_up(&mut values[own], received, world, |block, summands| {
        let mut sums = [T::default(); BLOCK];
        let sums = &mut sums[..block.len()];
        sums.copy_from_slice(summands.next().expect("there is a rank"));
        for summand in summands {
            sums.iter_mut().zip(summand).for_each(|(sum, &value)| *sum += value);
        }
        block.copy_from_slice(sums);
    });
    gather(world, values, wait);
}

/// The part of so many numbers that this rank adds up.
fn part(length: usize, world: &SimpleCommunicator) -> Range<usize> {
    part_of(length, world.rank() as usize, world.size() as usize)
}

fn part_of(length: usize, rank: usize, size: usize) -> Range<usize> {
    rank * length / size..(rank + 1) * length / size
}

/// The other ranks, from the next one on, so that not all send to the same.
fn others(world: &SimpleCommunicator) -> impl Iterator<Item = usize> + use<> {
    let (rank, size) = (world.rank() as usize, world.size() as usize);
    (1..size).map(move |step| (rank + step) % size)
}

/// Each rank gets its part of the others' numbers: in the order of the ranks, without its own.
fn scatter<T: Equivalence + Copy + Default>(
    world: &SimpleCommunicator,
    values: &[T],
    received: &mut Vec<T>,
    wait: Wait<'_>,
) {
    let (rank, size) = (world.rank() as usize, world.size() as usize);
    let length = part(values.len(), world).len();
    received.resize((size - 1) * length, T::default());
    multiple_scope(2 * size, |scope, requests| {
        for (place, target) in received.chunks_exact_mut(length.max(1)).enumerate() {
            let from = place + usize::from(place >= rank);
            let process = world.process_at_rank(from as i32);
            requests.add(process.immediate_receive_into_with_tag(scope, target, PARTS));
        }
        for to in others(world) {
            let part = &values[part_of(values.len(), to, size)];
            if !part.is_empty() {
                let process = world.process_at_rank(to as i32);
                requests.add(process.immediate_send_with_tag(scope, part, PARTS));
            }
        }
        let mut done = Vec::new();
        wait(&mut || requests.test_all(&mut done));
    });
}

/// Adds up in blocks: a function gets a block of this rank's numbers to write the sum to, and those of all ranks in their order.
fn add_up<T: Copy>(
    own: &mut [T],
    received: &[T],
    world: &SimpleCommunicator,
    mut add: impl FnMut(&mut [T], &mut dyn Iterator<Item = &[T]>),
) {
    let (rank, length) = (world.rank() as usize, own.len());
    let mut mine = Vec::with_capacity(BLOCK);
    for (index, block) in own.chunks_mut(BLOCK).enumerate() {
        let start = index * BLOCK;
        mine.clear();
        mine.extend_from_slice(block);
        let of_others = |place: usize| &received[place * length + start..][..mine.len()];
        let below = (0..rank).map(of_others);
        let above = (rank..world.size() as usize - 1).map(of_others);
        add(block, &mut below.chain([&*mine]).chain(above));
    }
}

/// Each rank gets the others' sums.
fn gather<T: Equivalence>(world: &SimpleCommunicator, values: &mut [T], wait: Wait<'_>) {
    let (rank, size, length) = (world.rank() as usize, world.size() as usize, values.len());
    let (below, rest) = values.split_at_mut(part_of(length, rank, size).start);
    let (own, mut above) = rest.split_at_mut(part_of(length, rank, size).len());
    let mut below = below;
    multiple_scope(2 * size, |scope, requests| {
        for from in 0..size {
            let rest = if from < rank { &mut below } else { &mut above };
            let count = if from == rank { 0 } else { part_of(length, from, size).len() };
            let (target, behind) = std::mem::take(rest).split_at_mut(count);
            *rest = behind;
            if count > 0 {
                let process = world.process_at_rank(from as i32);
                requests.add(process.immediate_receive_into_with_tag(scope, target, SUMS));
            }
        }
        for to in others(world).filter(|_| !own.is_empty()) {
            let process = world.process_at_rank(to as i32);
            requests.add(process.immediate_send_with_tag(scope, &*own, SUMS));
        }
        let mut done = Vec::new();
        wait(&mut || requests.test_all(&mut done));
    });
}

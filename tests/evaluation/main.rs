//! What losses and metrics come to over many batches.

mod classify;
mod divisors;
mod metrics;
mod no_divisor;
mod own_parts;
mod sequences;
mod slices;
mod splits;
mod weights;
mod without_optimizer;

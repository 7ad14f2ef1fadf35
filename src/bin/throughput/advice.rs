//! One line of advice from the rows of a sweep.

use super::measure::Measured;
use super::sweep::Sweep;

/// What gives this share of the most that can be had is enough.
const ENOUGH: f64 = 0.95;
/// A call that takes this share of the machine's limit is at it.
const AT_THE_LIMIT: f64 = 0.6;

/// What a sweep says about one network on so many threads; for the widths, about all of them.
///
/// # Panics
/// Without a row.
pub(crate) fn advice(sweep: Sweep, rows: &[&Measured]) -> String {
    let mut text = match sweep {
        Sweep::Batch => of_batches(rows),
        Sweep::Width => of_widths(rows),
    };
    if !rows.iter().all(|row| row.is_to_be_trusted()) {
        text.push_str(" The machine was too busy to trust this: measure again.");
    }
    // Narrow to wide, as a sweep goes.
    let (network, batch, threads) = (rows[rows.len() - 1].network(), rows[0].batch, rows[0].threads);
    let threads = if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") };
    match sweep {
        Sweep::Batch => format!("{network}, {threads}: {text}"),
        Sweep::Width => format!("to {network}, batch {batch}, {threads}: {text}"),
    }
}

/// The batch from which on more samples a call are no more samples a second.
fn of_batches(rows: &[&Measured]) -> String {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| row.batch);
    // The first that no larger batch outdoes. Larger ones may be slower, where they leave a cache.
    let is_outdone = |place: usize| {
        let rate = rows[place].samples_per_second();
        rows[place..].iter().any(|row| ENOUGH * row.samples_per_second() > rate)
    };
    let place = (0..rows.len()).find(|&place| !is_outdone(place)).unwrap_or(rows.len() - 1);
    let knee = rows[place];
    let rate = format!("{:.0} samples/s", knee.samples_per_second());
    if rows.len() == 1 {
        return format!("one batch is no sweep; {} gives {rate}.", knee.batch);
    }
    if place + 1 == rows.len() {
        return format!(
            "more samples a call still pay at batch {} ({rate}): {}. Try larger ones.",
            knee.batch,
            limit(knee)
        );
    }
    format!("from batch {} on more does not pay ({rate}): {}.", knee.batch, limit(knee))
}

/// The width below which narrower layers take no less time for each multiply-add.
fn of_widths(rows: &[&Measured]) -> String {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| row.multiply_adds);
    let (narrow, wide) = (rows[0], rows[rows.len() - 1]);
    if rows.len() == 1 {
        return format!("one width is no sweep; {} takes {:.1} µs.", wide.network(), wide.median_ns / 1e3);
    }
    let most = rows.iter().map(|row| row.gflops).fold(0.0, f64::max);
    // Half the rate: a network of half the width then takes as long.
    let from = rows.iter().position(|row| row.gflops >= most / 2.0).unwrap_or(0);
    let knee = rows[from];
    if from == 0 {
        return format!(
            "narrower pays down to {}: it takes {:.1} times less time than {}, for {:.1} times fewer multiply-adds; {}.",
            narrow.network(),
            wide.median_ns / narrow.median_ns,
            wide.network(),
            wide.multiply_adds as f64 / narrow.multiply_adds as f64,
            limit(narrow),
        );
    }
    format!(
        "narrower than {} pays little: a multiply-add takes more than twice the time there; of {}, {}.",
        knee.network(),
        narrow.network(),
        limit(narrow)
    )
}

/// What keeps a call from being faster.
fn limit(row: &Measured) -> String {
    let (arithmetic, memory) = row.least_ns();
    let percent = row.share * 100.0;
    // A batch for which both take as long.
    let even = memory / arithmetic * row.batch as f64;
    if row.share < AT_THE_LIMIT {
        return format!(
            "neither memory nor arithmetic is at its limit ({percent:.0} % of it), what a call and its layers cost by themselves counts"
        );
    }
    if arithmetic >= memory {
        format!(
            "arithmetic is the limit ({percent:.0} % of what the machine can do), memory is it below batch {even:.0}"
        )
    } else {
        format!(
            "memory is the limit ({percent:.0} % of what the machine can read), arithmetic is it above batch {even:.0}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::busy::Others;
    use super::*;

    /// A row of a machine of 100 GFLOP/s and 20 GB/s that is always at its limit.
    fn row(widths: &[usize], batch: usize, share: f64) -> Measured {
        let weights = widths.windows(2).map(|pair| pair[0] * pair[1]).sum::<usize>();
        let (multiply_adds, moved_bytes) = ((weights * batch) as u64, 4 * weights);
        let median_ns = (2.0 * multiply_adds as f64 / 100.0).max(moved_bytes as f64 / 20.0) / share;
        Measured {
            pass: "infer",
            dtype: "f32",
            widths: widths.to_vec(),
            batch,
            threads: 1,
            median_ns,
            p99_ns: median_ns,
            min_ns: median_ns,
            spread: 0.0,
            others: None,
            calls: 1,
            multiply_adds,
            moved_bytes,
            allocations: 0.0,
            gflops: 2.0 * multiply_adds as f64 / median_ns,
            weight_gbs: moved_bytes as f64 / median_ns,
            share,
            limit_gflops: 100.0,
            limit_gbs: 20.0,
            checksum: 0.0,
        }
    }

    fn say(sweep: Sweep, rows: &[Measured]) -> String {
        advice(sweep, &rows.iter().collect::<Vec<_>>())
    }

    fn batches(batches: &[usize]) -> Vec<Measured> {
        batches.iter().map(|&batch| row(&[1000, 100], batch, 0.9)).collect()
    }

    #[test]
    fn the_batch_where_memory_and_arithmetic_meet_is_found() {
        // 4 bytes at 20 GB/s are 0.2 ns, a multiply-add is 0.02 ns: they meet at 10 samples.
        assert_eq!(
            say(Sweep::Batch, &batches(&[1, 2, 4, 8, 16, 32, 64])),
            "1000-100, 1 thread: from batch 16 on more does not pay (450000 samples/s): arithmetic is the limit \
             (90 % of what the machine can do), memory is it below batch 10."
        );
    }

    #[test]
    fn a_sweep_that_ends_early_says_so() {
        assert_eq!(
            say(Sweep::Batch, &batches(&[1, 2, 4])),
            "1000-100, 1 thread: more samples a call still pay at batch 4 (180000 samples/s): memory is the limit \
             (90 % of what the machine can read), arithmetic is it above batch 10. Try larger ones."
        );
        assert!(say(Sweep::Batch, &batches(&[8])).contains("one batch is no sweep"));
    }

    #[test]
    fn larger_batches_may_be_slower() {
        let mut rows = batches(&[1, 2, 4, 8, 16, 32, 64]);
        rows[5].median_ns *= 1.5;
        rows[6].median_ns *= 2.0;
        assert!(say(Sweep::Batch, &rows).contains("from batch 16 on"));
        // One that is slow by chance is none from which on nothing is gained.
        rows.iter_mut().for_each(|row| row.median_ns = row.batch as f64);
        rows[3].median_ns *= 1.5;
        assert!(say(Sweep::Batch, &rows).contains("from batch 1 on"));
    }

    #[test]
    fn small_work_has_neither_limit() {
        let rows: Vec<_> = [1, 2, 4].map(|batch| row(&[10, 4], batch, 0.1 * batch as f64 / 4.0)).into();
        let text = say(Sweep::Batch, &rows);
        assert!(text.contains("neither memory nor arithmetic is at its limit (10 % of it)"), "{text}");
    }

    #[test]
    fn narrow_networks_that_are_all_overhead_are_told() {
        let widths = [[1000, 1], [1000, 10], [1000, 100], [1000, 200]];
        let at = |shares: [f64; 4]| -> Vec<_> {
            widths.iter().zip(shares).map(|(widths, share)| row(widths, 1, share)).collect()
        };
        let text = say(Sweep::Width, &at([0.1, 0.3, 0.9, 0.9]));
        assert!(
            text.starts_with("to 1000-200, batch 1, 1 thread: narrower than 1000-100 pays little"),
            "{text}"
        );
        let text = say(Sweep::Width, &at([0.9; 4]));
        assert!(text.contains("narrower pays down to 1000-1: it takes 200.0 times less time"), "{text}");
        assert!(text.contains("memory is the limit"), "{text}");
    }

    #[test]
    fn a_busy_machine_is_told() {
        let mut rows = batches(&[1, 2, 4, 8, 16, 32, 64]);
        assert!(!say(Sweep::Batch, &rows).contains("busy"));
        rows[1].spread = 0.2;
        assert!(say(Sweep::Batch, &rows).ends_with("too busy to trust this: measure again."));
        rows[1].spread = 0.1;
        rows[2].others = Some(Others { taken: 1.0, cores: 2.0 });
        assert!(say(Sweep::Batch, &rows).ends_with("too busy to trust this: measure again."));
    }
}

//! The networks and batches to measure, and how their rows belong together.

use super::arguments::{Arguments, Count, Pass, Widths};
use super::measure::Measured;
use super::sweep::{self, Sweep};

/// What is measured on each number of threads.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Job {
    /// The line of a sweep that it is a point of.
    pub(crate) line: usize,
    pub(crate) widths: Vec<usize>,
    pub(crate) batch: usize,
}

pub(crate) fn jobs(arguments: &Arguments) -> Vec<Job> {
    if arguments.pass == Pass::Gemm {
        let sizes = arguments.size.iter().map(|size| size.get());
        return sizes.map(|size| Job { line: 0, widths: vec![size; 2], batch: size }).collect();
    }
    let batches: Vec<usize> = match (&arguments.batch, arguments.sweep) {
        (Some(batches), _) => batches.iter().copied().map(Count::get).collect(),
        (None, Some(Sweep::Batch)) => sweep::BATCHES.into(),
        (None, _) => vec![1, 8, 32, 128],
    };
    let mut jobs = Vec::new();
    for (network, Widths(widths)) in arguments.widths.iter().enumerate() {
        let networks = match arguments.sweep {
            Some(Sweep::Width) => sweep::scaled(widths),
            _ => vec![widths.clone()],
        };
        for widths in networks {
            for (place, &batch) in batches.iter().enumerate() {
                let line = match arguments.sweep {
                    Some(Sweep::Width) => network * batches.len() + place,
                    _ => network,
                };
                jobs.push(Job { line, widths: widths.clone(), batch });
            }
        }
    }
    jobs
}

/// The rows of each line on each number of threads, in the order in which they were measured.
pub(crate) fn lines(rows: &[(usize, Measured)]) -> Vec<Vec<&Measured>> {
    let mut lines: Vec<((usize, usize), Vec<&Measured>)> = Vec::new();
    for (line, row) in rows {
        let key = (*line, row.threads);
        match lines.iter_mut().find(|(other, _)| *other == key) {
            Some((_, rows)) => rows.push(row),
            None => lines.push((key, vec![row])),
        }
    }
    lines.into_iter().map(|(_, rows)| rows).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn of(line: &str) -> Vec<(usize, String, usize)> {
        let arguments =
            Arguments::try_parse_from(std::iter::once("throughput").chain(line.split_whitespace()));
        let name = |widths: &[usize]| widths.iter().map(usize::to_string).collect::<Vec<_>>().join("-");
        jobs(&arguments.unwrap()).iter().map(|job| (job.line, name(&job.widths), job.batch)).collect()
    }

    #[test]
    fn each_network_is_measured_at_each_batch() {
        let job = |line, widths: &str, batch| (line, widths.to_owned(), batch);
        assert_eq!(
            of("--widths 4,3 --widths 6,5,2 --batch 1,9"),
            [job(0, "4-3", 1), job(0, "4-3", 9), job(1, "6-5-2", 1), job(1, "6-5-2", 9)]
        );
        assert_eq!(of("--pass gemm --size 7,8"), [job(0, "7-7", 7), job(0, "8-8", 8)]);
        assert_eq!(of("").len(), 4);
    }

    #[test]
    fn a_sweep_has_a_line_for_each_of_what_it_does_not_go_through() {
        let batches = of("--sweep batch --widths 4,3 --widths 5,3");
        assert_eq!(batches.iter().map(|job| job.0).collect::<Vec<_>>(), [[0; 11], [1; 11]].concat());
        assert_eq!(of("--sweep batch --batch 3").len(), 1);
        let widths = of("--sweep width --widths 5,2,3 --batch 1,9");
        let line: Vec<_> = widths.iter().filter(|job| job.0 == 1).map(|job| (&*job.1, job.2)).collect();
        assert_eq!(line, [("5-1-3", 9), ("5-2-3", 9), ("5-4-3", 9)]);
        assert_eq!(of("--sweep width").len(), 24);
    }
}

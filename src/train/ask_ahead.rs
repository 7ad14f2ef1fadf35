//! The next batch, asked for during a step.

use std::ops::Range;

use crate::kernels::NextRows;
use crate::layers::{GradientSink, GradientSource, Layer, Param};
use crate::{Result, Scalar};

/// A sink in front of another: as the largest of the gradients is written, rows that will be gathered next are asked for, a
/// few lines at a time. Nothing of it shows in a result.
pub(super) struct AskAhead<'a, T> {
    sink: &'a mut dyn GradientSink<T>,
    rows: NextRows<'a>,
    /// The place of the parameter with the largest gradient.
    largest: Option<usize>,
}

/// The largest gradient is written in so many parts or a few more, but none has fewer elements than this. Before each part some
/// more is asked for. With 512 elements an epoch of the example `fashion` takes 1 to 2 % longer.
const PARTS: usize = 200;
const PART: usize = 1024;

impl<'a, T: Scalar> AskAhead<'a, T> {
    pub(super) fn new(sink: &'a mut dyn GradientSink<T>, rows: NextRows<'a>, model: &dyn Layer<T>) -> Self {
        let (mut largest, mut most) = (None, 0);
        if !rows.is_empty() {
            model.params(&mut |param| {
                if !param.is_frozen() && param.buffer().len() > most {
                    (largest, most) = (Some(param.slot()), param.buffer().len());
                }
            });
        }
        Self { sink, rows, largest }
    }
}

impl<T: Scalar> GradientSink<T> for AskAhead<'_, T> {
    fn take(&mut self, param: &mut Param<T>, gradient: &dyn GradientSource<T>) -> Result<()> {
        if self.largest != Some(param.slot()) {
            return self.sink.take(param, gradient);
        }
        let work = param.buffer().len();
        let part = param.block(PART.max(work / PARTS));
        self.sink.take(param, &Asking { gradient, rows: self.rows, work, part })
    }

    fn only_looks(&self) -> bool {
        self.sink.only_looks()
    }
}

/// A gradient that asks as it is written.
struct Asking<'a, T> {
    gradient: &'a dyn GradientSource<T>,
    rows: NextRows<'a>,
    /// The elements of the whole gradient and of a part.
    work: usize,
    part: usize,
}

impl<T: Scalar> GradientSource<T> for Asking<'_, T> {
    fn write(&self, run: Range<usize>, alpha: T, beta: T, out: &mut [T]) {
        for (start, out) in run.step_by(self.part).zip(out.chunks_mut(self.part)) {
            let run = start..start + out.len();
            self.rows.ask(run.clone(), self.work);
            self.gradient.write(run, alpha, beta, out);
        }
    }

    fn square_norm(&self) -> Option<f64> {
        self.gradient.square_norm()
    }

    fn multiply_adds(&self) -> usize {
        self.gradient.multiply_adds()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::layers::Whole;
    use crate::{Sequential, seeded};

    /// Remembers which gradients came, and writes them with these factors, or only looks.
    struct Sink {
        came: Vec<(String, Vec<f64>)>,
        looks: bool,
    }

    const FACTORS: (f64, f64) = (0.5, 2.0);

    impl GradientSink<f64> for Sink {
        fn take(&mut self, param: &mut Param<f64>, gradient: &dyn GradientSource<f64>) -> Result<()> {
            let mut out = vec![1.0; param.buffer().len()];
            gradient.write(0..out.len(), FACTORS.0, FACTORS.1, &mut out);
            self.came.push((param.name().to_owned(), out));
            Ok(())
        }

        fn only_looks(&self) -> bool {
            self.looks
        }
    }

    /// A gradient that remembers the runs that were asked for.
    struct Source<'a> {
        whole: Whole<'a, f64>,
        runs: Mutex<Vec<Range<usize>>>,
    }

    impl GradientSource<f64> for Source<'_> {
        fn write(&self, run: Range<usize>, alpha: f64, beta: f64, out: &mut [f64]) {
            self.runs.lock().unwrap().push(run.clone());
            self.whole.write(run, alpha, beta, out);
        }

        fn square_norm(&self) -> Option<f64> {
            Some(7.0)
        }

        fn multiply_adds(&self) -> usize {
            11
        }
    }

    #[test]
    fn every_gradient_arrives_as_it_is_and_the_largest_that_moves_in_parts() {
        let mut model = Sequential::<f64>::builder([90])
            .dense(70)
            .named("a")
            .dense(60)
            .named("b")
            .build(&mut seeded(0))
            .unwrap();
        let matrix = vec![0_u8; 1000];
        for (frozen, largest) in [(false, "a.weight"), (true, "b.weight")] {
            for rows in [&[0, 2][..], &[]] {
                let mut sink = Sink { came: Vec::new(), looks: frozen };
                let next = NextRows::new(&matrix, 100, rows);
                model.params_mut(&mut |param| {
                    if frozen && param.name() == "a.weight" {
                        param.freeze();
                    }
                });
                let mut expected = Vec::new();
                let mut ask_ahead = AskAhead::new(&mut sink, next, &model);
                assert_eq!(ask_ahead.only_looks(), frozen);
                let mut params = Vec::new();
                model.params_mut(&mut |param| params.push(param));
                for param in params {
                    let len = param.buffer().len();
                    let values: Vec<f64> = (0..len).map(|i| i as f64).collect();
                    let source = Source { whole: Whole(&values), runs: Mutex::default() };
                    ask_ahead.take(param, &source).unwrap();
                    let runs = source.runs.into_inner().unwrap();
                    let parts =
                        if param.name() == largest && !rows.is_empty() { len.div_ceil(PART) } else { 1 };
                    assert_eq!(runs.len(), parts, "{}", param.name());
                    assert!(runs.iter().all(|run| run.start.is_multiple_of(param.granule())));
                    let out = values.iter().map(|value| FACTORS.0 * value + FACTORS.1).collect();
                    expected.push((param.name().to_owned(), out));
                }
                assert_eq!(sink.came, expected);
            }
        }
    }

    #[test]
    fn a_large_gradient_has_no_more_parts_than_it_needs() {
        let mut model =
            Sequential::<f64>::builder([2000]).dense(500).named("a").build(&mut seeded(0)).unwrap();
        let matrix = vec![0_u8; 300];
        let mut sink = Sink { came: Vec::new(), looks: false };
        let mut ask_ahead = AskAhead::new(&mut sink, NextRows::new(&matrix, 100, &[0, 2]), &model);
        model.params_mut(&mut |param| {
            let values = vec![1.0; param.buffer().len()];
            let source = Source { whole: Whole(&values), runs: Mutex::default() };
            ask_ahead.take(param, &source).unwrap();
            let runs = source.runs.into_inner().unwrap();
            let expected = if param.name() == "a.weight" { PARTS..=PARTS + PARTS / 10 } else { 1..=1 };
            assert!(expected.contains(&runs.len()), "{}: {}", param.name(), runs.len());
        });
    }

    #[test]
    fn what_a_gradient_says_of_itself_is_passed_on() {
        let source = Source { whole: Whole(&[]), runs: Mutex::default() };
        let asking = Asking { gradient: &source, rows: NextRows::default(), work: 1, part: PART };
        assert_eq!((asking.square_norm(), asking.multiply_adds()), (Some(7.0), 11));
    }
}

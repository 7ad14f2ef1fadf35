//! Epoch after epoch: what [`Trainer::fit`] does.

use super::ahead::{Ahead, with_batches};
use super::batch::Recipe;
use super::keeper::Moment;
use super::metric::Metrics;
use super::order::shuffle;
use super::outputs::Outputs;
use super::precision::Copies;
use super::run::{Plan, Run};
use super::share::{Batches, Share};
use super::tally::Tally;
use super::warnings::warnings;
use super::{Control, Dataset, EarlyStopping, Epoch, Evaluation, Fit, History, StepReport, Trainer};
use crate::clock::Clock;
use crate::layers::RandomKey;
use crate::{Error, Result, Scalar, kernels};

/// Keeps the chance of augmentations apart from that of layers.
const AUGMENTATION: u64 = 0xA076_1D64_78BD_642F;

/// What is left of an epoch.
#[derive(Clone, Copy)]
struct Pass<'a, 'd, T: Scalar> {
    data: &'a Dataset<'d, T>,
    order: &'a [usize],
    plan: Plan,
    /// When it began.
    start: Clock,
    /// How many epochs there will be.
    end: usize,
}

impl<T: Scalar> Trainer<'_, T> {
    /// Trains for some epochs, after those that the trainer has made before: n calls of one epoch are a call of n epochs,
    /// to the bit, with every schedule, apart from the patience of early stopping. [`Trainer::begin_anew`] counts from 0
    /// again. After [`Trainer::resume`] it goes on with the call that the checkpoint was written in.
    ///
    /// Shapes, the sizes of all batches, inputs and targets are looked at before the first step, those of the validation
    /// data too.
    ///
    /// # Errors
    /// Where data, model, loss and settings do not fit together, or an input is not finite: an error that names the sample
    /// of the data set, and nothing is changed. [`Error::File`] where a training that goes on has other settings than
    /// before.
    ///
    /// On the way: [`Error::NotFinite`] at the first loss that is not finite, with the model as it was before that step;
    /// [`Error::Setting`] for a rate of a schedule that is negative or not finite; those of a source of samples, of augmentations, metrics
    /// and callbacks, and of writing checkpoints. With early stopping the model then gets the weights of the
    /// best epoch, where there is one. [`Trainer::history`] has the epochs that are done, and another call begins with
    /// the one that is not.
    pub fn fit(&mut self, data: Dataset<'_, T>, options: Fit<'_, T>) -> Result<History> {
        self.or_leave(|trainer| trainer.fit_all(data, options))
    }

    fn fit_all(&mut self, data: Dataset<'_, T>, mut options: Fit<'_, T>) -> Result<History> {
        let plan = self.settings.plan(data.len(), options.shuffle);
        let warnings = self.agreed(|trainer| {
            trainer.check_fit(&data, &options, plan)?;
            Ok(warnings(&trainer.model, &*trainer.loss))
        })?;
        if self.group.is_some() {
            self.meet(Some((&data, &options, plan)))?;
        }
        let mut run = self.begin_run(plan)?;
        if self.group.as_ref().is_some_and(|group| group.rank() > 0) {
            // What the file has counted is that of all ranks, and counts once.
            run.tally.iter_mut().for_each(Tally::clear_counts);
        }
        self.progress.history.warnings = warnings;
        let stopping = options.early_stopping.take();
        if stopping.is_none() {
            run.best = None;
        }
        let result = self.run_epochs(&data, plan, &mut run, stopping.as_ref(), &mut options);
        let restored = run.best.as_ref().map(|best| best.restore(&mut self.model)).transpose();
        self.copies = Copies::default();
        if let Ok(Some(epoch)) = restored {
            self.progress.history.restored = Some(epoch);
        }
        result?;
        let restored = restored?;
        let History { epochs, warnings, .. } = &self.progress.history;
        Ok(History { epochs: epochs[run.first..].to_vec(), restored, warnings: warnings.clone() })
    }

    fn run_epochs(
        &mut self,
        data: &Dataset<'_, T>,
        plan: Plan,
        run: &mut Run<T>,
        stopping: Option<&EarlyStopping>,
        options: &mut Fit<'_, T>,
    ) -> Result<()> {
        let end = run.first.saturating_add(options.epochs);
        let mut order: Vec<usize> = (0..plan.samples).map(|place| data.number(place)).collect();
        let needs_outputs = match &self.group {
            None => options.needs_outputs(),
            Some(group) => group.meeting().needs_outputs,
        };
        let mut outputs = needs_outputs.then(|| Outputs::new(self.model.output()));
        let mut is_whole = true;
        while self.progress.epoch_number() < end {
            let number = self.progress.epoch_number();
            let is_over = |last: &Epoch| {
                stopping.is_some_and(|stopping| stopping.is_over(run.best.as_ref(), last.epoch))
            };
            if self.progress.history.epochs.last().is_some_and(is_over) {
                break;
            }
            let start = Clock::start();
            self.or_undo(|trainer| {
                trainer.agreed(|trainer| trainer.pace.before_epoch(number, &mut trainer.optimizer))
            })?;
            if options.shuffle {
                shuffle(&mut order, plan.samples, plan.seed, number as u64);
                order.iter_mut().for_each(|place| *place = data.number(*place));
            }
            let pass = Pass { data, order: &order[run.samples..plan.used()], plan, start, end };
            let (control, learning_rate) = self.epoch(pass, run, options)?;
            let mut stop = control == Control::Stop;
            let (validation, metrics) =
                self.validate(options, outputs.as_mut()).map_err(|error| error.in_data("validation data"))?;
            let train = self.whole(run.tally.take().expect("an epoch was gone through"))?.finish();
            let seconds = run.seconds + start.elapsed().as_secs_f64();
            let epoch = Epoch { epoch: number, learning_rate, train, validation, metrics, seconds };
            let loss = epoch.validation.as_ref().unwrap_or(&epoch.train).loss;
            self.pace.after_epoch(loss, &mut self.optimizer)?;
            if let Some(stopping) = stopping {
                stopping.observe(&mut run.best, &epoch, &self.model);
            }
            self.progress.history.epochs.push(epoch);
            (run.samples, run.seconds) = (0, 0.0);
            let measured = outputs.as_ref().filter(|_| options.validation.is_some());
            stop |= self.after_epoch(&mut options.callbacks, measured)? == Control::Stop;
            self.compare_weights(number)?;
            // Where a callback has ended it in the middle of an epoch, the file says so already.
            is_whole = control == Control::Continue;
            if is_whole {
                self.keep(Moment::Epoch, plan, run, options)?;
            }
            if stop {
                break;
            }
        }
        if is_whole {
            self.keep(Moment::End, plan, run, options)?;
        }
        Ok(())
    }

    /// What the validation data say of the model, where there are some, and the metrics of them.
    fn validate(
        &mut self,
        options: &mut Fit<'_, T>,
        mut outputs: Option<&mut Outputs<T>>,
    ) -> Result<(Option<Evaluation>, Metrics)> {
        let Some(data) = &options.validation else { return Ok((None, Vec::new())) };
        let mut evaluation = self.measure_validation(data, outputs.as_deref_mut())?;
        // A history is the same after it was read from a checkpoint, which has no parts.
        evaluation.parts.clear();
        let (Some(outputs), false) = (outputs, options.metrics.is_empty()) else {
            return Ok((Some(evaluation), Vec::new()));
        };
        let metrics = &mut options.metrics;
        let measured = || metrics.iter_mut().map(|metric| metric.measure(outputs)).collect();
        Ok((Some(evaluation), self.metrics_of_all(measured)?))
    }

    /// A new run, or the one that was read from a file.
    fn begin_run(&mut self, plan: Plan) -> Result<Run<T>> {
        match self.progress.resumed.take() {
            None => Ok(Run::new(self.progress.epoch_number())),
            Some(resumed) if resumed.plan == plan => Ok(resumed.run),
            Some(resumed) => {
                let problem = format!("expected to go on with {}, got {plan}", resumed.plan);
                let error = Error::file(&resumed.path, &problem);
                self.progress.resumed = Some(resumed);
                Err(error)
            }
        }
    }

    /// One pass over the data, or what is left of it; and the learning rate of its last step.
    fn epoch(
        &mut self,
        pass: Pass<'_, '_, T>,
        run: &mut Run<T>,
        options: &mut Fit<'_, T>,
    ) -> Result<(Control, f64)> {
        let Pass { data, order, plan, start, end } = pass;
        let (epoch, before, group) = (self.progress.epoch_number(), run.seconds, plan.group());
        let (steps, batch) = (plan.used().div_ceil(group), plan.batch.min(plan.used()));
        let threads = self.threads(plan.used() / batch, batch);
        let mut learning_rate = self.optimizer.learning_rate();
        let recipe = Recipe {
            data,
            numbers: self.numbers(),
            random: Some(RandomKey::new(plan.seed ^ AUGMENTATION, epoch as u64)),
            parallelism: self.settings.parallelism,
        };
        let mut spare = std::mem::take(&mut self.gathered);
        let share = self.group.as_ref().map(|group| Share::new(order, plan.batch, group.ranks()));
        let whole = Batches::Whole { samples: order, size: plan.batch };
        let batches = share.as_ref().map_or(whole, Batches::Part);
        let result = with_batches(recipe, batches, &mut spare, |ahead| {
            let mut batch = 0;
            for samples in order.chunks(group) {
                let step = run.samples / group;
                let what = || format!("loss in epoch {epoch}, step {step}");
                let tally = run.tally.get_or_insert_with(|| Tally::new(data, &self.model));
                let loss = kernels::together(threads, || {
                    self.with_copies(|trainer| match &share {
                        None => trainer.or_undo(|trainer| {
                            trainer.step_on_group((data, ahead), samples, &mut batch, tally, what)
                        }),
                        Some(share) => {
                            trainer.step_on_share((data, ahead, share), samples, &mut batch, tally, what)
                        }
                    })
                })?;
                run.samples += samples.len();
                learning_rate = self.optimizer.learning_rate();
                let number = self.progress.steps - 1;
                let report = StepReport { epoch, epochs: end, step, steps, number, learning_rate, loss };
                let control = self.after_step(&report, options)?;
                let moment = if control == Control::Stop { Moment::Stop } else { Moment::Step };
                if !options.keepers.is_empty() || self.group.is_some() {
                    run.seconds = before + start.elapsed().as_secs_f64();
                    self.keep(moment, plan, run, options)?;
                    run.seconds = before;
                }
                if control == Control::Stop {
                    return Ok((Control::Stop, learning_rate));
                }
            }
            Ok((Control::Continue, learning_rate))
        });
        self.gathered = spare;
        result
    }

    /// A step on these samples, a batch of them after the other; its loss. The first has this number.
    fn step_on_group(
        &mut self,
        (data, ahead): (&Dataset<'_, T>, &Ahead<'_, '_, T>),
        samples: &[usize],
        number: &mut usize,
        tally: &mut Tally,
        what: impl Fn() -> String + Copy,
    ) -> Result<f64> {
        self.clear_gradients();
        let (divisors, mut group_loss) = (data.divisors_of(&*self.loss, samples.iter().copied()), 0.0);
        for batch in samples.chunks(self.settings.batch) {
            let gathered = ahead.take(*number)?;
            *number += 1;
            let (x, answers) = gathered.view(data)?;
            let loss = if batch.len() == samples.len() {
                self.step_on(x, answers, what)
            } else {
                self.accumulate(x, answers, Some(&divisors), what)
            };
            group_loss += loss.map_err(|error| error.of_samples(batch))?.as_f64();
            let outputs = self.workspace.as_ref().expect("the pass made it").outputs();
            tally.add_outputs(outputs, answers, &*self.loss);
            ahead.give_back(gathered);
        }
        if samples.len() > self.settings.batch {
            self.step_by_gradients()?;
        }
        tally.add_loss(group_loss, divisors.whole());
        Ok(group_loss)
    }
}

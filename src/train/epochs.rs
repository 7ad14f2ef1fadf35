//! Epoch after epoch: what [`Trainer::fit`] does.

use std::time::Instant;

use super::keeper::Moment;
use super::order::shuffle;
use super::run::{Plan, Run};
use super::tally::Tally;
use super::{Control, Dataset, EarlyStopping, Epoch, Fit, History, StepReport, Trainer};
use crate::{Error, Result, Scalar, kernels};

/// What is left of an epoch.
#[derive(Clone, Copy)]
struct Pass<'a, 'd, T> {
    data: &'a Dataset<'d, T>,
    order: &'a [usize],
    plan: Plan,
    /// When it began.
    start: Instant,
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
    /// those of the callbacks and of writing checkpoints. With early stopping the model then gets the weights of the
    /// best epoch, where there is one. [`Trainer::history`] has the epochs that are done, and another call begins with
    /// the one that is not.
    pub fn fit(&mut self, data: Dataset<'_, T>, mut options: Fit<'_, T>) -> Result<History> {
        let plan = self.settings.plan(data.len(), options.shuffle);
        self.check_fit(&data, &options, plan)?;
        let mut run = self.begin_run(plan)?;
        let stopping = options.early_stopping.take();
        if stopping.is_none() {
            run.best = None;
        }
        let result = self.run_epochs(&data, plan, &mut run, stopping.as_ref(), &mut options);
        let restored = run.best.as_ref().map(|best| best.restore(&mut self.model));
        self.progress.history.restored = restored.or(self.progress.history.restored);
        result?;
        Ok(History { epochs: self.progress.history.epochs[run.first..].to_vec(), restored })
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
        let mut is_whole = true;
        while self.progress.epoch_number() < end {
            let number = self.progress.epoch_number();
            let is_over = |last: &Epoch| {
                stopping.is_some_and(|stopping| stopping.is_over(run.best.as_ref(), last.epoch))
            };
            if self.progress.history.epochs.last().is_some_and(is_over) {
                break;
            }
            let start = Instant::now();
            self.pace.before_epoch(number, &mut self.optimizer)?;
            if options.shuffle {
                shuffle(&mut order, plan.samples, plan.seed, number as u64);
                order.iter_mut().for_each(|place| *place = data.number(*place));
            }
            let pass = Pass { data, order: &order[run.samples..plan.used()], plan, start, end };
            let control = self.epoch(pass, run, options)?;
            let mut stop = control == Control::Stop;
            let learning_rate = self.optimizer.learning_rate();
            let validation = options.validation.map(|data| self.measure(data)).transpose();
            let validation = validation.map_err(|error| error.in_data("validation data"))?;
            let train = run.tally.take().expect("an epoch was gone through").finish();
            let seconds = run.seconds + start.elapsed().as_secs_f64();
            let epoch = Epoch { epoch: number, learning_rate, train, validation, seconds };
            let loss = epoch.validation.as_ref().unwrap_or(&epoch.train).loss;
            self.pace.after_epoch(loss, &mut self.optimizer)?;
            if let Some(stopping) = stopping {
                stopping.observe(&mut run.best, &epoch, &self.model);
            }
            self.progress.history.epochs.push(epoch);
            (run.samples, run.seconds) = (0, 0.0);
            for callback in &mut options.callbacks {
                stop |= callback.after_epoch(&self.progress.history.epochs[number], &self.model)?
                    == Control::Stop;
            }
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

    /// A new run, or the one that was read from a file.
    fn begin_run(&mut self, plan: Plan) -> Result<Run<T>> {
        match self.progress.resumed.take() {
            None => Ok(Run::new(self.progress.epoch_number())),
            Some(resumed) if resumed.plan == plan => Ok(resumed.run),
            Some(resumed) => {
                let problem = format!("expected to go on with {}, got {plan}", resumed.plan);
                let path = resumed.path.clone();
                self.progress.resumed = Some(resumed);
                Err(Error::File { path, problem })
            }
        }
    }

    /// Asks the keeper, if there is one.
    fn keep(&self, moment: Moment, plan: Plan, run: &Run<T>, options: &mut Fit<'_, T>) -> Result<()> {
        options.keeper.as_mut().map_or(Ok(()), |keeper| keeper.keep(moment, self, plan, run))
    }

    /// One pass over the data, or what is left of it.
    fn epoch(
        &mut self,
        pass: Pass<'_, '_, T>,
        run: &mut Run<T>,
        options: &mut Fit<'_, T>,
    ) -> Result<Control> {
        let Pass { data, order, plan, start, end } = pass;
        let (epoch, before, group) = (self.progress.epoch_number(), run.seconds, plan.group());
        let (steps, batch) = (plan.used().div_ceil(group), plan.batch.min(plan.used()));
        let threads = self.threads(plan.used() / batch, batch);
        for samples in order.chunks(group) {
            let step = run.samples / group;
            let what = || format!("loss in epoch {epoch}, step {step}");
            let tally = run.tally.get_or_insert_with(|| Tally::new(data, &self.model));
            let step_on_group = || self.step_on_group(data, samples, tally, what);
            let loss = kernels::together(threads, step_on_group)?;
            run.samples += samples.len();
            let report = StepReport { epoch, epochs: end, step, steps, loss };
            let mut control = Control::Continue;
            for callback in &mut options.callbacks {
                control = callback.after_step(&report)?;
                if control == Control::Stop {
                    break;
                }
            }
            let moment = if control == Control::Stop { Moment::Stop } else { Moment::Step };
            if options.keeper.is_some() {
                run.seconds = before + start.elapsed().as_secs_f64();
                self.keep(moment, plan, run, options)?;
                run.seconds = before;
            }
            if control == Control::Stop {
                return Ok(Control::Stop);
            }
        }
        Ok(Control::Continue)
    }

    /// A step on these samples, a batch of them after the other; its loss.
    fn step_on_group(
        &mut self,
        data: &Dataset<'_, T>,
        samples: &[usize],
        tally: &mut Tally,
        what: impl Fn() -> String + Copy,
    ) -> Result<f64> {
        self.clear_gradients();
        let (divisor, mut group_loss) = (data.divisor_of(&*self.loss, samples.iter().copied()), 0.0);
        for batch in samples.chunks(self.settings.batch) {
            let mut gathered = std::mem::take(&mut self.gathered);
            gathered.fill(data, batch, self.numbers(), self.settings.parallelism)?;
            let (x, answers) = gathered.view(data)?;
            let loss = if batch.len() == samples.len() {
                self.step_on(x, answers, what)
            } else {
                self.accumulate(x, answers, Some(divisor.unwrap_or(1.0)), what)
            };
            group_loss += loss.map_err(|error| error.of_samples(batch))?.as_f64();
            let outputs = self.workspace.as_ref().expect("the pass made it").outputs();
            tally.add_outputs(outputs, answers, &*self.loss);
            self.gathered = gathered;
        }
        if samples.len() > self.settings.batch {
            self.step_by_gradients()?;
        }
        tally.add_loss(group_loss, divisor);
        Ok(group_loss)
    }
}

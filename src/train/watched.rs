//! Callbacks and checkpoints of a training, on one rank or several.

use super::group::attempt;
use super::keeper::Moment;
use super::outputs::Outputs;
use super::run::{Plan, Run};
use super::{Callback, Control, Epoch, Fit, StepReport, Trainer, Training};
use crate::{Result, Scalar};

impl<T: Scalar> Trainer<'_, T> {
    /// Calls callbacks after a step, up to the first that ends the training.
    pub(super) fn after_step(&mut self, report: &StepReport, options: &mut Fit<'_, T>) -> Result<Control> {
        self.controlled(|trainer| {
            let mut control = Control::Continue;
            for callback in &mut options.callbacks {
                control = callback.after_step(report, &mut trainer.training(None).1)?;
                trainer.model.check_params()?;
                if control == Control::Stop {
                    break;
                }
            }
            Ok(control)
        })
    }

    /// Calls callbacks after an epoch, which the history has already.
    pub(super) fn after_epoch(
        &mut self,
        callbacks: &mut [Box<dyn Callback<T> + '_>],
        outputs: Option<&Outputs<T>>,
    ) -> Result<Control> {
        self.controlled(|trainer| {
            let mut all = Control::Continue;
            for callback in callbacks {
                let (epochs, mut training) = trainer.training(outputs);
                let epoch = epochs.last().expect("an epoch is over");
                if callback.after_epoch(epoch, &mut training)? == Control::Stop {
                    all = Control::Stop;
                }
                trainer.model.check_params()?;
            }
            Ok(all)
        })
    }

    /// Where one rank stops, all do.
    fn controlled(&mut self, work: impl FnOnce(&mut Self) -> Result<Control>) -> Result<Control> {
        match &self.group {
            None => work(self),
            Some(group) if !group.meeting().has_callbacks => Ok(Control::Continue),
            Some(_) => self.with_group(|trainer, group| {
                let own = attempt(|| work(trainer));
                let stops = own.as_ref().is_ok_and(|&control| control == Control::Stop);
                let (control, stops) = group.agree(own, vec![f64::from(u8::from(stops))])?;
                Ok(if stops[0] > 0.0 { Control::Stop } else { control })
            }),
        }
    }

    /// The epochs so far, and the training as a callback sees it.
    fn training<'a>(&'a mut self, outputs: Option<&'a Outputs<T>>) -> (&'a [Epoch], Training<'a, T>) {
        let (model, optimizer, progress) = (&mut *self.model, &mut self.optimizer, &self.progress);
        (&progress.history.epochs, Training { model, optimizer, progress, outputs, rank: self.rank })
    }

    /// Asks the keepers, if there are some: those of rank 0.
    pub(super) fn keep(
        &mut self,
        moment: Moment,
        plan: Plan,
        run: &mut Run<T>,
        options: &mut Fit<'_, T>,
    ) -> Result<()> {
        let keepers = &mut options.keepers;
        match &self.group {
            None => keepers.iter_mut().try_for_each(|keeper| keeper.keep(moment, self, plan, run)),
            Some(group) if !group.meeting().has_keepers => Ok(()),
            Some(_) => self.with_group(|trainer, group| {
                let is_first = group.rank() == 0;
                let is_due = is_first && keepers.iter().any(|keeper| keeper.is_due(moment, trainer, run));
                if group.sum(vec![f64::from(u8::from(is_due))])?[0] == 0.0 {
                    return Ok(());
                }
                if let Some(tally) = &mut run.tally {
                    let sums = group.sum(tally.counts())?;
                    if is_first { tally.set_counts(&sums) } else { tally.clear_counts() }
                }
                let own = attempt(|| {
                    let mut keepers = keepers.iter_mut().filter(|_| is_first);
                    keepers.try_for_each(|keeper| keeper.keep(moment, trainer, plan, run))
                });
                group.agree(own, Vec::new()).map(|_| ())
            }),
        }
    }
}

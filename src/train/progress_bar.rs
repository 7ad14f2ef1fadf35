//! A progress bar in the terminal.

use indicatif::ProgressStyle;

use super::{Callback, Control, Epoch, StepReport, Training};
use crate::{Result, Scalar};

/// A bar over the steps of each epoch, with the loss; a line for each epoch that is done, and before them the
/// [warnings](super::History::warnings).
///
/// ```no_run
/// # fn run(mut trainer: taper::Trainer<'_, f32>, data: taper::train::Dataset<'_, f32>) -> taper::Result<()> {
/// use taper::train::{Fit, ProgressBar};
///
/// trainer.fit(data, Fit::epochs(10).with_callback(ProgressBar::new()))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ProgressBar {
    bar: indicatif::ProgressBar,
    has_warned: bool,
}

impl ProgressBar {
    /// A bar on standard error; nothing is drawn where that is no terminal.
    #[must_use]
    pub fn new() -> Self {
        let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {msg}");
        let bar = indicatif::ProgressBar::new(0);
        Self { bar: bar.with_style(style.expect("the template is well formed")), has_warned: false }
    }
}

impl Default for ProgressBar {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> Callback<T> for ProgressBar {
    fn after_step(&mut self, report: &StepReport, training: &mut Training<'_, T>) -> Result<Control> {
        if training.rank() > 0 {
            return Ok(Control::Continue);
        }
        for warning in training.history().warnings.iter().filter(|_| !self.has_warned) {
            self.bar.println(format!("warning: {warning}"));
        }
        self.has_warned = true;
        if report.step == 0 {
            self.bar.set_length(report.steps as u64);
            self.bar.set_prefix(format!("epoch {}/{}", report.epoch + 1, report.epochs));
        }
        self.bar.set_message(format!("loss {:.4}", report.loss));
        self.bar.set_position(report.step as u64 + 1);
        Ok(Control::Continue)
    }

    fn after_epoch(&mut self, epoch: &Epoch, training: &mut Training<'_, T>) -> Result<Control> {
        if training.rank() > 0 {
            return Ok(Control::Continue);
        }
        let accuracy =
            |accuracy: Option<f64>| accuracy.map(|a| format!(", accuracy {a:.3}")).unwrap_or_default();
        let validation = epoch.validation.as_ref().map(|validation| {
            format!("; validation loss {:.4}{}", validation.loss, accuracy(validation.accuracy))
        });
        let metrics: Vec<String> =
            epoch.metrics.iter().map(|(name, value)| format!(", {name} {value:.4}")).collect();
        let metrics = metrics.concat();
        self.bar.println(format!(
            "epoch {}: loss {:.4}{}{}{metrics} ({:.1} s)",
            epoch.epoch + 1,
            epoch.train.loss,
            accuracy(epoch.train.accuracy),
            validation.unwrap_or_default(),
            epoch.seconds
        ));
        Ok(Control::Continue)
    }
}

//! Learning rates, step by step.

use serde_json::Value;
use taper::Result;
use taper::schedules::{
    Cosine, CosineRestarts, Cyclic, Exponential, OnPlateau, OneCycle, Polynomial, Schedule, Sequence,
    StepDecay,
};

use crate::common::{fixture, list, numbers};
use crate::{LAST_BITS, Report};

#[test]
fn schedules() -> Result<()> {
    let file = fixture("torch/values.json");
    let mut report = Report::new(LAST_BITS);
    for case in list(&file["schedules"]) {
        let rates = if let Some(losses) = case.get("losses") {
            on_plateau(case, &numbers(losses))?
        } else {
            let schedule = schedule(case)?;
            (0..list(&case["rates"]).len() as u64).map(|step| schedule.learning_rate(step)).collect()
        };
        report.compare(&format!("{} {}", case["schedule"], case["settings"]), &rates, &case["rates"]);
    }
    report.finish(23);
    Ok(())
}

fn schedule(case: &Value) -> Result<Box<dyn Schedule>> {
    let base = case["base"].as_f64().expect("a case has a rate");
    let setting = |key: &str, default: f64| case["settings"][key].as_f64().unwrap_or(default);
    let steps = |key: &str| setting(key, 0.0) as u64;
    Ok(match case["schedule"].as_str() {
        Some("StepLR") => Box::new(StepDecay::new(base, steps("step_size"), setting("gamma", 0.1))?),
        Some("ExponentialLR") => Box::new(Exponential::new(base, 1, setting("gamma", 0.1))?),
        Some("CosineAnnealingLR") => {
            Box::new(Cosine::new(base, steps("T_max"))?.with_end(setting("eta_min", 0.0))?)
        }
        Some("CosineAnnealingWarmRestarts") => Box::new(
            CosineRestarts::new(base, steps("T_0"))?
                .with_period_factor(setting("T_mult", 1.0))?
                .with_end(setting("eta_min", 0.0))?,
        ),
        Some("CyclicLR") => {
            let up = steps("step_size_up");
            let schedule = Cyclic::new(setting("base_lr", 0.0), setting("max_lr", 0.0), up)?;
            let schedule = schedule.with_down(setting("step_size_down", up as f64) as u64)?;
            match case["settings"]["mode"].as_str() {
                Some("triangular2") => Box::new(schedule.with_halving()),
                _ => Box::new(schedule.with_factor(setting("gamma", 1.0))?),
            }
        }
        Some("LinearLR") => Box::new(Polynomial::new(base / 3.0, 5)?.with_end(base)?),
        Some("PolynomialLR") => Box::new(Polynomial::new(base, 5)?.with_power(setting("power", 1.0))?),
        Some("OneCycleLR") => Box::new(
            OneCycle::new(setting("max_lr", 0.0), steps("total_steps"))?
                .with_rise(setting("pct_start", 0.3))?
                .with_divisors(setting("div_factor", 25.0), setting("final_div_factor", 1e4))?,
        ),
        other => panic!("no schedule is called {other:?}"),
    })
}

fn on_plateau(case: &Value, losses: &[f64]) -> Result<Vec<f64>> {
    let setting = |key: &str, default: f64| case["settings"][key].as_f64().unwrap_or(default);
    let mut plateau = OnPlateau::new(setting("factor", 0.1), setting("patience", 10.0) as u64)?
        .with_threshold(setting("threshold", 1e-4))?
        .with_cooldown(setting("cooldown", 0.0) as u64)
        .with_least(setting("min_lr", 0.0))?;
    let mut rate = case["base"].as_f64().expect("a case has a rate");
    let next = |loss: &f64| {
        rate = plateau.observe(*loss, rate);
        rate
    };
    Ok(losses.iter().map(next).collect())
}

/// PyTorch's `SequentialLR` of `ConstantLR(factor=0.1, total_iters=2)` and `ExponentialLR(gamma=0.9)` with a milestone of 2: the
/// example of its documentation, at a rate of 1.
#[test]
fn one_schedule_after_the_other() -> Result<()> {
    let schedule =
        Sequence::new(Exponential::new(0.1, 1, 1.0)?).then_from(2, Exponential::new(1.0, 1, 0.9)?)?;
    let rates: Vec<f64> = (0..5).map(|step| schedule.learning_rate(step)).collect();
    assert_eq!(rates, [0.1, 0.1, 1.0, 0.9, 0.9 * 0.9]);
    let schedule = schedule.then_from(4, Exponential::new(7.0, 1, 1.0)?)?;
    assert_eq!([3, 4, 9].map(|step| schedule.learning_rate(step)), [0.9, 7.0, 7.0]);
    Ok(())
}

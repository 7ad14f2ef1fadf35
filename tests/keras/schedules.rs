//! Learning rates over time.

use taper::Result;
use taper::schedules::{
    Cosine, CosineRestarts, Exponential, InverseTime, Piecewise, Polynomial, Schedule, StepDecay,
};

use crate::case::Case;
use crate::common::numbers;

/// Down by a factor, smoothly or in a staircase.
pub(crate) fn exponential(case: &Case) -> Result<Vec<f64>> {
    let (rate, period) = (case.setting("initial_learning_rate"), case.setting("decay_steps") as u64);
    let factor = case.setting("decay_rate");
    Ok(vec![if case.is_set("staircase") {
        StepDecay::new(rate, period, factor)?.learning_rate(step(case))
    } else {
        Exponential::new(rate, period, factor)?.learning_rate(step(case))
    }])
}

pub(crate) fn inverse_time(case: &Case) -> Result<Vec<f64>> {
    let (rate, period) = (case.setting("initial_learning_rate"), case.setting("decay_steps") as u64);
    let schedule = InverseTime::new(rate, period, case.setting("decay_rate"))?;
    let schedule = if case.is_set("staircase") { schedule.with_staircase() } else { schedule };
    Ok(vec![schedule.learning_rate(step(case))])
}

pub(crate) fn polynomial(case: &Case) -> Result<Vec<f64>> {
    let schedule =
        Polynomial::new(case.setting("initial_learning_rate"), case.setting("decay_steps") as u64)?
            .with_end(case.setting("end_learning_rate"))?
            .with_power(case.setting("power"))?;
    let schedule = if case.is_set("cycle") { schedule.with_cycle() } else { schedule };
    Ok(vec![schedule.learning_rate(step(case))])
}

/// A step below 0 is here the first.
pub(crate) fn piecewise(case: &Case) -> Result<Vec<f64>> {
    let boundaries: Vec<u64> =
        numbers(case.config("boundaries")).into_iter().map(|boundary| boundary as u64).collect();
    let schedule = Piecewise::new(&boundaries, &numbers(case.config("values")))?;
    Ok(vec![schedule.learning_rate(step(case))])
}

/// Down along half a cosine; alpha is the end as a part of the peak.
pub(crate) fn cosine(case: &Case) -> Result<Vec<f64>> {
    let start = case.setting("initial_learning_rate");
    let peak = case.config("warmup_target").as_f64().unwrap_or(start);
    let schedule = Cosine::new(peak, case.setting("decay_steps") as u64)?
        .with_end(case.setting("alpha") * peak)?
        .with_warm_up(case.setting("warmup_steps") as u64, start)?;
    Ok(vec![schedule.learning_rate(step(case))])
}

/// Alpha is the end as a part of the first peak.
pub(crate) fn cosine_restarts(case: &Case) -> Result<Vec<f64>> {
    let peak = case.setting("initial_learning_rate");
    let schedule = CosineRestarts::new(peak, case.setting("first_decay_steps") as u64)?
        .with_period_factor(case.setting("t_mul"))?
        .with_peak_factor(case.setting("m_mul"))?
        .with_end(case.setting("alpha") * peak)?;
    Ok(vec![schedule.learning_rate(step(case))])
}

fn step(case: &Case) -> u64 {
    numbers(case.input("step"))[0] as u64
}

//! How much each layer may lose.

use crate::Result;

/// No layer loses less than this in a search, unless it loses nothing at all.
const LEAST: f64 = 1e-8;

/// How often the interval is halved, on a scale of powers: the loss is found to some 10 %.
const HALVINGS: usize = 8;

/// What is made of the largest loss with which the result is good. Of no loss, where not even the least is.
pub(super) fn smallest<R>(
    make: impl Fn(f64) -> Result<R>,
    is_good: &mut dyn FnMut(&R) -> Result<bool>,
) -> Result<R> {
    let mut best = None;
    let (mut low, mut high) = (LEAST.ln(), 0.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        let made = make(middle.exp())?;
        if is_good(&made)? {
            (low, best) = (middle, Some(made));
        } else {
            high = middle;
        }
    }
    // A loss of 0 would still leave out what is silent: that is good, but for rounding.
    best.map_or_else(|| make(0.0), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_good_loss_is_found() {
        for limit in [0.5, 1e-2, 3e-6] {
            let found = smallest(Ok, &mut |loss: &f64| Ok(*loss <= limit)).unwrap();
            assert!(found <= limit && found > 0.85 * limit, "{found} of {limit}");
        }
        assert_eq!(smallest(Ok, &mut |_| Ok(false)).unwrap(), 0.0);
    }
}

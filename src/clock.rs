//! The time, where there is a clock.

use std::time::{Duration, Instant};

/// WebAssembly without a system has none: to ask for the time would end the program.
pub(crate) const IS_THERE: bool = !cfg!(all(target_family = "wasm", target_os = "unknown"));

/// A moment, from which time is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Option<Instant>);

impl Clock {
    /// Begins to count.
    pub(crate) fn start() -> Self {
        Self(IS_THERE.then(Instant::now))
    }

    /// How long ago that was; 0 where there is no clock.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.map_or(Duration::ZERO, |start| start.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_where_there_is_a_clock() {
        let clock = Clock::start();
        std::thread::sleep(Duration::from_millis(2));
        assert!(clock.elapsed() >= Duration::from_millis(2));
        assert_eq!(Clock(None).elapsed(), Duration::ZERO);
    }
}

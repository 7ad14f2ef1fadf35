//! Who else was at work while something was measured.

use std::fs;

/// What the kernel has counted since the machine was started: ticks of processor time.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ticks {
    /// Of this process.
    own: f64,
    /// Of all, this process and what the machine below took away among them.
    busy: f64,
    /// Of one core, at work or not.
    elapsed: f64,
    cores: f64,
}

/// What others took from the machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Others {
    /// In cores: 0.5 is half of one.
    pub(crate) taken: f64,
    /// How many the machine has.
    pub(crate) cores: f64,
}

/// A machine on which others take more than this share of all cores is too busy for a measurement.
const MOST_BY_OTHERS: f64 = 0.05;

impl Others {
    pub(crate) fn are_in_the_way(self) -> bool {
        self.taken > MOST_BY_OTHERS * self.cores
    }
}

/// Watches, from when it was made, how many cores others take.
#[derive(Debug)]
pub(crate) struct Watch {
    start: Option<Ticks>,
}

/// So many ticks, a hundredth of a second each, say something.
const LEAST_TICKS: f64 = 20.0;

impl Watch {
    pub(crate) fn start() -> Self {
        Self { start: now() }
    }

    /// What other programs took since then, and machines beside a virtual one. `None` where the operating system does not
    /// tell, or the time was too short.
    pub(crate) fn others(&self) -> Option<Others> {
        others(self.start?, now()?)
    }
}

fn others(start: Ticks, end: Ticks) -> Option<Others> {
    let elapsed = end.elapsed - start.elapsed;
    let others = (end.busy - start.busy) - (end.own - start.own);
    (elapsed >= LEAST_TICKS).then(|| Others { taken: (others / elapsed).max(0.0), cores: end.cores })
}

/// Linux tells it in files, other systems in other ways.
fn now() -> Option<Ticks> {
    ticks(&fs::read_to_string("/proc/stat").ok()?, &fs::read_to_string("/proc/self/stat").ok()?)
}

fn ticks(machine: &str, process: &str) -> Option<Ticks> {
    let cores = machine.lines().filter(|line| {
        line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    });
    let all = numbers(machine.lines().next()?.strip_prefix("cpu ")?)?;
    // user, nice, system, idle, waiting for a disk, interrupts, soft interrupts, stolen; guests are counted in user.
    let &[user, nice, system, idle, waiting, interrupts, soft, stolen, ..] = &all[..] else { return None };
    let busy = user + nice + system + interrupts + soft + stolen;
    // The second field is the program's name in parentheses, which may hold anything; the 14th and 15th are its time in user
    // code and in the kernel.
    let fields: Vec<&str> = process.rsplit_once(')')?.1.split_whitespace().collect();
    let own = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    let cores = cores.count().max(1) as f64;
    Some(Ticks { own, busy, elapsed: (busy + idle + waiting) / cores, cores })
}

fn numbers(text: &str) -> Option<Vec<f64>> {
    text.split_whitespace().map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: &str = "\
cpu  300 10 40 1600 20 5 5 20 0 0
cpu0 150 5 20 800 10 3 2 10 0 0
cpu1 150 5 20 800 10 2 3 10 0 0
intr 12345
ctxt 678
";

    #[test]
    fn reads_what_linux_tells() {
        let process = "42 (a) b (c) R 1 42 42 0 -1 0 9 9 9 9 120 30 7 7 20 0 3 0 100 0 0";
        let expected = Ticks { own: 150.0, busy: 380.0, elapsed: 1000.0, cores: 2.0 };
        assert_eq!(ticks(MACHINE, process), Some(expected));
        for (machine, process) in
            [("", process), ("cpu  1 2", process), (MACHINE, ""), (MACHINE, "1 (a) R 1")]
        {
            assert_eq!(ticks(machine, process), None, "{machine} {process}");
        }
    }

    #[test]
    fn others_are_what_this_process_has_not_used() {
        let at = |own, busy, elapsed| Ticks { own, busy, elapsed, cores: 2.0 };
        let taken = |end| others(at(10.0, 100.0, 1000.0), end).map(|others| others.taken);
        assert_eq!(taken(at(110.0, 200.0, 1100.0)), Some(0.0));
        assert_eq!(taken(at(110.0, 250.0, 1100.0)), Some(0.5));
        // Ticks of one and of all are not counted at the same moment.
        assert_eq!(taken(at(111.0, 200.0, 1100.0)), Some(0.0));
        assert_eq!(taken(at(15.0, 110.0, 1010.0)), None);
    }

    #[test]
    fn a_twentieth_of_the_cores_is_too_much() {
        let in_the_way = |taken, cores| Others { taken, cores }.are_in_the_way();
        assert!(!in_the_way(0.09, 2.0) && in_the_way(0.11, 2.0));
        assert!(!in_the_way(3.0, 64.0) && in_the_way(3.3, 64.0));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_machine_tells() {
        assert!(now().is_some());
    }
}

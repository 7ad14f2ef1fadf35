//! Figures from Keras's own unit tests: each case is either checked or has a reason why not.
//!
//! Where Keras means something else that our settings can express, the checks express it; where figures hold for
//! something that this crate does not have, the table says so.

mod case;
#[path = "../common/mod.rs"]
mod common;
mod convolutions;
mod layers;
mod losses;
mod metrics;
mod normalization;
mod optimizers;
mod pools;
mod schedules;
mod table;

use std::collections::BTreeMap;

use case::Case;
use table::{Then, rule_for};

/// How many cases the fixture has, how many of them apply and how many do not: so that none falls out unseen.
const COUNTS: [usize; 3] = [599, 558, 41];

#[test]
fn every_case_is_checked_or_has_a_reason() {
    let file = common::fixture("keras/cases.json");
    let (mut checked, mut failures) = (BTreeMap::new(), Vec::new());
    let mut reasons = BTreeMap::new();
    for (index, value) in common::list(&file["cases"]).iter().enumerate() {
        let case = Case(value);
        let title = format!("case {index}, {} {}", case.word("kind"), case.word("object"));
        match rule_for(&case) {
            None => failures.push(format!("{title}: not in the table")),
            Some(Then::Apart(reason)) => *reasons.entry(*reason).or_insert(0) += 1,
            Some(Then::Check(check)) => {
                *checked.entry(case.word("kind").to_owned()).or_insert(0) += 1;
                let outcome =
                    check(&case).map_err(|error| error.to_string()).and_then(|got| case.compare(&got));
                if let Err(problem) = outcome {
                    failures.push(format!("{title} ({}): {problem}", case.word("from")));
                }
            }
        }
    }
    checked.iter().for_each(|(kind, count)| println!("{count:4} checked: {kind}"));
    reasons.iter().for_each(|(reason, count)| println!("{count:4} do not apply: {reason}"));
    assert!(failures.is_empty(), "{} cases failed:\n{}", failures.len(), failures.join("\n"));
    let (checked, apart) = (checked.values().sum::<usize>(), reasons.values().sum::<usize>());
    assert_eq!([checked + apart, checked, apart], COUNTS, "cases in all, checked, not applying");
}

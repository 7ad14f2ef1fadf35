//! Wrong use is an error that tells what is wrong, never a panic; and after it nothing is lost.

mod after_errors;
mod branches;
mod building;
mod exchanged;
mod getters;
mod images;
mod losses;
mod optimizers;
mod own_layers;
mod passes;
mod settings;
mod tensors;
mod training;
mod words;

use std::panic::catch_unwind;

use taper::{Result, Sequential, seeded};

/// What is done wrong, its error, and the text that it must have.
type Case = (&'static str, fn() -> String, &'static str);

/// The text of an error.
fn error<T>(result: Result<T>) -> String {
    result.map_or_else(|error| error.to_string(), |_| "no error".to_owned())
}

/// The text, where both settings give the same.
fn both<T>(first: taper::Result<T>, second: taper::Result<T>) -> String {
    let (first, second) = (error(first), error(second));
    assert_eq!(
        first.rsplit_once(", got ").map(|text| text.0),
        second.rsplit_once(", got ").map(|text| text.0)
    );
    second
}

/// The tables have the largest numbers of 64 bits.
fn of_this_machine(text: &str) -> String {
    let numbers = [(u64::MAX, usize::MAX), (u64::MAX / 16, usize::MAX / 16)];
    numbers.iter().fold(text.to_owned(), |text, (of_64_bits, number)| {
        text.replace(&of_64_bits.to_string(), &number.to_string())
    })
}

/// 4 → 3 → 2, with names.
fn model() -> Sequential<f32> {
    let builder = Sequential::builder([4]).dense(3).named("fc1").relu().dense(2).named("fc2");
    builder.build(&mut seeded(7)).unwrap()
}

#[test]
fn every_misuse_is_an_error_with_its_text() {
    let tables = [
        tensors::CASES,
        building::CASES,
        images::CASES,
        own_layers::CASES,
        passes::CASES,
        losses::CASES,
        optimizers::CASES,
        settings::CASES,
        training::CASES,
        words::CASES,
    ];
    let cases: Vec<&Case> = tables.into_iter().flatten().collect();
    let mut failures = Vec::new();
    for (name, case, expected) in &cases {
        let expected = &of_this_machine(expected);
        let got = catch_unwind(case).unwrap_or_else(|_| "a panic".to_owned());
        if got != *expected {
            failures.push(format!("{name}\n  expected: {expected}\n  got:      {got}"));
        }
        // A text that can follow a colon, and says more than that something is wrong.
        let first = expected.chars().next().unwrap();
        assert!(first.is_lowercase() || first == '`', "{name}: `{expected}` begins with a capital");
        assert!(expected.contains("expected ") && !expected.ends_with('.'), "{name}: {expected}");
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
    assert!(cases.len() >= 200, "only {} cases", cases.len());
}

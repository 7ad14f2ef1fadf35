//! Splits: every sample in one part, shares kept, the same parts from the same seed.

use taper::train::{Dataset, split};
use taper::{Result, Tensor};

/// So many samples of each class, mixed.
fn labels(counts: &[usize]) -> Vec<usize> {
    let sorted: Vec<usize> =
        counts.iter().enumerate().flat_map(|(class, &count)| vec![class; count]).collect();
    let step = (1..1000).map(|i| i * 2 + 101).find(|step| gcd(*step, sorted.len()) == 1).unwrap();
    (0..sorted.len()).map(|place| sorted[place * step % sorted.len()]).collect()
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn count(samples: &[usize], labels: &[usize], class: usize) -> usize {
    samples.iter().filter(|&&sample| labels[sample] == class).count()
}

/// Whether these have each of the expected samples once, ascending in each part.
fn assert_partition(parts: &[&[usize]], expected: &[usize]) {
    let mut all: Vec<usize> = parts.concat();
    all.sort_unstable();
    assert_eq!(all, expected);
    assert!(parts.iter().all(|part| part.is_sorted() && !part.is_empty()));
}

const COUNTS: [&[usize]; 5] = [&[50, 50], &[59, 71, 48], &[7, 80, 13], &[33], &[10, 11, 12, 13, 14, 15]];

#[test]
fn every_sample_is_tested_once() -> Result<()> {
    for counts in COUNTS {
        let labels = labels(counts);
        let inputs = Tensor::<f32>::zeros([labels.len(), 1])?;
        let data = Dataset::new(&inputs, &labels)?;
        let all: Vec<usize> = (0..labels.len()).collect();
        for folds in [2, 3, 5, 7] {
            for (stratified, found) in
                [(false, split::k_fold(data, folds, 3)?), (true, split::stratified_k_fold(data, folds, 3)?)]
            {
                assert_eq!(found.len(), folds);
                let tests: Vec<&[usize]> = found.iter().map(|fold| &fold.test[..]).collect();
                assert_partition(&tests, &all);
                found.iter().for_each(|fold| assert_partition(&[&fold.train, &fold.test], &all));
                let differ = |sizes: Vec<usize>| sizes.iter().max().unwrap() - sizes.iter().min().unwrap();
                assert!(differ(tests.iter().map(|test| test.len()).collect()) <= 1);
                for class in 0..counts.len() {
                    let of_class = tests.iter().map(|test| count(test, &labels, class)).collect();
                    assert!(!stratified || differ(of_class) <= 1, "{folds} folds of {counts:?}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn parts_have_their_shares() -> Result<()> {
    for counts in COUNTS {
        let labels = labels(counts);
        let inputs = Tensor::<f32>::zeros([labels.len(), 1])?;
        let data = Dataset::new(&inputs, &labels)?;
        let all: Vec<usize> = (0..labels.len()).collect();
        for test in [0.1, 0.2, 0.25, 1.0 / 3.0, 0.5] {
            for seed in 0..5 {
                let shares = [1.0 - test, test];
                let plain = split::shuffle_split(data, shares, seed)?;
                let stratified = split::stratified_shuffle_split(data, shares, seed)?;
                for parts in [&plain, &stratified] {
                    assert_partition(&[&parts[0], &parts[1]], &all);
                    for (part, share) in parts.iter().zip(shares) {
                        assert!((part.len() as f64 - share * labels.len() as f64).abs() < 1.0 + 1e-9);
                    }
                }
                for (class, &whole) in counts.iter().enumerate() {
                    for (part, share) in stratified.iter().zip(shares) {
                        let off = count(part, &labels, class) as f64 - share * whole as f64;
                        assert!(off.abs() < 1.0, "{off} of class {class} of {counts:?}");
                    }
                }
            }
        }
        let shares = [0.6, 0.2, 0.15, 0.05];
        let parts = split::stratified_shuffle_split(data, shares, 1)?;
        assert_partition(&parts.each_ref().map(|part| &part[..]), &all);
        for (part, share) in parts.iter().zip(shares) {
            assert!((part.len() as f64 - share * labels.len() as f64).abs() < 2.0);
            for (class, &whole) in counts.iter().enumerate() {
                assert!((count(part, &labels, class) as f64 - share * whole as f64).abs() < 1.0);
            }
        }
    }
    Ok(())
}

#[test]
fn exact_shares_are_exact() -> Result<()> {
    let labels = labels(&[70, 30]);
    let inputs = Tensor::<f64>::zeros([100, 1])?;
    let data = Dataset::new(&inputs, &labels)?;
    let [train, validation, test] = split::stratified_shuffle_split(data, [0.7, 0.2, 0.1], 0)?;
    assert_eq!([train.len(), validation.len(), test.len()], [70, 20, 10]);
    assert_eq!([0, 1].map(|class| count(&test, &labels, class)), [7, 3]);
    assert_eq!([0, 1].map(|class| count(&validation, &labels, class)), [14, 6]);
    Ok(())
}

#[test]
fn a_seed_is_a_split_and_every_sample_is_as_likely() -> Result<()> {
    let labels = labels(&[12, 8]);
    let inputs = Tensor::<f32>::zeros([20, 1])?;
    let data = Dataset::new(&inputs, &labels)?;
    assert_eq!(split::k_fold(data, 4, 1)?, split::k_fold(data, 4, 1)?);
    assert_ne!(split::k_fold(data, 4, 1)?, split::k_fold(data, 4, 2)?);
    for stratified in [false, true] {
        let mut tested = [0_i32; 20];
        for seed in 0..4000 {
            let [_, test] = if stratified {
                split::stratified_shuffle_split(data, [0.75, 0.25], seed)?
            } else {
                split::shuffle_split(data, [0.75, 0.25], seed)?
            };
            test.iter().for_each(|&sample| tested[sample] += 1);
        }
        // Four standard deviations of a count are 4·sqrt(4000·1/4·3/4) = 110.
        assert!(tested.iter().all(|count| (count - 1000).abs() < 110), "{tested:?}");
    }
    Ok(())
}

#[test]
fn parts_of_parts_keep_the_numbers() -> Result<()> {
    let labels = labels(&[30, 30]);
    let inputs = Tensor::<f32>::zeros([60, 1])?;
    let data = Dataset::new(&inputs, &labels)?;
    let [train, _] = split::stratified_shuffle_split(data, [0.8, 0.2], 4)?;
    let part = data.subset(&train)?;
    for fold in split::stratified_k_fold(part, 4, 1)? {
        assert_partition(&[&fold.train, &fold.test], &train);
        assert_eq!([0, 1].map(|class| count(&fold.test, &labels, class)), [6, 6]);
        assert_eq!(part.subset(&fold.test)?.len(), 12);
    }
    Ok(())
}

#[test]
fn splits_that_cannot_be_are_refused() -> Result<()> {
    let (inputs, labels) = (Tensor::<f32>::zeros([5, 2])?, [0, 0, 0, 1, 1]);
    let values = Tensor::<f32>::zeros([5, 1])?;
    let (data, of_values) = (Dataset::new(&inputs, &labels)?, Dataset::new(&inputs, &values)?);
    let text = |error: taper::Error| error.to_string();
    for folds in [0, 1, 6] {
        let expected =
            format!("folds: expected at least 2 and no more than the samples, got {folds} of 5 samples");
        assert_eq!(text(split::k_fold(data, folds, 0).unwrap_err()), expected);
        assert_eq!(text(split::stratified_k_fold(data, folds, 0).unwrap_err()), expected);
    }
    assert_eq!(
        text(split::stratified_k_fold(data, 3, 0).unwrap_err()),
        "folds: expected no more than the samples of each class, got 3, where class 1 has 2 samples"
    );
    assert_eq!(
        text(split::stratified_k_fold(of_values, 2, 0).unwrap_err()),
        "target of stratified_k_fold: expected class indices, got values"
    );
    for shares in [[0.5, 0.4], [1.0, 0.0], [1.5, -0.5], [f64::NAN, 0.5]] {
        let found = text(split::shuffle_split(data, shares, 0).unwrap_err());
        assert_eq!(found, format!("shares: expected numbers above 0 that add up to 1, got {shares:?}"));
    }
    let found = text(split::shuffle_split(data, [0.96, 0.02, 0.02], 0).unwrap_err());
    assert_eq!(found, "shares: expected such that no part is empty, got 0.02 of 5 samples");
    Ok(())
}

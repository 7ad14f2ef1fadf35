//! All ways through a model come to the same numbers, whatever its layers.

#[path = "../common/random_models.rs"]
mod random_models;

use rand::Rng;

/// Models of which each choice is a byte of a generator; some more of them with `TAPER_RANDOM_MODELS`, a range of seeds.
#[test]
fn all_ways_through_random_models_agree() {
    let range = std::env::var("TAPER_RANDOM_MODELS").unwrap_or_else(|_| "0-100".to_owned());
    let (first, end) = range.split_once('-').expect("a range of seeds as 0-100");
    let (first, end): (u64, u64) = (first.parse().unwrap(), end.parse().unwrap());
    let mut checked = 0;
    for seed in first..end {
        let mut rng = taper::seeded(seed);
        let bytes: Vec<u8> = (0..96).map(|_| rng.next_u64() as u8).collect();
        let failed = std::panic::catch_unwind(|| {
            let ran = random_models::check::<f32>(&bytes, 1e-3);
            random_models::check::<f64>(&bytes, 1e-9);
            ran
        });
        checked += u64::from(failed.unwrap_or_else(|_| panic!("the model of seed {seed}")));
    }
    assert!(checked > (end - first) / 2, "{checked} models of {}", end - first);
}

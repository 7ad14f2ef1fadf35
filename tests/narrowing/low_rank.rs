//! Dense layers as two of low rank.

use taper::narrow::{LowRank, Narrowing};
use taper::{Result, Scalar, Sequential, Tensor};

use super::networks::{dense, inputs, lost};

fn told_as_measured<T: Scalar>(most: f64) -> Result<()> {
    let (model, x) = (dense::<T>(&[30, 20, 14], 1), inputs::<T>(&[500, 30], 2));
    let before = model.predict(&x)?;
    for rank in [13, 6, 2, 1] {
        let factored = LowRank::new().to_ranks(&model, &x, [("fc2", rank)])?;
        let row = &factored.layers[0];
        let measured = lost(&before, &factored.model.predict(&x)?);
        assert!(
            (row.errors[rank] - measured).abs() <= most * measured,
            "{rank}: {} and {measured}",
            row.errors[rank]
        );
        assert!((factored.agreement.error - measured).abs() <= 1e-6 * measured);
        assert_eq!((row.rank, row.pays_below, row.errors.len()), (Some(rank), 9, 15));
        assert_eq!(factored.after.parameters, 30 * 20 + 20 + 20 * rank + rank * 14 + 14);
    }
    Ok(())
}

#[test]
fn what_is_told_is_what_is_measured() -> Result<()> {
    told_as_measured::<f64>(1e-9)?;
    told_as_measured::<f32>(1e-2)
}

/// Nothing of the same rank loses less: not what the weight alone would choose, nor what is near.
#[test]
fn no_other_weight_of_this_rank_loses_less() -> Result<()> {
    let (model, x) = (dense::<f64>(&[12, 9], 1), inputs::<f64>(&[400, 12], 2));
    let before = model.predict(&x)?;
    let factored = LowRank::new().to_ranks(&model, &x, [("fc1", 3)])?.model;
    let least = lost(&before, &factored.predict(&x)?);
    for name in ["fc1_low.weight", "fc1.weight", "fc1.bias"] {
        let values = factored.param(name)?.to_tensor();
        for place in 0..values.len() {
            for step in [1e-2, -1e-2] {
                let (mut other, mut moved) = (factored.clone(), values.clone());
                moved.as_mut_slice()[place] += step;
                other.param_mut(name)?.set(&moved)?;
                assert!(lost(&before, &other.predict(&x)?) > least - 1e-12, "{name} {place}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_weight_of_low_rank_is_found() -> Result<()> {
    let model = Sequential::<f64>::builder([40]).dense(5).without_bias().dense(50).named("block");
    let model = model.relu().dense(3).build(&mut taper::seeded(1))?;
    let (a, b) = (model.param("0.weight")?.to_tensor(), model.param("block.weight")?.to_tensor());
    let whole = Sequential::<f64>::builder([40]).dense(50).named("fc").relu().dense(3).named("last");
    let mut whole = whole.build(&mut taper::seeded(2))?;
    whole.param_mut("fc.weight")?.set(&a.matmul(&b)?)?;
    let x = inputs(&[300, 40], 3);
    let factored = LowRank::new().within_error(&whole, &x, 1e-9)?;
    assert_eq!(factored.layers[0].rank, Some(5));
    assert_eq!(factored.layers[1].rank, None, "two layers of rank 3 are more than one of 50 -> 3");
    let (before, after) = (whole.predict(&x)?, factored.model.predict(&x)?);
    let largest =
        before.as_slice().iter().zip(after.as_slice()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(largest < 1e-9, "{largest}");
    Ok(())
}

#[test]
fn it_follows_a_narrowing_inside_of_blocks() -> Result<()> {
    let model = Sequential::<f32>::builder([20])
        .residual(|block| block.dense(60).named("up").relu().dense(20).named("down"));
    let model = model.named("block").dense(3).build(&mut taper::seeded(1))?;
    let x = inputs(&[300, 20], 2);
    let narrowed = Narrowing::new().to_widths(&model, &x, [("block.up", 30)])?.model;
    let factored = LowRank::new().to_ranks(&narrowed, &x, [("block.up", 8), ("block.down", 7)])?;
    let shape = |name: &str| factored.model.param(name).unwrap().shape().axes().to_vec();
    assert_eq!([shape("block.up_low.weight"), shape("block.up.weight")], [[20, 8], [8, 30]]);
    assert_eq!([shape("block.down_low.weight"), shape("block.down.weight")], [[30, 7], [7, 20]]);
    assert_eq!(shape("block.up.bias"), [30]);
    assert!(factored.agreement.error < 0.2, "{:?}", factored.agreement);
    Ok(())
}

#[test]
fn wrong_ranks_are_errors() {
    let (model, x) = (dense::<f32>(&[4, 8, 3], 1), inputs::<f32>(&[20, 4], 2));
    let to = |ranks: &[(&str, usize)]| {
        LowRank::new().to_ranks(&model, &x, ranks.iter().copied()).unwrap_err().to_string()
    };
    assert!(to(&[("fc1", 0)]).contains("got 0 for layer `fc1`, whose weight has at most 4"));
    assert!(to(&[("fc2", 4)]).contains("at most 3"));
    assert!(to(&[("fc7", 1)]).contains("`fc7`"));
    assert!(to(&[("fc1", 1), ("fc1", 2)]).contains("two for `fc1`"));
    for error in [-1.0, 1.0, f64::NAN] {
        assert!(LowRank::new().within_error(&model, &x, error).is_err());
    }
    let other: Tensor<f32> = inputs(&[20, 5], 2);
    assert!(LowRank::new().within_error(&model, &other, 0.1).is_err());
}

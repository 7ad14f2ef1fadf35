//! The worked numbers of `docs/narrowing.md`, and narrowing after training.

mod by_loops;
#[path = "../common/mod.rs"]
#[allow(dead_code, reason = "other tests need the rest")]
mod common;
mod exact;
mod imitating;
mod kinds;
mod low_rank;
mod misuse;
mod networks;
mod widths;

use taper::{Result, Sequential, Tensor};

#[test]
fn flatten_goes_row_by_row_column_by_column_channel_by_channel() -> Result<()> {
    let features = Tensor::<f32>::from_vec([1, 7, 7, 256], (0..12544_u16).map(f32::from).collect())?;
    let model = Sequential::<f32>::builder([7, 7, 256]).flatten().build(&mut taper::seeded(7))?;
    let row = model.predict(&features)?;
    assert_eq!(row.shape().axes(), [1, 12544]);
    assert_eq!(row.as_slice(), features.as_slice());
    // Row 2, column 3, channel 4, counted from 0.
    assert_eq!((2 * 7 + 3) * 256 + 4, 4356);
    let at =
        |row: usize, column: usize, channel: usize| features.as_slice()[(row * 7 + column) * 256 + channel];
    assert_eq!((at(2, 3, 4), at(2, 3, 5), at(2, 4, 4), at(3, 3, 4)), (4356.0, 4357.0, 4612.0, 6148.0));
    Ok(())
}

#[test]
fn three_numbers_are_narrowed_to_two() -> Result<()> {
    let mut model = Sequential::<f32>::builder([3]).dense(2).build(&mut taper::seeded(7))?;
    model.param_mut("0.weight")?.set(&Tensor::from([[1.0, 0.0], [2.0, 1.0], [0.0, -1.0]]))?;
    model.param_mut("0.bias")?.set(&Tensor::from([10.0, 20.0]))?;
    let narrowed = model.predict(&Tensor::from([[1.0, 2.0, 3.0]]))?;
    assert_eq!(narrowed.as_slice(), [15.0, 19.0]);
    // What the narrowing drops: a step that W takes to 0.
    let dropped = Tensor::from([[1.0 + 2.0, 2.0 - 1.0, 3.0 - 1.0]]);
    assert_eq!(model.predict(&dropped)?.as_slice(), [15.0, 19.0]);
    Ok(())
}

#[test]
fn the_first_layer_has_96_percent_of_the_parameters() -> Result<()> {
    let model = Sequential::<f32>::builder([7, 7, 256]).flatten();
    let model = model.dense(1024).relu().dense(512).relu().dense(3).build(&mut taper::seeded(7))?;
    let summary = model.summary();
    let first = &summary.rows[1];
    assert_eq!((first.parameters, first.bytes, summary.parameters()), (12_846_080, 51_384_320, 13_372_419));
    assert_eq!(format!("{:.1}", 100.0 * summary.share(first)), "96.1");
    Ok(())
}

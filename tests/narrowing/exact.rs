//! What has to come out: nothing lost where nothing need be, and what is lost as it is told.

use taper::narrow::Narrowing;
use taper::{Parallelism, Result, Scalar, Sequential, Tensor};

use super::networks::{dense, inputs, lost};

/// As good as none: the covariance need only be inverted.
fn exact() -> Narrowing {
    Narrowing::new().with_damping(1e-10).unwrap()
}

#[test]
fn a_linear_network_narrows_exactly() -> Result<()> {
    let model = Sequential::<f64>::builder([5]).dense(40).named("fc1").dense(30).named("fc2").dense(3);
    let model = model.build(&mut taper::seeded(1))?;
    let x = inputs(&[200, 5], 2);
    // The inputs have five directions, and the outputs three.
    let narrowed = exact().to_widths(&model, &x, [("fc1", 5), ("fc2", 5)])?;
    let others = inputs(&[50, 5], 3);
    let (before, after) = (model.predict(&others)?, narrowed.model.predict(&others)?);
    let largest =
        before.as_slice().iter().zip(after.as_slice()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(largest < 1e-6, "{largest}");
    let report = &narrowed.report;
    assert!(report.layers.iter().all(|layer| layer.error < 1e-12 && layer.errors[4] > 1e-4), "{report}");
    assert_eq!(report.agreement.same_classes, Some(1.0));
    let found = exact().within_error(&model, &x, 1e-9)?;
    assert_eq!(found.report.layers.iter().map(|layer| layer.width).collect::<Vec<_>>(), [5, 5]);
    Ok(())
}

#[test]
fn silent_units_go_first_and_nothing_is_lost_with_them() -> Result<()> {
    let mut model = dense::<f32>(&[6, 32, 8, 3], 1);
    let bias = model.param_mut("fc1.bias")?;
    let mut values = bias.to_tensor();
    // The last two are the same for all inputs too, but not 0.
    let constant = [3, 7, 8, 20, 31, 1, 2];
    for (number, &unit) in constant.iter().enumerate() {
        values.as_mut_slice()[unit] = if number < 5 { -50.0 } else { 50.0 };
    }
    bias.set(&values)?;
    let mut weight = model.param("fc1.weight")?.to_tensor();
    for row in weight.as_mut_slice().chunks_mut(32) {
        (row[1], row[2]) = (0.0, 0.0);
    }
    model.param_mut("fc1.weight")?.set(&weight)?;
    let narrowed = Narrowing::new().to_widths(&model, &inputs(&[300, 6], 2), [("fc1", 25)])?;
    let layer = &narrowed.report.layers[0];
    assert!(constant.iter().all(|unit| !layer.kept.contains(unit)), "{:?}", layer.kept);
    assert!(layer.errors[25..].iter().all(|&error| error < 1e-15), "{:?}", &layer.errors[25..]);
    assert!(layer.errors[24] > 1e-6 && narrowed.report.agreement.error < 1e-9, "{}", narrowed.report);
    Ok(())
}

#[test]
fn copies_of_units_are_no_trouble() -> Result<()> {
    let mut model = dense::<f64>(&[6, 30, 4], 1);
    for name in ["fc1.weight", "fc1.bias"] {
        let mut values = model.param(name)?.to_tensor();
        // Units 10 to 29 are those from 0 to 9 again, twice and half as large.
        for row in values.as_mut_slice().chunks_mut(30) {
            for unit in 10..30 {
                row[unit] = row[unit % 10] / if unit < 20 { 1.0 } else { 2.0 };
            }
        }
        model.param_mut(name)?.set(&values)?;
    }
    let x = inputs(&[300, 6], 2);
    let narrowed = exact().to_widths(&model, &x, [("fc1", 10)])?;
    let mut units: Vec<usize> = narrowed.report.layers[0].kept.iter().map(|unit| unit % 10).collect();
    units.sort_unstable();
    assert_eq!(units, (0..10).collect::<Vec<_>>());
    assert!(narrowed.report.agreement.error < 1e-15, "{}", narrowed.report);
    let usual = Narrowing::new().to_widths(&model, &x, [("fc1", 10)])?;
    assert!(usual.report.agreement.error < 1e-4, "{}", usual.report);
    Ok(())
}

#[test]
fn there_may_be_more_units_than_samples() -> Result<()> {
    let (model, x) = (dense::<f64>(&[30, 100, 5], 1), inputs(&[20, 30], 2));
    // 20 samples differ from their mean in 19 directions.
    let narrowed = exact().to_widths(&model, &x, [("fc1", 19)])?;
    assert!(narrowed.report.agreement.error < 1e-12, "{}", narrowed.report);
    let single = Narrowing::new().to_widths(&model, &inputs(&[1, 30], 2), [("fc1", 1)])?;
    assert!(single.report.agreement.largest_difference < 1e-12, "{}", single.report);
    Ok(())
}

fn told_as_measured<T: Scalar>(most: f64) -> Result<()> {
    let (model, x) = (dense::<T>(&[12, 90, 40, 5], 1), inputs::<T>(&[700, 12], 2));
    let before = model.predict(&x)?;
    for width in [39, 20, 8, 2, 1] {
        let narrowed = Narrowing::new().to_widths(&model, &x, [("fc2", width)])?;
        let (row, agreement) = (&narrowed.report.layers[0], narrowed.report.agreement);
        let measured = lost(&before, &narrowed.model.predict(&x)?);
        assert!(
            (row.error - measured).abs() <= most * measured,
            "{width}: {} told, {measured} measured",
            row.error
        );
        assert!((agreement.error - measured).abs() <= 1e-6 * measured, "{width}: {}", agreement.error);
        // That of all widths is a difference of parts of the whole, with the digits that these have.
        let rounding = f64::EPSILON / 20.0;
        let off = (row.errors[width] - row.error).abs();
        assert!(off <= 1e-6 * row.error + rounding, "{width}: {} and {}", row.errors[width], row.error);
        assert!(row.errors.windows(2).all(|pair| pair[0] >= pair[1]), "more units lose no more");
        assert!((row.errors[0] - 1.0).abs() < 1e-9 && row.errors[40] == 0.0);
    }
    Ok(())
}

#[test]
fn what_is_told_is_what_is_measured() -> Result<()> {
    told_as_measured::<f64>(1e-6)?;
    told_as_measured::<f32>(1e-2)
}

#[test]
fn images_lose_what_is_told() -> Result<()> {
    let image = || Sequential::<f64>::builder([7, 6, 2]);
    let window = taper::layers::Window::new(3).with_padding(1).with_stride(2);
    let models = [
        (image().conv2d(6, 3).named("c1").relu().conv2d(5, window), "c1"),
        (image().conv2d(6, 3).named("c1").batch_norm().relu().max_pool2d(2).flatten().dense(4), "c1"),
        (image().conv2d(6, 3).named("c1").silu().channels_first().flatten().dropout(0.2).dense(4), "c1"),
        (image().conv2d(6, 3).named("c1").relu().global_avg_pool2d().dense(4), "c1"),
        (image().dense(6).named("c1").relu().conv2d(5, window), "c1"),
        (image().reshape([42, 2]).conv1d(6, 3).named("c1").prelu_per_channel().conv1d(5, 4), "c1"),
        (image().flatten().dense(24).reshape([2, 3, 4]).dense(6).named("c1").relu().dense(3), "c1"),
    ];
    let x = inputs(&[40, 7, 6, 2], 3);
    for (number, (builder, layer)) in models.into_iter().enumerate() {
        let model = builder.build(&mut taper::seeded(4))?;
        for width in [5, 2] {
            let narrowed = Narrowing::new().to_widths(&model, &x, [(layer, width)])?;
            let told = &narrowed.report.layers[0];
            // Each place of an image has its own mean in what is measured, and they share one in what is told.
            let (before, after) = (model.predict(&x)?, narrowed.model.predict(&x)?);
            let columns = *before.shape().axes().last().unwrap();
            let flat = |tensor: Tensor<f64>| tensor.clone().reshape([tensor.len() / columns, columns]);
            let measured = lost(&flat(before)?, &flat(after)?);
            let (error, at_width) = (told.error, told.errors[width]);
            assert!(
                (error - measured).abs() <= 1e-6 * measured,
                "{number}, {width}: {error} told, {measured} measured"
            );
            assert!((at_width - error).abs() <= 1e-6 * error, "{number}, {width}: {at_width} and {error}");
        }
    }
    Ok(())
}

#[test]
fn the_same_bits_at_any_number_of_threads() -> Result<()> {
    let (model, x) = (dense::<f32>(&[20, 300, 200, 4], 1), inputs(&[600, 20], 2));
    let bits = |threads: usize| -> Result<Vec<u32>> {
        let narrowing = Narrowing::new().with_parallelism(Parallelism::Threads(threads));
        let narrowed = narrowing.to_share(&model, &x, 0.2)?.model;
        let mut bits = Vec::new();
        for (name, _) in narrowed.layers().filter(|(name, _)| name.starts_with("fc")) {
            let weight = narrowed.param(&format!("{name}.weight"))?.to_tensor();
            bits.extend(weight.as_slice().iter().map(|value| value.to_bits()));
        }
        Ok(bits)
    };
    let alone = bits(1)?;
    assert_eq!(alone.len(), 20 * 60 + 60 * 40 + 40 * 4);
    for threads in [2, 3, 5] {
        assert_eq!(bits(threads)?, alone, "{threads} threads");
    }
    Ok(())
}

//! How widths are chosen, and what is in a narrower model.

use taper::layers::LayerNorm;
use taper::narrow::Narrowing;
use taper::sequential::Join;
use taper::{Mode, Result, Sequential};

use super::networks::{dense, inputs, lost};

fn widths(narrowed: &taper::narrow::Narrowed<f32>) -> Vec<usize> {
    narrowed.report.layers.iter().map(|layer| layer.width).collect()
}

#[test]
fn a_share_is_rounded_up_to_panels_and_never_beyond_the_layer() -> Result<()> {
    let (model, x) = (dense::<f32>(&[4, 100, 40, 3], 1), inputs(&[200, 4], 2));
    let narrowing = Narrowing::new();
    assert_eq!(widths(&narrowing.to_share(&model, &x, 0.33)?), [33, 14]);
    assert_eq!(widths(&narrowing.clone().with_multiple_of(8)?.to_share(&model, &x, 0.33)?), [40, 16]);
    assert_eq!(widths(&narrowing.clone().with_whole_panels().to_share(&model, &x, 0.33)?), [64, 32]);
    assert_eq!(widths(&narrowing.clone().with_whole_panels().to_share(&model, &x, 0.9)?), [96, 40]);
    assert_eq!(widths(&narrowing.clone().with_layers(["fc2"]).to_share(&model, &x, 0.5)?), [20]);
    assert_eq!(widths(&narrowing.to_share(&model, &x, 1.0)?), [100, 40]);
    assert_eq!(narrowing.to_share(&model, &x, 1.0)?.model.predict(&x)?, model.predict(&x)?);
    Ok(())
}

#[test]
fn the_outputs_lose_no_more_than_they_may() -> Result<()> {
    let (model, x) = (dense::<f32>(&[8, 100, 60, 5], 1), inputs(&[500, 8], 2));
    let before = model.predict(&x)?;
    let mut parameters = Vec::new();
    for most in [0.2, 0.05, 0.005] {
        let narrowed = Narrowing::new().within_error(&model, &x, most)?;
        let measured = lost(&before, &narrowed.model.predict(&x)?);
        assert!(measured <= most && measured > most / 3.0, "{measured} of {most}");
        parameters.push(narrowed.model.parameters());
    }
    assert!(parameters.is_sorted() && parameters[0] < parameters[2], "{parameters:?}");
    let asked = std::cell::Cell::new(0);
    let narrowed = Narrowing::new().within(&model, &x, |narrower| {
        asked.set(asked.get() + 1);
        Ok(narrower.parameters() > 3000)
    })?;
    assert!((3000..4000).contains(&narrowed.model.parameters()) && asked.get() < 12, "{}", narrowed.report);
    Ok(())
}

#[test]
fn a_narrower_model_is_one_like_any_other() -> Result<()> {
    let block = |block: taper::sequential::Builder<f32>| {
        block
            .conv2d(12, taper::layers::Window::new(3).with_padding(1))
            .named("c1")
            .batch_norm()
            .relu()
            .conv2d(8, 1)
            .named("c2")
    };
    let model = Sequential::<f32>::builder([6, 6, 3]).conv2d(8, 1).named("stem").relu();
    let model = model.residual(block).named("block").relu().max_pool2d(2).flatten();
    let model = model.dense(40).without_bias().named("fc1").batch_norm().named("norm").relu().dropout(0.5);
    let mut model = model.dense(4).named("fc2").build(&mut taper::seeded(1))?;
    model.freeze("fc1")?;
    let x = inputs(&[80, 6, 6, 3], 2);
    let narrowed = Narrowing::new().to_widths(&model, &x, [("block.c1", 5), ("fc1", 10)])?;
    let narrow = &narrowed.model;
    let shape = |name: &str| narrow.param(name).unwrap().shape().axes().to_vec();
    assert_eq!(shape("block.c1.weight"), [3, 3, 8, 5]);
    assert_eq!(shape("block.1.running_var"), [5]);
    assert_eq!(shape("block.c2.weight"), [1, 1, 5, 8]);
    assert_eq!(
        (shape("fc1.weight"), shape("norm.weight"), shape("fc2.weight")),
        (vec![72, 10], vec![10], vec![10, 4])
    );
    assert!(narrow.param("fc1.weight")?.is_frozen() && !narrow.param("fc2.weight")?.is_frozen());
    let names = |model: &Sequential<f32>| model.layers().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(names(narrow), names(&model));
    // It passes, trains a step and is narrowed again.
    let mut workspace = narrow.workspace(Mode::Infer, 80)?;
    assert_eq!(narrow.infer(&x, &mut workspace)?, narrow.predict(&x)?.view());
    let again = Narrowing::new().to_share(narrow, &x, 0.5)?;
    assert_eq!(again.model.param("fc1.weight")?.shape().axes(), [72, 5]);
    assert_eq!(narrowed.report.others.len(), 3, "{}", narrowed.report);
    let report = &narrowed.report;
    assert_eq!(report.before.parameters, model.parameters());
    assert_eq!(report.after.parameters, narrow.parameters());
    assert_eq!(report.layers[1].before.parameters, 72 * 40);
    assert_eq!(report.layers[1].after.multiply_adds, 72 * 10);
    Ok(())
}

#[test]
fn paths_and_models_inside_are_narrowed_inside() -> Result<()> {
    let inner = dense::<f32>(&[6, 20, 5], 1);
    let model = Sequential::builder([6]).branches(Join::Concat, |paths| {
        paths
            .path(|path| path.layer(inner).named("in"))
            .named("left")
            .path(|path| path.dense(9).relu().dense(2))
            .input()
    });
    let model = model.named("paths").dense(2).build(&mut taper::seeded(3))?;
    let x = inputs(&[100, 6], 2);
    let narrowed = Narrowing::new().to_share(&model, &x, 0.5)?;
    let names: Vec<&str> = narrowed.report.layers.iter().map(|layer| layer.name.as_str()).collect();
    assert_eq!(names, ["paths.left.in.fc1", "paths.1.0"]);
    assert_eq!(widths(&narrowed), [10, 5]);
    assert!(narrowed.report.agreement.error < 0.3, "{}", narrowed.report);
    Ok(())
}

#[test]
fn what_cannot_be_narrowed_says_why() -> Result<()> {
    let model = Sequential::<f32>::builder([6]).dense(8).named("fc1").layer(LayerNorm::new([8])?);
    let model = model.dense(7).named("fc2").relu().dense(2).named("fc3").build(&mut taper::seeded(3))?;
    let narrowed = Narrowing::new().to_share(&model, &inputs(&[100, 6], 2), 0.5)?;
    assert_eq!(widths(&narrowed), [4]);
    let text = narrowed.report.to_string();
    assert!(text.contains("`fc1` stays as wide as it is: its units meet in `1` (layer_norm [8])"), "{text}");
    assert!(text.contains("fc2    fc3   7 -> 4"), "{text}");
    Ok(())
}

//! Paths that do not fit together, told with the layers on the way to the mistake.

use taper::sequential::{Branches, Builder, Join, Paths};
use taper::{Mode, Result, Sequential, seeded};

fn text(builder: Builder<f32>) -> String {
    builder.build(&mut seeded(0)).map_or_else(|error| error.to_string(), |_| "no error".to_owned())
}

fn start() -> Builder<f32> {
    Sequential::builder([4, 4, 2])
}

#[test]
fn mistakes_in_paths_are_told_with_their_way() {
    let cases = [
        (
            start().relu().residual(|block| block.relu().conv2d(3, 9).named("conv1")).named("block1"),
            "layer 1 `block1` (branches of 2, add): layer 1 `conv1` (conv2d -> 3, 9x9): expected input",
        ),
        (
            start().residual(|block| block.conv2d(3, 1)),
            "layer 0 `0` (branches of 2, add): path 1 `shortcut`: expected output [batch, 4, 4, 3], got [batch, 4, 4, 2]; the short way needs a layer that makes this shape of the input",
        ),
        (
            start()
                .residual_with_shortcut(|block| block.conv2d(3, 1), |short| short.flatten().conv2d(3, 1))
                .named("block"),
            "layer 0 `block` (branches of 2, add): path 1 `shortcut`: layer 1 `1` (conv2d -> 3, 1x1): expected input [batch, height, width, channels], got [batch, 32]",
        ),
        (
            start().branches(Join::Concat, |paths| paths.path(Builder::flatten).input()),
            "layer 0 `0` (branches of 2, concat): path 1 `1`: expected output [batch, any], got [batch, 4, 4, 2]",
        ),
        (
            start().branches(Join::Concat, |paths| paths.input().input()),
            "layer 0 `0` (branches of 2, concat): branches: expected a path with a layer, got none",
        ),
        (
            start().branches(Join::Add, |paths| paths),
            "layer 0 `0` (branches of 0, add): branches: expected a path with a layer, got none",
        ),
        (
            start().residual(|block| block),
            "layer 0 `0` (branches of 2, add): layers of the model: expected at least one, got none",
        ),
        (
            start().branches(Join::Add, |paths| paths.path(Builder::relu).named("a").input().named("a")),
            "layer 0 `0` (branches of 2, add): layer name `a`: expected a name of its own, got one that another layer has",
        ),
        (
            start().residual_with_shortcut(|block| block.relu().named("shortcut"), Builder::relu),
            "layer 0 `0` (branches of 2, add): layer name `shortcut`: expected a name of its own, got one that another layer has",
        ),
        (
            start().branches(Join::Add, |paths| paths.path(Builder::relu).named("a.b")),
            "layer 0 `0` (branches): path name: expected some text without a dot that does not begin with @, got `a.b`",
        ),
        (
            start().branches(Join::Add, |paths: Paths<f32>| paths.named("a").path(Builder::relu)),
            "layer 0 `0` (branches): named: expected a path before it, got none",
        ),
        (
            start().residual(Builder::relu).without_bias(),
            "layer 0 `0` (without_bias): without_bias: expected a dense layer or a convolution added by the builder before it, got branches of 2, add",
        ),
        (
            start()
                .residual(|block| block.residual(|inner| inner.dropout(2.0).named("drop")).named("b"))
                .named("a"),
            "layer 0 `a` (branches of 2, add): layer 0 `b` (branches of 2, add): layer 0 `drop` (dropout): dropout rate",
        ),
    ];
    for (builder, expected) in cases {
        let text = text(builder);
        assert!(text.starts_with(expected), "{text}\nexpected\n{expected}");
    }
}

#[test]
fn a_path_alone_is_no_model() {
    let mut alone = None;
    let _ = start().residual(|block| {
        alone = Some(block);
        start()
    });
    let text = text(alone.unwrap());
    assert_eq!(text, "build: expected a builder of a model, got one of a path");
}

#[test]
fn models_that_do_not_fit_side_by_side() -> Result<()> {
    let model = |inputs: usize| Sequential::<f32>::builder([inputs]).dense(2).build(&mut seeded(0));
    let error = Branches::new(Join::Add, [("a", Some(model(3)?)), ("b", Some(model(4)?))]).unwrap_err();
    assert_eq!(error.to_string(), "path 1 `b`: expected input [batch, 3], got [batch, 4]");
    let error = Branches::new(Join::Add, [("", Some(model(3)?))]).unwrap_err();
    assert!(error.to_string().starts_with("path name: expected some text"), "{error}");
    let error = Branches::residual(model(3)?).unwrap_err();
    assert!(error.to_string().starts_with("path 1 `shortcut`: expected output [batch, 2]"), "{error}");
    let error = model(3)?.with_prefix("a.b").unwrap_err();
    assert!(error.to_string().starts_with("prefix: expected some text"), "{error}");
    Ok(())
}

/// What is too large inside of a model is too large: no memory is asked for, and nothing overflows.
#[test]
fn a_workspace_that_cannot_be_is_an_error() -> Result<()> {
    let padded = taper::layers::Window::new(1).with_padding(1 << 22);
    let wide = |path: Builder<f32>| path.conv2d(1, padded).global_avg_pool2d();
    let inner = wide(Sequential::builder([1, 1, 1])).build(&mut seeded(0))?;
    for builder in [
        Sequential::builder([1, 1, 1]).layer(inner),
        Sequential::builder([1, 1, 1]).branches(Join::Concat, |paths| paths.path(wide).path(wide)),
    ] {
        let model = builder.build(&mut seeded(0))?;
        let error = model.workspace(Mode::Train, 1 << 20).unwrap_err().to_string();
        assert!(error.contains("no more elements than fit into memory"), "{error}");
    }
    Ok(())
}

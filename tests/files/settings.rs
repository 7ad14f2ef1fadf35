//! What training may do to a model goes into its file.

use taper::io::{Load, Orientation, Save};
use taper::layers::Layer;
use taper::{Sequential, Tensor};

/// A model in a model, with everything that can be set.
fn model() -> Sequential<f32> {
    let inner = Sequential::builder([4]).dense(3).named("a").relu().dense(3).named("b");
    let builder = Sequential::builder([2, 2]).flatten().dense(4).named("fc1").batch_norm().named("norm");
    let builder = builder.layer(inner.build(&mut taper::seeded(1)).unwrap()).named("inner").dense(2);
    builder.named("fc2").build(&mut taper::seeded(2)).unwrap()
}

fn settings(model: &Sequential<f32>) -> Vec<(String, bool, f64, f64)> {
    let mut settings = Vec::new();
    model.params(&mut |param| {
        let (rate, decay) = (param.learning_rate_scale(), param.weight_decay_scale());
        settings.push((param.name().to_owned(), param.is_frozen(), rate, decay));
    });
    settings
}

/// A layer, one parameter of another, one inside of a nested model, a normalisation; and shares.
fn set() -> Sequential<f32> {
    let mut model = model();
    model.freeze("fc1").unwrap();
    model.freeze("norm").unwrap();
    for name in ["fc2.bias", "inner.b.weight"] {
        model.param_mut(name).unwrap().freeze();
    }
    let bias = model.param_mut("inner.a.bias").unwrap();
    bias.set_learning_rate_scale(0.1).unwrap();
    bias.set_weight_decay_scale(0.0).unwrap();
    model.param_mut("fc2.weight").unwrap().set_learning_rate_scale(2.5e-7).unwrap();
    model
}

#[test]
fn what_is_frozen_stays_so() {
    let model = set();
    let frozen = settings(&model).iter().filter(|(_, frozen, ..)| *frozen).count();
    // Two of fc1, two and two statistics of norm, and two more.
    assert_eq!(frozen, 8);
    for orientation in [Orientation::PyTorch, Orientation::Keras] {
        let save = Save::new().with_orientation(orientation).with_check(&Tensor::zeros([1, 2, 2]).unwrap());
        let again = Sequential::<f32>::open_bytes(&model.to_bytes(&save).unwrap()).unwrap();
        assert_eq!(settings(&again), settings(&model));
        assert_eq!(again.to_bytes(&save).unwrap(), model.to_bytes(&save).unwrap());
    }
    let path = super::resume::TemporaryFile::new("frozen");
    model.save(&path.0).unwrap();
    assert_eq!(settings(&Sequential::open(&path.0).unwrap()), settings(&model));
}

/// Into a model that there is, a file brings its numbers alone.
#[test]
fn a_loaded_file_freezes_and_unfreezes_nothing() {
    let (mut free, bytes) = (model(), set().to_bytes(&Save::new()).unwrap());
    let before = settings(&free);
    free.load_bytes(&bytes, &Load::new()).unwrap();
    assert_eq!(settings(&free), before);
    let mut frozen = set();
    frozen.load_bytes(&model().to_bytes(&Save::new()).unwrap(), &Load::new()).unwrap();
    assert_eq!(settings(&frozen), settings(&set()));
}

/// The text of a file, in which `from` is written as `to`.
fn changed(from: &str, to: &str) -> Vec<u8> {
    let bytes = set().to_bytes(&Save::new()).unwrap();
    let length = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let header = std::str::from_utf8(&bytes[8..8 + length]).unwrap();
    // The description is a text in a text.
    let [from, to] = [from, to].map(|text| text.replace('"', "\\\""));
    assert!(header.contains(&from), "{header}");
    let header = header.trim_end().replace(&from, &to);
    let header = format!("{header:width$}", width = header.len().next_multiple_of(8));
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &bytes[8 + length..]].concat()
}

#[test]
fn settings_that_are_none_are_refused() {
    let few = r#""frozen":["fc1.weight","fc1.bias","norm.weight","norm.bias","inner.b.weight","fc2.bias"]"#;
    let share = r#""learning_rate_scales":{"fc2.weight":2.5e-7,"#;
    for (from, to, expected) in [
        (few, r#""frozen":["fc7.weight"]"#, "expected settings of its own parameters, got 1 of others"),
        (few, r#""frozen":[7]"#, "expected `frozen`, a list of names"),
        (few, r#""frozen":true"#, "expected `frozen`, a list"),
        (share, r#""learning_rate_scales":{"fc2.weight":-1.0,"#, "learning_rate_scale: expected a finite"),
        (share, r#""learning_rate_scales":{"fc2.weight":"x","#, "a number for each name"),
        (share, r#""learning_rate_scales":{"fc8.weight":1.0,"#, "got 1 of others"),
    ] {
        let error = Sequential::<f32>::open_bytes(&changed(from, to)).unwrap_err().to_string();
        assert!(error.contains(expected), "{to}: {error}");
    }
    // A file of before, which says nothing of it.
    let again = Sequential::<f32>::open_bytes(&changed(few, r#""other":[]"#)).unwrap();
    assert!(!again.param("fc1.weight").unwrap().is_frozen());
}

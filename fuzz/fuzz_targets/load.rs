//! A model's file that may be anything: an error of a bounded text or a model of the right shapes, and never a panic.
//!
//! The first byte of an input chooses: the rest is a file as it is, or it says how a valid file is changed.

#![no_main]

mod brief;
mod changed;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use taper::io::{Load, Orientation, Save, State};
use taper::{Sequential, Tensor};

use brief::is_brief;
use changed::changed;

/// What the target loads into; also what is saved and changed.
struct Fixed {
    model: Sequential<f32>,
    state: State<f32>,
    files: Vec<Vec<u8>>,
}

fn model(seed: u64) -> Sequential<f32> {
    let inner = Sequential::builder([4]).dense(3).named("in").tanh().build(&mut taper::seeded(seed)).unwrap();
    let builder = Sequential::builder([2, 1, 3]).flatten().dense(4).named("fc1").leaky_relu(0.1);
    builder.layer(inner).dropout(0.5).dense(2).without_bias().build(&mut taper::seeded(seed)).unwrap()
}

fn fixed() -> &'static Fixed {
    static FIXED: OnceLock<Fixed> = OnceLock::new();
    FIXED.get_or_init(|| {
        let inputs = Tensor::full([2, 2, 1, 3], 0.5).unwrap();
        let saves =
            [Save::new(), Save::new().with_orientation(Orientation::Keras), Save::new().with_check(&inputs)];
        let model = model(1);
        let files = saves.iter().map(|save| model.to_bytes(save).unwrap()).collect();
        Fixed { state: model.state(), model, files }
    })
}

fn load(choice: u8) -> Load {
    match choice % 6 {
        0 => Load::new(),
        1 => Load::new().allow_missing().allow_left_over().allow_not_finite(),
        2 => Load::new().with_orientation(Orientation::Keras),
        3 => Load::new().from_channels_first([3, 2, 1]),
        4 => Load::new().with_rename("fc", "fc").allow_left_over(),
        _ => Load::new().with_rename("", "x.").allow_missing().allow_left_over(),
    }
}

fn survive(bytes: &[u8], choice: u8) {
    let fixed = fixed();
    let opened = Sequential::<f32>::open_bytes(bytes);
    if let Err(error) = &opened {
        is_brief(error);
    }
    if let Ok(opened) = opened {
        // Two bytes a number are the least that is read.
        assert!(2 * opened.parameters() <= bytes.len());
        if opened.input().len() <= 1 << 12 {
            let x = Tensor::zeros(opened.input().with_batch(1).unwrap()).unwrap();
            let output = opened.predict(&x).unwrap();
            assert_eq!(output.shape(), opened.output().with_batch(1).unwrap());
        }
        // What was opened can be saved, and opened again.
        let again = opened.to_bytes(&Save::new()).unwrap();
        assert_eq!(Sequential::<f32>::open_bytes(&again).unwrap().state(), opened.state());
    }
    let mut target = fixed.model.clone();
    match target.load_bytes(bytes, &load(choice)) {
        Err(error) => {
            is_brief(&error);
            assert_eq!(target.state(), fixed.state);
        }
        Ok(_) => {
            let state = target.state();
            assert!(
                state
                    .iter()
                    .map(|(name, tensor)| (name, tensor.shape()))
                    .eq(fixed.state.iter().map(|(name, tensor)| (name, tensor.shape())))
            );
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, rest)) = input.split_first() else { return };
    let files = &fixed().files;
    match usize::from(choice) % 4 {
        3 => survive(rest, choice / 4),
        which => survive(&changed(&files[which], rest, true), choice / 4),
    }
});

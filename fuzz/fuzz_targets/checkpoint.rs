//! A checkpoint that may be anything: an error of a bounded text that changes nothing, or a training that goes on.
//!
//! The first byte of an input chooses: the rest is a file as it is, or it says how a valid one is changed.

#![no_main]

mod brief;
mod changed;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use taper::losses::CrossEntropy;
use taper::optimizers::Adam;
use taper::{Optimizer, Sequential, Tensor, Trainer, seeded};

use brief::is_brief;
use changed::changed;

fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| std::env::temp_dir().join(format!("taper-fuzz-checkpoint-{}", std::process::id())))
}

fn trainer() -> Trainer<'static, f32> {
    let model = Sequential::builder([4])
        .dense(3)
        .named("fc1")
        .batch_norm()
        .relu()
        .dropout(0.5)
        .dense(2)
        .build(&mut seeded(1))
        .unwrap();
    Trainer::owning(model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01).unwrap()))
}

fn step(trainer: &mut Trainer<'static, f32>) {
    let inputs = Tensor::from_fn([3, 4], |i| i as f32 / 12.0).unwrap();
    trainer.step(&inputs, &vec![0, 1, 1]).unwrap();
}

fn valid() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let mut trainer = trainer();
        step(&mut trainer);
        trainer.save_checkpoint(path()).unwrap();
        std::fs::read(path()).unwrap()
    })
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, rest)) = input.split_first() else { return };
    let file = if choice % 4 == 3 { rest.to_vec() } else { changed(valid(), rest, true) };
    std::fs::write(path(), file).unwrap();
    let mut trainer = trainer();
    step(&mut trainer);
    let before = (trainer.model().state(), trainer.optimizer_state().unwrap());
    match trainer.resume(path()) {
        Err(error) => {
            is_brief(&error);
            assert_eq!((trainer.model().state(), trainer.optimizer_state().unwrap()), before);
        }
        Ok(()) => {
            // It goes on; with weights from anywhere the loss need not be finite, which is an error and no panic.
            let inputs = Tensor::from_fn([3, 4], |i| i as f32 / 12.0).unwrap();
            let _ = trainer.step(&inputs, &vec![0, 1, 1]);
        }
    }
});

//! Silhouettes of dogs, cats and birds, classified in a page of the web.
//!
//! ```sh
//! scripts/web.sh                                # in the root of the repository: makes the model, builds the page and tests it
//! python3 -m http.server -d target/web          # and then the page is at http://localhost:8000
//! ```
//!
//! The parameters are constants of the module (`build.rs` makes them of the model's file), and the model is built of them in code: so the
//! module has the layers in it that are named here, and nothing that reads files. `page.js` opens the model, writes an image where
//! [`image`] says, and reads logits where [`classify`] says. Whatever goes wrong here is a mistake of the build, and a trap.

#![no_std]

extern crate alloc;

mod memory;

use alloc::boxed::Box;

use taper::layers::QuantizedDense;
use taper::{Mode, Result, Sequential, Tensor, Workspace};

// The parameters of `pets` with weights of eight bits: `FC1_WEIGHT`, `FC1_WEIGHT_SCALE`, `FC1_BIAS`, and so on.
include!(concat!(env!("OUT_DIR"), "/parameters.rs"));

/// 784 → 128 → 64 → 3. The weights are read where they lie, once, into the panels that the products want.
fn pets() -> Result<Sequential<f32>> {
    let fc1 = QuantizedDense::from_parts(&FC1_WEIGHT, &FC1_WEIGHT_SCALE, Some(&FC1_BIAS))?;
    let fc2 = QuantizedDense::from_parts(&FC2_WEIGHT, &FC2_WEIGHT_SCALE, Some(&FC2_BIAS))?;
    let fc3 = QuantizedDense::from_parts(&FC3_WEIGHT, &FC3_WEIGHT_SCALE, Some(&FC3_BIAS))?;
    let model = Sequential::builder([28, 28]).flatten().layer(fc1).relu().layer(fc2).relu().layer(fc3);
    model.classes(["dog", "cat", "bird"]).build(&mut taper::seeded(0))
}

/// The model, and what it works on.
pub struct Classifier {
    model: Sequential<f32>,
    workspace: Workspace<f32>,
    /// A batch of one image.
    image: Tensor<f32>,
}

impl Classifier {
    fn open() -> Result<Self> {
        let model = pets()?;
        let workspace = model.workspace(Mode::Infer, 1)?;
        let image = Tensor::zeros(model.input().with_batch(1)?)?;
        Ok(Self { model, workspace, image })
    }

    fn name(&self, class: usize) -> &str {
        &self.model.classes().expect("the model has names")[class]
    }
}

/// Opens the model. Whoever calls keeps it.
#[unsafe(no_mangle)]
pub extern "C" fn open() -> Box<Classifier> {
    Box::new(Classifier::open().expect("the model is in the module"))
}

/// The number of classes.
#[unsafe(no_mangle)]
pub extern "C" fn classes(classifier: &Classifier) -> usize {
    classifier.model.output().len()
}

/// Where the name of a class begins, in UTF-8.
#[unsafe(no_mangle)]
pub extern "C" fn name(classifier: &Classifier, class: usize) -> *const u8 {
    classifier.name(class).as_ptr()
}

/// The bytes of the name of a class.
#[unsafe(no_mangle)]
pub extern "C" fn name_len(classifier: &Classifier, class: usize) -> usize {
    classifier.name(class).len()
}

/// Where the image is to be written: 28 rows of 28 numbers from 0, the ground, to 1, the animal.
#[unsafe(no_mangle)]
pub extern "C" fn image(classifier: &mut Classifier) -> *mut f32 {
    classifier.image.as_mut_slice().as_mut_ptr()
}

/// Classifies the image; where the logits are, one of each class.
#[unsafe(no_mangle)]
pub extern "C" fn classify(classifier: &mut Classifier) -> *const f32 {
    let Classifier { model, workspace, image } = classifier;
    model.infer(&*image, workspace).expect("the image is as the model wants it").as_slice().as_ptr()
}

#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

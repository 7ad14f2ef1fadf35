//! What a user's parts return comes out of a training as it was.

use std::error::Error as _;
use std::fmt;

use taper::layers::{Backward, Forward, GradientSink};
use taper::losses::{CrossEntropy, Loss, Target};
use taper::optimizers::Sgd;
use taper::train::{Callback, Control, Dataset, Epoch, Fit, Training};
use taper::{Error, Layer, Optimizer, Result, Sequential, Shape, Tensor, TensorView, TensorViewMut, Trainer};

/// What a sensor of somebody's says.
#[derive(Debug, PartialEq)]
struct Unplugged {
    port: u16,
}

impl fmt::Display for Unplugged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "port {}\nis unplugged", self.port)
    }
}

impl std::error::Error for Unplugged {}

/// The user's error at the end of the chain.
fn cause(error: &Error) -> Option<&Unplugged> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(unplugged) = error.downcast_ref() {
            return Some(unplugged);
        }
        source = error.source();
    }
    None
}

struct Fails;

impl Callback<f32> for Fails {
    fn after_epoch(&mut self, _: &Epoch, _: &mut Training<'_, f32>) -> Result<Control> {
        Err(Error::other(Unplugged { port: 1 }))
    }
}

#[derive(Debug, Clone)]
struct Refuses;

impl Layer<f32> for Refuses {
    fn kind(&self) -> &'static str {
        "refuses"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        Ok(*input)
    }

    fn forward(
        &self,
        _: TensorView<'_, f32>,
        _: TensorViewMut<'_, f32>,
        _: &mut Forward<'_, f32>,
    ) -> Result<()> {
        Err(Error::other(Unplugged { port: 2 }))
    }

    fn backward(&mut self, _: Backward<'_, f32>, _: &mut dyn GradientSink<f32>) -> Result<()> {
        Ok(())
    }
}

impl Loss<f32> for Refuses {
    fn kind(&self) -> &'static str {
        "refuses"
    }

    fn each(&self, _: TensorView<'_, f32>, _: Target<'_, f32>) -> Result<Tensor<f32>> {
        Err(Error::other(Unplugged { port: 3 }))
    }

    fn forward(&self, _: TensorView<'_, f32>, _: Target<'_, f32>) -> Result<f32> {
        Err(Error::other(Unplugged { port: 3 }))
    }

    fn backward(&self, _: TensorView<'_, f32>, _: Target<'_, f32>, _: TensorViewMut<'_, f32>) -> Result<()> {
        Err(Error::other(Unplugged { port: 3 }))
    }
}

#[test]
fn errors_of_callbacks_layers_and_losses_keep_their_type() {
    let (inputs, labels) = (Tensor::<f32>::zeros([5, 4]).unwrap(), [0, 1, 2, 0, 1]);
    let data = Dataset::new(&inputs, &labels).unwrap();
    let dense = || Sequential::builder([4]).dense(3);
    let mut plain = dense().build(&mut taper::seeded(1)).unwrap();
    let mut refusing = dense().layer(Refuses).build(&mut taper::seeded(1)).unwrap();
    let sgd = || Optimizer::new(Sgd::new(0.1).unwrap());

    let mut trainer = Trainer::new(&mut plain, CrossEntropy::new(), sgd());
    let error = trainer.fit(data, Fit::epochs(1).with_callback(Fails)).unwrap_err();
    assert_eq!(cause(&error), Some(&Unplugged { port: 1 }));
    assert_eq!(error.to_string(), "port 1\\nis unplugged", "an error is one line");

    let error =
        Trainer::new(&mut refusing, CrossEntropy::new(), sgd()).fit(data, Fit::epochs(1)).unwrap_err();
    assert_eq!(cause(&error), Some(&Unplugged { port: 2 }));
    assert_eq!(error.to_string(), "layer 1 `1` (refuses): port 2\\nis unplugged");

    let error = Trainer::new(&mut plain, Refuses, sgd()).evaluate(data).unwrap_err();
    assert_eq!(cause(&error), Some(&Unplugged { port: 3 }));
}

#[test]
fn an_error_equals_its_copies() {
    let error = Error::other(Unplugged { port: 4 });
    assert_eq!(error, error.clone());
    assert_ne!(error, Error::other(Unplugged { port: 4 }));
    assert_ne!(error, Error::Empty { what: "ports" });
    assert_eq!(Error::other("of words alone").to_string(), "of words alone");
    assert!(Error::other("long ".repeat(1000)).to_string().len() <= 1000);
}

//! What gradcheck says of layers that are wrong in ways of their own.

use std::ops::Range;

use taper::layers::{Backward, Forward, GradientSink, GradientSource, Whole};
use taper::{
    Dense, Layer, Mode, Param, Result, Sequential, Shape, Tensor, TensorView, TensorViewMut, gradcheck,
    seeded,
};

/// y = w·x with one number w, and a way to be wrong.
#[derive(Debug, Clone)]
struct Scale {
    weight: Param<f64>,
    fault: Fault,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// One element of y is not written.
    Forward,
    /// dx is twice what it should be, at one element.
    InputGradient(usize),
    /// The gradient is written where it should be added.
    Overwrites,
    /// The gradient is added where it should be written.
    ReadsGarbage,
}

impl Scale {
    fn new(fault: Fault) -> Self {
        Self { weight: Param::new("weight", &Tensor::from([2.0])), fault }
    }
}

struct Faulty<'a>(Whole<'a, f64>, Fault);

impl GradientSource<f64> for Faulty<'_> {
    fn write(&self, run: Range<usize>, alpha: f64, beta: f64, out: &mut [f64]) {
        match self.1 {
            Fault::Overwrites => self.0.write(run, alpha, 0.0, out),
            Fault::ReadsGarbage => out.iter_mut().zip(&self.0.0[run]).for_each(|(out, g)| {
                *out = beta * *out + alpha * g;
            }),
            _ => self.0.write(run, alpha, beta, out),
        }
    }
}

impl Layer<f64> for Scale {
    fn kind(&self) -> &'static str {
        "scale"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        Ok(*input)
    }

    fn forward(
        &self,
        x: TensorView<'_, f64>,
        mut y: TensorViewMut<'_, f64>,
        context: &mut Forward<'_, f64>,
    ) -> Result<()> {
        assert_eq!(context.mode, Mode::Train);
        let skip = usize::from(self.fault == Fault::Forward);
        for (y, x) in y.as_mut_slice().iter_mut().zip(x.as_slice()).skip(skip) {
            *y = self.weight.buffer()[0] * x;
        }
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, f64>, sink: &mut dyn GradientSink<f64>) -> Result<()> {
        let dy = pass.dy.as_slice();
        if let Some(mut dx) = pass.dx {
            for (index, (dx, dy)) in dx.as_mut_slice().iter_mut().zip(dy).enumerate() {
                let factor = if self.fault == Fault::InputGradient(index) { 2.0 } else { 1.0 };
                *dx = factor * self.weight.buffer()[0] * dy;
            }
        }
        let gradient = [pass.x.as_slice().iter().zip(dy).map(|(x, dy)| x * dy).sum()];
        sink.take(&mut self.weight, &Faulty(Whole(&gradient), self.fault))
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<f64>)) {
        visit(&self.weight);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<f64>)) {
        visit(&mut self.weight);
    }
}

fn check(fault: Fault) -> std::result::Result<(), String> {
    let x = Tensor::from([[0.1, -0.2, 0.3], [0.4, 0.5, -0.6]]);
    gradcheck::layer(&mut Scale::new(fault), &x).map_err(|error| error.to_string())
}

#[test]
fn a_right_layer_passes() {
    assert_eq!(check(Fault::None), Ok(()));
}

#[test]
fn the_element_and_the_amount_are_told() {
    for (index, place) in [(0, "[0, 0]"), (2, "[0, 2]"), (3, "[1, 0]"), (5, "[1, 2]")] {
        let text = check(Fault::InputGradient(index)).unwrap_err();
        assert!(text.starts_with(&format!("gradient: `input` [2, 3], element {place}: expected ")), "{text}");
        let number = |before: &str| -> f64 {
            let rest = &text[text.find(before).unwrap() + before.len()..];
            rest.split([' ', ',']).next().unwrap().parse().unwrap()
        };
        let (expected, got, off) = (number(": expected "), number(", got "), number("off by "));
        assert!((got / expected - 2.0).abs() < 1e-6, "{text}");
        assert!((off - (got - expected)).abs() < 1e-12, "{text}");
    }
}

#[test]
fn what_is_not_written_is_found() {
    assert!(check(Fault::Forward).unwrap_err().starts_with("gradient: `input` [2, 3], element [0, 0]"));
}

#[test]
fn a_gradient_must_be_written_or_added_as_it_is_told() {
    for fault in [Fault::Overwrites, Fault::ReadsGarbage] {
        let text = check(fault).unwrap_err();
        assert!(text.starts_with("gradient: `weight`, place 0 of its buffer: expected "), "{text}");
    }
}

#[test]
fn nothing_to_compare_is_an_error() {
    let mut dense = Dense::<f64>::new(3, 2, &mut seeded(1)).unwrap();
    let error = gradcheck::layer(&mut dense, &Tensor::zeros([0, 3]).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "elements of the input: expected at least one, got none");
    let error = gradcheck::layer(&mut dense, &Tensor::zeros([]).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "axes of the input: expected at least one, got none");
    let error = gradcheck::layer(&mut dense, &Tensor::zeros([2, 4]).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "expected input [batch, 3], got [batch, 4]");
}

/// Parameters are moved while they are checked, and put back to the bit, also where the check fails.
#[test]
fn parameters_are_as_before() {
    let x = Tensor::from([[0.1, -0.2, 0.3]]);
    let mut model = Sequential::builder([3]).dense(17).relu().dense(2).build(&mut seeded(1)).unwrap();
    let before: Vec<Vec<f64>> = buffers(&model);
    gradcheck::layer(&mut model, &x).unwrap();
    assert_eq!(buffers(&model), before);

    let mut spoiled = Scale::new(Fault::InputGradient(0));
    gradcheck::layer(&mut spoiled, &x).unwrap_err();
    assert_eq!(buffers(&spoiled), [[2.0]]);
}

fn buffers(layer: &dyn Layer<f64>) -> Vec<Vec<f64>> {
    let mut buffers = Vec::new();
    layer.params(&mut |param| buffers.push(param.buffer().to_vec()));
    buffers
}

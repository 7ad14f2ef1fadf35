//! A check that finds nothing proves nothing: an error is planted in every gradient of every case.

use std::sync::{Arc, Mutex};

use taper::layers::{Backward, Forward, GradientSink, GradientSource, Memory, Whole};
use taper::losses::MeanSquaredError;
use taper::{Layer, Loss, Mode, Param, Result, Shape, Target, Tensor, TensorView, TensorViewMut, gradcheck};

use super::cases::{layers, losses};

/// What is done to a gradient.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Harm {
    /// The largest element is wrong by one part in a thousand.
    Off,
    WrongSign,
    Missing,
}

/// Where the error was put: what the check has to say of it.
#[derive(Debug, Clone)]
struct Planted {
    what: String,
    shape: Shape,
    place: Vec<usize>,
    value: f64,
    off: f64,
}

impl Harm {
    /// Does it to a gradient and tells at which element; a gradient of zeros gets something that it must not have.
    fn apply(self, gradient: &mut [f64]) -> (usize, f64) {
        let largest =
            (0..gradient.len()).rev().max_by(|&a, &b| gradient[a].abs().total_cmp(&gradient[b].abs()));
        let largest = largest.unwrap();
        let right = gradient[largest];
        match self {
            _ if right.abs() < 1e-3 => gradient[largest] += 1e-3,
            Self::WrongSign => gradient.iter_mut().for_each(|g| *g = -*g),
            Self::Off | Self::Missing => gradient[largest] *= 1.001,
        }
        (largest, (gradient[largest] - right).abs())
    }
}

/// The place of an element along each axis.
fn place(index: usize, shape: &Shape) -> Vec<usize> {
    let mut rest = index;
    let mut place: Vec<usize> = shape.axes().iter().rev().map(|axis| (rest % axis, rest /= axis).0).collect();
    place.reverse();
    place
}

/// A layer with an error in the gradient of its input, or of the parameter with this name.
#[derive(Debug, Clone)]
struct Spoiled {
    layer: Box<dyn Layer<f64>>,
    what: String,
    harm: Harm,
    planted: Arc<Mutex<Option<Planted>>>,
}

impl Layer<f64> for Spoiled {
    fn kind(&self) -> &'static str {
        "spoiled"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.layer.output_shape(input)
    }

    fn memory(&self, input: &Shape, batch: usize, mode: Mode) -> Memory {
        self.layer.memory(input, batch, mode)
    }

    fn forward(
        &self,
        x: TensorView<'_, f64>,
        y: TensorViewMut<'_, f64>,
        context: &mut Forward<'_, f64>,
    ) -> Result<()> {
        self.layer.forward(x, y, context)
    }

    fn backward(&mut self, mut pass: Backward<'_, f64>, sink: &mut dyn GradientSink<f64>) -> Result<()> {
        let Some(mut dx) = pass.dx.take() else { return self.layer.backward(pass, sink) };
        let mut right = Tensor::full(dx.shape(), f64::NAN)?;
        let mut pass: Backward<'_, f64> = pass;
        pass.dx = Some(right.view_mut());
        let mut sink = SpoiledSink { sink, what: &self.what, harm: self.harm, planted: &self.planted };
        self.layer.backward(pass, &mut sink)?;
        if self.what == "input" && self.harm != Harm::Missing {
            let (index, off) = self.harm.apply(right.as_mut_slice());
            let (what, shape, value) = (self.what.clone(), right.shape(), right.as_slice()[index]);
            let planted = Planted { what, shape, place: place(index, &shape), value, off };
            *self.planted.lock().unwrap() = Some(planted);
        }
        if self.what != "input" || self.harm != Harm::Missing {
            dx.as_mut_slice().copy_from_slice(right.as_slice());
        }
        Ok(())
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<f64>)) {
        self.layer.params(visit);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<f64>)) {
        self.layer.params_mut(visit);
    }
}

struct SpoiledSink<'a> {
    sink: &'a mut dyn GradientSink<f64>,
    what: &'a str,
    harm: Harm,
    planted: &'a Mutex<Option<Planted>>,
}

impl GradientSink<f64> for SpoiledSink<'_> {
    fn take(&mut self, param: &mut Param<f64>, gradient: &dyn GradientSource<f64>) -> Result<()> {
        if param.name() != self.what {
            return self.sink.take(param, gradient);
        }
        if self.harm == Harm::Missing {
            return Ok(());
        }
        let mut whole = vec![f64::NAN; param.buffer().len()];
        gradient.write(0..whole.len(), 1.0, 0.0, &mut whole);
        let (index, off) = self.harm.apply(&mut whole);
        let place = place(row_major(param, index), &param.shape());
        let planted =
            Planted { what: self.what.to_owned(), shape: param.shape(), place, value: whole[index], off };
        *self.planted.lock().unwrap() = Some(planted);
        self.sink.take(param, &Whole(&whole))
    }
}

/// Where element `index` of a parameter's buffer is in its tensor: a mark shows it.
fn row_major(param: &mut Param<f64>, index: usize) -> usize {
    let before = param.buffer().to_vec();
    param.buffer_mut().fill(0.0);
    param.buffer_mut()[index] = 1.0;
    let place = param.to_tensor().as_slice().iter().position(|&value| value == 1.0);
    param.buffer_mut().copy_from_slice(&before);
    place.expect("the largest element is no padding")
}

/// Whether an error of gradcheck is about what was planted: its name, its element, its size.
fn finds(text: &str, planted: &Planted, harm: Harm) -> bool {
    let Planted { what, shape, place, value, off } = planted;
    let told = if harm == Harm::Off {
        text.starts_with(&format!("gradient: `{what}` {shape}, element {place:?}: expected "))
            && text.contains(&format!(" by finite differences, got {value:e}, off by "))
    } else {
        // The first element is told, which need not be the largest.
        text.starts_with(&format!("gradient: `{what}` {shape}, element ["))
    };
    let told_off: f64 = text.rsplit(' ').next().unwrap().parse().unwrap();
    told && (harm != Harm::Off || (told_off / off - 1.0).abs() < 0.05)
}

#[test]
fn every_planted_error_in_a_layer_is_found() {
    let (mut count, mut failures) = (0, Vec::new());
    let narrow = layers(3).into_iter().map(|case| (case, &[Harm::Off, Harm::WrongSign, Harm::Missing][..]));
    let wide = layers(17).into_iter().map(|case| (case, &[Harm::Off][..]));
    for (case, harms) in narrow.chain(wide) {
        let mut whats = vec!["input".to_owned()];
        case.layer.params(&mut |param| {
            if !param.is_frozen() {
                whats.push(param.name().to_owned());
            }
        });
        for what in whats {
            for &harm in harms {
                count += 1;
                let planted = Arc::default();
                let (layer, what) = (case.layer.clone(), what.clone());
                let mut spoiled = Spoiled { layer, what: what.clone(), harm, planted: Arc::clone(&planted) };
                let result = gradcheck::layer(&mut spoiled, &case.input(2));
                let text = result.err().map(|error| error.to_string()).unwrap_or_default();
                let planted = planted.lock().unwrap().clone();
                let found = match planted {
                    Some(planted) => finds(&text, &planted, harm),
                    None if what == "input" => text.contains("got NaN"),
                    None => text.starts_with(&format!("parameter `{what}`: expected a gradient, got none")),
                };
                if !found {
                    failures.push(format!("{}, {harm:?} in `{what}`: {text}", case.name));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
    assert!(count > 1000, "only {count} errors planted");
}

/// A loss with an error in its gradient.
#[derive(Debug)]
struct SpoiledLoss<'a> {
    loss: &'a dyn Loss<f64>,
    harm: Harm,
    planted: Mutex<Option<Planted>>,
}

impl Loss<f64> for SpoiledLoss<'_> {
    fn kind(&self) -> &'static str {
        "spoiled"
    }

    fn each(&self, outputs: TensorView<'_, f64>, target: Target<'_, f64>) -> Result<Tensor<f64>> {
        self.loss.each(outputs, target)
    }

    fn forward(&self, outputs: TensorView<'_, f64>, target: Target<'_, f64>) -> Result<f64> {
        self.loss.forward(outputs, target)
    }

    fn backward(
        &self,
        outputs: TensorView<'_, f64>,
        target: Target<'_, f64>,
        mut gradient: TensorViewMut<'_, f64>,
    ) -> Result<()> {
        if self.harm == Harm::Missing {
            return Ok(());
        }
        self.loss.backward(outputs, target, TensorViewMut::new(outputs.shape(), gradient.as_mut_slice())?)?;
        let (index, off) = self.harm.apply(gradient.as_mut_slice());
        let (shape, value) = (outputs.shape(), gradient.as_slice()[index]);
        let planted = Planted { what: "outputs".into(), shape, place: place(index, &shape), value, off };
        *self.planted.lock().unwrap() = Some(planted);
        Ok(())
    }
}

#[test]
fn every_planted_error_in_a_loss_is_found() {
    let mut failures = Vec::new();
    for case in losses(3, 2).into_iter().chain(losses(17, 5)) {
        for harm in [Harm::Off, Harm::WrongSign, Harm::Missing] {
            let spoiled = SpoiledLoss { loss: &*case.loss, harm, planted: Mutex::default() };
            let result = gradcheck::loss(&spoiled, &case.outputs, case.target());
            let text = result.err().map(|error| error.to_string()).unwrap_or_default();
            let planted = spoiled.planted.lock().unwrap().clone();
            let found = planted.map_or(text.contains("got NaN"), |planted| finds(&text, &planted, harm));
            if !found {
                failures.push(format!("{}, {harm:?}: {text}", case.name));
            }
        }
    }
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));
}

/// A loss whose `part` divides by its own divisor, whatever the whole's is.
#[derive(Debug)]
struct Alone(MeanSquaredError);

impl Loss<f64> for Alone {
    fn kind(&self) -> &'static str {
        "alone"
    }

    fn each(&self, outputs: TensorView<'_, f64>, target: Target<'_, f64>) -> Result<Tensor<f64>> {
        self.0.each(outputs, target)
    }

    fn forward(&self, outputs: TensorView<'_, f64>, target: Target<'_, f64>) -> Result<f64> {
        self.0.forward(outputs, target)
    }

    fn backward(
        &self,
        outputs: TensorView<'_, f64>,
        target: Target<'_, f64>,
        gradient: TensorViewMut<'_, f64>,
    ) -> Result<()> {
        self.0.backward(outputs, target, gradient)
    }

    fn part(
        &self,
        outputs: TensorView<'_, f64>,
        target: Target<'_, f64>,
        _: f64,
        gradient: Option<TensorViewMut<'_, f64>>,
    ) -> Result<f64> {
        let gradient = gradient.expect("the check wants both");
        self.0.value_and_gradient(outputs, target, gradient)
    }
}

#[test]
fn a_part_that_is_not_divided_by_the_divisor_of_the_whole_is_found() {
    let (outputs, target) = (Tensor::from([[1.0, 2.0]]), Tensor::from([[0.0, 0.0]]));
    let error = gradcheck::loss(&Alone(MeanSquaredError::new()), &outputs, &target).unwrap_err();
    let expected =
        "gradient: `part` of a loss whose divisor is 2: expected 1.25e0, half of the whole, got 2.5e0";
    assert_eq!(error.to_string(), expected);
}

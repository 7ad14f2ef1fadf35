//! Classes with names and probabilities.

use taper::layers::{Backward, Forward, GradientSink, OutputKind, softmax};
use taper::sequential::{Builder, Prediction};
use taper::train::metrics::{self, ConfusionMatrix};
use taper::{Error, Layer, Result, Sequential, Shape, Tensor, TensorView, TensorViewMut};

const NAMES: [&str; 4] = ["ant", "bee", "cat", "dog"];

/// What follows on rows of four.
fn rows(end: impl Fn(Builder<f64>) -> Builder<f64>) -> Sequential<f64> {
    end(Sequential::builder([4]).dropout(0.5)).build(&mut taper::seeded(1)).unwrap()
}

fn x() -> Tensor<f64> {
    Tensor::from([[0.5, -1.0, 2.0, 0.0], [-800.0, 900.0, 899.0, f64::NEG_INFINITY], [1.0, 3.0, -2.0, 3.0]])
}

/// exp(x − max) / Σ exp(x − max), in a loop of its own.
fn naive(row: &[f64]) -> Vec<f64> {
    let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = row.iter().map(|x| (x - max).exp()).sum();
    row.iter().map(|x| (x - max).exp() / sum).collect()
}

fn check(predictions: &[Prediction<'_>], expected: &[(usize, f64)]) {
    assert_eq!(predictions.len(), expected.len());
    for (got, &(class, probability)) in predictions.iter().zip(expected) {
        assert_eq!(got.class, class);
        assert!((got.probability - probability).abs() < 1e-15, "{got:?}, {probability}");
    }
}

#[test]
fn logits_become_probabilities_and_probabilities_stay() {
    let x = x();
    let expected: Vec<(usize, f64)> =
        x.view().samples().zip([2, 1, 1]).map(|(row, class)| (class, naive(row)[class])).collect();
    for end in [
        (|b| b) as fn(Builder<f64>) -> Builder<f64>,
        |b| b.softmax(),
        |b| b.log_softmax(),
        |b| b.reshape([2, 2]).flatten(),
        |b| b.reshape([1, 4]).softmax().dropout(0.5).flatten(),
        |b| b.reshape([1, 1, 4]).softmax().global_avg_pool2d(),
        |b| b.layer(Sequential::builder([4]).softmax().build(&mut taper::seeded(0)).unwrap()),
    ] {
        let model = rows(end);
        check(&model.classify(&x).unwrap(), &expected);
        let outputs = model.predict(&x).unwrap();
        let classes: Vec<usize> = model.classify(&x).unwrap().iter().map(|one| one.class).collect();
        assert_eq!(classes, metrics::classes(&outputs).unwrap());
    }
}

#[test]
fn a_sigmoid_gives_a_probability_for_each() {
    let x = Tensor::from([[0.5, -1.0, 2.0, 0.0]]);
    check(&rows(Builder::sigmoid).classify(&x).unwrap(), &[(2, 1.0 / (1.0 + (-2.0_f64).exp()))]);
}

#[test]
fn the_best_are_in_order_and_the_first_of_equals_comes_first() {
    let mut model = rows(|b| b);
    let top = model.classify_top_k(&x(), 3).unwrap();
    let classes: Vec<Vec<usize>> = top.iter().map(|row| row.iter().map(|one| one.class).collect()).collect();
    assert_eq!(classes, [[2, 0, 3], [1, 2, 0], [1, 3, 0]]);
    assert_eq!(top[0][0].name, None);
    assert_eq!(top[0][0].to_string(), "class 2 71.0 %");
    model.set_classes(NAMES).unwrap();
    let all = model.classify_top_k(&x(), 9).unwrap();
    assert_eq!(all[1].iter().map(|one| one.name.unwrap()).collect::<Vec<_>>(), ["bee", "cat", "ant", "dog"]);
    assert!((all[0].iter().map(|one| one.probability).sum::<f64>() - 1.0).abs() < 1e-15);
    assert!(matches!(model.classify_top_k(&x(), 0), Err(Error::Setting { name: "k", .. })));
}

/// Gives its input, of which it says that it is this.
#[derive(Debug, Clone)]
struct Own(OutputKind);

impl Layer<f64> for Own {
    fn kind(&self) -> &'static str {
        "own"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        Ok(*input)
    }

    fn output_kind(&self, _: OutputKind) -> OutputKind {
        self.0
    }

    fn forward(
        &self,
        x: TensorView<'_, f64>,
        mut y: TensorViewMut<'_, f64>,
        _: &mut Forward<'_, f64>,
    ) -> Result<()> {
        y.as_mut_slice().copy_from_slice(x.as_slice());
        Ok(())
    }

    fn backward(&mut self, _: Backward<'_, f64>, _: &mut dyn GradientSink<f64>) -> Result<()> {
        unreachable!("nothing is trained here")
    }
}

#[test]
fn a_layer_of_ones_own_says_what_it_gives() {
    let x = Tensor::from([[0.1, 0.2, 0.6, 0.1]]);
    let own = |kind| rows(|b| b.layer(Own(kind)));
    check(&own(OutputKind::Probabilities).classify(&x).unwrap(), &[(2, 0.6)]);
    check(&own(OutputKind::LogProbabilities).classify(&x.clone().map(f64::ln)).unwrap(), &[(2, 0.6)]);
    check(&own(OutputKind::Values).classify(&x).unwrap(), &[(2, naive(x.as_slice())[2])]);
}

#[test]
fn what_is_not_known_is_not_guessed() {
    let x = x();
    for (model, text) in [
        (
            rows(|b| b.layer(Own(OutputKind::Unknown))),
            "expected a model whose outputs are logits or probabilities",
        ),
        (rows(|b| b.reshape([2, 2]).softmax().flatten()), "whose outputs are logits or probabilities"),
        (rows(|b| b.softmax().relu()), "whose outputs are logits or probabilities"),
        (rows(|b| b.reshape([1, 1, 4]).log_softmax().global_avg_pool2d()), "logits or probabilities"),
        (
            rows(|b| b.dense(1).sigmoid()),
            "expected output of the model [batch, classes] of two classes or more, got [batch, 1]",
        ),
        (
            rows(|b| b.reshape([2, 2])),
            "got [batch, 2, 2]; `predict` gives the outputs, and `layers::softmax`",
        ),
    ] {
        let error = model.classify(&x).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
    let error = rows(|b| b).classify(&Tensor::from([[1.0, 2.0]])).unwrap_err();
    assert!(matches!(error, Error::Shape { .. }), "{error}");
    for (bad, place) in [(f64::NAN, 1), (f64::INFINITY, 1)] {
        for end in [(|b| b) as fn(Builder<f64>) -> Builder<f64>, |b| b.softmax(), |b| b.log_softmax()] {
            let x = Tensor::from([[0.0; 4], [0.0, bad, 1.0, 0.0]]);
            let error = rows(end).classify(&x).unwrap_err().to_string();
            assert!(error.contains("of sample 1: expected a finite value"), "{place}: {error}");
        }
    }
    let nothing = Tensor::from([[f64::NEG_INFINITY; 4]]);
    assert!(matches!(rows(|b| b).classify(&nothing), Err(Error::NotFinite { .. })));
}

#[test]
fn softmax_is_a_function_too() {
    let x = x();
    let got = softmax(&x).unwrap();
    for (got, x) in got.view().samples().zip(x.view().samples()) {
        assert!(got.iter().zip(naive(x)).all(|(a, b)| (a - b).abs() < 1e-15), "{got:?}");
    }
    assert_eq!(got, rows(Builder::softmax).predict(&x).unwrap());
    let cube = x.clone().reshape([3, 2, 2]).unwrap();
    assert_eq!(softmax(&cube).unwrap().as_slice()[..2], naive(&x.as_slice()[..2])[..]);
    for shape in [Shape::from([0; 0]), Shape::from([2, 0])] {
        let error = softmax(&Tensor::<f32>::zeros(shape).unwrap()).unwrap_err().to_string();
        assert!(error.starts_with("expected logits […, classes], got"), "{error}");
    }
}

#[test]
fn names_are_checked() {
    let mut model = rows(|b| b);
    model.set_classes(NAMES).unwrap();
    let long = "x".repeat(1025);
    for (names, text) in [
        (&["a", "b", "c"][..], "names of classes: expected 4 values, got 3"),
        (&[], "expected 4 values, got 0"),
        (&["a", "b", "c", "b"], "names of classes: expected names of their own, got two of `b`"),
        (&["a", "b", "c", ""], "name of a class: expected 1 to 1024 bytes, got one of 0 bytes"),
        (&["a", "b", "c", &long], "name of a class: expected 1 to 1024 bytes, got one of 1025 bytes"),
    ] {
        let error = model.set_classes(names.iter().copied()).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
        let built = Sequential::<f64>::builder([4]).relu().classes(names.iter().copied());
        assert_eq!(built.build(&mut taper::seeded(0)).unwrap_err().to_string(), error);
        let confusion = ConfusionMatrix::new(4).with_names(names.iter().copied());
        assert_eq!(confusion.unwrap_err().to_string(), error);
        assert_eq!(model.classes().unwrap(), NAMES);
    }
}

#[test]
fn copies_and_parts_have_the_names_where_the_outputs_are_theirs() {
    let builder = Sequential::<f64>::builder([4]).dense(3).batch_norm().dense(4).named("head").dropout(0.1);
    let model = builder.classes(NAMES).build(&mut taper::seeded(1)).unwrap();
    assert_eq!(model.clone().classes().unwrap(), NAMES);
    assert_eq!(model.for_inference().unwrap().classes().unwrap(), NAMES);
    let (body, head) = model.split_at("head").unwrap();
    assert_eq!((body.classes(), head.classes().unwrap()), (None, &NAMES.map(String::from)[..]));

    let around = |end: fn(Builder<f64>) -> Builder<f64>| rows(|b| end(b.layer(model.clone())));
    for end in [(|b| b) as fn(Builder<f64>) -> Builder<f64>, Builder::softmax, |b| b.dropout(0.1).sigmoid()] {
        assert_eq!(around(end).classes().unwrap(), NAMES);
        assert_eq!(around(end).for_inference().unwrap().classes().unwrap(), NAMES);
    }
    for end in
        [(|b| b.dense(4)) as fn(Builder<f64>) -> Builder<f64>, |b| b.reshape([2, 2]), |b| b.batch_norm()]
    {
        assert_eq!(around(end).classes(), None);
    }
}

#[test]
fn a_table_has_the_names_cut_short() {
    let names = ["a", "a name that is much too long", "two\nlines"];
    let mut confusion = ConfusionMatrix::new(3).with_names(names).unwrap();
    confusion.record(&Tensor::from([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]), &[1, 1]).unwrap();
    assert_eq!(confusion.names().unwrap(), names);
    let expected = [
        "true                            as a as a name that is … as two\\nlines  precision  recall     f1",
        "a                                  0                   0             0      0.000   0.000  0.000",
        "a name that is …                   0                   1             1      1.000   0.500  0.667",
    ];
    let table = confusion.to_string();
    for (row, expected) in table.lines().zip(expected) {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(row), words(expected), "{table}");
        assert_eq!(row.chars().count(), table.lines().next().unwrap().chars().count(), "{table}");
    }
}

//! The table: every layer with every option, and models of them; every loss with every option.

use taper::layers::{Backward, Forward, GradientSink, Memory};
use taper::losses::{
    BinaryCrossEntropy, BinaryCrossEntropyOfProbabilities, BinaryFocal, CategoricalFocal, CategoricalHinge,
    CosineEmbedding, CosineSimilarity, CrossEntropy, GaussianNegativeLogLikelihood, Hinge, HingeEmbedding,
    Huber, KlDivergence, KlDivergenceOfLogProbabilities, LogCosh, MeanAbsoluteError,
    MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError, MultiLabelMargin,
    MultiMargin, NegativeLogLikelihood, Poisson, Reduction, SmoothL1, SoftMargin,
};
use taper::sequential::Builder;
use taper::{
    Layer, Loss, Mode, Param, Result, Sequential, Shape, Target, Tensor, TensorView, TensorViewMut, seeded,
};

use crate::all_layers::{self, ACTIVATIONS, number};

pub(crate) struct LayerCase {
    pub(crate) name: String,
    pub(crate) layer: Box<dyn Layer<f64>>,
    sample: Shape,
}

impl LayerCase {
    /// Numbers between −1 and 1, none of them at a kink.
    pub(crate) fn input(&self, batch: usize) -> Tensor<f64> {
        Tensor::from_fn(self.sample.with_batch(batch).unwrap(), number).unwrap()
    }
}

pub(crate) struct LossCase {
    pub(crate) name: String,
    pub(crate) loss: Box<dyn Loss<f64>>,
    pub(crate) outputs: Tensor<f64>,
    target: OwnedTarget,
}

impl LossCase {
    pub(crate) fn target(&self) -> Target<'_, f64> {
        match &self.target {
            OwnedTarget::Classes(classes) => classes.into(),
            OwnedTarget::Values(values) => values.into(),
        }
    }
}

#[derive(Clone)]
enum OwnedTarget {
    Classes(Vec<usize>),
    Values(Tensor<f64>),
}

/// Every layer, with samples that have an axis of this width.
pub(crate) fn layers(width: usize) -> Vec<LayerCase> {
    let mut cases = Vec::new();
    let mut add = |name: String, sample: Shape, layer: Box<dyn Layer<f64>>| {
        cases.push(LayerCase { name, layer, sample });
    };
    for (name, model) in all_layers::layers(width) {
        // That the row of padding has no gradient is a rule, and no derivative.
        if name == "embedding with padding" {
            continue;
        }
        let layer = model.layers().next().unwrap().1.clone_layer();
        let layer = if layer.vocabulary().is_some() { Box::new(Whole(layer)) } else { layer };
        add(name, model.input(), layer);
    }
    let rng = &mut seeded(width as u64);
    for (name, builder) in models(width) {
        let model = builder.build(rng).unwrap();
        add(name, model.input(), Box::new(model));
    }
    let mut frozen =
        Sequential::builder([width]).dense(4).relu().dense(3).tanh().dense(2).build(rng).unwrap();
    frozen.freeze("2").unwrap();
    add("a model with a frozen layer".into(), [width].into(), Box::new(frozen));
    cases
}

/// Makes words of numbers from −1 to 1 and gives them to a layer: steps, whose derivative is 0.
#[derive(Debug, Clone)]
struct Whole(Box<dyn Layer<f64>>);

impl Whole {
    fn numbers(&self, x: &TensorView<'_, f64>) -> Tensor<f64> {
        let vocabulary = self.0.vocabulary().expect("a layer of words") as f64;
        let number = |x: f64| (f64::midpoint(x, 1.0) * vocabulary).floor().min(vocabulary - 1.0);
        Tensor::from_fn(x.shape(), |i| number(x.as_slice()[i])).unwrap()
    }
}

impl Layer<f64> for Whole {
    fn kind(&self) -> &'static str {
        "whole"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.0.output_shape(input)
    }

    fn memory(&self, input: &Shape, batch: usize, mode: Mode) -> Memory {
        self.0.memory(input, batch, mode)
    }

    fn forward(
        &self,
        x: TensorView<'_, f64>,
        y: TensorViewMut<'_, f64>,
        context: &mut Forward<'_, f64>,
    ) -> Result<()> {
        self.0.forward(self.numbers(&x).view(), y, context)
    }

    fn backward(&mut self, pass: Backward<'_, f64>, sink: &mut dyn GradientSink<f64>) -> Result<()> {
        let numbers = self.numbers(&pass.x);
        let mut pass: Backward<'_, f64> = pass;
        pass.x = numbers.view();
        self.0.backward(pass, sink)
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<f64>)) {
        self.0.params(visit);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<f64>)) {
        self.0.params_mut(visit);
    }
}

/// Layers in all places of a model: fused or not, with a flatten in front, in the middle, at the end.
fn models(width: usize) -> Vec<(String, Builder<f64>)> {
    let flat = || Sequential::<f64>::builder([width]);
    let square = || Sequential::<f64>::builder([width, 2]);
    let first = flat().dense(3).relu().dropout(0.3).dense(4).build(&mut seeded(1)).unwrap();
    let inner = Sequential::builder([4]).dense(3).relu().dropout(0.3).dense(4).build(&mut seeded(4)).unwrap();
    let inner_flat = square().flatten().silu().dense(4).gelu().build(&mut seeded(2)).unwrap();
    let inner_shape = flat().reshape([width, 1]).flatten().build(&mut seeded(3)).unwrap();
    let mut models = vec![
        ("only a flatten".to_owned(), square().flatten()),
        ("flatten in front".to_owned(), square().flatten().dense(3).relu().dense(2)),
        ("flatten in the middle".to_owned(), flat().dense(6).reshape([2, 3]).flatten().gelu().dense(2)),
        ("flatten at the end".to_owned(), flat().dense(4).tanh().reshape([2, 2]).flatten()),
        ("an activation behind a flatten".to_owned(), flat().dense(4).reshape([2, 2]).silu()),
        ("softmax at the end".to_owned(), flat().dense(3).softmax()),
        ("log_softmax in the middle".to_owned(), flat().dense(3).log_softmax().dense(2)),
        ("dropouts".to_owned(), flat().dropout(0.2).dense(5).relu().dropout(0.5).dense(2)),
        ("a dense without bias".to_owned(), flat().dense(3).without_bias().sigmoid().dense(2).without_bias()),
        (
            "pools and a channel dropout".to_owned(),
            flat()
                .dense(24)
                .reshape([2, 3, 4])
                .channels_last()
                .tanh()
                .max_pool2d([1, 2])
                .dropout2d(0.3)
                .avg_pool2d([2, 1])
                .relu()
                .global_avg_pool2d()
                .dense(2),
        ),
        ("a model inside".to_owned(), flat().dense(4).layer(inner).relu().dense(2)),
        ("a model first".to_owned(), flat().layer(first).softplus().dense(2)),
        ("a flatten inside, first".to_owned(), square().layer(inner_flat.clone()).dense(2)),
        ("a flatten inside, behind a layer".to_owned(), square().tanh().layer(inner_flat).dense(2)),
        ("a model of reshapes inside".to_owned(), flat().gelu().layer(inner_shape).dense(2)),
        ("layer_norm in front".to_owned(), flat().layer_norm().dense(3).relu().dense(2)),
        ("norms inside".to_owned(), flat().dense(6).reshape([3, 2]).batch_norm().dropout(0.3).layer_norm()),
        ("norms at the end".to_owned(), flat().dense(6).reshape([3, 2]).gelu().batch_norm()),
    ];
    let sequence = || Sequential::<f64>::builder([3, width]);
    models
        .push(("dense layers on a sequence".to_owned(), sequence().dense(4).gelu().dense(3).relu().dense(2)));
    let normed = sequence().dense(4).without_bias().batch_norm().tanh().dropout(0.3).dense(2);
    models.push(("a norm behind a dense on a sequence".to_owned(), normed));
    models.push((
        "flat behind a dense on a sequence".to_owned(),
        sequence().dense(4).relu().flatten().dense(2),
    ));
    let turned = Sequential::<f64>::builder([width, 3]).channels_last().dense(3).channels_first().dense(2);
    models.push(("dense on a sequence with channels first".to_owned(), turned));
    let image = || Sequential::<f64>::builder([3, width.min(4), 2]);
    models.push(("two convolutions".to_owned(), image().conv2d(3, [2, 1]).relu().conv2d(2, [1, 1]).tanh()));
    models
        .push(("a convolution and dense".to_owned(), image().conv2d(3, [2, 1]).sigmoid().flatten().dense(2)));
    for activation in ACTIVATIONS {
        models.push((format!("fused {activation:?}"), flat().dense(5).activation(activation).dense(2)));
        models.push((format!("{activation:?} at the end"), flat().dense(5).activation(activation)));
        models.push((format!("{activation:?} in front"), flat().activation(activation).dense(2)));
        let twice = flat().dense(5).activation(activation).activation(activation).dense(2);
        models.push((format!("{activation:?} twice"), twice));
    }
    models
}

/// Every loss, for outputs whose last axis has this width.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn losses(width: usize, batch: usize) -> Vec<LossCase> {
    let mut cases = Vec::new();
    let outputs = Tensor::from_fn([batch, width], |i| 3.0 * number(i)).unwrap();
    let places = Tensor::from_fn([batch, 2, width], |i| 3.0 * number(i)).unwrap();
    let classes = |rows: usize| OwnedTarget::Classes((0..rows).map(|row| (row * 5 + 2) % width).collect());
    let shares = |shape: Shape| {
        // Rows that do not sum to 1 are allowed.
        OwnedTarget::Values(Tensor::from_fn(shape, |i| ((i * 29 + 5) % 31) as f64 / 40.0 + 0.01).unwrap())
    };
    let values = OwnedTarget::Values(
        Tensor::from_fn([batch, width], |i| ((i * 53 + 7) % 89) as f64 / 40.0 - 1.1017).unwrap(),
    );
    let mut add = |name: &str, loss: Box<dyn Loss<f64>>, outputs: &Tensor<f64>, target: &OwnedTarget| {
        let (outputs, target) = (outputs.clone(), target.clone());
        cases.push(LossCase { name: name.to_owned(), loss, outputs, target });
    };
    let weights: Vec<f64> = (0..width).map(|class| 0.5 + (class % 4) as f64).collect();
    for reduction in [Reduction::Mean, Reduction::Sum] {
        let plain = CrossEntropy::new().with_reduction(reduction);
        let smooth = plain.clone().with_label_smoothing(0.1).unwrap();
        let weighted = plain.clone().with_class_weights(&weights).unwrap();
        let ignoring = plain.clone().with_ignored(2 % width);
        let all = smooth.clone().with_class_weights(&weights).unwrap().with_ignored(2 % width);
        for (name, loss) in [
            ("cross_entropy", plain),
            ("cross_entropy with smoothing", smooth),
            ("cross_entropy with weights", weighted),
            ("cross_entropy with an ignored class", ignoring),
            ("cross_entropy with everything", all),
        ] {
            let boxed = || Box::new(loss.clone());
            add(name, boxed(), &outputs, &classes(batch));
            add(&format!("{name}, places"), boxed(), &places, &classes(2 * batch));
            add(&format!("{name}, shares"), boxed(), &outputs, &shares(outputs.shape()));
        }
        let plain = BinaryCrossEntropy::new().with_reduction(reduction);
        let one = plain.clone().with_positive_weight(&[2.5]).unwrap();
        let each = plain.clone().with_positive_weight(&weights).unwrap();
        for (name, loss) in [
            ("binary_cross_entropy", plain),
            ("binary_cross_entropy with a weight", one),
            ("binary_cross_entropy with weights", each),
        ] {
            add(name, Box::new(loss), &outputs, &shares(outputs.shape()));
        }
        let kl = KlDivergence::new().with_reduction(reduction);
        add("kl_divergence", Box::new(kl.clone()), &outputs, &shares(outputs.shape()));
        add("kl_divergence, places", Box::new(kl), &places, &shares(places.shape()));
        let squared = MeanSquaredError::new().with_reduction(reduction);
        add("mean_squared_error", Box::new(squared), &outputs, &values);
        let absolute = MeanAbsoluteError::new().with_reduction(reduction);
        add("mean_absolute_error", Box::new(absolute), &outputs, &values);
        for delta in [0.3, 2.0] {
            let huber = Huber::new(delta).unwrap().with_reduction(reduction);
            add("huber", Box::new(huber), &outputs, &values);
            let smooth = SmoothL1::new(delta).unwrap().with_reduction(reduction);
            add("smooth_l1", Box::new(smooth), &outputs, &values);
        }
        add("log_cosh", Box::new(LogCosh::new().with_reduction(reduction)), &outputs, &values);
        let percentage = MeanAbsolutePercentageError::new().with_reduction(reduction);
        add("mean_absolute_percentage_error", Box::new(percentage), &outputs, &values);
        let logarithmic = MeanSquaredLogarithmicError::new().with_reduction(reduction);
        add("mean_squared_logarithmic_error", Box::new(logarithmic), &outputs, &values);
        let cosine = CosineSimilarity::new().with_reduction(reduction);
        add("cosine_similarity", Box::new(cosine.clone()), &outputs, &values);
        add("cosine_similarity, places", Box::new(cosine), &places, &shares(places.shape()));
        let signs = OwnedTarget::Values(
            Tensor::from_fn([batch, width], |i| [1.0, -1.0, -1.0, 1.0, -1.0][i % 5]).unwrap(),
        );
        let hinge = Hinge::new().with_reduction(reduction);
        add("hinge", Box::new(hinge.clone()), &outputs, &signs);
        add("squared hinge", Box::new(hinge.squared()), &outputs, &signs);
        add("soft_margin", Box::new(SoftMargin::new().with_reduction(reduction)), &outputs, &signs);
        let embedding = HingeEmbedding::new().with_margin(0.7).unwrap().with_reduction(reduction);
        add("hinge_embedding", Box::new(embedding), &outputs, &signs);
        let probabilities = outputs.clone().map(|x| 1.0 / (1.0 + (-x).exp()));
        let of_probabilities = BinaryCrossEntropyOfProbabilities::new().with_reduction(reduction);
        let weighted = of_probabilities.clone().with_weights(&weights).unwrap();
        for loss in [of_probabilities, weighted] {
            let name = "binary_cross_entropy_of_probabilities";
            add(name, Box::new(loss), &probabilities, &shares(outputs.shape()));
        }
        let poisson = Poisson::new().with_reduction(reduction);
        let counts = OwnedTarget::Values(Tensor::from_fn([batch, width], |i| ((i * 7) % 5) as f64).unwrap());
        add("poisson", Box::new(poisson.clone().with_full()), &outputs, &counts);
        add("poisson of counts", Box::new(poisson.without_log_input()), &probabilities, &counts);
        for gamma in [0.0, 0.5, 1.0, 2.0] {
            let binary = BinaryFocal::new().with_gamma(gamma).unwrap().with_reduction(reduction);
            add("binary_focal", Box::new(binary.clone()), &outputs, &shares(outputs.shape()));
            add(
                "binary_focal without alpha",
                Box::new(binary.without_alpha()),
                &outputs,
                &shares(outputs.shape()),
            );
            let focal = CategoricalFocal::new().with_gamma(gamma).unwrap().with_reduction(reduction);
            let each = focal.clone().with_alpha(&weights).unwrap().with_label_smoothing(0.2).unwrap();
            for (name, loss) in [("categorical_focal", focal), ("categorical_focal with everything", each)] {
                add(name, Box::new(loss.clone()), &outputs, &classes(batch));
                add(name, Box::new(loss.clone()), &places, &classes(2 * batch));
                add(name, Box::new(loss), &outputs, &shares(outputs.shape()));
            }
        }
        let likelihood = NegativeLogLikelihood::new().with_reduction(reduction);
        // No batch's weights add up to 0.
        let turned: Vec<f64> = weights
            .iter()
            .enumerate()
            .map(|(class, weight)| if class % 3 == 1 { -0.3 } else { *weight })
            .collect();
        let weighted = likelihood.clone().with_class_weights(&turned).unwrap();
        let all = weighted.clone().with_ignored(2 % width);
        for (name, loss) in [
            ("negative_log_likelihood", likelihood),
            ("negative_log_likelihood with weights", weighted),
            ("negative_log_likelihood with everything", all),
        ] {
            add(name, Box::new(loss.clone()), &outputs, &classes(batch));
            add(name, Box::new(loss), &places, &classes(2 * batch));
        }
        let turned_entropy =
            CrossEntropy::new().with_class_weights(&turned).unwrap().with_reduction(reduction);
        add("cross_entropy with negative weights", Box::new(turned_entropy), &outputs, &classes(batch));
        let margin = MultiMargin::new().with_margin(0.8).unwrap().with_reduction(reduction);
        let squared = margin.clone().squared().with_class_weights(&turned).unwrap();
        for (name, loss) in [("multi_margin", margin), ("squared multi_margin with weights", squared)] {
            add(name, Box::new(loss.clone()), &outputs, &classes(batch));
            add(name, Box::new(loss), &places, &classes(2 * batch));
        }
        let kl = KlDivergenceOfLogProbabilities::new().with_reduction(reduction);
        add("kl_divergence_of_log_probabilities", Box::new(kl.clone()), &outputs, &shares(outputs.shape()));
        let log_shares = match shares(places.shape()) {
            OwnedTarget::Values(shares) => OwnedTarget::Values(shares.map(f64::ln)),
            OwnedTarget::Classes(_) => unreachable!("shares are values"),
        };
        add("the same with log_target", Box::new(kl.with_log_target()), &places, &log_shares);
        let kl = KlDivergence::new().with_log_target().with_reduction(reduction);
        add("kl_divergence with log_target", Box::new(kl), &places, &log_shares);
        let labels = Tensor::from_fn([batch, 2, width], |i| [1.0, 0.0, 0.0, 1.0, 0.0][i % 5]).unwrap();
        let labels = OwnedTarget::Values(labels);
        add(
            "multi_label_margin",
            Box::new(MultiLabelMargin::new().with_reduction(reduction)),
            &places,
            &labels,
        );
        let pairs = CosineEmbedding::new().with_margin(-0.3).unwrap().with_reduction(reduction);
        let of_pairs = |shape: &[usize]| {
            let sign = |i: usize| if i.is_multiple_of(3) { 1.0 } else { -1.0 };
            OwnedTarget::Values(Tensor::from_fn(Shape::new(shape).unwrap(), sign).unwrap())
        };
        add("cosine_embedding", Box::new(pairs.clone()), &places, &of_pairs(&[batch]));
        add("cosine_embedding, a column", Box::new(pairs), &places, &of_pairs(&[batch, 1]));
        let spread = |x: f64| if x < 0.0 { 0.3 - x } else { x };
        let wide = Tensor::from_fn([batch, 2 * width], |i| {
            if i % (2 * width) < width { number(i) } else { spread(3.0 * number(i)) }
        });
        let gaussian = GaussianNegativeLogLikelihood::new().with_reduction(reduction);
        let logarithm = gaussian.clone().with_log_variance();
        for (name, loss) in [("gaussian", gaussian.with_full()), ("gaussian with log_variance", logarithm)] {
            add(name, Box::new(loss), wide.as_ref().unwrap(), &values);
        }
        let hinge = CategoricalHinge::new().with_reduction(reduction);
        add("categorical_hinge", Box::new(hinge.clone()), &outputs, &classes(batch));
        add("categorical_hinge, shares", Box::new(hinge), &places, &shares(places.shape()));
    }
    cases
}

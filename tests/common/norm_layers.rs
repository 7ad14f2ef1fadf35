//! The layers that normalise, with all their options; for the table of all layers.

use taper::layers::{BatchNorm, GroupNorm, InstanceNorm, LayerNorm, Momentum, Normalization, RmsNorm};
use taper::{Param, Scalar, Shape, Tensor};

use super::{LayerCase, case, number};

/// Layers that normalise. A batch of one has one value a channel only where the rule is Keras's.
pub(crate) fn norms<T: Scalar>(width: usize) -> Vec<LayerCase<T>> {
    let mut cases = Vec::new();
    let set = |param: &mut Param<T>, start: f64| {
        let values = Tensor::from_fn(param.shape(), |i| T::of(start + number(7 * i + 3))).unwrap();
        param.set(&values).unwrap();
    };
    let samples = [Shape::from([width]), Shape::from([3, width]), Shape::from([2, 3, width])];
    for sample in samples {
        for epsilon in [1e-3, 0.5] {
            let norm = BatchNorm::new(width).unwrap().with_epsilon(epsilon).unwrap();
            let keras = norm.clone().with_momentum(Momentum::Keras(0.9)).unwrap();
            let mut norm = if sample.rank() == 1 { keras } else { norm };
            set(norm.weight_mut().unwrap(), 1.5);
            set(norm.bias_mut().unwrap(), 0.0);
            set(norm.running_mean_mut(), 0.2);
            set(norm.running_var_mut(), 1.1);
            let name = format!("batch_norm of {sample}, ε = {epsilon}, without affine");
            cases.push(case(name, sample, norm.clone().without_affine()));
            if sample.rank() > 1 {
                let norm = norm.clone().with_momentum(Momentum::Cumulative).unwrap();
                cases.push(case(format!("batch_norm of {sample}, ε = {epsilon}, cumulative"), sample, norm));
            }
            for frozen in [[false, false], [true, false], [false, true], [true, true]] {
                let mut norm = norm.clone();
                if frozen[0] {
                    norm.weight_mut().unwrap().freeze();
                }
                if frozen[1] {
                    norm.bias_mut().unwrap().freeze();
                }
                let name = format!("batch_norm of {sample}, ε = {epsilon}, frozen: {frozen:?}");
                cases.push(case(name, sample, norm));
            }
        }
    }
    for sample in samples {
        let mean: Vec<f64> = (0..width).map(|i| number(5 * i)).collect();
        // Of a variance of 0 there would be derivatives of 10⁷.
        let variance: Vec<f64> = (0..width).map(|i| 1.3 + number(3 * i)).collect();
        let norm = Normalization::new(&mean, &variance).unwrap();
        cases.push(case(format!("normalization of {sample}"), sample, norm));
    }
    for (sample, normalised) in [
        (Shape::from([width]), Shape::from([width])),
        (Shape::from([3, width]), Shape::from([width])),
        (Shape::from([3, width]), Shape::from([3, width])),
        (Shape::from([2, width, 2]), Shape::from([width, 2])),
    ] {
        let mut norm = LayerNorm::new(normalised).unwrap().with_epsilon(0.01).unwrap();
        set(norm.weight_mut(), 1.5);
        set(norm.bias_mut(), 0.0);
        cases.push(case(format!("layer_norm of {sample} over {normalised}"), sample, norm.clone()));
        norm.weight_mut().freeze();
        cases.push(case(format!("layer_norm of {sample} with a frozen weight"), sample, norm));
    }
    cases
}

/// Layers that normalise each sample for itself, in groups or without a mean.
pub(crate) fn sample_norms<T: Scalar>(width: usize) -> Vec<LayerCase<T>> {
    let mut cases = Vec::new();
    let set = |param: Option<&mut Param<T>>, start: f64| {
        let param = param.expect("it has parameters unless told otherwise");
        let values = Tensor::from_fn(param.shape(), |i| T::of(start + number(7 * i + 3))).unwrap();
        param.set(&values).unwrap();
    };
    for (sample, groups, channels) in [
        (Shape::from([3, width]), 1, width),
        (Shape::from([2, 3, width]), width, width),
        (Shape::from([2, 2, 3 * width]), 3, 3 * width),
        (Shape::from([3 * width]), 1, 3 * width),
    ] {
        let norm = GroupNorm::new(groups, channels).unwrap().with_epsilon(0.1).unwrap();
        let name = format!("group_norm of {sample}, {groups} groups");
        cases.push(case(format!("{name}, without affine"), sample, norm.clone().without_affine()));
        for frozen in [[false, false], [true, false], [false, true]] {
            let mut norm = norm.clone();
            set(norm.weight_mut(), 1.5);
            set(norm.bias_mut(), 0.0);
            for param in [norm.weight_mut().filter(|_| frozen[0])].into_iter().flatten() {
                param.freeze();
            }
            for param in [norm.bias_mut().filter(|_| frozen[1])].into_iter().flatten() {
                param.freeze();
            }
            cases.push(case(format!("{name}, frozen: {frozen:?}"), sample, norm));
        }
    }
    for sample in [Shape::from([3, width]), Shape::from([2, 3, width])] {
        let norm = InstanceNorm::new(width).unwrap().with_epsilon(0.1).unwrap();
        let running = norm.clone().with_running_statistics(Momentum::PyTorch(0.1)).unwrap();
        cases.push(case(format!("instance_norm of {sample}, running statistics"), sample, running));
        cases.push(case(format!("instance_norm of {sample}"), sample, norm.clone()));
        let mut norm = norm.with_affine().unwrap();
        set(norm.weight_mut(), 1.5);
        set(norm.bias_mut(), 0.0);
        cases.push(case(format!("instance_norm of {sample}, affine"), sample, norm));
    }
    for (sample, normalised) in [
        (Shape::from([width]), Shape::from([width])),
        (Shape::from([2, 3, width]), Shape::from([width])),
        (Shape::from([2, width, 2]), Shape::from([width, 2])),
    ] {
        let mut norm = RmsNorm::new(normalised).unwrap().with_epsilon(0.1).unwrap();
        let name = format!("rms_norm of {sample} over {normalised}");
        cases.push(case(format!("{name}, without affine"), sample, norm.clone().without_affine()));
        set(norm.weight_mut(), 1.5);
        cases.push(case(name, sample, norm));
    }
    cases
}

use super::*;

#[test]
fn a_tensor_of_another_shape_changes_nothing() {
    let matrix = Tensor::from([[1.0, 2.0]]);
    let mut param = Param::new("weight", &matrix);
    let error = param.set(&Tensor::from([[1.0], [2.0]])).unwrap_err();
    assert_eq!(error.to_string(), "expected parameter `weight` [1, 2], got [2, 1]");
    assert_eq!(param.to_tensor(), matrix);
}

#[test]
fn a_statistic_is_frozen_for_ever() {
    let mut mean = Param::statistic("running_mean", &Tensor::from([1.0, 2.0]));
    mean.unfreeze();
    assert!(mean.is_statistic() && mean.is_frozen() && mean.clone().is_statistic());
    mean.set(&Tensor::from([3.0, 4.0])).unwrap();
    assert_eq!(format!("{mean:?}"), "Param `running_mean` [2] statistic");
    assert!(!Param::new("weight", &Tensor::from([1.0])).is_statistic());
}

#[test]
fn scales_are_checked() {
    let mut param = Param::new("bias", &Tensor::from([0.0_f32]));
    for scale in [f64::NAN, f64::INFINITY, -1.0] {
        assert!(param.set_learning_rate_scale(scale).is_err(), "{scale}");
        assert!(param.set_weight_decay_scale(scale).is_err(), "{scale}");
    }
    assert_eq!((param.learning_rate_scale(), param.weight_decay_scale()), (1.0, 1.0));
}

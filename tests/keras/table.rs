//! Which case is checked by what, and which does not apply.

use Then::{Apart, Check};
use taper::Result;

use crate::case::Case;
use crate::{convolutions, layers, losses, metrics, optimizers, pools, schedules};

/// What becomes of a case.
pub(crate) enum Then {
    /// It is compared with the result of this.
    Check(fn(&Case) -> Result<Vec<f64>>),
    /// It does not apply, for this reason.
    Apart(&'static str),
}

/// The cases of a kind and of some objects that fulfil a condition.
struct Row(&'static str, &'static [&'static str], fn(&Case) -> bool, Then);

/// What becomes of a case: the first row that fits it says so.
pub(crate) fn rule_for(case: &Case) -> Option<&'static Then> {
    let fits = |Row(kind, objects, when, _): &&Row| {
        *kind == case.word("kind") && objects.contains(&case.word("object")) && when(case)
    };
    TABLE.iter().find(fits).map(|Row(.., then)| then)
}

fn always(_: &Case) -> bool {
    true
}

// A row a line: as rustfmt breaks them, the table is three times as long and no longer one.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    Row("layer", &["Dense"], always, Check(layers::dense)),
    Row("layer", &["ELU"], always, Check(layers::elu)),
    Row("layer", &["LeakyReLU"], always, Check(layers::leaky_relu)),
    Row("layer", &["ReLU"], always, Check(layers::relu)),
    Row("layer", &["Softmax"], layers::softmax_has_classes, Check(layers::softmax)),
    Row("layer", &["Softmax"], always, Apart("layer: Softmax whose mask leaves a row without classes (Keras gives 0, we NaN)")),
    Row("layer", &["GlobalAveragePooling1D"], pools::has_mask, Apart("layer: GlobalAveragePooling1D with a mask of steps")),
    Row("layer", &["AveragePooling1D", "AveragePooling2D", "MaxPooling1D", "MaxPooling2D",
        "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D"], always,
        Check(pools::pool)),
    Row("layer", &["Conv1D"], always, Check(convolutions::conv)),
    Row("layer", &["BatchNormalization"], layers::batch_norm_is_plain, Check(layers::batch_norm)),
    Row("layer", &["BatchNormalization"], always, Apart("layer: BatchNormalization with a mask or renormalised")),
    Row("layer", &["LayerNormalization"], layers::layer_norm_has_a_mean, Check(layers::layer_norm)),
    Row("layer", &["LayerNormalization"], always,
        Apart("meaning differs: LayerNormalization with rms_scaling divides by the deviation (ours by the root mean square)")),
    Row("layer", &["GroupNormalization"], always, Check(layers::group_norm)),
    Row("layer", &["RMSNormalization"], always, Check(layers::rms_norm)),

    Row("nn_op", &["relu", "leaky_relu", "elu", "celu", "gelu", "silu", "sigmoid", "softplus", "threshold", "hard_shrink",
        "hard_sigmoid", "hard_silu", "hard_tanh", "log_sigmoid", "relu6", "selu", "soft_shrink", "softsign", "tanh_shrink"], always,
        Check(layers::operation)),
    Row("nn_op", &["softmax"], always, Check(layers::softmax_operation)),
    Row("nn_op", &["log_softmax"], always, Check(layers::log_softmax_operation)),
    Row("nn_op", &["binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"], always,
        Check(losses::operation)),
    Row("nn_op", &["average_pool", "max_pool"], always, Check(pools::pool_operation)),
    Row("nn_op", &["conv"], always, Check(convolutions::conv_operation)),
    Row("nn_op", &["batch_normalization"], always, Check(layers::batch_norm_operation)),
    Row("nn_op", &["layer_normalization"], always, Check(layers::layer_norm_operation)),
    Row("nn_op", &["rms_normalization"], always, Check(layers::rms_norm_operation)),
    Row("nn_op", &["normalize"], always, Apart("operation not in this crate: division by a norm")),
    Row("nn_op", &["one_hot"], always, Apart("operation not in this crate: one_hot (class indices are targets as they are)")),
    Row("nn_op", &["glu"], always, Check(layers::glu)),

    Row("loss", &["MeanSquaredError", "MeanAbsoluteError", "Huber", "BinaryCrossentropy", "CategoricalCrossentropy",
        "SparseCategoricalCrossentropy", "Hinge", "SquaredHinge", "CategoricalHinge", "BinaryFocalCrossentropy",
        "CategoricalFocalCrossentropy", "CosineSimilarity", "LogCosh", "MeanAbsolutePercentageError",
        "MeanSquaredLogarithmicError", "Poisson", "KLDivergence"], always, Check(losses::loss)),

    Row("metric", &["MeanSquaredError", "MeanAbsoluteError", "BinaryCrossentropy", "CategoricalCrossentropy",
        "SparseCategoricalCrossentropy", "CategoricalHinge", "Hinge", "SquaredHinge", "LogCoshError",
        "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError", "Poisson", "KLDivergence"], always, Check(losses::mean)),
    Row("metric", &["CosineSimilarity"], always, Check(losses::similarity)),
    Row("metric", &["Accuracy"], always, Check(metrics::accuracy)),
    Row("metric", &["CategoricalAccuracy", "SparseCategoricalAccuracy", "TopKCategoricalAccuracy",
        "SparseTopKCategoricalAccuracy"], always, Check(metrics::class_accuracy)),
    Row("metric", &["BinaryAccuracy"], always, Check(metrics::binary_accuracy)),
    Row("metric", &["TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives"], always, Check(metrics::counts)),
    Row("metric", &["Precision", "Recall"], always, Check(metrics::precision_or_recall)),
    Row("metric", &["Mean", "Sum"], always, Apart("metric not in this crate: running mean or sum of any numbers")),

    Row("optimizer", &["SGD", "Adam", "AdamW", "Lion", "Adagrad", "RMSprop", "Adadelta", "Adamax", "Nadam"], always,
        Check(optimizers::steps)),
    Row("clip", &["SGD"], always, Check(optimizers::clipped)),

    Row("schedule", &["ExponentialDecay"], always, Check(schedules::exponential)),
    Row("schedule", &["CosineDecay"], always, Check(schedules::cosine)),
    Row("schedule", &["CosineDecayRestarts"], always, Check(schedules::cosine_restarts)),
    Row("schedule", &["InverseTimeDecay"], always, Check(schedules::inverse_time)),
    Row("schedule", &["PiecewiseConstantDecay"], always, Check(schedules::piecewise)),
    Row("schedule", &["PolynomialDecay"], always, Check(schedules::polynomial)),

    Row("regularizer", &["L1", "L1L2", "L2"], always,
        Apart("penalty in the loss: here weights decay in the optimizer")),
];

//! What each operation of ONNX is for this crate: one family a file, and a table of all.

mod activations;
mod arithmetic;
mod conv;
mod dense;
mod joins;
mod learning;
mod norms;
mod pools;
mod quantized;
mod reduce;
pub(super) mod shapes;
mod softmax;
mod window;

use super::call::{Call, Made};
use crate::io::Verdict;

/// Reads an operation that depends on the input of the model.
pub(super) type Read = for<'a> fn(&Call<'_, 'a>) -> Verdict<Made<'a>>;

/// The operations that are read, those of ONNX itself first.
const OPERATIONS: &[(&str, Read)] = &[
    ("Add", arithmetic::add),
    ("AveragePool", pools::average),
    ("BatchNormalization", norms::batch),
    ("Cast", shapes::cast),
    ("CastLike", shapes::cast_like),
    ("Celu", activations::celu),
    ("Clip", activations::clip),
    ("Concat", joins::concat),
    ("Conv", conv::conv),
    ("ConvInteger", quantized::conv),
    ("ConvTranspose", conv::transposed),
    ("DequantizeLinear", quantized::dequantize),
    ("Div", arithmetic::divide),
    ("Dropout", shapes::dropout),
    ("DynamicQuantizeLinear", quantized::dynamic),
    ("Elu", activations::elu),
    ("Expand", shapes::expand),
    ("Flatten", shapes::flatten),
    ("Gather", joins::gather),
    ("Gelu", activations::gelu),
    ("Gemm", dense::gemm),
    ("Greater", arithmetic::greater),
    ("GlobalAveragePool", reduce::global_average),
    ("GlobalMaxPool", reduce::global_max),
    ("GroupNormalization", norms::group),
    ("HardSigmoid", activations::hard_sigmoid),
    ("HardSwish", activations::hard_swish),
    ("Identity", shapes::same),
    ("InstanceNormalization", norms::instance),
    ("LayerNormalization", norms::layer),
    ("LeakyRelu", activations::leaky_relu),
    ("LogSoftmax", softmax::log_softmax),
    ("MatMul", dense::mat_mul),
    ("MatMulInteger", quantized::mat_mul),
    ("Max", arithmetic::max),
    ("MaxPool", pools::max),
    ("Min", arithmetic::min),
    ("Mul", arithmetic::multiply),
    ("Neg", arithmetic::negate),
    ("PRelu", activations::prelu),
    ("Pad", shapes::pad),
    ("Pow", arithmetic::power),
    ("QuantizeLinear", quantized::quantize),
    ("RMSNormalization", norms::rms),
    ("ReduceMax", reduce::max),
    ("ReduceMean", reduce::mean),
    ("ReduceMin", reduce::min),
    ("ReduceSumSquare", reduce::sum_of_squares),
    ("Reshape", shapes::reshape),
    ("Selu", activations::selu),
    ("Shrink", activations::shrink),
    ("Slice", shapes::slice),
    ("Softmax", softmax::softmax),
    ("Split", shapes::split),
    ("Squeeze", shapes::squeeze),
    ("Sub", arithmetic::subtract),
    ("Sum", joins::sum),
    ("Swish", activations::swish),
    ("ThresholdedRelu", activations::thresholded_relu),
    ("Transpose", shapes::transpose),
    ("Unsqueeze", shapes::unsqueeze),
    ("Where", joins::choose),
];

/// Those of the domain `ai.onnx.ml`.
const OF_LEARNING: &[(&str, Read)] = &[
    ("LinearClassifier", learning::linear_classifier),
    ("LinearRegressor", learning::linear_regressor),
    ("Normalizer", learning::normalizer),
    ("Scaler", learning::scaler),
    ("ZipMap", shapes::same),
];

/// How an operation of this domain is read; none where it is none of those that are.
pub(super) fn reader(domain: &str, operation: &str) -> Option<Read> {
    let table = match domain {
        "" | "ai.onnx" => OPERATIONS,
        "ai.onnx.ml" => OF_LEARNING,
        _ => return None,
    };
    let known = table.iter().find(|known| known.0 == operation).map(|known| known.1);
    known.or_else(|| {
        (domain != "ai.onnx.ml" && activations::is_simple(operation)).then_some(activations::simple as Read)
    })
}

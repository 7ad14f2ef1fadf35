//! Convolutions and pools of one axis.

use serde_json::Value;
use taper::layers::{
    AdaptiveAvgPool1d, AdaptiveMaxPool1d, AvgPool1d, Conv1d, ConvTranspose1d, MaxPool1d, Window,
};
use taper::{Result, Tensor};

use crate::common::{fixture, list, tensor};
use crate::given::{Pass, run};
use crate::{Report, SUMS};

fn number(settings: &Value, key: &str) -> usize {
    settings[key].as_u64().unwrap_or_else(|| panic!("a number {key}")) as usize
}

fn window(settings: &Value) -> Window {
    let mut window = Window::new(number(settings, "kernel"));
    for key in settings.as_object().expect("settings have names").keys() {
        window = match key.as_str() {
            "stride" => window.with_stride(number(settings, key)),
            "dilation" => window.with_dilation(number(settings, key)),
            "padding" => window.with_padding(number(settings, key)),
            "ceil_mode" => window.with_ceil_mode(),
            _ => window,
        };
    }
    window
}

fn pass(case: &Value, x: &Tensor<f64>, dy: &Tensor<f64>) -> Result<Pass> {
    let settings = &case["settings"];
    let given = |key: &str| tensor(&case[key]["value"]);
    match case["kind"].as_str().expect("a kind is a word") {
        "conv1d" => {
            let (window, groups) = (window(settings), number(settings, "groups"));
            run(Conv1d::from_parts(window, groups, &given("weight"), Some(&given("bias")))?, x, dy)
        }
        "conv_transpose1d" => {
            let (window, groups) = (window(settings), number(settings, "groups"));
            let conv = ConvTranspose1d::from_parts(window, groups, &given("weight"), Some(&given("bias")))?;
            run(conv.with_output_padding(number(settings, "output_padding"))?, x, dy)
        }
        "max_pool1d" => run(MaxPool1d::new(window(settings))?, x, dy),
        "avg_pool1d" if settings["counts_padding"] == true => run(AvgPool1d::new(window(settings))?, x, dy),
        "avg_pool1d" => run(AvgPool1d::new(window(settings))?.without_counting_padding(), x, dy),
        "adaptive_max_pool1d" => run(AdaptiveMaxPool1d::new(number(settings, "output"))?, x, dy),
        "adaptive_avg_pool1d" => run(AdaptiveAvgPool1d::new(number(settings, "output"))?, x, dy),
        other => panic!("unknown kind {other}"),
    }
}

#[test]
fn one_axis() -> Result<()> {
    let mut report = Report::new(SUMS);
    for case in list(&fixture("torch/one_axis.json")) {
        let (x, dy) = (tensor(&case["x"]), tensor(&case["dy"]));
        let pass = pass(case, &x, &dy)?;
        let what = |what: &str| format!("{} {} of {}, {what}", case["kind"], case["settings"], x.shape());
        assert_eq!(pass.y.shape(), tensor(&case["y"]).shape(), "{}", what("y"));
        report.compare(&what("y"), pass.y.as_slice(), &case["y"]);
        report.compare(&what("dx"), pass.dx.as_slice(), &case["dx"]);
        for name in ["weight", "bias"] {
            if let Some(param) = case.get(name) {
                report.compare(&what(name), pass.gradient(name)?.as_slice(), &param["gradient"]);
            }
        }
    }
    report.finish(2 * 41 + 2 * 9);
    Ok(())
}

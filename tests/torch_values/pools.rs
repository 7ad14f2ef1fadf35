//! Pools.

use serde_json::Value;
use taper::layers::{
    AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool2d, GlobalAvgPool2d, MaxPool2d, Padding, Window,
};
use taper::{Result, Tensor};

use crate::common::{fixture, list, numbers, tensor};
use crate::given::run;
use crate::{LAST_BITS, Report};

fn sides(value: &Value) -> [usize; 2] {
    let sides = numbers(value);
    [sides[0] as usize, sides[1] as usize]
}

fn window(settings: &Value) -> Window {
    let mut window = Window::new(sides(&settings["kernel"]));
    for (key, value) in settings.as_object().expect("settings have names") {
        window = match key.as_str() {
            "stride" => window.with_stride(sides(value)),
            "dilation" => window.with_dilation(sides(value)),
            "padding" => match numbers(value)[..] {
                [top, left, bottom, right] => {
                    let sides = |height: f64, width: f64| [height as usize, width as usize].into();
                    window
                        .with_padding(Padding::Each { before: sides(top, left), after: sides(bottom, right) })
                }
                _ => window.with_padding(sides(value)),
            },
            "ceil_mode" => window.with_ceil_mode(),
            _ => window,
        };
    }
    window
}

#[test]
fn pools() -> Result<()> {
    let file = fixture("torch/pools.json");
    let mut report = Report::new(LAST_BITS);
    for case in list(&file["cases"]) {
        let settings = &case["settings"];
        let (x, dy) = (tensor(&case["x"]), tensor(&case["dy"]));
        let kind = case["kind"].as_str().expect("a kind is a word");
        let pass = match kind {
            "adaptive_max_pool2d" => run(AdaptiveMaxPool2d::new(sides(&settings["output"]))?, &x, &dy)?,
            "adaptive_avg_pool2d" => run(AdaptiveAvgPool2d::new(sides(&settings["output"]))?, &x, &dy)?,
            "max_pool2d" => run(MaxPool2d::new(window(settings))?, &x, &dy)?,
            "avg_pool2d" if settings["counts_padding"] == true => {
                let pool = AvgPool2d::new(window(settings))?;
                let pool = match settings["divisor_override"].as_u64() {
                    Some(divisor) => pool.with_divisor_override(divisor as usize)?,
                    None => pool,
                };
                run(pool, &x, &dy)?
            }
            "avg_pool2d" => run(AvgPool2d::new(window(settings))?.without_counting_padding(), &x, &dy)?,
            "global_avg_pool2d" => run(GlobalAvgPool2d, &x, &dy)?,
            other => panic!("unknown kind {other}"),
        };
        let what = |what: &str| format!("{kind} {settings} of {}, {what}", x.shape());
        report.compare(&what("y"), pass.y.as_slice(), &case["y"]);
        report.compare(&what("dx"), pass.dx.as_slice(), &case["dx"]);
    }
    report.finish(2 * 92);
    Ok(())
}

/// NaN wins wherever it stands; its gradient goes to the first of several, where PyTorch's goes to the last.
#[test]
fn nan_wins() -> Result<()> {
    let nan = f64::NAN;
    for (x, winner) in [
        ([nan, 1.0, 2.0, f64::INFINITY], 0),
        ([1.0, nan, 2.0, f64::INFINITY], 1),
        ([f64::INFINITY, 1.0, 2.0, nan], 3),
        ([1.0, nan, nan, 2.0], 1),
        // Without a NaN, the first of the largest.
        ([f64::NEG_INFINITY; 4], 0),
        ([-1.0, 0.0, -0.0, 0.0], 1),
    ] {
        let tensor = Tensor::from_slice([1, 2, 2, 1], &x)?;
        let pass = run(MaxPool2d::new(2)?, &tensor, &Tensor::full([1, 1, 1, 1], 5.0)?)?;
        let (y, expected) = (pass.y.as_slice()[0], x[winner]);
        assert!(y == expected || y.is_nan() && expected.is_nan(), "{x:?}: {y}");
        let mut dx = [0.0; 4];
        dx[winner] = 5.0;
        assert_eq!(pass.dx.as_slice(), dx, "{x:?}");
    }
    Ok(())
}

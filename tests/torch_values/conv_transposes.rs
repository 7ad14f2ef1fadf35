//! Transposed convolutions.

use serde_json::Value;
use taper::layers::{Channels, ConvTranspose2d, Padding, Window};
use taper::{Activation, Result, Sequential, Tensor, seeded};

use crate::common::{fixture, list, numbers, tensor};
use crate::given::run;
use crate::{Report, SUMS};

fn sides(value: &Value) -> [usize; 2] {
    let sides: Vec<usize> = numbers(value).iter().map(|&side| side as usize).collect();
    sides.try_into().expect("two sides")
}

fn window(case: &Value) -> Window {
    let padding = match &case["padding"] {
        Value::String(_) => Padding::Same,
        border => match numbers(border)[..] {
            [top, left, bottom, right] => {
                let sides = |height: f64, width: f64| [height as usize, width as usize].into();
                Padding::Each { before: sides(top, left), after: sides(bottom, right) }
            }
            _ => sides(border).into(),
        },
    };
    Window::new(sides(&case["window"]))
        .with_stride(sides(&case["stride"]))
        .with_dilation(sides(&case["dilation"]))
        .with_padding(padding)
}

#[test]
fn conv_transpose2d_with_all_options() -> Result<()> {
    let mut report = Report::new(SUMS);
    let mut without_bias = 0;
    let file = fixture("torch/conv_transposes.json");
    let cases = list(&file);
    for case in cases {
        let groups = case["groups"].as_u64().expect("a number") as usize;
        let bias = case.get("bias").map(|bias| tensor(&bias["value"]));
        let weight = tensor(&case["weight"]["value"]);
        let conv = ConvTranspose2d::from_parts(window(case), groups, &weight, bias.as_ref())?;
        let conv = match case.get("output_size") {
            Some(size) => conv.with_output_size(sides(size))?,
            None => conv.with_output_padding(sides(&case["output_padding"]))?,
        };
        let (x, dy) = (tensor(&case["x"]), tensor(&case["dy"]));
        let what = |what: &str| format!("{conv:?} of {}, {what}", x.shape());
        let pass = run(conv.clone(), &x, &dy)?;
        assert_eq!(pass.y.shape(), tensor(&case["y"]).shape(), "{}", what("y"));
        report.compare(&what("y"), pass.y.as_slice(), &case["y"]);
        report.compare(&what("dx"), pass.dx.as_slice(), &case["dx"]);
        report.compare(&what("weight"), pass.gradient("weight")?.as_slice(), &case["weight"]["gradient"]);
        match case.get("bias") {
            Some(bias) => report.compare(&what("bias"), pass.gradient("bias")?.as_slice(), &bias["gradient"]),
            None => without_bias += 1,
        }
        // A batch of one sample has the same bits as in the batch.
        let (_, sample) = x.shape().split_batch().expect("a batch");
        let model = Sequential::builder(sample).layer(conv.clone()).build(&mut seeded(0))?;
        // An activation behind it makes the same bits in the same pass as by itself.
        let active =
            Sequential::builder(sample).layer(conv).activation(Activation::Gelu).build(&mut seeded(0))?;
        let alone = Sequential::builder(model.output()).activation(Activation::Gelu).build(&mut seeded(0))?;
        assert_eq!(active.predict(&x)?, alone.predict(&pass.y)?);
        for (x, y) in x.view().samples().zip(pass.y.view().samples()) {
            let x = Tensor::from_vec(sample.with_batch(1)?, x.to_vec())?;
            assert_eq!(model.predict(&x)?.as_slice(), y);
        }
    }
    report.finish(4 * cases.len() - without_bias);
    Ok(())
}

/// `nn.ConvTranspose2d` draws weight and bias evenly from −1/√n to 1/√n, n = outputs of a group · taps.
#[test]
fn conv_transpose2d_starts_as_in_pytorch() -> Result<()> {
    for groups in [1, 4] {
        let channels = Channels::new(64, 16).with_groups(groups);
        let conv = ConvTranspose2d::<f64>::new(channels, [3, 2], &mut seeded(3))?;
        let bound = ((16 / groups * 6) as f64).sqrt().recip();
        for values in [conv.weight().to_tensor(), conv.bias().expect("there is one").to_tensor()] {
            let farthest = values.as_slice().iter().fold(0.0_f64, |most, value| most.max(value.abs()));
            assert!((0.7 * bound..=bound).contains(&farthest), "{farthest} instead of {bound}");
        }
    }
    Ok(())
}

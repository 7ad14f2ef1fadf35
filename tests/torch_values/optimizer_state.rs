//! What optimizers remember, under PyTorch's names, and what they do with what is set.

use serde_json::Value;
use taper::losses::MeanSquaredError;
use taper::optimizers::{Adagrad, Adam, ParamState, RmsProp, Sgd};
use taper::{Dense, Optimizer, Result, Sequential, Tensor, Trainer, seeded};

use crate::common::{compare, fixture, tensor};

fn optimizer(name: &str) -> Result<Optimizer<f64>> {
    Ok(match name {
        "sgd" => Optimizer::new(Sgd::new(0.1)?.with_momentum(0.9)?),
        "adam" => Optimizer::new(Adam::new(0.1)?),
        "rmsprop" => Optimizer::new(RmsProp::new(0.01)?.with_momentum(0.9)?.centered()),
        "adagrad" => Optimizer::new(Adagrad::new(0.1)?.with_initial(0.5)?),
        other => panic!("no optimizer is called {other:?}"),
    })
}

/// A matrix the other way round, as PyTorch's weights lie; anything else as it is.
fn turned(values: &Tensor<f64>) -> Tensor<f64> {
    let &[rows, columns] = values.shape().axes() else { return values.clone() };
    let at = |i: usize| values.as_slice()[i % rows * columns + i / rows];
    Tensor::from_fn([columns, rows], at).unwrap()
}

fn trainer(file: &Value, name: &str) -> Result<Trainer<'static, f64>> {
    let weight = turned(&tensor(&file["start"]["weight"]));
    let dense = Dense::from_parts(&weight, Some(&tensor(&file["start"]["bias"])))?;
    let model = Sequential::builder([4]).layer(dense).named("fc").build(&mut seeded(0))?;
    Ok(Trainer::owning(model, MeanSquaredError::new(), optimizer(name)?))
}

#[test]
fn buffers_are_pytorchs_by_name() -> Result<()> {
    let file = fixture("torch/optimizer_state.json");
    let (x, y) = (tensor(&file["x"]), tensor(&file["y"]));
    let runs = file["runs"].as_object().expect("a run for each optimizer");
    assert_eq!(runs.len(), 4);
    for (name, run) in runs {
        let mut trained = trainer(&file, name)?;
        for _ in 0..3 {
            trained.step(&x, &y)?;
        }
        let states = trained.optimizer_state()?;
        assert_eq!(states.len(), 2);
        let mut given = Vec::new();
        for state in &states {
            let parameter = state.parameter.strip_prefix("fc.").unwrap();
            let expected = run["state"][parameter]["buffers"].as_object().unwrap();
            assert_eq!((state.steps, state.buffers.len()), (3, expected.len()), "{name}");
            let mut buffers = Vec::new();
            for (buffer, values) in expected {
                let (got, values) = (state.buffer(buffer).expect(buffer), turned(&tensor(values)));
                let same = compare(got.as_slice(), values.as_slice(), (1e-14, 1e-12));
                same.unwrap_or_else(|error| panic!("{name}, `{buffer}` of {parameter}: {error}"));
                buffers.push((buffer.clone(), values));
            }
            given.push(ParamState { parameter: state.parameter.clone(), steps: 3, buffers });
        }
        // PyTorch's own numbers, set, lead to the same next step.
        let mut set = trainer(&file, name)?;
        for name in ["fc.weight", "fc.bias"] {
            let value = trained.model().param(name)?.to_tensor();
            set.model_mut().param_mut(name)?.set(&value)?;
        }
        set.set_optimizer_state(&given)?;
        set.step(&x, &y)?;
        trained.step(&x, &y)?;
        for parameter in ["fc.weight", "fc.bias"] {
            let [got, expected] =
                [&set, &trained].map(|trainer| trainer.model().param(parameter).unwrap().to_tensor());
            compare(got.as_slice(), expected.as_slice(), (1e-13, 1e-12)).expect(name);
        }
    }
    Ok(())
}

//! A loss of one's own that is made of several: an evaluation measures each, in batches of any size.

use taper::losses::{Divisors, Loss, LossPart, PartOfSample};
use taper::train::{Dataset, evaluate_parts};
use taper::{Result, Sequential, Target, Tensor, TensorView, TensorViewMut, seeded};

/// The squared error of the first output, and the absolute one of the second where its target is not −1; and what it tells besides, which is
/// wrong.
#[derive(Debug)]
struct Both(Option<PartOfSample>);

/// The two losses of a sample with their derivatives; none where there is no target.
fn terms(x: &[f64], t: &[f64]) -> [Option<[f64; 2]>; 2] {
    let off = [x[0] - t[0], x[1] - t[1]];
    let second = (t[1] >= 0.0).then(|| [off[1].abs(), off[1].signum()]);
    [Some([off[0] * off[0], 2.0 * off[0]]), second]
}

fn values(target: Target<'_, f64>) -> TensorView<'_, f64> {
    let Target::Values(values) = target else { panic!("values") };
    values
}

impl Both {
    fn tell(
        outputs: TensorView<'_, f64>,
        target: Target<'_, f64>,
        whole: &Divisors,
        mut tell: impl FnMut(usize, usize, [f64; 2]),
    ) {
        for (sample, (x, t)) in outputs.samples().zip(values(target).samples()).enumerate() {
            for (part, (term, divisor)) in terms(x, t).into_iter().zip(whole.parts()).enumerate() {
                let divisor = divisor.expect("both are means");
                tell(part, sample, term.map_or([0.0; 2], |term| term.map(|number| number / divisor)));
            }
        }
    }
}

impl Loss<f64> for Both {
    fn kind(&self) -> &'static str {
        "both"
    }

    fn each(&self, outputs: TensorView<'_, f64>, target: Target<'_, f64>) -> Result<Tensor<f64>> {
        let samples = outputs.samples().zip(values(target).samples());
        let each = samples.flat_map(|(x, t)| terms(x, t).map(|term| term.map_or(0.0, |[loss, _]| loss)));
        Tensor::from_vec(outputs.shape(), each.collect())
    }

    fn forward(&self, outputs: TensorView<'_, f64>, target: Target<'_, f64>) -> Result<f64> {
        self.part_of(outputs, target, &self.divisors(target), None)
    }

    fn backward(
        &self,
        outputs: TensorView<'_, f64>,
        target: Target<'_, f64>,
        gradient: TensorViewMut<'_, f64>,
    ) -> Result<()> {
        self.part_of(outputs, target, &self.divisors(target), Some(gradient)).map(|_| ())
    }

    fn divisors(&self, target: Target<'_, f64>) -> Divisors {
        let told = values(target).samples().filter(|t| t[1] >= 0.0).count();
        let batch = target.batch() as f64;
        Divisors::of_parts(batch, &[Some(batch), Some(told as f64)]).expect("two are few")
    }

    fn part_of(
        &self,
        outputs: TensorView<'_, f64>,
        target: Target<'_, f64>,
        whole: &Divisors,
        gradient: Option<TensorViewMut<'_, f64>>,
    ) -> Result<f64> {
        let (mut sum, mut gradient) = (0.0, gradient.map(TensorViewMut::into_slice));
        Self::tell(outputs, target, whole, |part, sample, [loss, slope]| {
            sum += loss;
            gradient.iter_mut().for_each(|gradient| gradient[2 * sample + part] = slope);
        });
        Ok(sum)
    }

    fn parts(&self) -> Vec<LossPart> {
        vec![LossPart::new("first", 0..1), LossPart::new("second", 1..2)]
    }

    fn each_part(
        &self,
        outputs: TensorView<'_, f64>,
        target: Target<'_, f64>,
        whole: &Divisors,
        tell: &mut dyn FnMut(PartOfSample),
    ) -> Result<()> {
        Self::tell(outputs, target, whole, |part, sample, [loss, _]| {
            tell(PartOfSample::new(part, sample, loss));
        });
        self.0.iter().copied().for_each(tell);
        Ok(())
    }
}

/// Of 5 samples the errors are 1, 2, 3, 4, 5 in both outputs; the second and the fourth have no second target.
fn data() -> (Tensor<f64>, Tensor<f64>) {
    let inputs = Tensor::from_fn([5, 2], |i| 10.0 + (i / 2) as f64).unwrap();
    let targets = Tensor::from_fn([5, 2], |i| match (i / 2, i % 2) {
        (1 | 3, 1) => -1.0,
        _ => 9.0,
    });
    (inputs, targets.unwrap())
}

#[test]
fn each_part_has_a_mean_of_its_own() -> Result<()> {
    let ((inputs, targets), identity) = (data(), taper::layers::Reshape::new([2]));
    let model = Sequential::builder([2]).layer(identity).build(&mut seeded(0))?;
    let (first, second) = ((1.0 + 4.0 + 9.0 + 16.0 + 25.0) / 5.0, (1.0 + 3.0 + 5.0) / 3.0);
    let evaluation = model.evaluate(Dataset::new(&inputs, &targets)?, &Both(None))?;
    assert!((evaluation.loss - (first + second)).abs() < 1e-12, "{}", evaluation.loss);
    for parts in [evaluation.parts, evaluate_parts(&Both(None), &inputs, &targets)?] {
        let found: Vec<(&str, f64)> = parts.iter().map(|part| (&*part.name, part.loss)).collect();
        let [("first", of_first), ("second", of_second)] = found[..] else { panic!("{found:?}") };
        assert!((of_first - first).abs() < 1e-12 && (of_second - second).abs() < 1e-12, "{found:?}");
    }
    taper::gradcheck::loss(&Both(None), &inputs, &targets)
}

#[test]
fn what_a_loss_tells_of_samples_that_there_are_not_is_an_error() {
    let (inputs, targets) = data();
    let mut of_class = PartOfSample::new(1, 0, 0.0);
    of_class.class = Some(1);
    for (wrong, got) in [
        (PartOfSample::new(2, 0, 0.0), "part 2 of 2"),
        (PartOfSample::new(0, 5, 0.0), "sample 5 of 5"),
        (of_class, "class 1 of 1"),
    ] {
        let error = evaluate_parts(&Both(Some(wrong)), &inputs, &targets).unwrap_err().to_string();
        let expected = "parts of the loss: expected parts, samples, outputs and classes that are there, got ";
        assert_eq!(error, format!("{expected}{got}"));
    }
}

#[test]
fn more_parts_than_there_is_room_for_are_an_error() {
    let error = Divisors::of_parts(1.0, &[Some(1.0); 9]).unwrap_err();
    assert_eq!(error.to_string(), "parts of a loss: expected at most 8, got 9");
    assert_eq!(Divisors::of_parts(1.0, &[None; 8]).unwrap().parts(), [None; 8]);
}

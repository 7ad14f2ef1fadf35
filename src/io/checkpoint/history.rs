//! The history of a training as tensors: a row of numbers for each epoch, and the confusion matrices.

use serde_json::{Value, json};

use super::super::Verdict;
use super::super::archive::{Archive, Dtype};
use super::super::draft::Piece;
use super::super::json::{Object, as_number, number};
use super::super::values::encode;
use crate::sequential::ClassNames;
use crate::train::metrics::ConfusionMatrix;
use crate::train::{Epoch, Evaluation, History, Hits, Tally};

const NUMBERS: &str = "@history/numbers";
const CONFUSIONS: &str = "@history/confusions";
const TALLY: &str = "@tally/confusion";

/// Learning rate and seconds, and loss, accuracy and what there is of training and validation.
const COLUMNS: usize = 8;

/// What there is of an evaluation, as bits of one number.
const EVALUATED: u8 = 1;
const ACCURACY: u8 = 2;
const CONFUSION: u8 = 4;

/// The epochs of a history, as two tensors.
///
/// # Errors
/// Where the epochs have confusion matrices of different sizes, which one training never makes.
pub(super) fn write(history: &History, pieces: &mut Vec<Piece<'_>>) -> Verdict<()> {
    let (mut numbers, mut counts, mut matrices, mut classes) = (Vec::new(), Vec::new(), 0, 0);
    for epoch in &history.epochs {
        numbers.extend([epoch.learning_rate, epoch.seconds]);
        for evaluation in [Some(&epoch.train), epoch.validation.as_ref()] {
            let Some(evaluation) = evaluation else {
                numbers.extend([0.0; 3]);
                continue;
            };
            let mut flags = EVALUATED;
            flags |= if evaluation.accuracy.is_some() { ACCURACY } else { 0 };
            if let Some(confusion) = &evaluation.confusion {
                if matrices > 0 && confusion.classes() != classes {
                    return Err(format!(
                        "expected confusion matrices of {classes} classes, got {}",
                        confusion.classes()
                    ));
                }
                (matrices, classes) = (matrices + 1, confusion.classes());
                counts.extend_from_slice(confusion.counts());
                flags |= CONFUSION;
            }
            numbers.extend([evaluation.loss, evaluation.accuracy.unwrap_or_default(), f64::from(flags)]);
        }
    }
    pieces.push(Piece {
        name: NUMBERS.into(),
        dtype: Dtype::F64,
        shape: vec![history.epochs.len(), COLUMNS],
        bytes: Box::new(move || encode(&numbers)),
    });
    pieces.push(whole_numbers(CONFUSIONS, vec![matrices, classes, classes], counts));
    Ok(())
}

/// The epochs that [`write`] wrote; none where there is nothing of it.
pub(super) fn read(archive: &Archive<'_>) -> Verdict<History> {
    let Some(numbers) = archive.entry(NUMBERS) else { return Ok(History::default()) };
    let numbers = Some(numbers).filter(|entry| entry.dtype == Dtype::F64);
    let numbers = numbers.filter(|entry| entry.shape.rank() == 2 && entry.shape.axes()[1] == COLUMNS);
    let numbers = numbers.ok_or_else(|| format!("expected `{NUMBERS}` [epochs, {COLUMNS}], f64"))?;
    let (shape, counts) = read_whole_numbers(archive, CONFUSIONS)?;
    let &[_, classes, same] = &shape[..] else {
        return Err(format!("expected `{CONFUSIONS}` [matrices, classes, classes]"));
    };
    if classes != same {
        return Err(format!("expected `{CONFUSIONS}` of square matrices, got {classes} by {same}"));
    }
    let mut matrices = counts.chunks_exact(classes.saturating_mul(classes).max(1));
    let mut evaluation = |loss: f64, accuracy: f64, flags: f64| -> Verdict<Option<Evaluation>> {
        let flags = flags as u8;
        if flags & EVALUATED == 0 {
            return Ok(None);
        }
        let confusion = if flags & CONFUSION == 0 {
            None
        } else {
            let counts = matrices.next().ok_or_else(|| format!("`{CONFUSIONS}`: one is missing"))?;
            Some(ConfusionMatrix::from_counts(classes, counts.to_vec()))
        };
        let accuracy = (flags & ACCURACY != 0).then_some(accuracy);
        Ok(Some(Evaluation { loss, accuracy, confusion, parts: Vec::new() }))
    };
    let mut history = History::default();
    for (epoch, row) in numbers.numbers()?.to_vec::<f64>().as_chunks::<COLUMNS>().0.iter().enumerate() {
        let &[
            learning_rate,
            seconds,
            loss,
            accuracy,
            flags,
            validation_loss,
            validation_accuracy,
            validation_flags,
        ] = row;
        let train = evaluation(loss, accuracy, flags)?
            .ok_or_else(|| format!("`{NUMBERS}`: epoch {epoch} was not trained"))?;
        let validation = evaluation(validation_loss, validation_accuracy, validation_flags)?;
        let metrics = Vec::new();
        history.epochs.push(Epoch { epoch, learning_rate, train, validation, metrics, seconds });
    }
    Ok(history)
}

/// Names the classes in the confusion matrices of a training.
pub(super) fn name_classes(history: &mut History, tally: Option<&mut Tally>, names: &ClassNames) {
    let evaluations =
        history.epochs.iter_mut().flat_map(|epoch| [Some(&mut epoch.train), epoch.validation.as_mut()]);
    let kept = evaluations.flatten().filter_map(|evaluation| evaluation.confusion.as_mut());
    let going_on = tally.and_then(|tally| tally.hits.as_mut()).and_then(|hits| hits.confusion.as_mut());
    kept.chain(going_on).for_each(|confusion| confusion.set_names(names.clone()));
}

/// The metrics of each epoch, as lists of names and numbers; nothing where no epoch has any.
pub(super) fn metrics(history: &History) -> Option<Value> {
    let of_epoch = |epoch: &Epoch| -> Value {
        epoch.metrics.iter().map(|(name, value)| json!([name, number(*value)])).collect()
    };
    let some = history.epochs.iter().any(|epoch| !epoch.metrics.is_empty());
    some.then(|| history.epochs.iter().map(of_epoch).collect())
}

/// Gives the epochs what [`metrics`] wrote.
pub(super) fn read_metrics(epochs: &[Value], history: &mut History) -> Verdict<()> {
    if epochs.len() != history.epochs.len() {
        return Err(format!(
            "metrics: expected those of {} epochs, got {}",
            history.epochs.len(),
            epochs.len()
        ));
    }
    let pair = |pair: &Value| Some((pair.get(0)?.as_str()?.to_owned(), as_number(pair.get(1)?)?));
    for (epoch, metrics) in history.epochs.iter_mut().zip(epochs) {
        let metrics = metrics.as_array().and_then(|metrics| metrics.iter().map(pair).collect());
        epoch.metrics = metrics.ok_or("metrics: expected a name and a number for each")?;
    }
    Ok(())
}

/// Losses and hits of an epoch that is going on.
pub(super) fn tally(tally: &Tally, pieces: &mut Vec<Piece<'_>>) -> Value {
    let hits = tally.hits.as_ref().map(|hits| {
        if let Some(confusion) = &hits.confusion {
            let shape = vec![hits.classes, hits.classes];
            pieces.push(whole_numbers(TALLY, shape, confusion.counts().to_vec()));
        }
        json!({
            "classes": hits.classes,
            "labelled": number(hits.labelled),
            "right": number(hits.right),
            "confusion": hits.confusion.is_some(),
        })
    });
    json!({ "loss": number(tally.loss), "divisor": number(tally.divisor), "hits": hits })
}

/// What [`tally`] wrote.
pub(super) fn read_tally(object: &Object<'_>, archive: &Archive<'_>) -> Verdict<Tally> {
    let hits = match object.get("hits") {
        None | Some(Value::Null) => None,
        Some(hits) => {
            let hits = Object::new("hits", hits)?;
            let classes = hits.count("classes")?;
            let confusion = if hits.flag("confusion")? {
                let (shape, counts) = read_whole_numbers(archive, TALLY)?;
                if shape != [classes, classes] {
                    return Err(format!("expected `{TALLY}` [{classes}, {classes}], got {shape:?}"));
                }
                Some(ConfusionMatrix::from_counts(classes, counts))
            } else {
                None
            };
            let (labelled, right) = (hits.number("labelled")?, hits.number("right")?);
            Some(Hits { classes, labelled, right, confusion })
        }
    };
    // A file without a divisor has a mean over samples.
    let divisor = match object.get("divisor") {
        None => object.count("samples")? as f64,
        Some(_) => object.number("divisor")?,
    };
    Ok(Tally { loss: object.number("loss")?, divisor, hits })
}

fn whole_numbers<'a>(name: &str, shape: Vec<usize>, values: Vec<u64>) -> Piece<'a> {
    let bytes = Box::new(move || values.iter().flat_map(|value| value.to_le_bytes()).collect());
    Piece { name: name.into(), dtype: Dtype::U64, shape, bytes }
}

fn read_whole_numbers(archive: &Archive<'_>, name: &str) -> Verdict<(Vec<usize>, Vec<u64>)> {
    let entry = archive.entry(name).filter(|entry| entry.dtype == Dtype::U64);
    let entry = entry.ok_or_else(|| format!("expected `{name}` of whole numbers"))?;
    let values = entry.bytes.as_chunks().0.iter().map(|&bytes| u64::from_le_bytes(bytes)).collect();
    Ok((entry.shape.axes().to_vec(), values))
}

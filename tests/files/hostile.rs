//! Files that are cut, damaged or made to do harm: an error, or a model of the right shapes, and never a panic.

use rand::{Rng, RngExt};
use taper::io::{Load, Save};
use taper::{Error, Layer, Result, Sequential, Tensor};

fn small(seed: u64) -> Sequential<f32> {
    let builder = Sequential::builder([2, 3]).flatten().dense(4).named("fc1").relu();
    builder.dense(2).named("fc2").build(&mut taper::seeded(seed)).unwrap()
}

fn saved() -> Vec<u8> {
    small(1).to_bytes(&Save::new()).unwrap()
}

/// The length of the header, with the eight bytes in front that tell it.
fn header_len(bytes: &[u8]) -> usize {
    8 + u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize
}

/// A file with this header and so many bytes of zeros.
pub(crate) fn file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

/// Opens and loads a file that may be anything. What is accepted must be usable; what is not leaves the model alone.
fn survive(bytes: &[u8]) -> [bool; 2] {
    let opened = Sequential::<f32>::open_bytes(bytes);
    if let Ok(model) = &opened {
        assert!(model.parameters() * 4 <= bytes.len(), "more parameters than the file has bytes");
        if model.input().len() < 1000 {
            let x = Tensor::zeros(model.input().with_batch(1).unwrap()).unwrap();
            assert_eq!(model.predict(&x).unwrap().shape(), model.output().with_batch(1).unwrap());
        }
    }
    let (mut target, before) = (small(2), small(2));
    let loaded = target.load_bytes(bytes, &Load::new());
    let shapes = |model: &Sequential<f32>| -> Vec<_> {
        model.state().iter().map(|(name, tensor)| (name.to_owned(), tensor.shape())).collect()
    };
    assert_eq!(shapes(&target), shapes(&before));
    if loaded.is_err() {
        assert_eq!(target.state(), before.state(), "an error has changed the model");
    }
    target.params(&mut |param| assert!(param.buffer().iter().all(|value| value.is_finite())));
    [opened.is_ok(), loaded.is_ok()]
}

#[test]
fn cut_at_every_byte() {
    let bytes = saved();
    assert_eq!(survive(&bytes), [true, true]);
    for end in 0..bytes.len() {
        assert_eq!(survive(&bytes[..end]), [false, false], "cut at {end} of {}", bytes.len());
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(survive(&longer), [false, false], "a byte too many");
}

#[test]
fn flipped_at_every_bit_of_the_header() {
    let bytes = saved();
    for bit in 0..8 * header_len(&bytes) {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        survive(&flipped);
    }
}

#[test]
fn flipped_at_random_in_the_data() {
    let bytes = saved();
    let start = header_len(&bytes);
    let mut rng = taper::seeded(5);
    let mut refused = 0;
    for _ in 0..1000 {
        let mut flipped = bytes.clone();
        let bit = rng.random_range(8 * start..8 * bytes.len());
        flipped[bit / 8] ^= 1 << (bit % 8);
        refused += usize::from(survive(&flipped) == [false, false]);
    }
    // Only what is not finite can be told from a weight.
    assert!(refused < 100, "{refused} refused");
}

/// Every text in the description exchanged for another of its texts and numbers.
#[test]
fn descriptions_that_are_shuffled() {
    let bytes = saved();
    let header = header_len(&bytes);
    let text = std::str::from_utf8(&bytes[8..header]).unwrap().trim_end().to_owned();
    let words: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut rng = taper::seeded(6);
    for _ in 0..3000 {
        let (from, to) = (rng.random_range(0..words.len()), rng.random_range(0..words.len()));
        let place = text.match_indices(words[from]).nth(rng.random_range(0..3)).map(|(place, _)| place);
        let Some(place) = place else { continue };
        let changed = format!("{}{}{}", &text[..place], words[to], &text[place + words[from].len()..]);
        survive(&[&file(&changed, 0)[..], &bytes[header..]].concat());
    }
}

#[test]
fn bytes_without_sense() {
    let mut rng = taper::seeded(7);
    for len in 0..600 {
        let mut bytes = vec![0; len];
        rng.fill_bytes(&mut bytes);
        assert_eq!(survive(&bytes), [false, false]);
        // With a length in front that is right.
        if let Some(start) = bytes.first_chunk_mut() {
            *start = (len as u64 - 8).to_le_bytes();
            assert_eq!(survive(&bytes), [false, false]);
        }
    }
}

/// A header whose length is no multiple of eight puts every number at an odd address.
#[test]
fn numbers_at_any_address() {
    let bytes = saved();
    let header = header_len(&bytes);
    let text = std::str::from_utf8(&bytes[8..header]).unwrap().trim_end().to_owned();
    for spaces in 0..8 {
        let moved = [&file(&format!("{text}{}", " ".repeat(spaces)), 0)[..], &bytes[header..]].concat();
        let model = Sequential::<f32>::open_bytes(&moved).unwrap();
        assert_eq!(model.state(), small(1).state());
    }
}

#[test]
fn what_is_not_finite_is_an_error_or_told() -> Result<()> {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut broken = small(1);
        let mut weight = broken.param("fc2.weight")?.to_tensor();
        weight.as_mut_slice()[3] = value;
        broken.param_mut("fc2.weight")?.set(&weight)?;
        let bytes = broken.to_bytes(&Save::new())?;
        assert_eq!(survive(&bytes), [false, false]);
        let mut target = small(2);
        let error = target.load_bytes(&bytes, &Load::new()).unwrap_err();
        let Error::Tensors { problems, .. } = &error else { panic!("{error}") };
        // Place 3 of the model's [4, 2] is row 1, column 1; in the file's [2, 4] that is place 5.
        assert_eq!(*problems, [format!("`fc2.weight`: expected finite values, got {value} at 5")]);
        let loaded = target.load_bytes(&bytes, &Load::new().allow_not_finite())?;
        assert_eq!(loaded.not_finite, ["fc2.weight"]);
        assert_eq!(target.param("fc2.weight")?.to_tensor().as_slice()[3].to_bits(), value.to_bits());
    }
    Ok(())
}

/// A number that is too large for the model's type.
#[test]
fn an_overflow_is_not_finite() -> Result<()> {
    let mut double = Sequential::<f64>::builder([1]).dense(1).named("fc1").build(&mut taper::seeded(1))?;
    double.param_mut("fc1.weight")?.set(&Tensor::from([[1e300]]))?;
    let mut single = Sequential::<f32>::builder([1]).dense(1).named("fc1").build(&mut taper::seeded(1))?;
    let error = single.load_bytes(&double.to_bytes(&Save::new())?, &Load::new()).unwrap_err().to_string();
    assert!(error.ends_with("`fc1.weight`: expected finite values, got inf at 0"), "{error}");
    Ok(())
}

/// A name is a name: nothing is ever written or read where it points.
#[test]
fn names_are_no_paths() {
    let header = r#"{"../../x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let error = small(1).load_bytes(&file(header, 4), &Load::new()).unwrap_err().to_string();
    assert!(error.contains("`../../x` [1] is left over"), "{error}");
}

//! Headers as others write them: what NumPy's own reader takes is taken, and what it refuses is refused.

use std::fs;

use serde_json::Value;
use taper::Tensor;
use taper::io::npy;

use super::{error, file, fixture};

/// A file with this header and these bytes behind it.
fn array(version: u8, header: &str, behind: &[u8]) -> Vec<u8> {
    let header = if version == 3 {
        header.as_bytes().to_vec()
    } else {
        header.chars().map(|c| u8::try_from(c).unwrap()).collect()
    };
    let length = (header.len() as u32).to_le_bytes();
    let length = if version == 1 { &length[..2] } else { &length };
    [&b"\x93NUMPY"[..], &[version, 0], length, &header, behind].concat()
}

/// NumPy was asked on a machine like these; the types `l`, `int` and others are as wide as a machine has them.
#[cfg_attr(
    not(all(unix, target_pointer_width = "64", target_endian = "little")),
    ignore = "what NumPy says of these headers holds on machines like its own"
)]
#[test]
fn every_header_is_read_as_by_numpy() {
    let behind: Vec<u8> = (1..=64).collect();
    let (mut taken, mut refused) = (0, 0);
    for row in fs::read_to_string(fixture("headers.jsonl")).unwrap().lines() {
        let row: Value = serde_json::from_str(row).unwrap();
        let (version, header) = (row["version"].as_u64().unwrap() as u8, row["header"].as_str().unwrap());
        let got = npy::open(file("headers", &array(version, header, &behind)));
        let Value::Object(expected) = &row["array"] else {
            assert!(got.is_err(), "{header:?} in version {version}: NumPy refuses it, got {got:?}");
            refused += 1;
            continue;
        };
        let got = got.unwrap_or_else(|error| panic!("{header:?} in version {version}: {error}"));
        assert_eq!(got.dtype(), expected["dtype"], "{header:?}");
        let axes: Vec<u64> = got.shape().axes().iter().map(|&axis| axis as u64).collect();
        assert_eq!(Value::from(axes), expected["shape"], "{header:?}");
        let numbers: Tensor<f64> = got.rounded().unwrap();
        assert_eq!(Value::from(numbers.as_slice()), expected["numbers"], "{header:?}");
        taken += 1;
    }
    assert!(taken > 300 && refused > 300, "{taken} taken, {refused} refused");
}

#[test]
fn what_lies_behind_an_array_is_left_alone() {
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }";
    let two = array(1, header, &[1, 2, 3, b'n', b'e', b'x', b't']);
    assert_eq!(npy::read_labels(file("behind", &two)), Ok(vec![1, 2, 3]));
    let none = "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }";
    let none = npy::read::<f32>(file("behind", &array(1, none, b"next"))).unwrap();
    assert_eq!(none.shape().axes(), [0, 3]);
    let cut = array(1, header, &[1, 2]);
    assert_eq!(error(npy::open(file("behind", &cut))), "expected 3 bytes for uint8 [3], got 2");
}

/// More numbers than are turned at a time, in each order of the axes and of the bytes.
#[test]
fn arrays_of_many_blocks_are_read() {
    let shape = [7, 1, 31, 211];
    for (order, fortran) in [('<', "False"), ('>', "False"), ('<', "True"), ('>', "True")] {
        let header =
            format!("{{'descr': '{order}u4', 'fortran_order': {fortran}, 'shape': (7, 1, 31, 211), }}");
        let expected: Tensor<f64> = Tensor::from_fn(shape, |i| (i * i) as f64).unwrap();
        let at = |a: usize, b: usize, c: usize| expected.as_slice()[(a * 31 + b) * 211 + c] as u32;
        let mut behind = Vec::new();
        let mut push = |number: u32| {
            behind.extend(if order == '<' { number.to_le_bytes() } else { number.to_be_bytes() });
        };
        if fortran == "True" {
            (0..211).for_each(|c| (0..31).for_each(|b| (0..7).for_each(|a| push(at(a, b, c)))));
        } else {
            (0..7).for_each(|a| (0..31).for_each(|b| (0..211).for_each(|c| push(at(a, b, c)))));
        }
        let path = file("blocks", &array(2, &header, &behind));
        assert_eq!(npy::open(path).unwrap().integers(), Ok(expected), "{header}");
    }
}

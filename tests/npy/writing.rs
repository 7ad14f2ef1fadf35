//! What is written is what NumPy would have written, and comes back as it was.

use std::fs;

use taper::io::npy::{self, Archive, Entry};
use taper::{Shape, Tensor, TensorView};

use super::{fixture, place};

/// Each bit pattern that is a case of its own: zeros, subnormal numbers, infinities, NaN with a payload, both signs.
fn bits() -> Vec<u32> {
    let positive =
        [0, 1, 0x007f_ffff, 0x0080_0000, 0x3f80_0000, 0x7f7f_ffff, 0x7f80_0000, 0x7fc0_1234, 0x7fff_ffff];
    positive.into_iter().chain(positive.map(|bits| bits | 1 << 31)).collect()
}

#[test]
fn files_have_the_bytes_of_numpys() {
    let path = place("bytes.npy");
    for name in ["float32", "vector", "empty", "six_axes"] {
        npy::write(&path, &npy::read::<f32>(fixture(&format!("{name}.npy"))).unwrap()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), fs::read(fixture(&format!("{name}.npy"))).unwrap(), "{name}");
    }
    for name in ["float64", "scalar"] {
        npy::write(&path, &npy::read::<f64>(fixture(&format!("{name}.npy"))).unwrap()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), fs::read(fixture(&format!("{name}.npy"))).unwrap(), "{name}");
    }
    npy::write(&path, &npy::read_labels(fixture("labels.npy")).unwrap()).unwrap();
    assert_eq!(fs::read(&path).unwrap(), fs::read(fixture("labels.npy")).unwrap());
}

#[test]
fn an_entry_says_what_it_holds() {
    let values = Tensor::<f32>::zeros([2, 3]).unwrap();
    assert_eq!(format!("{:?}", Entry::from(&values)), "Entry <f4 [2, 3]");
    assert_eq!(format!("{:?}", Entry::from(&[7_usize, 9])), "Entry <i8 [2]");
}

#[test]
fn all_bits_come_back() {
    let path = place("bits.npy");
    let single: Vec<f32> = bits().into_iter().map(f32::from_bits).collect();
    npy::write(&path, TensorView::new([single.len()], &single).unwrap()).unwrap();
    let back: Vec<u32> = npy::read::<f32>(&path).unwrap().as_slice().iter().map(|x| x.to_bits()).collect();
    assert_eq!(back, bits());

    let wide: Vec<u64> = bits().into_iter().map(|bits| u64::from(bits) << 32 | 0x1234_5678).collect();
    let double: Vec<f64> = wide.iter().copied().map(f64::from_bits).collect();
    npy::write(&path, TensorView::new([double.len()], &double).unwrap()).unwrap();
    let back: Vec<u64> = npy::read::<f64>(&path).unwrap().as_slice().iter().map(|x| x.to_bits()).collect();
    assert_eq!(back, wide);
}

#[test]
fn every_shape_comes_back() {
    let path = place("shapes.npy");
    let shapes: [Shape; 8] = [
        [].into(),
        [0].into(),
        [1].into(),
        [3, 0, 2].into(),
        [8191].into(),
        [8192].into(),
        [3, 8193].into(),
        [1, 2, 3, 2, 1, 2].into(),
    ];
    for shape in shapes {
        let tensor = Tensor::from_fn(shape, |i| i as f64 * 0.1).unwrap();
        npy::write(&path, &tensor).unwrap();
        assert_eq!(npy::read(&path), Ok(tensor));
        assert_eq!(
            fs::read(&path).unwrap().iter().position(|&byte| byte == b'\n').unwrap() % 64,
            63,
            "{shape}"
        );
    }
}

#[test]
fn archives_come_back() {
    let path = place("archive.npz");
    let (weight, bias) = (Tensor::from([[0.1_f32, 0.2], [0.3, 0.4]]), Tensor::from([0.1_f64]));
    let labels = [3, 0, 1];
    let entries =
        [("fc1.weight", Entry::from(&weight)), ("größe", bias.view().into()), ("y", (&labels).into())];
    npy::write_archive(&path, entries).unwrap();
    let first = fs::read(&path).unwrap();
    let mut archive = Archive::open(&path).unwrap();
    assert_eq!(archive.names(), ["fc1.weight", "größe", "y"]);
    assert_eq!(archive.array("fc1.weight").unwrap().tensor(), Ok(weight.clone()));
    assert_eq!(archive.array("größe").unwrap().tensor(), Ok(bias.clone()));
    assert_eq!(archive.array("y").unwrap().labels().unwrap(), labels);

    // The same arrays give the same bytes, in place of the file that was there.
    let entries = [("fc1.weight", Entry::from(&weight)), ("größe", (&bias).into()), ("y", (&labels).into())];
    npy::write_archive(&path, entries).unwrap();
    assert_eq!(fs::read(&path).unwrap(), first);

    let path = place("no-array.npz");
    npy::write_archive(&path, Vec::<(String, Entry<'_>)>::new()).unwrap();
    assert_eq!(Archive::open(&path).unwrap().tensors::<f32>(), Ok(Vec::new()));
}

#[test]
fn a_name_twice_is_an_error_and_changes_nothing() {
    let path = place("twice.npz");
    npy::write_archive(&path, [("x", Entry::from(&[1]))]).unwrap();
    let error = npy::write_archive(&path, [("x", Entry::from(&[1])), ("x", Entry::from(&[2]))]).unwrap_err();
    let text = "array name `x`: expected a name of its own, got one twice";
    assert!(error.to_string().ends_with(text), "{error}");
    assert_eq!(Archive::open(&path).unwrap().array("x").unwrap().labels(), Ok(vec![1]));
}

#[test]
fn what_cannot_be_written_is_an_error() {
    let folder = place("missing-folder").join("x.npy");
    let text = npy::write(&folder, &[1]).unwrap_err().to_string();
    assert!(text.starts_with("write `"), "{text}");
    let path = place("large-label.npy");
    npy::write(&path, &[7]).unwrap();
    // Every label of 32 bits can be written.
    if usize::BITS == 64 {
        let text = npy::write(&path, &[usize::MAX]).unwrap_err().to_string();
        assert!(text.ends_with("expected labels below 2^63, got a larger one"), "{text}");
    }
    assert_eq!(npy::read_labels(&path), Ok(vec![7]));
}

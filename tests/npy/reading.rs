//! What NumPy wrote is read.

use taper::io::npy::{self, Archive};
use taper::{Scalar, Tensor};

use super::{error, fixture};

/// i / 7, the division in double precision as NumPy's.
fn sevenths<T: Scalar>() -> Tensor<T> {
    Tensor::from_fn([2, 3, 4], |i| T::of(i as f64 / 7.0)).unwrap()
}

fn counted<T: Scalar>(shape: impl Into<taper::Shape>) -> Tensor<T> {
    Tensor::from_fn(shape, |i| T::of(i as f64)).unwrap()
}

#[test]
fn floats_are_read() {
    for name in ["float32.npy", "float32_big_endian.npy"] {
        assert_eq!(npy::read(fixture(name)), Ok(sevenths::<f32>()), "{name}");
    }
    for name in ["float64.npy", "float64_fortran.npy"] {
        assert_eq!(npy::read(fixture(name)), Ok(sevenths::<f64>()), "{name}");
    }
    for name in ["version_2.npy", "version_3.npy"] {
        assert_eq!(npy::read(fixture(name)), Ok(counted::<f32>([3])), "{name}");
    }
    assert_eq!(npy::read(fixture("scalar.npy")), Ok(Tensor::from_vec([], vec![1.0 / 7.0]).unwrap()));
    assert_eq!(npy::read(fixture("vector.npy")), Ok(counted::<f32>([5])));
    assert_eq!(npy::read(fixture("empty.npy")), Ok(counted::<f32>([0, 3])));
    assert_eq!(npy::read(fixture("six_axes.npy")), Ok(counted::<f32>([1, 2, 1, 3, 1, 1])));
}

#[test]
fn narrower_floats_are_widened() {
    let wide: Tensor<f64> = npy::read(fixture("float32.npy")).unwrap();
    let expected: Vec<f64> = sevenths::<f32>().as_slice().iter().map(|&value| f64::from(value)).collect();
    assert_eq!(wide.as_slice(), expected);

    let [halves, widened] = ["float16.npy", "float16_widened.npy"].map(fixture);
    let (halves, widened): (Tensor<f32>, Tensor<f32>) =
        (npy::read(halves).unwrap(), npy::read(widened).unwrap());
    assert_eq!(halves.len(), 256);
    for (index, (half, wide)) in halves.as_slice().iter().zip(widened.as_slice()).enumerate() {
        assert!(half.to_bits() == wide.to_bits() || half.is_nan() && wide.is_nan(), "{index}: {half} {wide}");
    }
    let halves: Tensor<f64> = npy::read(fixture("float16.npy")).unwrap();
    assert_eq!(halves.as_slice()[1], 2.0_f64.powi(-24));
}

#[test]
fn wider_floats_are_rounded_when_asked() {
    let array = npy::open(fixture("float64_fortran.npy")).unwrap();
    assert_eq!((array.dtype(), array.shape().axes()), ("float64", &[2, 3, 4][..]));
    assert_eq!(format!("{array:?}"), "NumpyArray float64 [2, 3, 4]");
    assert_eq!(array.rounded(), Ok(sevenths::<f32>()));
    assert_eq!(npy::open(fixture("float64.npy")).unwrap().rounded(), Ok(sevenths::<f64>()));
    let text = "expected float16 or float32, got float64; `rounded` reads it";
    assert_eq!(error(npy::read::<f32>(fixture("float64.npy"))), text);
}

#[test]
fn whole_numbers_are_converted_when_asked() {
    let high = 2.0_f64.powi(31);
    for (name, expected) in [
        ("bool", vec![0.0, 1.0, 1.0]),
        ("uint8", vec![0.0, 1.0, 255.0]),
        ("int8", vec![-128.0, 0.0, 127.0]),
        ("int16_big_endian", vec![-32768.0, 0.0, 32767.0]),
        ("uint16", vec![0.0, 1.0, 65535.0]),
        ("int32", vec![-high, 0.0, high - 1.0]),
        ("uint32", vec![0.0, 1.0, 2.0 * high - 1.0]),
    ] {
        let path = fixture(&format!("{name}.npy"));
        let tensor: Tensor<f64> = npy::open(&path).unwrap().integers().unwrap();
        assert_eq!(tensor.as_slice(), expected, "{name}");
        assert_eq!(npy::open(&path).unwrap().rounded(), Ok(tensor), "{name}");
        let hint = "`integers` reads it as floating-point numbers, `labels` as classes";
        let got = name.strip_suffix("_big_endian").unwrap_or(name);
        let text = format!("expected float16, float32 or float64, got {got}; {hint}");
        assert_eq!(error(npy::read::<f64>(&path)), text);
    }
    let pixels: Tensor<f32> = npy::open(fixture("uint8.npy")).unwrap().integers().unwrap();
    assert_eq!(pixels, Tensor::from([[0.0, 1.0, 255.0]]));
}

#[test]
fn a_whole_number_that_would_change_is_an_error() {
    let integers = |name: &str| npy::open(fixture(name)).unwrap().integers::<f64>();
    let text = "number 2: expected a number that f64 can hold, got 9007199254740993";
    assert_eq!(error(integers("int64.npy")), text);
    let text = "number 2: expected a number that f64 can hold, got 18446744073709551615";
    assert_eq!(error(integers("uint64.npy")), text);
    let text = "number 2: expected a number that f32 can hold, got 2147483647";
    assert_eq!(error(npy::open(fixture("int32.npy")).unwrap().integers::<f32>()), text);
    assert_eq!(error(integers("float32.npy")), "expected whole numbers, got float32");

    let rounded: Tensor<f64> = npy::open(fixture("uint64.npy")).unwrap().rounded().unwrap();
    assert_eq!(rounded.as_slice(), [0.0, 2.0_f64.powi(53), 2.0_f64.powi(64)]);
}

#[test]
fn labels_are_read() {
    assert_eq!(npy::read_labels(fixture("labels.npy")), Ok(vec![2, 0, 1, 9]));
    assert_eq!(npy::read_labels(fixture("labels_column.npy")), Ok(vec![2, 0, 1]));
    assert_eq!(npy::read_labels(fixture("bool.npy")), Ok(vec![0, 1, 1]));
    let labels = |name| error(npy::read_labels(fixture(name)));
    assert_eq!(labels("int8.npy"), "number 0: expected a label from 0, got -128");
    let text = "expected one label for each sample, [samples], got [2, 3]";
    assert_eq!(labels("labels_fortran.npy"), text);
    assert_eq!(labels("vector.npy"), "expected whole numbers, got float32");
    // But as numbers they are put into row-major order.
    let tensor: Tensor<f32> = npy::open(fixture("labels_fortran.npy")).unwrap().integers().unwrap();
    assert_eq!(tensor, counted([2, 3]));
}

#[test]
fn what_is_not_an_array_of_real_numbers_is_an_error() {
    for (name, expected) in [
        ("complex", "expected real numbers, got `<c8`"),
        ("text", "expected real numbers, got `<U3`"),
        ("date", "expected real numbers, got `<M8[D]`"),
        ("long_double", "expected real numbers, got `<f16`"),
        ("objects", "expected real numbers, got Python objects"),
        ("structure", "expected an array of plain numbers, got one of structures"),
        ("seven_axes", "shape [1, 1, 1, 1, 1, 1, 2]: expected at most 6 axes"),
    ] {
        assert_eq!(error(npy::open(fixture(&format!("{name}.npy")))), expected);
    }
}

#[test]
fn a_missing_file_is_an_error_of_the_system() {
    for error in [npy::open("missing.npy").unwrap_err(), Archive::open("missing.npy").unwrap_err()] {
        let taper::Error::Io { action, path, kind, .. } = error else { panic!("{error}") };
        assert_eq!((action, path.as_str()), ("read", "missing.npy"));
        assert_eq!(kind, std::io::ErrorKind::NotFound);
    }
}

#[test]
fn archives_are_read() {
    for (name, names) in [
        ("stored.npz", &["weight", "bias", "labels"][..]),
        ("deflated.npz", &["zeros", "weight", "bias", "labels"]),
    ] {
        let mut archive = Archive::open(fixture(name)).unwrap();
        assert_eq!(archive.names(), names);
        assert_eq!(archive.array("weight").unwrap().tensor(), Ok(sevenths::<f32>()));
        assert_eq!(archive.array("bias").unwrap().tensor(), Ok(counted::<f32>([5])));
        assert_eq!(archive.array("labels").unwrap().labels(), Ok(vec![2, 0, 1, 9]));
        if names[0] == "zeros" {
            assert_eq!(archive.array("zeros").unwrap().tensor(), Tensor::<f32>::zeros([10_000]));
        }
        let known: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let text = format!("array name: expected one of {}; got `Weight`", known.join(", "));
        assert_eq!(error(archive.array("Weight")), text);
        let text = "array `labels`: expected float16 or float32, got int64; \
                    `integers` reads it as floating-point numbers, `labels` as classes";
        assert_eq!(error(archive.tensors::<f32>()), text);
    }
}

//! Small networks by PyTorch's exporters, scikit-learn's and TensorFlow's, as `tests/fixtures/onnx` has them.

use super::{fixture, is_rounded, off, values};
use taper::Sequential;

#[test]
fn all_that_exporters_write_is_read() {
    let mut files: Vec<_> =
        std::fs::read_dir(fixture("")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    files.retain(|path| !is_rounded(path.file_stem().unwrap().to_str().unwrap()));
    files.sort();
    assert!(files.len() > 20);
    let mut problems = Vec::new();
    for path in files {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let model = match Sequential::<f32>::from_onnx(&path) {
            Ok(model) => model,
            Err(error) => {
                problems.push(error.to_string());
                continue;
            }
        };
        let (x, y) = values(&name);
        let off = off(&model, &x, &y);
        if off.is_nan() || off > 1e-5 {
            problems.push(format!("{name} is off by {off}: {}", model.summary()));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

//! ONNX's own backend tests, where they are: `tests/fixtures/onnx/make_backend.py` says how to get them and how to run this.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use taper::io::TensorFile;
use taper::{Error, Sequential};

/// Operations that no layer does; a test of one of them alone may be refused. Whatever else is refused is shown.
#[test]
fn what_is_read_of_the_backend_tests_is_right() {
    let Some(folder) = std::env::var_os("TAPER_ONNX_BACKEND").map(PathBuf::from) else {
        println!("skipped: TAPER_ONNX_BACKEND tells no folder of them");
        return;
    };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    files.sort();
    let (mut passed, mut wrong) = (Vec::new(), Vec::new());
    let mut refused: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in files {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        match run(&path) {
            Ok(None) => passed.push(name),
            Ok(Some(problem)) => wrong.push(format!("{name}: {problem}")),
            Err(why) => refused.entry(why).or_default().push(name),
        }
    }
    for (why, names) in &refused {
        println!("{} refused: {why}: {}", names.len(), names.join(" "));
    }
    println!("{} passed: {}", passed.len(), passed.join(" "));
    println!(
        "{} passed, {} refused, {} wrong",
        passed.len(),
        refused.values().map(Vec::len).sum::<usize>(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with the outputs, or why there are none.
fn run(path: &Path) -> Result<Option<String>, String> {
    let why = |error: Error| match &error {
        // The name of an operation says nothing here.
        Error::Operations { problems, .. } => {
            let problem = problems.first().cloned().unwrap_or_default();
            let operation = problem.split_once(" (").map(|named| named.1.to_owned());
            operation.unwrap_or(problem)
        }
        _ => error.to_string(),
    };
    let model = Sequential::<f64>::from_onnx(path).map_err(why)?;
    let values = TensorFile::open(path.with_extension("safetensors")).map_err(|error| error.to_string())?;
    let [x, y] = ["x", "y"].map(|name| values.tensor::<f64>(name).unwrap());
    let got = match model.predict(&x) {
        Ok(got) => got,
        Err(error) => return Ok(Some(error.to_string())),
    };
    if got.shape() != y.shape() {
        return Ok(Some(format!("expected {}, got {}", y.shape(), got.shape())));
    }
    // The tests' own tolerances are these.
    let off = got.as_slice().iter().zip(y.as_slice()).position(|(got, y)| {
        let is_same = got == y || got.is_nan() && y.is_nan();
        let is_near = (got - y).abs() <= 1e-7 + 1e-3 * y.abs();
        !is_same && !is_near
    });
    Ok(off.map(|place| {
        format!("place {place}: expected {}, got {}", y.as_slice()[place], got.as_slice()[place])
    }))
}

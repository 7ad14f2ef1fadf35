//! The names of the classes, through files.

use taper::io::{Load, Save};
use taper::losses::CrossEntropy;
use taper::optimizers::Sgd;
use taper::train::{Dataset, Fit};
use taper::{Error, Optimizer, Sequential, Tensor, Trainer};

const NAMES: [&str; 3] = ["dog", "cat", "bird"];

fn model(seed: u64) -> Sequential<f32> {
    let builder = Sequential::builder([2]).dense(4).named("body").relu().dense(3).named("head");
    builder.build(&mut taper::seeded(seed)).unwrap()
}

fn named(seed: u64, names: [&str; 3]) -> Sequential<f32> {
    let mut model = model(seed);
    model.set_classes(names).unwrap();
    model
}

fn bytes(model: &Sequential<f32>) -> Vec<u8> {
    model.to_bytes(&Save::new()).unwrap()
}

#[test]
fn open_has_the_names_of_the_file_and_the_bytes_are_the_same_again() {
    let original = named(1, ["dog", "größer \"als\" \n alles", "鳥"]);
    let opened = Sequential::<f32>::open_bytes(&bytes(&original)).unwrap();
    assert_eq!(opened.classes(), original.classes());
    assert_eq!(bytes(&opened), bytes(&original));
    assert_eq!(Sequential::<f32>::open_bytes(&bytes(&model(1))).unwrap().classes(), None);
}

#[test]
fn models_in_models_keep_theirs() {
    let inner = named(1, NAMES);
    let outer = Sequential::builder([2]).layer(inner).named("net").softmax().build(&mut taper::seeded(2));
    let outer = outer.unwrap();
    assert_eq!(outer.classes().unwrap(), NAMES);
    let opened = Sequential::<f32>::open_bytes(&bytes(&outer)).unwrap();
    assert_eq!(opened.classes().unwrap(), NAMES);
    assert_eq!(bytes(&opened), bytes(&outer));
}

#[test]
fn load_takes_names_where_there_are_none_and_refuses_others() {
    let file = bytes(&named(1, NAMES));
    let mut none = model(2);
    none.load_bytes(&file, &Load::new()).unwrap();
    assert_eq!(none.classes().unwrap(), NAMES);

    let mut same = named(2, NAMES);
    same.load_bytes(&file, &Load::new()).unwrap();
    assert_eq!(same.state(), none.state());

    // In another order, which would turn predictions round.
    let mut other = named(2, ["cat", "dog", "bird"]);
    let before = other.state();
    let error = other.load_bytes(&file, &Load::new()).unwrap_err();
    let text = "expected the model's classes cat, dog, bird, got dog, cat, bird; `allow_other_classes` keeps the model's";
    assert!(error.to_string().contains(text), "{error}");
    assert!(matches!(error, Error::Tensors { .. }));
    assert_eq!(other.state(), before);
    other.load_bytes(&file, &Load::new().allow_other_classes()).unwrap();
    assert_eq!(
        (other.state(), other.classes().unwrap()),
        (none.state(), &["cat", "dog", "bird"].map(String::from)[..])
    );

    // A file without names says nothing of them.
    let mut named = named(2, NAMES);
    named.load_bytes(&bytes(&model(1)), &Load::new()).unwrap();
    assert_eq!(named.classes().unwrap(), NAMES);
}

#[test]
fn a_part_of_a_file_brings_no_names() {
    let file = bytes(&named(1, NAMES));
    let load = Load::new().with_rename("head", "old").allow_missing().allow_left_over();
    let mut other = named(2, ["a", "b", "c"]);
    other.load_bytes(&file, &load).unwrap();
    assert_eq!(other.classes().unwrap(), ["a", "b", "c"]);
    let mut none = model(2);
    none.load_bytes(&file, &load).unwrap();
    assert_eq!(none.classes(), None);
}

/// A file in which these bytes stand for those.
fn with(file: &[u8], from: &str, to: &str) -> Vec<u8> {
    let to = &format!("{to:>length$}", length = from.len());
    assert_eq!(from.len(), to.len());
    let place = file.windows(from.len()).position(|part| part == from.as_bytes()).expect(from);
    [&file[..place], to.as_bytes(), &file[place + from.len()..]].concat()
}

#[test]
fn names_that_lie_are_refused() {
    let file = bytes(&named(1, NAMES));
    for (from, to, text) in [
        (r#"\"cat\""#, r#"\"dog\""#, "names of classes: expected names of their own, got two of `dog`"),
        (r#"\"cat\","#, "", "expected 3 values, got 2"),
        (r#"\"cat\""#, r#"\"\""#, "name of a class: expected 1 to 1024 bytes, got one of 0 bytes"),
        (r#"\"cat\""#, "1", "expected `classes`, a list of texts"),
        (r#"[\"dog\",\"cat\",\"bird\"]"#, r#"\"dog, cat and a bird.  \""#, "expected `classes`, a list"),
    ] {
        let file = with(&file, from, to);
        for result in [
            Sequential::<f32>::open_bytes(&file).map(drop),
            model(2).load_bytes(&file, &Load::new()).map(drop),
        ] {
            let error = result.unwrap_err().to_string();
            assert!(error.contains(text), "{to}: {error}");
        }
    }
}

#[test]
fn evaluations_and_checkpoints_have_the_names() {
    let (inputs, labels) =
        (Tensor::<f32>::from_fn([9, 2], |i| (i % 5) as f32).unwrap(), [0, 1, 2, 0, 1, 2, 0, 1, 2]);
    let data = Dataset::new(&inputs, &labels).unwrap();
    let trained = |model: &mut Sequential<f32>, resume: Option<&std::path::Path>| {
        let mut trainer = Trainer::new(model, CrossEntropy::new(), Optimizer::new(Sgd::new(0.1).unwrap()));
        match resume {
            Some(path) => trainer.resume(path).unwrap(),
            None => drop(trainer.fit(data, Fit::epochs(2).with_validation(data)).unwrap()),
        }
        let path = std::env::temp_dir().join(format!("taper-classes-{}.checkpoint", std::process::id()));
        trainer.save_checkpoint(&path).unwrap();
        (path, trainer.history().clone())
    };
    let mut original = named(1, NAMES);
    let (path, history) = trained(&mut original, None);
    let confusion = history.epochs[1].validation.as_ref().unwrap().confusion.as_ref().unwrap();
    assert_eq!(confusion.names().unwrap(), NAMES);
    assert!(confusion.to_string().contains("as dog  as cat as bird"), "{confusion}");

    // A model without names takes those of the checkpoint, and so does its history.
    let mut other = model(1);
    assert_eq!(trained(&mut other, Some(&path)).1, history);
    assert_eq!(other.classes().unwrap(), NAMES);
    std::fs::remove_file(path).unwrap();
}

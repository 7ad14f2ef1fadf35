//! No text of an error grows with a file that was made to make it grow.

use serde_json::json;
use taper::io::{Load, Save};
use taper::{Error, Mode, Sequential, Shape, Tensor};

use super::hostile::file;

/// In bytes.
const MOST: usize = 1000;

fn small() -> Sequential<f32> {
    let builder = Sequential::builder([2, 3]).flatten().dense(4).named("fc1").relu();
    builder.dense(2).named("fc2").build(&mut taper::seeded(1)).unwrap()
}

/// Of a text and of all that a program can take from the error.
fn is_brief(what: &str, error: &Error) {
    let text = error.to_string();
    assert!(text.len() <= MOST, "{what}: {} bytes: {}…", text.len(), &text[..MOST / 2]);
    assert!(!text.chars().any(char::is_control), "{what}: {text:?}");
    let whole = format!("{error:?}");
    assert!(whole.len() <= 10 * MOST, "{what}: {} bytes for a program", whole.len());
}

/// A file with this description and no tensors.
fn described(description: &str) -> Vec<u8> {
    file(&json!({ "__metadata__": { "taper": description } }).to_string(), 0)
}

fn model(layers: &str) -> Vec<u8> {
    let model = format!(r#"{{"input":[4],"layers":[{layers}]}}"#);
    described(&format!(
        r#"{{"format":1,"version":"0","orientation":"keras","flattened":null,"model":{model}}}"#
    ))
}

fn hostile_files() -> Vec<(&'static str, Vec<u8>)> {
    let long = "x".repeat(1 << 20);
    let lines = "\\n\\u001b[2J\\u202e".repeat(40);
    let axes = vec!["1"; 10_000].join(",");
    let tensor = |name: &str, dtype: &str, shape: &str, end: usize| {
        format!(r#"{{"{name}":{{"dtype":"{dtype}","shape":[{shape}],"data_offsets":[0,{end}]}}}}"#)
    };
    let many = |name: &dyn Fn(usize) -> String| {
        let one = |i| format!(r#""{}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#, name(i));
        format!("{{{}}}", (0..3000).map(one).collect::<Vec<_>>().join(","))
    };
    let nan = [&file(&tensor(&"n".repeat(1024), "F32", "1", 4), 0)[..], &f32::NAN.to_le_bytes()].concat();
    vec![
        ("a rank of 10,000", file(&tensor("fc1.weight", "F32", &axes, 4), 4)),
        ("a long name", file(&tensor(&long, "F32", "1", 4), 4)),
        ("the longest name", file(&tensor(&"n".repeat(1024), "F32", "1", 4), 4)),
        ("a name of lines", file(&tensor(&lines, "F32", "1", 4), 4)),
        ("a long name of seven axes", file(&tensor(&"n".repeat(1024), "F32", "1,1,1,1,1,1,1", 4), 4)),
        ("a long type", file(&tensor("fc1.weight", &long, "1", 4), 4)),
        ("a type of lines", file(&tensor("fc1.weight", &lines, "1", 4), 4)),
        ("a long key", file(&format!(r#"{{"a":{{"{long}":1}}}}"#), 0)),
        ("a long key twice", file(&format!(r#"{{"{long}":1,"{long}":2}}"#), 0)),
        ("a key of lines twice", file(&format!(r#"{{"{lines}":1,"{lines}":2}}"#), 0)),
        ("many tensors", file(&many(&|i| i.to_string()), 0)),
        ("many tensors of long names", file(&many(&|i| format!("{}{i}", "n".repeat(1000))), 0)),
        ("not finite", nan),
        ("a description that is long", described(&long)),
        ("a description with a long key twice", described(&format!(r#"{{"{long}":1,"{long}":2}}"#))),
        ("a later format", described(&format!(r#"{{"format":9,"version":"{long}"}}"#))),
        ("a later format of lines", described(&format!(r#"{{"format":9,"version":"{lines}"}}"#))),
        ("a long orientation", described(&format!(r#"{{"format":1,"orientation":"{long}"}}"#))),
        (
            "a long flattened",
            described(&format!(r#"{{"format":1,"orientation":"keras","flattened":[{axes}]}}"#)),
        ),
        ("a long kind", model(&format!(r#"{{"name":"a","kind":"{long}"}}"#))),
        (
            "a long layer",
            model(&format!(r#"{{"name":"{long}","kind":"dense","inputs":4,"outputs":1,"bias":true}}"#)),
        ),
        (
            "a layer of lines",
            model(&format!(r#"{{"name":"{lines}","kind":"dense","inputs":4,"outputs":1,"bias":true}}"#)),
        ),
        (
            "a name twice",
            model(&vec![format!(r#"{{"name":"{}","kind":"relu"}}"#, &long[..1 << 16]); 2].join(",")),
        ),
        ("a long window", model(&format!(r#"{{"name":"{long}","kind":"max_pool2d","window":{{}}}}"#))),
        (
            "a long padding",
            model(&format!(
                r#"{{"name":"a","kind":"max_pool2d","window":{{"kernel":[1,1],"dilation":[1,1],"padding":"{long}"}}}}"#
            )),
        ),
        ("a long shape", model(&format!(r#"{{"name":"a","kind":"reshape","sample":[{axes}]}}"#))),
        (
            "a wrong shape in a long layer",
            model(&format!(r#"{{"name":"{long}","kind":"reshape","sample":[5]}}"#)),
        ),
        (
            "a long rule",
            model(&format!(
                r#"{{"name":"{long}","kind":"batch_norm","channels":4,"momentum":0.1,"epsilon":0.1,"rule":"{long}"}}"#
            )),
        ),
        ("a long header without end", file(&format!(r#"{{"{long}"#), 0)),
        ("text", [&(1_u64 << 40).to_le_bytes()[..], long.as_bytes()].concat()),
    ]
}

#[test]
fn errors_are_brief() {
    for (what, bytes) in hostile_files() {
        is_brief(what, &Sequential::<f32>::open_bytes(&bytes).unwrap_err());
        for load in [Load::new(), Load::new().allow_missing(), Load::new().with_rename("n", "fc1.weight")] {
            if let Err(error) = small().load_bytes(&bytes, &load) {
                is_brief(what, &error);
            }
        }
    }
}

/// A file can be right, and its names still go into the errors of what is made of it.
#[test]
fn errors_of_what_was_opened_are_brief() {
    let names = ["x".repeat(1 << 20), "\\n\\u001b[2J".repeat(100)];
    for name in names {
        let opened = model(&format!(r#"{{"name":"{name}","kind":"softmax"}}"#));
        let opened = Sequential::<f32>::open_bytes(&opened).unwrap();
        is_brief("input", &opened.predict(&Tensor::zeros([1, 5]).unwrap()).unwrap_err());
        is_brief("workspace", &opened.workspace(Mode::Infer, usize::MAX / 64).unwrap_err());
        is_brief("name", &opened.param("y").unwrap_err());
    }
}

#[test]
fn of_many_tensors_some_are_told_and_the_rest_counted() {
    let bytes = small().to_bytes(&Save::new()).unwrap();
    let mut builder = Sequential::<f32>::builder([2, 3]).flatten();
    for _ in 0..50 {
        builder = builder.dense(3);
    }
    let error = builder.build(&mut taper::seeded(1)).unwrap().load_bytes(&bytes, &Load::new()).unwrap_err();
    let Error::Tensors { problems, .. } = &error else { panic!("{error}") };
    // 100 are missing and 4 left over.
    assert_eq!(problems.len(), 13);
    assert_eq!(problems[0], "`1.weight` [3, 6] is missing");
    assert_eq!(problems[6], "… 92 more …");
    assert_eq!(problems[12], "`fc2.bias` [2] is left over");
    is_brief("many", &error);
}

#[test]
fn a_path_is_shortened_too() {
    let path = "folder/".repeat(500);
    is_brief("a long path", &small().load(&path).unwrap_err());
    is_brief("a long path", &small().save(&path).unwrap_err());
    is_brief("a path of lines", &small().load("a\n\u{1b}[2Jb").unwrap_err());
    is_brief("a rank of a million", &Shape::new(&vec![usize::MAX; 1 << 20]).unwrap_err());
}

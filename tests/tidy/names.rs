//! The table of other libraries' names tells where things are in this crate, and not where they are not.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use super::{Source, sources};

/// The words of a line of code.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// What somebody outside can name: what is `pub`, the methods of traits, the forms of enums and the modules.
fn public_names(sources: &[Source]) -> HashSet<String> {
    let mut names = HashSet::new();
    for source in sources {
        names.extend(source.modules().iter().map(ToString::to_string));
        for line in source.code().lines() {
            let line = line.trim_start();
            let is_form = line.starts_with(char::is_uppercase) && line.trim_end().ends_with([',', '{']);
            if line.starts_with("pub ") || line.starts_with("fn ") {
                let name = words(line)
                    .find(|word| !["pub", "fn", "struct", "enum", "trait", "const"].contains(word));
                names.extend(name.map(str::to_owned));
            } else if is_form {
                names.extend(words(line).next().map(str::to_owned));
            }
        }
    }
    names
}

/// Names in the last column of the tables that are none of the crate's.
fn unknown(text: &str, known: &HashSet<String>) -> Vec<String> {
    let rows = text.lines().filter(|line| line.starts_with("| ")).filter(|row| !row.ends_with("| `taper` |"));
    let cells = rows.filter_map(|row| row.trim_end_matches([' ', '|']).rsplit("| ").next());
    let spans = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let unknown = spans.flat_map(words).filter(|word| !known.contains(*word) && word.parse::<f64>().is_err());
    unknown.map(str::to_owned).collect()
}

/// What stands in spans of code and is no name: an array's axes.
const OTHER_WORDS: [&str; 4] = ["height", "width", "channels", "input"];

#[test]
fn the_names_in_the_table_are_the_crates() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/names.md");
    let text = fs::read_to_string(path).unwrap();
    let mut known = public_names(&sources());
    known.extend(OTHER_WORDS.map(str::to_owned));
    assert_eq!(unknown(&text, &known), [""; 0]);
}

/// A check that finds nothing proves nothing.
#[test]
fn a_name_that_is_not_there_is_found() {
    let known = HashSet::from(["Dense".to_owned()]);
    assert_eq!(unknown("| `Linear` | `Dense` | `Dense`, `Linear` of ours |\n", &known), ["Linear"]);
}

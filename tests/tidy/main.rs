//! The architecture, kept true by reading the source as text.

mod circles;
mod getters;
mod layers;
mod names;
mod security;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules, lowest first. A file may use what stands in a line above its own, and its own line.
const ORDER: &[&[&str]] = &[
    &["clock", "prelude"],
    &["brief", "getters"],
    &["other_error"],
    &["error", "shape"],
    &["kernels"],
    &["scalar"],
    &["machine"],
    &["view"],
    &["tensor"],
    &["arrays"],
    &["init"],
    &["layers"],
    &["losses"],
    &["sequential"],
    &["optimizers", "schedules"],
    &["train"],
    &["narrow"],
    &["io"],
    &["gradcheck", "guide"],
    &["compiled_once"],
];

/// Code that is not to be left behind.
const LEFT_BEHIND: [&str; 3] = ["todo!", "unimplemented!", "dbg!"];

const MOST_LINES: usize = 400;
const MOST_EXPORTS: usize = 30;

/// A source file: its path below `src` without the ending, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The names of the modules around the code: `train/fit.rs` is `["train", "fit"]`.
    fn modules(&self) -> Vec<&str> {
        self.path.split('/').filter(|name| !["mod", "lib"].contains(name)).collect()
    }

    /// The code without comments, without what stands in quotes, and without the tests at the end, which may use
    /// anything.
    fn code(&self) -> String {
        let starts_tests = |&(start, _): &(usize, &str)| {
            self.text[start..].find(['{', ';']).is_some_and(|end| self.text[start + end..].starts_with('{'))
        };
        let tests = self.text.match_indices("#[cfg(test)]\nmod ").find(starts_tests);
        let text = &self.text[..tests.map_or(self.text.len(), |(start, _)| start)];
        let (mut code, mut chars) = (String::new(), text.chars().peekable());
        while let Some(c) = chars.next() {
            match (c, chars.peek()) {
                ('/', Some('/')) => {
                    chars.by_ref().find(|&c| c == '\n');
                    code.push('\n');
                }
                ('\'', Some('"')) => drop(chars.next()),
                ('"', _) => {
                    while let Some(c) = chars.next() {
                        match c {
                            '"' => break,
                            '\\' => drop(chars.next()),
                            _ => {}
                        }
                    }
                    code.push_str("\"\"");
                }
                _ => code.push(c),
            }
        }
        code
    }
}

fn sources() -> Vec<Source> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.sort();
    let source = |path: PathBuf| {
        let name = path.strip_prefix(&root).unwrap().with_extension("");
        let name: Vec<_> = name.iter().map(|part| part.to_str().unwrap()).collect();
        Source { path: name.join("/"), text: fs::read_to_string(&path).unwrap().replace("\r\n", "\n") }
    };
    files.into_iter().map(source).collect()
}

/// The names in a tree of imports: `a::{b::C, D}` gives `["a", "b", "C"]` and `["a", "D"]`.
fn leaves(tree: &str, before: &[String], found: &mut Vec<Vec<String>>) {
    let (mut depth, mut start) = (0, 0);
    let ends = tree.char_indices().filter(|&(_, c)| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    });
    let mut parts = Vec::new();
    for (end, _) in ends.collect::<Vec<_>>() {
        parts.push(&tree[start..end]);
        start = end + 1;
    }
    parts.push(&tree[start..]);
    for part in parts.into_iter().map(str::trim).filter(|part| !part.is_empty()) {
        let (path, inner) = part.split_once('{').map_or((part, None), |(path, rest)| (path, Some(rest)));
        let path = path.split(" as ").next().unwrap_or_default();
        let names = path.split("::").map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
        let all: Vec<String> = before.iter().cloned().chain(names).collect();
        match inner.and_then(|inner| inner.rsplit_once('}')) {
            Some((inner, _)) => leaves(inner, &all, found),
            None => found.push(all),
        }
    }
}

/// The root's exports and the modules that they come from.
fn exports(lib: &Source) -> HashMap<String, String> {
    let mut found = Vec::new();
    let code = lib.code();
    for statement in code.split("pub use ").skip(1) {
        leaves(statement.split(';').next().unwrap(), &[], &mut found);
    }
    found.into_iter().map(|path| (path[path.len() - 1].clone(), path[0].clone())).collect()
}

/// The paths from the root that the code mentions, with or without `use`.
fn paths(source: &Source) -> Vec<Vec<String>> {
    let (code, depth) = (source.code(), source.modules().len());
    let mut found = Vec::new();
    // `super` as often as the file is deep leads to the root as well.
    for prefix in ["crate::".to_owned(), "super::".repeat(depth)] {
        for (start, _) in code.match_indices(&prefix).filter(|_| !prefix.is_empty()) {
            let before = code[..start].chars().next_back().unwrap_or(' ');
            if before.is_alphanumeric() || before == '_' || before == ':' || before == '$' {
                continue;
            }
            let rest = &code[start + prefix.len()..];
            if rest.starts_with('{') {
                leaves(rest.split(';').next().unwrap(), &[], &mut found);
            } else {
                let end = rest.find(|c: char| !(c.is_alphanumeric() || "_:".contains(c)));
                leaves(&rest[..end.unwrap_or(rest.len())], &[], &mut found);
            }
        }
    }
    found
}

fn rank(module: &str) -> Option<usize> {
    ORDER.iter().position(|line| line.contains(&module))
}

/// What is wrong with a file.
fn problems(source: &Source, exports: &HashMap<String, String>) -> Vec<String> {
    let mut problems = Vec::new();
    let (path, code) = (&source.path, source.code());
    let lines = source.text.lines().count();
    if lines > MOST_LINES {
        problems.push(format!("{path} has {lines} lines, more than {MOST_LINES}: split it"));
    }
    let left = LEFT_BEHIND.iter().filter(|word| code.contains(**word));
    problems.extend(left.map(|word| format!("{path} says {word}")));
    let is_unsafe = code.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == "unsafe");
    let modules = source.modules();
    if is_unsafe && modules.first() != Some(&"kernels") {
        problems.push(format!("{path} has unsafe code, which belongs in kernels"));
    }
    // A program stands beside the library and uses what everybody can.
    let Some(&own) = modules.first().filter(|&&module| module != "bin") else { return problems };
    let Some(own_rank) = rank(own) else {
        problems.push(format!("{path} has no place in the order of the modules: give it one"));
        return problems;
    };
    for used in paths(source) {
        let first = &used[0];
        if first == "seeded" {
            continue;
        }
        let module = exports.get(first).unwrap_or(first);
        match rank(module) {
            Some(rank) if rank <= own_rank => {}
            Some(_) => problems.push(format!("{path} uses {}, which stands below it", used.join("::"))),
            None => problems.push(format!("{path} uses {}, which is unknown", used.join("::"))),
        }
    }
    problems
}

#[test]
fn every_file_keeps_to_the_order() {
    let sources = sources();
    let lib = sources.iter().find(|source| source.path == "lib").unwrap();
    let exports = exports(lib);
    let problems: Vec<String> = sources.iter().flat_map(|source| problems(source, &exports)).collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    assert!(sources.len() > 50, "only {} files were read", sources.len());
}

/// The crate's face: documentation, modules, exports, and the one function that has no better place.
#[test]
fn the_root_is_a_table_of_contents() {
    let sources = sources();
    let lib = sources.iter().find(|source| source.path == "lib").unwrap();
    let exports = exports(lib);
    assert!(exports.len() <= MOST_EXPORTS, "{} exports: {exports:?}", exports.len());
    let code = lib.code();
    let (items, function) = code.split_once("pub fn seeded(").expect("`seeded` stands at the end");
    assert_eq!(function.matches("\n}").count(), 1, "nothing stands behind `seeded`");
    for item in items.split(';').map(str::trim) {
        // Attributes stand before the item.
        let mut item = item;
        while let Some((_, rest)) = item.strip_prefix('#').and_then(|rest| rest.split_once(']')) {
            item = rest.trim();
        }
        let known =
            ["extern crate ", "mod ", "pub mod ", "pub use "].iter().any(|start| item.starts_with(start));
        assert!(known || item.is_empty(), "the root has more than modules and exports: {item}");
    }
}

/// A check that finds nothing proves nothing.
#[test]
fn planted_problems_are_found() {
    let exports = HashMap::from([("Trainer".to_owned(), "train".to_owned())]);
    let find = |path: &str, text: &str| {
        problems(&Source { path: path.to_owned(), text: text.to_owned() }, &exports).join("; ")
    };
    for (path, text, expected) in [
        (
            "layers/dense",
            "use crate::{kernels::{A, B}, train::fit::Fit};",
            "layers/dense uses train::fit::Fit, which stands below it",
        ),
        (
            "layers/dense",
            "use crate::{\n    Trainer,\n};",
            "layers/dense uses Trainer, which stands below it",
        ),
        (
            "layers/dense",
            "fn f() { crate::losses::g(); }",
            "layers/dense uses losses::g, which stands below it",
        ),
        (
            "layers/dense",
            "use super::super::train::Fit;",
            "layers/dense uses train::Fit, which stands below it",
        ),
        ("tensor", "use super::layers;", "tensor uses layers, which stands below it"),
        ("layers/mod", "use super::train;", "layers/mod uses train, which stands below it"),
        ("layers/dense", "use crate::new::Thing;", "layers/dense uses new::Thing, which is unknown"),
        ("new", "", "new has no place in the order of the modules: give it one"),
        (
            "layers/dense",
            "fn f() { unsafe { g() } }",
            "layers/dense has unsafe code, which belongs in kernels",
        ),
        ("layers/dense", "fn f() { todo!() }", "layers/dense says todo!"),
        ("kernels/avx", "fn f() { unsafe { g() } }", ""),
        ("layers/dense", "/// See [`crate::Trainer`].\n// unsafe todo!\nuse super::Layer;", ""),
        ("layers/dense", "f(\"crate::train unsafe\", 'x'); use crate::kernels::Buffer as B;", ""),
        (
            "init",
            "let quote = '\"'; use crate::layers::Dense;",
            "init uses layers::Dense, which stands below it",
        ),
        ("init", "#[cfg(test)]\nmod tests;\nuse crate::layers;", "init uses layers, which stands below it"),
        ("layers/dense", "#[cfg(test)]\nmod tests {\n    use crate::train::Fit;\n}", ""),
    ] {
        assert_eq!(find(path, text), expected, "{text}");
    }
    let long = "\n".repeat(MOST_LINES + 1);
    assert_eq!(find("init", &long), "init has 401 lines, more than 400: split it");
}

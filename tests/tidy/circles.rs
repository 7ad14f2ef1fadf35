//! No two files of a folder use each other, and no more of them in a circle.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Source, leaves, sources};

/// Where a module is: `["train", "fit"]`.
type Place = Vec<String>;

fn place(names: &[&str]) -> Place {
    names.iter().copied().map(str::to_owned).collect()
}

/// The modules, and what each passes on under its own name.
struct Tree {
    modules: BTreeSet<Place>,
    passed_on: HashMap<Place, Place>,
    /// Modules that are there for tests alone, which may use anything.
    tests: BTreeSet<Place>,
}

impl Tree {
    fn new(sources: &[Source]) -> Self {
        let modules: BTreeSet<Place> = sources.iter().map(|source| place(&source.modules())).collect();
        let (mut passed_on, mut tests) = (HashMap::new(), BTreeSet::new());
        for source in sources {
            let (module, code) = (place(&source.modules()), source.code());
            let below = |name: &str| [&*module, &[name.to_owned()]].concat();
            let mut found = Vec::new();
            for (start, _) in code.match_indices("use ") {
                leaves(code[start + 4..].split(';').next().unwrap(), &[], &mut found);
            }
            for path in found.into_iter().filter(|path| modules.contains(&below(&path[0]))) {
                passed_on.insert(below(path.last().unwrap()), [&*module, &path].concat());
            }
            for declared in code.split("#[cfg(test)]\n").skip(1) {
                if let Some(name) = declared.split(';').next().and_then(|item| item.rsplit_once("mod ")) {
                    tests.insert(below(name.1));
                }
            }
        }
        Self { modules, passed_on, tests }
    }

    /// The module that a path from the root leads to.
    fn module_of(&self, path: &[String]) -> Place {
        let mut module = Place::new();
        for (depth, name) in path.iter().enumerate() {
            let next = [&*module, std::slice::from_ref(name)].concat();
            if self.modules.contains(&next) {
                module = next;
            } else if let Some(target) = self.passed_on.get(&next).filter(|target| **target != next) {
                return self.module_of(&[target, &path[depth + 1..]].concat());
            } else {
                break;
            }
        }
        module
    }
}

/// The paths from the root that the code mentions.
fn paths(source: &Source) -> Vec<Place> {
    let (code, own) = (source.code(), place(&source.modules()));
    let mut found = Vec::new();
    for start in ["crate::", "super::"].iter().flat_map(|word| code.match_indices(word).map(|(at, _)| at)) {
        let before = code[..start].chars().next_back().unwrap_or(' ');
        if before.is_alphanumeric() || "_:$".contains(before) {
            continue;
        }
        let (mut rest, mut base) = (&code[start..], own.clone());
        while let Some(inner) = rest.strip_prefix("super::") {
            (rest, _) = (inner, base.pop());
        }
        if let Some(inner) = rest.strip_prefix("crate::") {
            (rest, base) = (inner, Place::new());
        }
        let end = if rest.starts_with('{') || code[..start].ends_with("use ") {
            rest.find(';')
        } else {
            rest.find(|c: char| !(c.is_alphanumeric() || "_:".contains(c)))
        };
        leaves(&rest[..end.unwrap_or(rest.len())], &base, &mut found);
    }
    found
}

/// For each folder, which of its files and folders use which others.
fn uses(sources: &[Source]) -> BTreeMap<Place, BTreeMap<String, BTreeSet<String>>> {
    let tree = Tree::new(sources);
    let mut uses: BTreeMap<Place, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for source in sources {
        let own = place(&source.modules());
        if tree.tests.iter().any(|tests| own.starts_with(tests)) {
            continue;
        }
        for path in paths(source) {
            let used = tree.module_of(&path);
            let shared = own.iter().zip(&used).take_while(|(a, b)| a == b).count();
            if let (Some(user), Some(used)) = (own.get(shared), used.get(shared)) {
                let folder = uses.entry(own[..shared].to_vec()).or_default();
                folder.entry(user.clone()).or_default().insert(used.clone());
            }
        }
    }
    uses
}

/// A circle, if there is one, as a text.
fn circle(uses: &BTreeMap<String, BTreeSet<String>>) -> Option<String> {
    fn walk<'a>(
        name: &'a str,
        uses: &'a BTreeMap<String, BTreeSet<String>>,
        done: &mut BTreeSet<&'a str>,
        way: &mut Vec<&'a str>,
    ) -> Option<String> {
        if let Some(start) = way.iter().position(|passed| *passed == name) {
            return Some([&way[start..], &[name]].concat().join(" -> "));
        }
        if !done.insert(name) {
            return None;
        }
        way.push(name);
        let found = uses.get(name).into_iter().flatten().find_map(|next| walk(next, uses, done, way));
        way.pop();
        found
    }
    let (mut done, mut way) = (BTreeSet::new(), Vec::new());
    uses.keys().find_map(|name| walk(name, uses, &mut done, &mut way))
}

fn circles(sources: &[Source]) -> Vec<String> {
    let uses = uses(sources).into_iter();
    let told = |(folder, uses): (Place, _)| Some(format!("src/{}: {}", folder.join("/"), circle(&uses)?));
    uses.filter_map(told).collect()
}

#[test]
fn no_files_use_each_other() {
    let circles = circles(&sources());
    assert!(circles.is_empty(), "\n{}", circles.join("\n"));
}

/// A check that finds nothing proves nothing.
#[test]
fn planted_circles_are_found() {
    let find = |files: &[(&str, &str)]| {
        let source = |(path, text): &(&str, &str)| Source { path: (*path).into(), text: (*text).into() };
        circles(&files.iter().map(source).collect::<Vec<_>>()).join("; ")
    };
    let root = ("io/mod", "mod a;\nmod b;\nmod c;\npub use a::A;\npub(super) use b::{B, self as other};");
    for (a, b, c, expected) in [
        ("use super::B;", "use super::c::C;", "", ""),
        ("use super::B;", "use crate::io::A;", "", "src/io: a -> b -> a"),
        (
            "use super::{\n    B,\n};",
            "use super::c::{self, C};",
            "fn f() { super::A::new() }",
            "src/io: a -> b -> c -> a",
        ),
        ("use super::B;", "// crate::io::A\n#[cfg(test)]\nmod tests { use super::super::a::A; }", "", ""),
        ("use crate::{io::b::B, X};", "fn f(a: super::a::A) {}", "", "src/io: a -> b -> a"),
    ] {
        let files = [root, ("io/a", a), ("io/b", b), ("io/c/mod", ""), ("io/c/d", c)];
        // A file in a folder below belongs to the folder.
        let files = files.map(|(path, text)| (path, text.replace("super::A", "super::super::A")));
        let files: Vec<_> = files.iter().map(|(path, text)| (*path, &**text)).collect();
        assert_eq!(find(&files), expected, "{a} {b} {c}");
    }
    let tests = [
        ("io/mod", "mod a;\n#[cfg(test)]\nmod b;"),
        ("io/a", "use super::b::B;"),
        ("io/b", "use super::a::A;"),
    ];
    assert_eq!(find(&tests), "");
    assert_eq!(
        find(&[("tensor", "use crate::view::V;"), ("view", "use crate::tensor::T;")]),
        "src/: tensor -> view -> tensor"
    );
}

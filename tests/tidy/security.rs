//! The table of reasons for `unsafe` has every file that has some, and no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::sources;

/// Whether code, without comments and texts, has the keyword.
fn is_unsafe(code: &str) -> bool {
    let code = code.replace("unsafe_code", "");
    code.match_indices("unsafe").any(|(at, _)| {
        let after = code[at + "unsafe".len()..].trim_start();
        ["{", "fn", "impl"].iter().any(|next| after.starts_with(next))
    })
}

/// The files in the last column of the rows whose first begins with a reason in bold.
fn files_in_table(text: &str) -> BTreeSet<String> {
    let rows = text.lines().filter(|line| line.starts_with("| **"));
    let cells = rows.filter_map(|row| row.trim_end_matches([' ', '|']).rsplit("| ").next());
    let spans = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    spans.map(|file| format!("kernels/{}", file.trim_end_matches(".rs"))).collect()
}

#[test]
fn the_table_of_unsafe_is_whole() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security.md");
    let table = files_in_table(&fs::read_to_string(path).unwrap());
    let found = sources().iter().filter(|source| is_unsafe(&source.code())).map(|s| s.path.clone()).collect();
    assert_eq!(table, found);
}

/// A check that finds nothing proves nothing.
#[test]
fn unsafe_code_is_found() {
    assert!(is_unsafe("let y = unsafe { x.get_unchecked(0) };") && is_unsafe("unsafe impl Send for X {}"));
    assert!(!is_unsafe("#![expect(unsafe_code, reason = \"\")]"));
    let row = "| **Why.** Because. | `team.rs`, `bytes/rows.rs` |\n";
    let files = ["kernels/bytes/rows", "kernels/team"].map(str::to_owned);
    assert_eq!(files_in_table(row), BTreeSet::from(files));
}

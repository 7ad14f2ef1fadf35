//! A rule by which the tensors of a file get the names that the model has for them.

use super::Verdict;
use crate::prelude::*;

/// What stands for any text in a pattern, and for that text in what becomes of it.
const ANY: char = '*';

/// A rule: from a beginning, or a pattern of a whole name, to another.
#[derive(Debug, Clone)]
pub(super) struct Rename {
    from: String,
    to: String,
}

impl Rename {
    pub(super) fn new(from: &str, to: &str) -> Self {
        Self { from: from.to_owned(), to: to.to_owned() }
    }

    /// How it is told.
    pub(super) fn text(&self) -> String {
        format!("`{}` to `{}`", self.from, self.to)
    }

    /// What is wrong where it fits no name.
    pub(super) fn unused(&self) -> String {
        let how = if self.from.contains(ANY) {
            "no name fits; a pattern is of a whole name"
        } else {
            "no name begins so"
        };
        format!("{}: {how}", self.text())
    }

    /// # Errors
    /// Where it has not as many `*` on either side.
    pub(super) fn check(&self) -> Verdict<()> {
        let count = |text: &str| text.matches(ANY).count();
        if count(&self.from) == count(&self.to) {
            return Ok(());
        }
        Err(format!(
            "{}: expected as many `*` in each, got {} and {}",
            self.text(),
            count(&self.from),
            count(&self.to)
        ))
    }

    /// What becomes of a name, where the rule fits it.
    pub(super) fn apply(&self, name: &str) -> Option<String> {
        if !self.from.contains(ANY) {
            return Some(format!("{}{}", self.to, name.strip_prefix(&*self.from)?));
        }
        let texts = texts(&self.from, name)?;
        let mut pieces = self.to.split(ANY);
        let first = pieces.next().unwrap_or_default().to_owned();
        Some(pieces.zip(texts).fold(first, |renamed, (piece, text)| renamed + text + piece))
    }
}

/// What stands for each `*` of a pattern in a name: from left to right as little as fits, the last one the rest. The first place of
/// each piece is as good as any other, since what comes behind it only gets longer.
fn texts<'n>(pattern: &str, name: &'n str) -> Option<Vec<&'n str>> {
    let (begin, pieces) = pattern.split_once(ANY)?;
    let mut rest = name.strip_prefix(begin)?;
    let mut pieces: Vec<&str> = pieces.split(ANY).collect();
    let end = pieces.pop().unwrap_or_default();
    let mut texts = Vec::with_capacity(pieces.len() + 1);
    for piece in pieces {
        let place = rest.find(piece)?;
        texts.push(&rest[..place]);
        rest = &rest[place + piece.len()..];
    }
    texts.push(rest.strip_suffix(end)?);
    Some(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(from: &str, to: &str, name: &str) -> Option<String> {
        let rule = Rename::new(from, to);
        rule.check().unwrap();
        rule.apply(name)
    }

    #[test]
    fn a_pattern_is_of_the_whole_name() {
        for (from, to, name, expected) in [
            ("a.", "b.", "a.weight", Some("b.weight")),
            ("a.", "", "a.", Some("")),
            ("a.", "b.", "xa.weight", None),
            ("*.gamma", "*.weight", "block.0.norm.gamma", Some("block.0.norm.weight")),
            ("*.gamma", "*.weight", "norm.gamma.x", None),
            ("conv*/kernel", "c*.weight", "conv/kernel", Some("c.weight")),
            ("*a*a*", "*b*b*", "xaayaz", Some("xbbyaz")),
            ("m.*.attention.*.w", "b*.*_weight", "m.3.attention.query.w", Some("b3.query_weight")),
            ("*.*", "*-*", "a.b.c", Some("a-b.c")),
            ("a*a", "b*b", "a", None),
            ("**", "*.*", "ab", Some(".ab")),
            ("*ö*", "*o*", "größe", Some("große")),
            ("*", "net.*", "", Some("net.")),
        ] {
            assert_eq!(renamed(from, to, name).as_deref(), expected, "{from} to {to}: {name}");
        }
    }

    /// Whether a pattern fits, tried in every way.
    fn fits(pattern: &[char], name: &[char]) -> bool {
        match (pattern, name) {
            ([], []) => true,
            (['*', rest @ ..], _) => (0..=name.len()).any(|text| fits(rest, &name[text..])),
            ([p, pattern @ ..], [n, name @ ..]) => p == n && fits(pattern, name),
            _ => false,
        }
    }

    #[test]
    fn a_pattern_that_fits_in_some_way_is_found() {
        let all = |letters: &[char]| -> Vec<Vec<char>> {
            let longer = |texts: Vec<Vec<char>>| {
                let more =
                    texts.iter().flat_map(|text| letters.iter().map(move |&c| [&**text, &[c]].concat()));
                [vec![Vec::new()], more.collect()].concat()
            };
            (0..5).fold(vec![Vec::new()], |texts, _| longer(texts))
        };
        for pattern in all(&['*', 'a', 'b']).iter().filter(|pattern| pattern.contains(&'*')) {
            for name in all(&['a', 'b']) {
                let text = |chars: &[char]| chars.iter().collect::<String>();
                let (pattern_text, name_text) = (text(pattern), text(&name));
                let renamed = renamed(&pattern_text, &pattern_text, &name_text);
                assert_eq!(renamed.is_some(), fits(pattern, &name), "{pattern_text}: {name_text}");
                assert!(renamed.is_none_or(|renamed| renamed == name_text));
            }
        }
    }

    #[test]
    fn other_numbers_of_texts_are_told() {
        let error = Rename::new("*.a.*", "b.*").check().unwrap_err();
        assert_eq!(error, "`*.a.*` to `b.*`: expected as many `*` in each, got 2 and 1");
        assert!(Rename::new("a", "*").check().is_err());
    }
}

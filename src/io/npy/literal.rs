//! Parses the Python literals that a header can have.

use super::super::Verdict;

/// How many brackets may be open at once. A header of plain numbers has two; NumPy's structures some more.
const DEEPEST: usize = 32;

const QUOTES: [char; 2] = ['\'', '"'];

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Whole(i128),
    Truth(bool),
    Tuple(Vec<Literal>),
    List(Vec<Literal>),
    Dictionary(Vec<(Literal, Literal)>),
}

impl Literal {
    /// The value that is the whole text.
    ///
    /// `has_long` is whether whole numbers may end with an `L`, as Python 2 wrote them.
    ///
    /// # Errors
    /// Where the text is not such a value, in words.
    pub(super) fn parse(text: &str, has_long: bool) -> Verdict<Self> {
        let mut parser = Parser { rest: text, has_long };
        let literal = parser.literal(DEEPEST)?;
        match parser.next() {
            None => Ok(literal),
            Some(_) => Err(parser.unexpected("the end")),
        }
    }
}

struct Parser<'a> {
    /// What has not been read.
    rest: &'a str,
    has_long: bool,
}

impl<'a> Parser<'a> {
    fn literal(&mut self, deepest: usize) -> Verdict<Literal> {
        let Some(inner) = deepest.checked_sub(1) else {
            return Err(format!("more than {DEEPEST} brackets in brackets"));
        };
        match self.next() {
            Some('{') => self.pairs(inner),
            Some('[') => Ok(Literal::List(self.items(']', inner)?.0)),
            Some('(') => Ok(match self.items(')', inner)? {
                // Brackets around a value, without a comma, are no tuple.
                (mut items, false) if items.len() == 1 => items.remove(0),
                (items, _) => Literal::Tuple(items),
            }),
            Some('+' | '-' | '0'..='9') => self.number(),
            _ if self.begins_text() => self.text(),
            _ => match self.word() {
                "True" => Ok(Literal::Truth(true)),
                "False" => Ok(Literal::Truth(false)),
                "" => Err(self.unexpected("a value")),
                word => Err(format!("expected a value, got `{word}`")),
            },
        }
    }

    /// Values up to the closing bracket, and whether there was a comma.
    fn items(&mut self, close: char, deepest: usize) -> Verdict<(Vec<Literal>, bool)> {
        let (mut items, mut has_comma) = (Vec::new(), false);
        self.skip(1);
        while !self.takes(close) {
            items.push(self.literal(deepest)?);
            has_comma |= self.separates(close)?;
        }
        Ok((items, has_comma))
    }

    fn pairs(&mut self, deepest: usize) -> Verdict<Literal> {
        let mut pairs = Vec::new();
        self.skip(1);
        while !self.takes('}') {
            let key = self.literal(deepest)?;
            if !self.takes(':') {
                return Err(self.unexpected("`:`"));
            }
            pairs.push((key, self.literal(deepest)?));
            self.separates('}')?;
        }
        Ok(Literal::Dictionary(pairs))
    }

    /// Takes a comma, which may be left out before the closing bracket.
    fn separates(&mut self, close: char) -> Verdict<bool> {
        if self.takes(',') {
            return Ok(true);
        }
        if self.next() == Some(close) {
            Ok(false)
        } else {
            Err(self.unexpected(&format!("`,` or `{close}`")))
        }
    }

    /// A whole number: decimal, or in another base with a prefix, with a sign, with `_` between digits.
    fn number(&mut self) -> Verdict<Literal> {
        let is_negative = self.rest.starts_with('-');
        if self.rest.starts_with(['+', '-']) {
            self.skip(1);
        }
        self.next();
        let word = self.word();
        let mut digits = word;
        if self.has_long {
            digits = word.strip_suffix('L').unwrap_or(word);
            // Python's own reader takes the letter where it stands apart, too.
            if digits == word && self.next() == Some('L') {
                self.skip(1);
            }
        }
        let (radix, digits) = match digits.get(..2) {
            Some("0x" | "0X") => (16, &digits[2..]),
            Some("0o" | "0O") => (8, &digits[2..]),
            Some("0b" | "0B") => (2, &digits[2..]),
            _ => (10, digits),
        };
        let is_spread = !digits.starts_with('_') && !digits.ends_with('_') && !digits.contains("__");
        // A zero in front meant base 8 once, and is an error since.
        let is_clear = radix != 10 || !digits.starts_with('0') || digits.trim_matches(['0', '_']).is_empty();
        let value = i128::from_str_radix(&digits.replace('_', ""), radix);
        match value {
            Ok(value) if is_spread && is_clear => {
                Ok(Literal::Whole(if is_negative { -value } else { value }))
            }
            _ => Err(format!("expected a whole number, got `{word}`")),
        }
    }

    /// Whether a text begins here, with or without the letter that may stand before it.
    fn begins_text(&self) -> bool {
        self.without_prefix().starts_with(QUOTES)
    }

    fn without_prefix(&self) -> &'a str {
        self.rest.strip_prefix(['u', 'U', 'r', 'R']).unwrap_or(self.rest)
    }

    /// Texts that stand beside each other are one.
    fn text(&mut self) -> Verdict<Literal> {
        let mut text = String::new();
        while self.next().is_some() && self.begins_text() {
            let (quote, inside) = self.without_prefix().split_at(1);
            let end = inside.find(|c| quote.contains(c) || c == '\\' || c == '\n');
            match end.map(|end| inside.split_at(end)) {
                Some((inside, rest)) if rest.starts_with(quote) => {
                    text.push_str(inside);
                    self.rest = &rest[1..];
                }
                Some((_, rest)) if rest.starts_with('\\') => {
                    return Err("expected a text without `\\`, got one with".to_owned());
                }
                _ => return Err("expected the end of a text, got none".to_owned()),
            }
        }
        Ok(Literal::Text(text))
    }

    /// Letters, digits, points and `_`, as many as there are.
    fn word(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| !(c.is_alphanumeric() || "_.".contains(c)));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        word
    }

    /// The next character that is neither space nor comment.
    fn next(&mut self) -> Option<char> {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0c']);
            match self.rest.strip_prefix('#') {
                Some(comment) => self.rest = &comment[comment.find('\n').unwrap_or(comment.len())..],
                None => return self.rest.chars().next(),
            }
        }
    }

    fn takes(&mut self, expected: char) -> bool {
        let is_there = self.next() == Some(expected);
        if is_there {
            self.skip(expected.len_utf8());
        }
        is_there
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn unexpected(&mut self, expected: &str) -> String {
        match self.next() {
            Some(got) => format!("expected {expected}, got `{got}`"),
            None => format!("expected {expected}, got the end"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Literal::{Dictionary, List, Text, Truth, Tuple, Whole};
    use super::*;

    #[test]
    fn values_are_read_as_python_reads_them() {
        let text = |text: &str| Text(text.to_owned());
        for (source, expected) in [
            (" 'a' ", text("a")),
            ("\"it's\"", text("it's")),
            ("u'a' U\"b\" r'c'", text("abc")),
            ("'''a'''", text("a")),
            ("0", Whole(0)),
            ("- 12", Whole(-12)),
            ("+1_000", Whole(1000)),
            ("0x1F", Whole(31)),
            ("0o17", Whole(15)),
            ("0b11", Whole(3)),
            ("00", Whole(0)),
            ("True", Truth(true)),
            ("(False)", Truth(false)),
            ("()", Tuple(vec![])),
            ("(1)", Whole(1)),
            ("(1,)", Tuple(vec![Whole(1)])),
            ("((1), 2 ,)# the end", Tuple(vec![Whole(1), Whole(2)])),
            ("[1, 'a']", List(vec![Whole(1), text("a")])),
            ("{'a' : 1,\n'b':(),}\n\n", Dictionary(vec![(text("a"), Whole(1)), (text("b"), Tuple(vec![]))])),
        ] {
            assert_eq!(Literal::parse(source, false), Ok(expected), "{source}");
        }
        for source in ["(2L, 3L)", "(2 L, 3)", "(0x2L, 3,)"] {
            assert_eq!(Literal::parse(source, true), Ok(Tuple(vec![Whole(2), Whole(3)])), "{source}");
            assert!(Literal::parse(source, false).is_err(), "{source}");
        }
    }

    #[test]
    fn what_is_no_value_is_told() {
        for (source, expected) in [
            ("", "expected a value, got the end"),
            ("(1", "expected `,` or `)`, got the end"),
            ("(,)", "expected a value, got `,`"),
            ("(1 2)", "expected `,` or `)`, got `2`"),
            ("{'a' 1}", "expected `:`, got `1`"),
            ("1 1", "expected the end, got `1`"),
            ("'a", "expected the end of a text, got none"),
            ("'a\nb'", "expected the end of a text, got none"),
            (r"'\x41'", r"expected a text without `\`, got one with"),
            ("b'a'", "expected a value, got `b`"),
            ("None", "expected a value, got `None`"),
            ("1.0", "expected a whole number, got `1.0`"),
            ("02", "expected a whole number, got `02`"),
            ("2l", "expected a whole number, got `2l`"),
            ("2LL", "expected a whole number, got `2LL`"),
            ("1__0", "expected a whole number, got `1__0`"),
            ("--1", "expected a whole number, got ``"),
            ("__import__('os')", "expected a value, got `__import__`"),
            ("é", "expected a value, got `é`"),
            ("'a'\0", "expected the end, got `\0`"),
        ] {
            assert_eq!(Literal::parse(source, true), Err(expected.to_owned()), "{source}");
        }
        let deep = Literal::parse(&"(".repeat(5000), false);
        assert_eq!(deep, Err("more than 32 brackets in brackets".to_owned()));
    }
}

//! The names of classes in the metadata of a file: an array in JSON.

use std::fmt::Write;
use std::str::Chars;

/// The entry of the metadata.
pub(super) const CLASSES: &str = "classes";

/// An array of texts.
pub(super) fn array(names: &[String]) -> String {
    let mut text = String::from("[");
    for (index, name) in names.iter().enumerate() {
        text.push_str(if index > 0 { ",\"" } else { "\"" });
        for sign in name.chars() {
            match sign {
                '"' => text.push_str("\\\""),
                '\\' => text.push_str("\\\\"),
                sign if sign.is_control() => {
                    let mut units = [0; 2];
                    for unit in sign.encode_utf16(&mut units) {
                        write!(text, "\\u{unit:04x}").expect("a text grows");
                    }
                }
                sign => text.push(sign),
            }
        }
        text.push('"');
    }
    text.push(']');
    text
}

/// The texts of an array; none where it is something else.
pub(super) fn texts(array: &str) -> Option<Vec<String>> {
    let mut rest = array.trim().strip_prefix('[')?.trim_start();
    let mut names = Vec::new();
    while let Some(text) = rest.strip_prefix('"') {
        let mut signs = text.chars();
        names.push(text_of(&mut signs)?);
        rest = signs.as_str().trim_start();
        match rest.strip_prefix(',') {
            Some(more) => rest = more.trim_start(),
            None => return (rest == "]").then_some(names),
        }
    }
    (rest == "]" && names.is_empty()).then_some(names)
}

/// A text up to the quote at its end.
fn text_of(signs: &mut Chars<'_>) -> Option<String> {
    let mut units = Vec::new();
    loop {
        let sign = match signs.next()? {
            '"' => return String::from_utf16(&units).ok(),
            '\\' => match signs.next()? {
                sign @ ('"' | '\\' | '/') => sign,
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let digits = signs
                        .as_str()
                        .get(..4)
                        .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
                    units.push(u16::from_str_radix(digits, 16).ok()?);
                    *signs = signs.as_str()[4..].chars();
                    continue;
                }
                _ => return None,
            },
            sign if sign.is_control() && sign.is_ascii() && sign != '\u{7f}' => return None,
            sign => sign,
        };
        units.extend_from_slice(sign.encode_utf16(&mut [0; 2]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_in_a_name() {
        let names = ["cat", "a \"b\" \\ c", "line\nend\u{7f}", "größe 猫"].map(str::to_owned);
        assert_eq!(array(&names), r#"["cat","a \"b\" \\ c","line\u000aend\u007f","größe 猫"]"#);
        assert_eq!(texts(&array(&names)).unwrap(), names);
        assert_eq!((array(&[]), texts("[]")), ("[]".to_owned(), Some(Vec::new())));
    }

    #[test]
    fn what_others_write() {
        let names = texts(r#" [ "a\/b" , "\ud83d\udc31\t" ] "#).unwrap();
        assert_eq!(names, ["a/b", "🐱\t"]);
        for wrong in [
            "",
            "[",
            "[\"a\"",
            "[\"a]",
            "[\"a\",]",
            "[1]",
            "[\"\\x\"]",
            "[\"\\ud83d\"]",
            "[\"\\u12\"]",
            "[\"\\u+123\"]",
            "[\"a\n\"]",
            "[] x",
        ] {
            assert_eq!(texts(wrong), None, "{wrong:?}");
        }
    }
}

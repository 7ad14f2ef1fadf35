//! Names as a text in JSON.

use std::fmt::Write;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_in_a_name() {
        let names = ["cat", "a \"b\" \\ c", "line\nend\u{7f}", "größe 猫"].map(str::to_owned);
        assert_eq!(array(&names), r#"["cat","a \"b\" \\ c","line\u000aend\u007f","größe 猫"]"#);
        assert_eq!(array(&[]), "[]");
    }
}

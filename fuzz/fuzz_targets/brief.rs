//! Texts of errors.

/// No text grows with the file, and none has what a terminal would obey.
pub fn is_brief(error: &taper::Error) {
    let text = error.to_string();
    assert!(text.len() <= 1000 && !text.chars().any(char::is_control), "{} bytes: {text:?}", text.len());
}

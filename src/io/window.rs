//! A window as JSON, and a window again.

use serde_json::{Value, json};

use super::Verdict;
use super::json::Object;
use crate::layers::{Padding, Sides, Window};

/// The window of a layer, which has a stride.
pub(super) fn describe_window(window: Window) -> Value {
    let pair = |sides: Sides| <[usize; 2]>::from(sides);
    let padding = match window.padding {
        Padding::Valid => json!("valid"),
        Padding::Same => json!("same"),
        Padding::Border(border) => json!(pair(border)),
    };
    json!({
        "kernel": pair(window.kernel),
        "stride": window.stride.map(pair),
        "dilation": pair(window.dilation),
        "padding": padding,
    })
}

/// The window that [`describe_window`] wrote into an entry.
pub(super) fn window(entry: &Object<'_>) -> Verdict<Window> {
    let object = Object::new("window", entry.get("window").unwrap_or(&Value::Null))?;
    let padding = match object.get("padding").and_then(Value::as_str) {
        Some("valid") => Padding::Valid,
        Some("same") => Padding::Same,
        _ => Padding::Border(sides(&object, "padding")?),
    };
    Ok(Window::new(sides(&object, "kernel")?)
        .with_stride(sides(&object, "stride")?)
        .with_dilation(sides(&object, "dilation")?)
        .with_padding(padding))
}

fn sides(object: &Object<'_>, key: &str) -> Verdict<Sides> {
    match object.counts(key)?[..] {
        [height, width] => Ok(Sides { height, width }),
        ref other => Err(format!("window: expected `{key}`, two whole numbers, got {}", other.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_window_is_refused() {
        let good = json!({ "kernel": [3, 2], "stride": [1, 1], "dilation": [1, 2], "padding": [0, 1] });
        let read = |value: &Value| {
            let entry = json!({ "window": value });
            window(&Object::new("layer", &entry).unwrap())
        };
        assert_eq!(describe_window(read(&good).unwrap()), good);
        for (key, value) in [
            ("kernel", json!([3])),
            ("kernel", json!(null)),
            ("stride", json!([1, -1])),
            ("dilation", json!("1")),
            ("padding", json!("some")),
            ("padding", json!([1, 2, 3])),
        ] {
            let mut bad = good.clone();
            bad[key] = value;
            assert!(read(&bad).unwrap_err().contains(key), "{bad}");
        }
    }
}

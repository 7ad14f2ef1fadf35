//! The description of a convolution's or pool's window as JSON.

use serde_json::{Value, json};

use super::Verdict;
use super::json::Object;
use crate::layers::{Padding, Sides, Window};

/// `{"kernel": [3, 3], "stride": [2, 2], "dilation": [1, 1], "padding": "same"}`. Padding is `"valid"`, `"same"`,
/// `"same_lower"`, a border of two numbers, or four for above, left, below and right; there is no stride where none was set, and
/// `ceil_mode` only where it is true.
pub(super) fn describe_window(window: &Window) -> Value {
    let sides = |sides: Sides| json!([sides.height, sides.width]);
    let padding = match window.padding {
        Padding::Valid => "valid".into(),
        Padding::Same => "same".into(),
        Padding::SameLower => "same_lower".into(),
        Padding::Border(border) => sides(border),
        Padding::Each { before, after } => {
            json!([before.height, before.width, after.height, after.width])
        }
    };
    let mut entry =
        json!({ "kernel": sides(window.kernel), "dilation": sides(window.dilation), "padding": padding });
    if let Some(stride) = window.stride {
        entry["stride"] = sides(stride);
    }
    if window.ceil_mode {
        entry["ceil_mode"] = true.into();
    }
    entry
}

/// A window of the entry of a layer, that [`describe_window`] wrote. The layer has to check it.
pub(super) fn window(entry: &Object<'_>, key: &str, layer: &str) -> Verdict<Window> {
    let what = format!("window of layer `{layer}`");
    let object = Object::new(&what, entry.get(key).unwrap_or(&Value::Null))?;
    let sides = |key: &str| -> Verdict<Sides> {
        match object.counts(key)?[..] {
            [height, width] => Ok(Sides { height, width }),
            _ => Err(format!("{what}: expected `{key}`, two whole numbers")),
        }
    };
    let window = Window::new(sides("kernel")?).with_dilation(sides("dilation")?);
    let window = match object.get("padding").and_then(Value::as_str) {
        Some("valid") => window,
        Some("same") => window.with_padding(Padding::Same),
        Some("same_lower") => window.with_padding(Padding::SameLower),
        Some(other) => {
            return Err(format!(
                "{what}: expected `padding` valid, same, same_lower or a border, got `{other}`"
            ));
        }
        None => match object.counts("padding")?[..] {
            [height, width] => window.with_padding([height, width]),
            [top, left, bottom, right] => window
                .with_padding(Padding::Each { before: [top, left].into(), after: [bottom, right].into() }),
            _ => return Err(format!("{what}: expected `padding`, two or four whole numbers")),
        },
    };
    let window = if object.get("stride").is_some() { window.with_stride(sides("stride")?) } else { window };
    Ok(match object.get("ceil_mode") {
        None | Some(Value::Bool(false)) => window,
        Some(Value::Bool(true)) => window.with_ceil_mode(),
        Some(other) => return Err(format!("{what}: expected `ceil_mode` true or false, got {other}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_come_back_as_they_were() {
        for given in [
            Window::new(3),
            Window::new([2, 5]).with_stride([1, 4]).with_dilation([3, 1]).with_padding(Padding::Same),
            Window::new(3).with_padding([1, 0]),
            Window::new(3).with_padding(Padding::SameLower).with_ceil_mode(),
            Window::new(3).with_padding(Padding::Each { before: [0, 1].into(), after: [2, 3].into() }),
        ] {
            let entry = json!({ "window": describe_window(&given) });
            let entry = Object::new("layer 0", &entry).unwrap();
            assert_eq!(window(&entry, "window", "pool").unwrap(), given);
        }
    }

    #[test]
    fn what_is_no_window_is_told() {
        let right = describe_window(&Window::new(3).with_stride(1));
        for (key, value, text) in [
            ("kernel", json!([3]), "window of layer `pool`: expected `kernel`, two whole numbers"),
            (
                "kernel",
                json!(-1),
                "window of layer `pool`: expected `kernel`, a list of whole numbers, got -1",
            ),
            (
                "stride",
                Value::Null,
                "window of layer `pool`: expected `stride`, a list of whole numbers, got null",
            ),
            (
                "padding",
                json!("full"),
                "window of layer `pool`: expected `padding` valid, same, same_lower or a border, got `full`",
            ),
            (
                "padding",
                json!([1, 1, 1]),
                "window of layer `pool`: expected `padding`, two or four whole numbers",
            ),
            ("ceil_mode", json!(1), "window of layer `pool`: expected `ceil_mode` true or false, got 1"),
        ] {
            let mut entry = json!({ "window": right });
            entry["window"][key] = value;
            let entry = Object::new("layer 0", &entry).unwrap();
            assert_eq!(window(&entry, "window", "pool").unwrap_err(), text);
        }
        let entry = json!({});
        let error = window(&Object::new("layer 0", &entry).unwrap(), "window", "pool").unwrap_err();
        assert_eq!(error, "window of layer `pool`: expected a JSON object, got null");
    }
}

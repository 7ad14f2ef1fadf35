//! What a layer was made with, by name: for files, and for whoever looks at a layer of any type.

use core::fmt;

use super::Window;
use crate::prelude::*;
use crate::{Error, Result, Shape};

/// The settings of a layer by name: what it was made with, beside its parameters.
///
/// [`Layer::settings`](super::Layer::settings) tells them, a file keeps them, and
/// [`Open::with_layer`](crate::io::Open::with_layer) makes a layer of them again.
///
/// ```
/// use taper::layers::Settings;
///
/// let settings = Settings::new().with("slope", 0.5).with("heads", 4).with("mode", "causal");
/// assert_eq!((settings.number("slope")?, settings.count("heads")?, settings.text("mode")?), (0.5, 4, "causal"));
/// assert_eq!(settings.flag("bias").unwrap_err().to_string(),
///     "setting: expected one of `slope`, `heads`, `mode`; got `bias`");
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Clone, PartialEq, Default)]
pub struct Settings {
    values: Vec<(String, Setting)>,
}

/// A value of [`Settings`]. What it holds becomes one by itself, where [`Settings::with`] takes it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Setting {
    /// Something that may be there and is not.
    Nothing,
    /// True or false.
    Flag(bool),
    /// A whole number from 0.
    Count(usize),
    /// Any number.
    Number(f64),
    /// A text.
    Text(String),
    /// A shape.
    Shape(Shape),
    /// What a convolution or a pool sees.
    Window(Window),
}

impl Settings {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more; in the place of another of the same name.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Setting>) -> Self {
        let value = value.into();
        match self.values.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.values.push((name.to_owned(), value)),
        }
        self
    }

    /// The value of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.values.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// All of them, in order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Setting)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// True or false.
    ///
    /// # Errors
    /// As those that follow: [`Error::UnknownName`] where there is no value of this name, [`Error::Setting`] for one of another
    /// type.
    pub fn flag(&self, name: &str) -> Result<bool> {
        self.expect(name, "true or false", |value| match *value {
            Setting::Flag(flag) => Some(flag),
            _ => None,
        })
    }

    /// A whole number from 0. In a file it is whatever somebody wrote there: look at it before you make anything so large.
    ///
    /// # Errors
    /// As [`Settings::flag`].
    pub fn count(&self, name: &str) -> Result<usize> {
        self.expect(name, "a whole number", |value| match *value {
            Setting::Count(count) => Some(count),
            _ => None,
        })
    }

    /// A number, whole or not.
    ///
    /// # Errors
    /// As [`Settings::flag`].
    pub fn number(&self, name: &str) -> Result<f64> {
        self.expect(name, "a number", |value| match value {
            Setting::Number(number) => Some(*number),
            Setting::Count(count) => Some(*count as f64),
            // JSON has no other way to write them.
            Setting::Text(text) => text.parse().ok().filter(|number: &f64| !number.is_finite()),
            _ => None,
        })
    }

    /// A text.
    ///
    /// # Errors
    /// As [`Settings::flag`].
    pub fn text(&self, name: &str) -> Result<&str> {
        self.expect(name, "a text", |value| match value {
            Setting::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// A shape.
    ///
    /// # Errors
    /// As [`Settings::flag`].
    pub fn shape(&self, name: &str) -> Result<Shape> {
        self.expect(name, "a shape", |value| match *value {
            Setting::Shape(shape) => Some(shape),
            _ => None,
        })
    }

    /// A window as it was given.
    ///
    /// # Errors
    /// As [`Settings::flag`].
    pub fn window(&self, name: &str) -> Result<Window> {
        self.expect(name, "a window", |value| match *value {
            Setting::Window(window) => Some(window),
            _ => None,
        })
    }

    fn expect<'s, R>(
        &'s self,
        name: &str,
        expected: &'static str,
        convert: impl FnOnce(&'s Setting) -> Option<R>,
    ) -> Result<R> {
        let Some(value) = self.get(name) else {
            return Err(Error::unknown_name("setting", self.iter().map(|(known, _)| known), name));
        };
        convert(value).ok_or_else(|| Error::setting("setting", expected, format!("`{name}` {value:?}")))
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

macro_rules! setting_from {
    ($($type:ty => $variant:ident),*) => {
        $(impl From<$type> for Setting {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}

setting_from!(
    bool => Flag, usize => Count, f64 => Number, &str => Text, String => Text, Shape => Shape, Window => Window
);

impl<S: Into<Setting>> From<Option<S>> for Setting {
    fn from(value: Option<S>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_of_their_type() {
        let settings = Settings::new()
            .with("nothing", None::<usize>)
            .with("flag", true)
            .with("count", 3)
            .with("number", 0.5)
            .with("infinite", "-inf")
            .with("text", "old")
            .with("text", String::from("new"))
            .with("shape", Shape::from([2, 3]))
            .with("window", Window::new(3));
        assert_eq!(settings.iter().len(), 8);
        assert_eq!(settings.get("nothing"), Some(&Setting::Nothing));
        assert!(settings.flag("flag").unwrap());
        assert_eq!((settings.count("count").unwrap(), settings.number("count").unwrap()), (3, 3.0));
        assert_eq!(settings.number("infinite").unwrap(), f64::NEG_INFINITY);
        assert_eq!(settings.text("text").unwrap(), "new");
        assert_eq!(settings.shape("shape").unwrap().axes(), [2, 3]);
        assert_eq!(settings.window("window").unwrap(), Window::new(3));
        for error in [
            settings.count("number").unwrap_err(),
            settings.count("nothing").unwrap_err(),
            settings.number("text").unwrap_err(),
            settings.text("flag").unwrap_err(),
            settings.flag("count").unwrap_err(),
            settings.shape("window").unwrap_err(),
            settings.window("shape").unwrap_err(),
        ] {
            assert!(error.to_string().starts_with("setting: expected"), "{error}");
        }
        assert_eq!(
            settings.count("number").unwrap_err().to_string(),
            "setting: expected a whole number, got `number` Number(0.5)"
        );
    }
}

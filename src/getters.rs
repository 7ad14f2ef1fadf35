//! Methods that tell what something was made with.

/// Methods in an `impl`, each of which gives the field of its name, which is `Copy`, or what is behind the `=`.
macro_rules! getters {
    ($($(#[$doc:meta])+ $name:ident: $type:ty $(= |$this:ident| $value:expr)?;)+) => {
        $($(#[$doc])+
        #[must_use]
        pub fn $name(&self) -> $type {
            $crate::getters::getters!(@value self, $name $(, $this, $value)?)
        })+
    };
    (@value $self:ident, $name:ident) => {
        $self.$name
    };
    (@value $self:ident, $name:ident, $this:ident, $value:expr) => {{
        let $this = $self;
        $value
    }};
}
pub(crate) use getters;

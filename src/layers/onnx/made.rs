//! That there is a graph at all.

/// A graph has one. Without the feature `onnx` nobody makes a graph, and this tells the compiler so: what layers add to one is not in such
/// programs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made {
    #[cfg(not(feature = "onnx"))]
    never: core::convert::Infallible,
}

impl Made {
    pub(super) fn new() -> Self {
        #[cfg(feature = "onnx")]
        return Self {};
        #[cfg(not(feature = "onnx"))]
        unreachable!("a graph without the feature `onnx`")
    }

    /// Nothing is compiled behind this where there can be no graph.
    #[cfg_attr(
        feature = "onnx",
        expect(clippy::unused_self, reason = "there is one only where it is unused")
    )]
    pub(super) fn check(self) {
        #[cfg(not(feature = "onnx"))]
        match self.never {}
    }
}

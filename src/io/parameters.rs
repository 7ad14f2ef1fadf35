//! Looks up the parameters that a description says the file has.

use super::Verdict;
use super::document::Document;
use super::lie::{channels_first, shape_of_weight};
use crate::Shape;

/// The parameters that there are.
pub(super) struct Parameters<'a> {
    pub(super) document: &'a Document,
    pub(super) shapes: &'a mut Shapes<'a>,
}

/// The shape of a parameter that there is, as it lies in the file, by name. Each is asked for once.
pub(super) type Shapes<'a> = dyn FnMut(&str) -> Verdict<Shape> + 'a;

impl Parameters<'_> {
    /// Whether a layer's parameter is there, in its shape.
    pub(super) fn expect(&mut self, layer: &str, parameter: &str, expected: Shape) -> Verdict<()> {
        let name = format!("{layer}.{parameter}");
        let got = (self.shapes)(&name)?;
        // Whether it is put into another order is found out when it is read.
        let is_turned = || got == channels_first(&expected) && self.document.lies_along_features(&name);
        if got == expected || expected.rank() > 1 && is_turned() {
            return Ok(());
        }
        Err(format!("layer `{layer}`: expected a {parameter} {expected}, got {got}"))
    }

    /// The same for the weight and bias of a layer of sums, in this crate's orientation.
    pub(super) fn expect_sums(&mut self, layer: &str, weight: Shape, has_bias: bool) -> Verdict<()> {
        self.expect(layer, "weight", shape_of_weight(self.document.orientation, weight))?;
        match weight.axes() {
            [.., outputs] if has_bias => self.expect(layer, "bias", [*outputs].into()),
            _ => Ok(()),
        }
    }
}

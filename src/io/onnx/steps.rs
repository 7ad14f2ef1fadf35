//! Whole numbers of few bits that stand for others: (number − zero point)·scale.

/// Scales and zero points of the elements of a tensor.
#[derive(Debug)]
pub(super) struct Steps {
    pub(super) scales: Vec<f64>,
    /// As many as scales, or one, or none.
    pub(super) zeros: Vec<f64>,
    pub(super) along: Along,
    pub(super) inputs: Inputs,
}

/// What sums with such numbers take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Inputs {
    /// Whole numbers, or others that the layer makes whole ones of.
    Whole,
    /// Others: the file multiplies scales and whole numbers out.
    Numbers,
    /// Whole numbers that the file makes of others in steps of its own: of this scale and zero point, or of those of each sample.
    Rounded(Option<(f32, i8)>),
}

/// What has a scale of its own.
#[derive(Debug, Clone, Copy)]
pub(super) enum Along {
    All,
    /// Each index of an axis of this length, of which so many elements lie further in.
    Axis {
        len: usize,
        inner: usize,
    },
    /// Each run of so many indices along it, for each index of the other axes.
    Runs {
        len: usize,
        inner: usize,
        run: usize,
    },
}

impl Along {
    /// Which scale is that of the element at a place.
    fn index(self, place: usize) -> usize {
        match self {
            Self::All => 0,
            Self::Axis { len, inner } => place / inner % len,
            Self::Runs { len, inner, run } => {
                let runs = len.div_ceil(run);
                (place / (inner * len) * runs + place / inner % len / run) * inner + place % inner
            }
        }
    }
}

impl Steps {
    pub(super) fn scale(&self, place: usize) -> f64 {
        self.scales[self.along.index(place)]
    }

    pub(super) fn zero(&self, place: usize) -> f64 {
        match self.zeros[..] {
            [] => 0.0,
            [zero] => zero,
            _ => self.zeros[self.along.index(place)],
        }
    }

    /// What the whole number at a place stands for.
    pub(super) fn number(&self, whole: f64, place: usize) -> f64 {
        (whole - self.zero(place)) * self.scale(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_has_its_scale() {
        // [2, 5, 3] along the middle axis.
        let index = |along: Along| (0..30).map(|place| along.index(place)).collect::<Vec<_>>();
        let middle: Vec<usize> = (0..30).map(|place| place / 3 % 5).collect();
        assert_eq!(index(Along::Axis { len: 5, inner: 3 }), middle);
        // In runs of two, of which the last is shorter: scales [2, 3, 3].
        let runs: Vec<usize> =
            (0..30).map(|place| (place / 15) * 9 + (place / 3 % 5) / 2 * 3 + place % 3).collect();
        assert_eq!(index(Along::Runs { len: 5, inner: 3, run: 2 }), runs);
        let steps = Steps {
            scales: vec![2.0, 4.0],
            zeros: vec![1.0],
            along: Along::Axis { len: 2, inner: 1 },
            inputs: Inputs::Whole,
        };
        assert_eq!([steps.number(3.0, 0), steps.number(3.0, 1)], [4.0, 8.0]);
    }
}

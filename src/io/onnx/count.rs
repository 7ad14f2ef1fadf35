//! Whole numbers that may depend on the number of samples.

/// `samples`·n + `rest`, where n is the number of samples of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Count {
    pub(super) samples: i64,
    pub(super) rest: i64,
}

impl Count {
    /// The number of samples.
    pub(super) const BATCH: Self = Self { samples: 1, rest: 0 };

    pub(super) fn of(rest: i64) -> Self {
        Self { samples: 0, rest }
    }

    /// The length of an axis.
    pub(super) fn of_len(len: usize) -> Self {
        Self::of(i64::try_from(len).unwrap_or(i64::MAX))
    }

    /// The number, where it does not depend on the samples.
    pub(super) fn known(self) -> Option<i64> {
        (self.samples == 0).then_some(self.rest)
    }

    /// A length of an axis, where it does not depend on the samples.
    pub(super) fn len(self) -> Option<usize> {
        usize::try_from(self.known()?).ok()
    }

    pub(super) fn plus(self, other: Self) -> Option<Self> {
        let samples = self.samples.checked_add(other.samples)?;
        Some(Self { samples, rest: self.rest.checked_add(other.rest)? })
    }

    pub(super) fn minus(self, other: Self) -> Option<Self> {
        self.plus(other.times(Self::of(-1))?)
    }

    /// The product, where one of the two does not depend on the samples.
    pub(super) fn times(self, other: Self) -> Option<Self> {
        let (many, factor) = match (self.known(), other.known()) {
            (_, Some(factor)) => (self, factor),
            (Some(factor), _) => (other, factor),
            _ => return None,
        };
        Some(Self { samples: many.samples.checked_mul(factor)?, rest: many.rest.checked_mul(factor)? })
    }

    /// The quotient, where it is a whole number for any number of samples, or for numbers that do not depend on it, rounded towards 0 as
    /// ONNX's integers are.
    pub(super) fn over(self, other: Self) -> Option<Self> {
        if self == other && other != Self::default() {
            return Some(Self::of(1));
        }
        if other.rest == 0 && other.samples != 0 && self.rest == 0 {
            return (self.samples % other.samples == 0).then(|| Self::of(self.samples / other.samples));
        }
        let divisor = other.known().filter(|&divisor| divisor != 0)?;
        if self.samples == 0 {
            return Some(Self::of(self.rest.checked_div(divisor)?));
        }
        let is_whole = self.samples.checked_rem(divisor)? == 0 && self.rest.checked_rem(divisor)? == 0;
        is_whole.then(|| Self { samples: self.samples / divisor, rest: self.rest / divisor })
    }
}

/// `n`, `2n + 1`, `7`.
impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self { samples: 0, rest } => write!(f, "{rest}"),
            Self { samples: 1, rest: 0 } => f.write_str("batch"),
            Self { samples, rest: 0 } => write!(f, "{samples}·batch"),
            Self { samples, rest } => write!(f, "{samples}·batch + {rest}"),
        }
    }
}

/// `[batch, 3, 32, 32]`
pub(super) fn pattern(dims: &[Count]) -> String {
    let dims: Vec<String> = dims.iter().take(12).map(Count::to_string).collect();
    format!("[{}]", dims.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic() {
        let (batch, of) = (Count::BATCH, Count::of);
        let twice = batch.times(of(2)).unwrap();
        assert_eq!(twice.plus(of(1)).unwrap().minus(batch).unwrap(), Count { samples: 1, rest: 1 });
        assert_eq!(twice.over(batch), Some(of(2)));
        assert_eq!(twice.over(of(2)), Some(batch));
        assert_eq!(of(-7).over(of(2)), Some(of(-3)));
        assert_eq!((batch.over(of(2)), batch.times(batch), of(1).over(of(0))), (None, None, None));
        assert_eq!((of(i64::MIN).over(of(-1)), of(i64::MAX).plus(of(1))), (None, None));
        assert_eq!(pattern(&[batch, twice, of(3)]), "[batch, 2·batch, 3]");
    }
}

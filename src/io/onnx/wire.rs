//! Protocol Buffers as they lie in a file: numbered fields, one after another, of four kinds.
//!
//! Nothing is copied, and nothing goes deeper by itself: a message inside is bytes until somebody reads them.

use std::cell::Cell;

use crate::io::Verdict;

/// How many fields and packed whole numbers a file may have; what is made of each takes memory.
#[derive(Debug)]
pub(super) struct Budget {
    fields: Cell<usize>,
    integers: Cell<usize>,
}

impl Budget {
    /// The most fields of all messages. A node has some ten of them.
    const FIELDS: usize = 1 << 18;
    /// The most whole numbers that are packed; weights are bytes and none of them.
    const INTEGERS: usize = 1 << 22;

    pub(super) fn new() -> Self {
        Self { fields: Cell::new(Self::FIELDS), integers: Cell::new(Self::INTEGERS) }
    }

    fn spend(left: &Cell<usize>, most: usize, what: &str) -> Verdict<()> {
        left.set(
            left.get().checked_sub(1).ok_or_else(|| format!("expected at most {most} {what}, got more"))?,
        );
        Ok(())
    }
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Wire<'a> {
    /// A whole number, a flag, or a choice.
    Varint(u64),
    /// Eight bytes.
    Fixed64([u8; 8]),
    /// A text, bytes, a message, or numbers packed together.
    Bytes(&'a [u8]),
    /// Four bytes.
    Fixed32([u8; 4]),
}

/// The fields of a message.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a, 'b> {
    rest: &'a [u8],
    budget: &'b Budget,
}

impl<'a, 'b> Fields<'a, 'b> {
    pub(super) fn new(message: &'a [u8], budget: &'b Budget) -> Self {
        Self { rest: message, budget }
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for place in 0..10 {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f).checked_shl(7 * place)?;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(len).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    fn field(&mut self) -> Option<(u64, Wire<'a>)> {
        let key = self.varint()?;
        let wire = match key & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(self.take(8)?.try_into().ok()?),
            2 => {
                let len = self.varint()?;
                Wire::Bytes(self.take(len)?)
            }
            5 => Wire::Fixed32(self.take(4)?.try_into().ok()?),
            _ => return None,
        };
        Some((key >> 3, wire))
    }
}

impl<'a> Iterator for Fields<'a, '_> {
    type Item = Verdict<(u64, Wire<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let cut = || "expected an ONNX file, got a field that is cut or of no known kind".to_owned();
        let field = Budget::spend(&self.budget.fields, Budget::FIELDS, "fields");
        let field = field.and_then(|()| self.field().ok_or_else(cut));
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

impl<'a> Wire<'a> {
    pub(super) fn bytes(self) -> Verdict<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(mismatch("a text or a message")),
        }
    }

    pub(super) fn text(self) -> Verdict<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| mismatch("a text in UTF-8"))
    }

    pub(super) fn integer(self) -> Verdict<i64> {
        match self {
            Self::Varint(value) => Ok(value.cast_signed()),
            _ => Err(mismatch("a whole number")),
        }
    }

    pub(super) fn float(self) -> Verdict<f32> {
        match self {
            Self::Fixed32(bytes) => Ok(f32::from_le_bytes(bytes)),
            _ => Err(mismatch("a number")),
        }
    }

    /// Whole numbers, one or packed.
    pub(super) fn integers(self, budget: &Budget, into: &mut Vec<i64>) -> Verdict<()> {
        let Self::Bytes(packed) = self else {
            into.push(self.integer()?);
            return Ok(());
        };
        let mut fields = Fields::new(packed, budget);
        while !fields.rest.is_empty() {
            Budget::spend(&budget.integers, Budget::INTEGERS, "packed whole numbers")?;
            into.push(fields.varint().ok_or_else(|| mismatch("whole numbers"))?.cast_signed());
        }
        Ok(())
    }

    /// Numbers, one or packed.
    pub(super) fn floats(self, into: &mut Vec<f32>) -> Verdict<()> {
        let Self::Bytes(packed) = self else {
            into.push(self.float()?);
            return Ok(());
        };
        let (numbers, []) = packed.as_chunks() else { return Err(mismatch("numbers")) };
        into.extend(numbers.iter().map(|&bytes| f32::from_le_bytes(bytes)));
        Ok(())
    }
}

fn mismatch(expected: &str) -> String {
    format!("expected an ONNX file, got a field that is not {expected} as it should be")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_each_kind() {
        let message =
            [0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x1d, 0, 0, 0x80, 0x3f, 0x21, 1, 0, 0, 0, 0, 0, 0, 0];
        let fields: Vec<_> = Fields::new(&message, &Budget::new()).map(Result::unwrap).collect();
        assert_eq!(fields[0], (1, Wire::Varint(150)));
        assert_eq!(fields[1].1.text().unwrap(), "hi");
        assert_eq!(fields[2].1.float().unwrap(), 1.0);
        assert_eq!(fields[3], (4, Wire::Fixed64([1, 0, 0, 0, 0, 0, 0, 0])));
        let (mut one, mut packed) = (Vec::new(), Vec::new());
        Wire::Varint(u64::MAX).integers(&Budget::new(), &mut one).unwrap();
        Wire::Bytes(&[0x01, 0x96, 0x01]).integers(&Budget::new(), &mut packed).unwrap();
        assert_eq!((one, packed), (vec![-1], vec![1, 150]));
    }

    #[test]
    fn what_is_cut_is_an_error_and_the_end() {
        for message in [
            &[0x08][..],
            &[0x0a, 5, 1],
            &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            &[0x0b],
            &[0x80; 20],
        ] {
            let fields: Vec<_> = Fields::new(message, &Budget::new()).collect();
            assert!(matches!(&fields[..], [Err(_)]), "{message:?}");
        }
        assert!(Wire::Bytes(&[1, 2, 3]).floats(&mut Vec::new()).is_err());
        assert!(Wire::Bytes(&[0x80]).integers(&Budget::new(), &mut Vec::new()).is_err());
        assert!(Wire::Bytes(&[0xff]).text().is_err());
    }
}

//! Protocol Buffers as they are written: fields one after another.

/// A message of numbered fields.
#[derive(Debug, Default)]
pub(super) struct Message(Vec<u8>);

/// Seven bits a byte, the lowest first.
fn varint(mut value: u64, to: &mut Vec<u8>) {
    while value >= 0x80 {
        to.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

impl Message {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn integer(mut self, field: u64, value: i64) -> Self {
        varint(field << 3, &mut self.0);
        varint(value.cast_unsigned(), &mut self.0);
        self
    }

    pub(super) fn integers(self, field: u64, values: impl IntoIterator<Item = i64>) -> Self {
        values.into_iter().fold(self, |message, value| message.integer(field, value))
    }

    pub(super) fn number(mut self, field: u64, value: f32) -> Self {
        varint(field << 3 | 5, &mut self.0);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn text(self, field: u64, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    pub(super) fn message(self, field: u64, message: &Self) -> Self {
        self.bytes(field, &message.0)
    }

    fn bytes(self, field: u64, bytes: &[u8]) -> Self {
        let mut message = self.begins(field, bytes.len() as u64);
        message.0.extend_from_slice(bytes);
        message
    }

    /// The beginning of a field of so many bytes, which whoever writes the message adds.
    pub(super) fn begins(mut self, field: u64, len: u64) -> Self {
        varint(field << 3 | 2, &mut self.0);
        varint(len, &mut self.0);
        self
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the documentation of Protocol Buffers.
    #[test]
    fn fields_of_each_kind() {
        assert_eq!(Message::new().integer(1, 150).into_bytes(), [0x08, 0x96, 0x01]);
        assert_eq!(Message::new().text(2, "testing").into_bytes(), b"\x12\x07testing");
        let inner = Message::new().integer(1, 150);
        assert_eq!(Message::new().message(3, &inner).into_bytes(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
        let negative = Message::new().integer(1, -2).into_bytes();
        assert_eq!(negative, [0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
        assert_eq!(Message::new().number(1, 1.0).into_bytes(), [0x0d, 0, 0, 0x80, 0x3f]);
    }
}

//! A graph written as bytes, for files that no exporter makes.

/// A length whose square is no number of elements, and that is one by itself.
pub(crate) const LONG: i64 = if usize::BITS < 64 { 1 << 30 } else { 1 << 40 };

/// A message of numbered fields.
#[derive(Default, Clone)]
pub(crate) struct Message(Vec<u8>);

fn varint(mut value: u64, to: &mut Vec<u8>) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

impl Message {
    pub(crate) fn number(mut self, field: u64, value: i64) -> Self {
        varint(field << 3, &mut self.0);
        varint(value.cast_unsigned(), &mut self.0);
        self
    }

    fn float(mut self, field: u64, value: f32) -> Self {
        varint(field << 3 | 5, &mut self.0);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(crate) fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        varint(field << 3 | 2, &mut self.0);
        varint(bytes.len() as u64, &mut self.0);
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn message(self, field: u64, message: &Self) -> Self {
        self.bytes(field, &message.0)
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// An operation.
pub(crate) fn node(operation: &str, inputs: &[&str], output: &str) -> Message {
    let node = inputs.iter().fold(Message::default(), |node, input| node.bytes(1, input.as_bytes()));
    node.bytes(2, output.as_bytes()).bytes(3, output.as_bytes()).bytes(4, operation.as_bytes())
}

/// The same with another output.
pub(crate) fn with_output(node: Message, output: &str) -> Message {
    node.bytes(2, output.as_bytes())
}

/// An operation with whole numbers as an attribute.
pub(crate) fn with_integers(node: Message, name: &str, integers: &[i64]) -> Message {
    let attribute = Message::default().bytes(1, name.as_bytes()).number(20, 7);
    node.message(5, &integers.iter().fold(attribute, |attribute, &integer| attribute.number(8, integer)))
}

/// The same with one whole number.
pub(crate) fn with_integer(node: Message, name: &str, integer: i64) -> Message {
    node.message(5, &Message::default().bytes(1, name.as_bytes()).number(3, integer).number(20, 2))
}

/// The same with one number.
pub(crate) fn with_float(node: Message, name: &str, number: f32) -> Message {
    node.message(5, &Message::default().bytes(1, name.as_bytes()).float(2, number).number(20, 1))
}

/// The same with several.
pub(crate) fn with_floats(node: Message, name: &str, numbers: &[f32]) -> Message {
    let attribute = Message::default().bytes(1, name.as_bytes()).number(20, 6);
    node.message(5, &numbers.iter().fold(attribute, |attribute, &number| attribute.float(7, number)))
}

/// The same with a text.
pub(crate) fn with_text(node: Message, name: &str, text: &str) -> Message {
    node.message(5, &Message::default().bytes(1, name.as_bytes()).bytes(4, text.as_bytes()).number(20, 3))
}

fn dims(dims: &[i64]) -> Message {
    dims.iter().fold(Message::default(), |message, &dim| message.number(1, dim))
}

/// A tensor of single precision.
pub(crate) fn floats(name: &str, axes: &[i64], values: &[f32]) -> Message {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    dims(axes).number(2, 1).bytes(8, name.as_bytes()).bytes(9, &bytes)
}

/// A tensor of whole numbers.
pub(crate) fn integers(name: &str, values: &[i64]) -> Message {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    dims(&[i64::try_from(values.len()).unwrap()]).number(2, 7).bytes(8, name.as_bytes()).bytes(9, &bytes)
}

/// A tensor of bytes, of an element type of ONNX.
pub(crate) fn bytes(name: &str, axes: &[i64], element: i64, bytes: &[u8]) -> Message {
    dims(axes).number(2, element).bytes(8, name.as_bytes()).bytes(9, bytes)
}

/// A tensor whose numbers are in another file.
pub(crate) fn external(name: &str, axes: &[i64], location: &str) -> Message {
    let entry = Message::default().bytes(1, b"location").bytes(2, location.as_bytes());
    dims(axes).number(2, 1).bytes(8, name.as_bytes()).message(13, &entry).number(14, 1)
}

/// What goes in or comes out, with the number of samples free.
fn named(name: &str, axes: &[i64]) -> Message {
    let shape = Message::default().message(1, &Message::default());
    let shape = axes.iter().fold(shape, |shape, &axis| shape.message(1, &Message::default().number(1, axis)));
    let tensor = Message::default().number(1, 1).message(2, &shape);
    Message::default().bytes(1, name.as_bytes()).message(2, &Message::default().message(1, &tensor))
}

/// A file of a graph from `x`, of these axes, to `y`.
pub(crate) fn file(axes: &[i64], nodes: &[Message], initializers: &[Message]) -> Vec<u8> {
    file_of_opset(17, axes, nodes, initializers)
}

/// The same with the operations of another version.
pub(crate) fn file_of_opset(
    opset: i64,
    axes: &[i64],
    nodes: &[Message],
    initializers: &[Message],
) -> Vec<u8> {
    let graph = nodes.iter().fold(Message::default(), |graph, node| graph.message(1, node));
    let graph = initializers.iter().fold(graph, |graph, tensor| graph.message(5, tensor));
    let graph = graph.message(11, &named("x", axes)).message(12, &named("y", &[]));
    let opset = Message::default().number(2, opset);
    Message::default().number(1, 8).message(7, &graph).message(8, &opset).into_bytes()
}

//! A graph as the bytes of a file: what is small is made at once, and the numbers of constants when their turn comes.

use std::io::{self, Write};

use super::message::Message;
use crate::io::onnx::classes::{CLASSES, array};
use crate::layers::OnnxAttribute;
use crate::layers::onnx::{Constant, Finished, Node, Numbers, integer};
use crate::{Scalar, Shape};

/// Protocol Buffers have no longer messages.
pub(super) const MOST_BYTES: u64 = (1 << 31) - 1;

/// The version of the format that came with this version of the operations.
const FORMAT: i64 = 8;
const OPSET: i64 = 17;

/// The numbers of types of elements.
const FLOAT: i64 = 1;
const INT8: i64 = 3;
const INT64: i64 = 7;
const DOUBLE: i64 = 11;

/// What comes first in memory, as it goes to a file.
const BUFFER_BYTES: usize = 1 << 16;

/// A file to be written.
pub(super) struct File<'a, T> {
    pieces: Vec<Piece<'a, T>>,
}

enum Piece<'a, T> {
    Bytes(Vec<u8>),
    Numbers(Constant<'a, T>),
}

/// What is told beside the operations.
pub(super) struct Ends<'m> {
    /// The axes of a sample as they go in and come out.
    pub(super) input: Shape,
    pub(super) output: Shape,
    pub(super) classes: Option<&'m [String]>,
}

impl<'a, T: Scalar> File<'a, T> {
    pub(super) fn new(graph: Finished<'a, T>, ends: &Ends<'_>) -> Self {
        let Finished { names, nodes, constants, input, is_whole, output } = graph;
        let nodes = nodes.iter().fold(Message::new(), |graph, node| graph.message(1, &of_node(node, &names)));
        let mut graph = vec![Piece::Bytes(nodes.text(2, "model").into_bytes())];
        for (value, constant) in constants {
            let tensor = Message::new().integers(1, constant.dims.iter().map(|&dim| integer(dim)));
            let tensor = tensor.integer(2, element::<T>(&constant)).text(8, &names[value]);
            let tensor = tensor.begins(9, constant.len()).into_bytes();
            let head = Message::new().begins(5, (tensor.len() as u64).saturating_add(constant.len()));
            graph.push(Piece::Bytes([head.into_bytes(), tensor].concat()));
            graph.push(Piece::Numbers(constant));
        }
        let float = if T::NAME == "f64" { DOUBLE } else { FLOAT };
        let input = end(&names[input], if is_whole { INT64 } else { float }, &ends.input);
        let output = end(&names[output], float, &ends.output);
        graph.push(Piece::Bytes(Message::new().message(11, &input).message(12, &output).into_bytes()));
        let opset = Message::new().text(1, "").integer(2, OPSET);
        let head = Message::new().integer(1, FORMAT).text(2, env!("CARGO_PKG_NAME"));
        let head = head.text(3, env!("CARGO_PKG_VERSION")).message(8, &opset);
        let head = ends.classes.map(classes).into_iter().fold(head, |head, entry| head.message(14, &entry));
        let mut pieces = vec![Piece::Bytes(head.begins(7, len(&graph)).into_bytes())];
        pieces.append(&mut graph);
        Self { pieces }
    }

    /// How long it is.
    pub(super) fn len(&self) -> u64 {
        len(&self.pieces)
    }

    pub(super) fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Bytes(bytes) => to.write_all(bytes),
            Piece::Numbers(constant) => write_numbers(constant, to),
        })
    }
}

fn len<T: Scalar>(pieces: &[Piece<'_, T>]) -> u64 {
    let of = |piece: &Piece<'_, T>| match piece {
        Piece::Bytes(bytes) => bytes.len() as u64,
        Piece::Numbers(constant) => constant.len(),
    };
    pieces.iter().map(of).fold(0, u64::saturating_add)
}

fn element<T: Scalar>(constant: &Constant<'_, T>) -> i64 {
    match constant.numbers {
        Numbers::Integers(_) => INT64,
        Numbers::Bytes(..) => INT8,
        _ if T::NAME == "f64" => DOUBLE,
        _ => FLOAT,
    }
}

fn write_numbers<T: Scalar>(constant: &Constant<'_, T>, to: &mut dyn Write) -> io::Result<()> {
    if let Numbers::Integers(integers) = &constant.numbers {
        return integers.iter().try_for_each(|integer| to.write_all(&integer.to_le_bytes()));
    }
    let (mut buffer, mut result) = (Vec::with_capacity(BUFFER_BYTES), Ok(()));
    let is_bytes = matches!(constant.numbers, Numbers::Bytes(..));
    constant.each(&mut |number| {
        if is_bytes {
            buffer.extend((number.as_f64() as i8).to_le_bytes());
        } else if T::NAME == "f64" {
            buffer.extend(number.as_f64().to_le_bytes());
        } else {
            buffer.extend((number.as_f64() as f32).to_le_bytes());
        }
        if buffer.len() >= BUFFER_BYTES {
            if result.is_ok() {
                result = to.write_all(&buffer);
            }
            buffer.clear();
        }
    });
    result?;
    to.write_all(&buffer)
}

fn of_node(node: &Node, names: &[String]) -> Message {
    let inputs = node.inputs.iter().map(|input| input.map_or("", |input| &names[input]));
    let message = inputs.fold(Message::new(), |message, input| message.text(1, input));
    let message = message.text(2, &names[node.output]).text(3, &node.name).text(4, &node.operation);
    node.attributes.iter().fold(message, |message, (name, value)| {
        let attribute = Message::new().text(1, name);
        // The last number is that of the type.
        let attribute = match value {
            OnnxAttribute::Number(number) => attribute.number(2, *number).integer(20, 1),
            OnnxAttribute::Integer(integer) => attribute.integer(3, *integer).integer(20, 2),
            OnnxAttribute::Text(text) => attribute.text(4, text).integer(20, 3),
            OnnxAttribute::Integers(integers) => {
                attribute.integers(8, integers.iter().copied()).integer(20, 7)
            }
        };
        message.message(5, &attribute)
    })
}

/// What goes in or comes out: its batch is free.
fn end(name: &str, element: i64, sample: &Shape) -> Message {
    let shape = Message::new().message(1, &Message::new().text(2, "batch"));
    let shape = sample
        .axes()
        .iter()
        .fold(shape, |shape, &axis| shape.message(1, &Message::new().integer(1, integer(axis))));
    let tensor = Message::new().integer(1, element).message(2, &shape);
    Message::new().text(1, name).message(2, &Message::new().message(1, &tensor))
}

/// The names of classes as an entry of the metadata: an array in JSON.
fn classes(names: &[String]) -> Message {
    Message::new().text(1, CLASSES).text(2, &array(names))
}

//! The messages of an ONNX file, as far as a network needs them. Texts and bytes stay where they are in the file.

use std::borrow::Cow;

use super::classes::CLASSES;
use super::wire::{Budget, Fields, Wire};
use crate::io::Verdict;

/// A file.
#[derive(Debug, Default)]
pub(super) struct Model<'a> {
    /// Which version of the operations of each domain it speaks of.
    pub(super) opsets: Vec<(&'a str, i64)>,
    pub(super) graph: Option<Graph<'a>>,
    /// The entry of the metadata that has the names of the classes.
    pub(super) classes: Option<&'a str>,
}

#[derive(Debug, Default)]
pub(super) struct Graph<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) initializers: Vec<Stored<'a>>,
    pub(super) inputs: Vec<Named<'a>>,
    pub(super) outputs: Vec<Named<'a>>,
}

/// One operation.
#[derive(Debug, Default)]
pub(super) struct Node<'a> {
    pub(super) operation: &'a str,
    pub(super) domain: &'a str,
    pub(super) name: &'a str,
    pub(super) inputs: Vec<&'a str>,
    pub(super) outputs: Vec<&'a str>,
    pub(super) attributes: Vec<(&'a str, Attribute<'a>)>,
}

#[derive(Debug)]
pub(super) enum Attribute<'a> {
    Float(f32),
    Integer(i64),
    Text(&'a [u8]),
    Tensor(Stored<'a>),
    Floats(Vec<f32>),
    Integers(Vec<i64>),
    Texts(Vec<&'a [u8]>),
    /// A graph, or something else that no operation here has.
    Other,
}

/// A tensor as it is stored.
#[derive(Debug, Default)]
pub(super) struct Stored<'a> {
    pub(super) name: &'a str,
    pub(super) dims: Vec<i64>,
    pub(super) element: i64,
    /// Little-endian, one after another.
    pub(super) raw: Option<&'a [u8]>,
    /// The bytes of what is no whole number and not raw, packed or one by one.
    pub(super) floats: Cow<'a, [u8]>,
    /// Whole numbers of any length, and the bits of halves.
    pub(super) integers: Vec<i64>,
    /// Where the numbers are in another file.
    pub(super) external: Vec<(&'a str, &'a str)>,
    pub(super) is_external: bool,
}

/// What goes into the graph, or comes out.
#[derive(Debug, Default)]
pub(super) struct Named<'a> {
    pub(super) name: &'a str,
    pub(super) element: Option<i64>,
    /// The axes, where they are told; none for one that is free.
    pub(super) dims: Option<Vec<Option<i64>>>,
}

/// Reads the fields of a message by their numbers.
fn read<'a>(
    message: &'a [u8],
    budget: &Budget,
    mut field: impl FnMut(u64, Wire<'a>) -> Verdict<()>,
) -> Verdict<()> {
    Fields::new(message, budget).try_for_each(|read| read.and_then(|(number, wire)| field(number, wire)))
}

impl<'a> Model<'a> {
    pub(super) fn read(message: &'a [u8]) -> Verdict<Self> {
        let budget = &Budget::new();
        let mut model = Self::default();
        read(message, budget, |number, wire| {
            match number {
                7 => model.graph = Some(Graph::read(wire.bytes()?, budget)?),
                8 => model.opsets.push(opset(wire.bytes()?, budget)?),
                14 => model.classes = model.classes.or(classes(wire.bytes()?, budget)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(model)
    }
}

/// The value of an entry of the metadata, where it is that of the classes.
fn classes<'a>(message: &'a [u8], budget: &Budget) -> Verdict<Option<&'a str>> {
    let (mut key, mut value) = (&[][..], &[][..]);
    read(message, budget, |number, wire| {
        match number {
            1 => key = wire.bytes()?,
            2 => value = wire.bytes()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(std::str::from_utf8(value).ok().filter(|_| key == CLASSES.as_bytes()))
}

fn opset<'a>(message: &'a [u8], budget: &Budget) -> Verdict<(&'a str, i64)> {
    let mut opset = ("", 0);
    read(message, budget, |number, wire| {
        match number {
            1 => opset.0 = wire.text()?,
            2 => opset.1 = wire.integer()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(opset)
}

impl<'a> Graph<'a> {
    fn read(message: &'a [u8], budget: &Budget) -> Verdict<Self> {
        let mut graph = Self::default();
        read(message, budget, |number, wire| {
            match number {
                1 => graph.nodes.push(Node::read(wire.bytes()?, budget)?),
                5 => graph.initializers.push(Stored::read(wire.bytes()?, budget)?),
                11 => graph.inputs.push(Named::read(wire.bytes()?, budget)?),
                12 => graph.outputs.push(Named::read(wire.bytes()?, budget)?),
                // Sparse tensors.
                15 => return Err("expected dense initializers, got a sparse one".to_owned()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(graph)
    }
}

impl<'a> Node<'a> {
    fn read(message: &'a [u8], budget: &Budget) -> Verdict<Self> {
        let mut node = Self::default();
        read(message, budget, |number, wire| {
            match number {
                1 => node.inputs.push(wire.text()?),
                2 => node.outputs.push(wire.text()?),
                3 => node.name = wire.text()?,
                4 => node.operation = wire.text()?,
                5 => node.attributes.push(attribute(wire.bytes()?, budget)?),
                7 => node.domain = wire.text()?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(node)
    }
}

fn attribute<'a>(message: &'a [u8], budget: &Budget) -> Verdict<(&'a str, Attribute<'a>)> {
    const FLOAT: i64 = 1;
    const INTEGER: i64 = 2;
    const TEXT: i64 = 3;
    const TENSOR: i64 = 4;
    const FLOATS: i64 = 6;
    const INTEGERS: i64 = 7;
    const TEXTS: i64 = 8;
    let (mut name, mut kind, mut float, mut integer) = ("", 0, 0.0, 0);
    let (mut text, mut tensor) = (&[][..], None);
    let (mut floats, mut integers, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    read(message, budget, |number, wire| {
        match number {
            1 => name = wire.text()?,
            2 => float = wire.float()?,
            3 => integer = wire.integer()?,
            4 => text = wire.bytes()?,
            5 => tensor = Some(Stored::read(wire.bytes()?, budget)?),
            7 => wire.floats(&mut floats)?,
            8 => wire.integers(budget, &mut integers)?,
            9 => texts.push(wire.bytes()?),
            20 => kind = wire.integer()?,
            _ => {}
        }
        Ok(())
    })?;
    let attribute = match (kind, tensor) {
        (FLOAT, _) => Attribute::Float(float),
        (INTEGER, _) => Attribute::Integer(integer),
        (TEXT, _) => Attribute::Text(text),
        (TENSOR, Some(tensor)) => Attribute::Tensor(tensor),
        (FLOATS, _) => Attribute::Floats(floats),
        (INTEGERS, _) => Attribute::Integers(integers),
        (TEXTS, _) => Attribute::Texts(texts),
        _ => Attribute::Other,
    };
    Ok((name, attribute))
}

impl<'a> Stored<'a> {
    fn read(message: &'a [u8], budget: &Budget) -> Verdict<Self> {
        let mut tensor = Self::default();
        read(message, budget, |number, wire| {
            match number {
                1 => wire.integers(budget, &mut tensor.dims)?,
                2 => tensor.element = wire.integer()?,
                4 | 10 => match wire {
                    Wire::Bytes(packed) if tensor.floats.is_empty() => tensor.floats = packed.into(),
                    Wire::Bytes(packed) => tensor.floats.to_mut().extend_from_slice(packed),
                    Wire::Fixed32(number) => tensor.floats.to_mut().extend_from_slice(&number),
                    Wire::Fixed64(number) => tensor.floats.to_mut().extend_from_slice(&number),
                    Wire::Varint(_) => return Err("expected numbers of a tensor, got a whole one".to_owned()),
                },
                5 | 7 | 11 => wire.integers(budget, &mut tensor.integers)?,
                8 => tensor.name = wire.text()?,
                9 => tensor.raw = Some(wire.bytes()?),
                13 => tensor.external.push(entry(wire.bytes()?, budget)?),
                14 => tensor.is_external = wire.integer()? == 1,
                _ => {}
            }
            Ok(())
        })?;
        Ok(tensor)
    }
}

fn entry<'a>(message: &'a [u8], budget: &Budget) -> Verdict<(&'a str, &'a str)> {
    let mut entry = ("", "");
    read(message, budget, |number, wire| {
        match number {
            1 => entry.0 = wire.text()?,
            2 => entry.1 = wire.text()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(entry)
}

impl<'a> Named<'a> {
    fn read(message: &'a [u8], budget: &Budget) -> Verdict<Self> {
        let mut named = Self::default();
        read(message, budget, |number, wire| {
            match number {
                1 => named.name = wire.text()?,
                // A type, of which the tensor is the first kind.
                2 => read(wire.bytes()?, budget, |number, wire| {
                    if number == 1 { named.read_tensor(wire.bytes()?, budget) } else { Ok(()) }
                })?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(named)
    }

    fn read_tensor(&mut self, message: &'a [u8], budget: &Budget) -> Verdict<()> {
        read(message, budget, |number, wire| {
            match number {
                1 => self.element = Some(wire.integer()?),
                2 => self.dims = Some(dims(wire.bytes()?, budget)?),
                _ => {}
            }
            Ok(())
        })
    }
}

fn dims(message: &[u8], budget: &Budget) -> Verdict<Vec<Option<i64>>> {
    let mut dims = Vec::new();
    read(message, budget, |number, wire| {
        if number == 1 {
            let mut dim = None;
            read(wire.bytes()?, budget, |number, wire| {
                if number == 1 {
                    dim = Some(wire.integer()?);
                }
                Ok(())
            })?;
            dims.push(dim);
        }
        Ok(())
    })?;
    Ok(dims)
}

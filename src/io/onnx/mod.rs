//! Models from ONNX files, and as such (`write`). Reading is a small compiler, whose passes stand in files of their own.
//!
//! ```text
//! bytes ─► messages ─► sorted graph ─► values, constants computed ─► patterns ─► tree ─► layers, in the order of this crate
//! ```
//!
//! A file is untrusted: nothing is allocated for what it only claims, nothing goes deeper than it is bounded, and what a pass does
//! not take is collected, so that one error tells it all. `docs/onnx.md` says what is read.

mod call;
mod classes;
mod constant;
mod count;
mod element;
mod emit;
mod external;
mod fold;
mod graph;
mod grid;
mod lie;
mod line;
mod message;
mod names;
mod op;
mod ops;
mod patterns;
mod steps;
mod stored;
mod tree;
mod understand;
mod weight;
mod wire;
mod write;

pub use write::ToOnnx;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::atomic::io_error;
use super::file;
use super::recognise::{self, recognise};
use crate::layers::Layer;
use crate::{Error, Result, Scalar, Sequential};

use external::External;
use message::Model;

/// What the file should be, as errors call it.
const ONNX: &str = "an ONNX file";

impl<T: Scalar> Sequential<T> {
    /// A model of the layers of an ONNX file, as PyTorch, Keras (by tf2onnx) and scikit-learn (by skl2onnx) export them.
    ///
    /// The layers are this crate's own: they can be trained, saved, summarised. The input and the output have the axes that the file
    /// says; where it has channels first, a [`ChannelsLast`](crate::layers::ChannelsLast) layer stands in front. Numbers of other
    /// types are rounded to the model's. Layers have the names of the graph where they are usable. `docs/onnx.md` has the operations
    /// that are read, and how to export.
    ///
    /// Numbers in other files are read from the folder of the model, and from nowhere else.
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be read, [`Error::File`] where it is no ONNX file, and [`Error::Operations`] with every
    /// operation that no layer does, its name and what about it.
    pub fn from_onnx(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let (mut file, len): (File, u64) = file::open(path)?;
        let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
        file.read_to_end(&mut bytes).map_err(|error| io_error("read", path, &error))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        read(&path.display().to_string(), &bytes, Some(folder))
    }

    /// [`Sequential::from_onnx`] from bytes, which have all numbers in themselves.
    ///
    /// # Errors
    /// As [`Sequential::from_onnx`], without those of the system.
    pub fn from_onnx_bytes(bytes: &[u8]) -> Result<Self> {
        read(super::IN_MEMORY, bytes, None)
    }
}

fn read<T: Scalar>(path: &str, bytes: &[u8], folder: Option<&Path>) -> Result<Sequential<T>> {
    let in_file = |problem: String| {
        let other = recognise(&bytes[..bytes.len().min(recognise::START)], ONNX);
        Error::file(path, &other.unwrap_or(problem))
    };
    let model = Model::read(bytes).map_err(in_file)?;
    let Some(graph) = &model.graph else {
        return Err(in_file(format!("expected {ONNX}, got nothing with a graph")));
    };
    let names = model.classes.and_then(classes::texts);
    let refused = |problems: Vec<String>| Error::operations(path, &problems);
    let external = External::of_folder(folder);
    let sorted = graph::sort(graph).map_err(refused)?;
    let mut flow = understand::understand(&model, &sorted, &external, bytes.len()).map_err(refused)?;
    patterns::apply(&mut flow).map_err(refused)?;
    let tree = tree::tree(&flow).map_err(refused)?;
    let mut model: Sequential<T> =
        emit::emit(&flow, &tree, bytes.len().saturating_add(external.read_so_far())).map_err(refused)?;
    if let Some(names) = names.filter(|_| model.classes().is_none()) {
        // Names that do not fit are another program's.
        let _ = model.set_classes(names);
    }
    let mut unfit = Vec::new();
    // In runs, for which the compiler has vectors: a third of the time less.
    let is_finite = |run: &[T]| run.iter().fold(true, |all, number| all & number.is_finite());
    model.params(&mut |param| {
        if !param.buffer().chunks(1024).all(is_finite) {
            unfit.push(format!("parameter `{}`: expected finite numbers, got others", param.name()));
        }
    });
    if unfit.is_empty() { Ok(model) } else { Err(refused(unfit)) }
}

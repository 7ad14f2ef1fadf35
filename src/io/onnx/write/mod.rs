//! Models as ONNX files. Each layer says which operations do what it does ([`Layer::onnx`]); here they become bytes.

mod file;
mod message;

use std::path::Path;

use super::super::atomic::write_atomically;
use crate::brief::brief;
use crate::layers::{Layer, OnnxGraph};
use crate::{Error, Result, Scalar, Sequential, Shape};

use file::{Ends, File, MOST_BYTES};

/// No problem takes more, however long the names in it are.
const MOST_PROBLEM_BYTES: usize = 350;

/// How a model is written as an ONNX file; for [`Sequential::to_onnx_with`].
///
/// ```
/// let to_onnx = taper::io::ToOnnx::new().with_channels_first();
/// # let _ = to_onnx;
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct ToOnnx {
    is_channels_first: bool,
}

impl ToOnnx {
    /// Inputs and outputs have the axes that they have in the model.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Images, of three axes a sample, go in and come out with their channels first, as PyTorch has them; sequences, of two axes, too.
    /// What a model takes or gives so by itself, as before a [`ChannelsLast`](crate::layers::ChannelsLast), stays as it is.
    #[must_use]
    pub fn with_channels_first(self) -> Self {
        Self { is_channels_first: true }
    }
}

impl<T: Scalar> Sequential<T> {
    /// Writes the model as an ONNX file, for inference in any runtime: standard operations (opset 17), the batch axis free.
    ///
    /// ```
    /// use taper::{Sequential, Tensor};
    ///
    /// let model = Sequential::<f32>::builder([4]).dense(8).named("fc1").gelu().dense(3).build(&mut taper::seeded(7))?;
    /// let path = std::env::temp_dir().join(format!("taper-doc-{}.onnx", std::process::id()));
    /// model.to_onnx(&path)?;
    ///
    /// let again = Sequential::<f32>::from_onnx(&path)?;
    /// let x = Tensor::from([[1.0, -2.0, 0.5, 3.0]]);
    /// assert_eq!(again.predict(&x)?, model.predict(&x)?);
    /// assert_eq!(again.param("fc1.weight")?.to_tensor(), model.param("fc1.weight")?.to_tensor());
    /// # std::fs::remove_file(path).expect("a file that was written");
    /// # Ok::<(), taper::Error>(())
    /// ```
    ///
    /// Input and output are called `input` and `output`, parameters as in the model, operations by their layers. Numbers are those of
    /// the model, in single or double precision; weights in bf16 are widened. The names of the [classes](Sequential::classes) are an
    /// entry `classes` of the metadata, an array in JSON. Whatever happens, the path leads to the old file or to the new one.
    /// `docs/onnx.md` has the operations of each layer.
    ///
    /// # Errors
    /// [`Error::NotWritten`] with every layer of which no operations are known, before anything is written, and for a file of more than
    /// 2 GiB, which the format does not have; [`Error::Io`] where it cannot be written.
    pub fn to_onnx(&self, path: impl AsRef<Path>) -> Result<()> {
        self.to_onnx_with(path, &ToOnnx::new())
    }

    /// [`Sequential::to_onnx`] in a way of one's own.
    ///
    /// # Errors
    /// As [`Sequential::to_onnx`].
    pub fn to_onnx_with(&self, path: impl AsRef<Path>, to_onnx: &ToOnnx) -> Result<()> {
        let path = path.as_ref();
        let file = made(self, *to_onnx, &path.display().to_string())?;
        write_atomically(path, &mut |to| file.write(to))
    }

    /// The bytes that [`Sequential::to_onnx_with`] would write.
    ///
    /// # Errors
    /// As [`Sequential::to_onnx`], without those of the system.
    pub fn to_onnx_bytes(&self, to_onnx: &ToOnnx) -> Result<Vec<u8>> {
        let file = made(self, *to_onnx, super::super::IN_MEMORY)?;
        let mut bytes = Vec::with_capacity(usize::try_from(file.len()).unwrap_or(0));
        file.write(&mut bytes).expect("memory takes all bytes");
        Ok(bytes)
    }
}

fn made<'m, T: Scalar>(model: &'m Sequential<T>, to_onnx: ToOnnx, path: &str) -> Result<File<'m, T>> {
    model.check_params()?;
    let [takes_first, gives_first] = model.has_channels_first();
    let input_first = to_onnx.turns(&model.input()) && !takes_first;
    let output_first = to_onnx.turns(&model.output()) && !gives_first;
    let (mut graph, x) = OnnxGraph::new(model.input(), input_first);
    let y = model.onnx(x, &mut graph)?;
    let ends = Ends {
        input: outside(model.input(), input_first),
        output: outside(model.output(), output_first),
        classes: model.classes(),
    };
    let not_written = |problems: Vec<String>| Error::NotWritten {
        path: path.to_owned(),
        problems: problems.iter().map(|problem| brief(problem, MOST_PROBLEM_BYTES)).collect(),
    };
    let file = File::new(graph.finish(y, output_first).map_err(not_written)?, &ends);
    if file.len() > MOST_BYTES {
        let problem =
            format!("expected at most {MOST_BYTES} bytes, as the format has them, got {}", file.len());
        return Err(not_written(vec![problem]));
    }
    Ok(file)
}

impl ToOnnx {
    /// Whether samples of this shape have another order outside.
    fn turns(self, sample: &Shape) -> bool {
        self.is_channels_first && matches!(sample.rank(), 2 | 3)
    }
}

/// The axes of a sample outside.
fn outside(sample: Shape, is_channels_first: bool) -> Shape {
    match *sample.axes() {
        [ref places @ .., channels] if is_channels_first => {
            Shape::new(&[&[channels], places].concat()).expect("as many axes as before")
        }
        _ => sample,
    }
}

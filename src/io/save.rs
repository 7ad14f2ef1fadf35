//! Saves a model to a file.

use std::collections::BTreeMap;
use std::path::Path;

use super::archive::Dtype;
use super::atomic::write_atomically;
use super::document::{Document, Said};
use super::draft::{Draft, Piece};
use super::file_order::not_known;
use super::header::{MOST_NAME_BYTES, TEXT};
use super::lie::{Lie, features};
use super::orientation::Orientation;
use super::values::{dtype_of, encode};
use super::{check, description, settings};
use crate::kernels::bf16_bits;
use crate::layers::{Layer, Param, Turn};
use crate::{Error, Result, Scalar, Sequential, Tensor};

/// The most bytes of a text of the user's, and the most of such texts.
const MOST_ENTRY_BYTES: usize = 1 << 20;
const MOST_ENTRIES: usize = 1024;

/// How a model is written; for [`Sequential::save_with`] and [`Sequential::to_bytes`].
///
/// ```
/// use taper::io::{Orientation, Save};
/// use taper::{Sequential, Tensor};
///
/// let model = Sequential::<f32>::builder([4]).dense(3).build(&mut taper::seeded(7))?;
/// let save = Save::new().with_orientation(Orientation::Keras).with_check(&Tensor::zeros([2, 4])?);
/// let bytes = model.to_bytes(&save)?;
/// assert_eq!(Sequential::<f32>::open_bytes(&bytes)?.state(), model.state());
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Save<T> {
    orientation: Orientation,
    check: Option<Tensor<T>>,
    in_model_order: Vec<String>,
    entries: BTreeMap<String, String>,
}

impl<T: Scalar> Save<T> {
    /// In PyTorch's orientation, without a check and without entries.
    #[must_use]
    pub fn new() -> Self {
        Self {
            orientation: Orientation::default(),
            check: None,
            in_model_order: Vec::new(),
            entries: BTreeMap::new(),
        }
    }

    /// Which axis of a weight comes first, and in which order the features of images lie.
    #[must_use]
    pub fn with_orientation(mut self, orientation: Orientation) -> Self {
        self.orientation = orientation;
        self
    }

    /// Writes these inputs and the model's outputs for them beside the weights. Whoever reads the file compares, and refuses weights that
    /// are exchanged, transposed or damaged: outputs must agree to 1e-3 of the largest in `f32`, 1e-9 in `f64`.
    ///
    /// What is not a batch of the model's inputs, or more than 16 samples, is an error when the model is written.
    #[must_use]
    pub fn with_check(mut self, inputs: &Tensor<T>) -> Self {
        self.check = Some(inputs.clone());
        self
    }

    /// The parameter of this name is right as it lies in the model, whatever it lies along: for one of a layer of one's own, which
    /// nobody else can put in PyTorch's order. A name that the model does not have is an error when it is written.
    #[must_use]
    pub fn in_model_order(mut self, parameter: &str) -> Self {
        self.in_model_order.push(parameter.to_owned());
        self
    }

    /// Writes a text of one's own into the metadata of the file, where [`TensorFile::metadata`](super::TensorFile::metadata) and
    /// every program that reads safetensors finds it; in the place of another of the same key. A model does not know what its file
    /// had: whoever writes it again says so again.
    ///
    /// ```
    /// # use taper::io::Save;
    /// let save = Save::<f32>::new().with_entry("licence", "CC-BY-4.0")?.with_entry("trained", "2026-05-01")?;
    /// # let _ = save;
    /// # Ok::<(), taper::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] for a key of none or more than 1024 bytes, one that is this crate's (`taper`, and what begins with
    /// `taper.`), a text of more than a MiB, and more than 1024 entries.
    pub fn with_entry(mut self, key: &str, text: &str) -> Result<Self> {
        let refuse = |expected, got: String| Err(Error::setting("entry", expected, got));
        if key.is_empty() || key.len() > MOST_NAME_BYTES {
            return refuse("a key of 1 to 1024 bytes", format!("one of {}", key.len()));
        }
        if key.strip_prefix(TEXT).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) {
            return refuse("a key that is not this crate's", format!("`{key}`"));
        }
        if text.len() > MOST_ENTRY_BYTES {
            return refuse("a text of at most 1048576 bytes", format!("one of {}", text.len()));
        }
        self.entries.insert(key.to_owned(), text.to_owned());
        if self.entries.len() > MOST_ENTRIES {
            return refuse("at most 1024 entries", "more".to_owned());
        }
        Ok(self)
    }

    fn draft<'m>(&self, model: &'m Sequential<T>, path: &str) -> Result<Draft<'m>> {
        model.check_params()?;
        let check = self.check.as_ref().map(|inputs| check::make(model, inputs.view())).transpose()?;
        let mut turns = model.turns_of_params();
        for name in &self.in_model_order {
            model.param(name)?;
        }
        let (mut problems, mut index) = (Vec::new(), 0);
        model.params(&mut |param| {
            if self.in_model_order.iter().any(|name| name == param.name()) {
                turns[index] = Turn::None;
            }
            if self.orientation == Orientation::PyTorch && turns[index] == Turn::Unknown {
                problems.push(not_known(param.name()));
            }
            index += 1;
        });
        if !problems.is_empty() {
            return Err(Error::tensors(path, &problems));
        }
        let mut document = Document { orientation: self.orientation, check, ..Document::of(model, &turns) };
        document.keep_in_order(&self.in_model_order);
        let draft = document.into_text().and_then(|text| {
            Draft::new(parameters(model, self.orientation, &turns), text, self.entries.clone())
        });
        draft.map_err(|problem| Error::file(path, &problem))
    }
}

impl<T: Scalar> Default for Save<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl Document {
    /// What there is to say of a model whose parameters lie so.
    pub(super) fn of<T: Scalar>(model: &Sequential<T>, turns: &[Turn]) -> Self {
        let (mut each, mut turns) = (BTreeMap::new(), turns.iter());
        model.params(&mut |param| {
            let turn = *turns.next().expect("one for each parameter");
            if let Some(image) = features(turn) {
                each.insert(param.name().to_owned(), Some(image));
            } else if turn == Turn::Unknown {
                each.insert(param.name().to_owned(), None);
            }
        });
        let mut described = description::describe(model);
        settings::describe(model, &mut described);
        Self { said: Said::Each(each), model: Some(described), ..Self::default() }
    }

    /// Says of these parameters that they lie as in the model.
    fn keep_in_order(&mut self, names: &[String]) {
        if let Said::Each(each) = &mut self.said {
            each.extend(names.iter().map(|name| (name.clone(), None)));
        }
    }
}

/// The parameters of a model as tensors of a file.
pub(super) fn parameters<'m, T: Scalar>(
    model: &'m Sequential<T>,
    orientation: Orientation,
    turns: &[Turn],
) -> Vec<Piece<'m>> {
    let (mut pieces, mut turns) = (Vec::new(), turns.iter());
    model.params(&mut |param| {
        let turn = *turns.next().expect("one for each parameter");
        pieces.push(own_piece(param, Lie::written(orientation, turn)));
    });
    pieces
}

/// A parameter's own numbers, as a tensor of a file.
fn own_piece<T: Scalar>(param: &Param<T>, lie: Lie) -> Piece<'_> {
    let dtype = match param.number_type() {
        "i8" => Dtype::I8,
        "bf16" => Dtype::BF16,
        _ => return piece(param.name(), param, param.buffer(), lie),
    };
    Piece {
        name: param.name().to_owned(),
        dtype,
        shape: lie.shape(param).axes().to_vec(),
        bytes: Box::new(move || of_fewer_bits(param, &lie)),
    }
}

/// A weight of eight bits or in bf16 as it lies in a file, with no numbers of more bits on the way.
fn of_fewer_bits<T: Scalar>(param: &Param<T>, lie: &Lie) -> Vec<u8> {
    let ([_, columns], place, width) =
        (param.matrix(), lie.place(param), param.bytes() / param.count().max(1));
    let (mut bytes, mut index) = (vec![0; param.bytes()], 0);
    param.for_each_of_fewer_bits(&mut |value| {
        let place = width * place(index / columns, index % columns);
        if width == 1 {
            bytes[place] = (value as i8).cast_unsigned();
        } else {
            bytes[place..place + 2].copy_from_slice(&bf16_bits(value).to_le_bytes());
        }
        index += 1;
    });
    bytes
}

/// A buffer that is laid out as a parameter's, as a tensor of a file.
pub(super) fn piece<'a, T: Scalar>(name: &str, param: &'a Param<T>, buffer: &'a [T], lie: Lie) -> Piece<'a> {
    Piece {
        name: name.to_owned(),
        dtype: dtype_of::<T>(),
        shape: lie.shape(param).axes().to_vec(),
        bytes: Box::new(move || encode(lie.to_file(param, param.unpack(buffer)).as_slice())),
    }
}

/// Writes a file as a whole or not at all.
pub(super) fn write(path: &Path, draft: &Draft<'_>) -> Result<()> {
    write_atomically(path, &mut |file| draft.write(file))
}

impl<T: Scalar> Sequential<T> {
    /// Writes the model into a safetensors file: weights as PyTorch keeps them, and a description from which
    /// [`Sequential::open`] makes the model again, with what is frozen in it.
    ///
    /// What lies along the features of an image is put into PyTorch's order, channels, height, width, so that a
    /// `torch.nn.Module` of the same layers takes the file as it is.
    ///
    /// The file is the old one or the new one at any time, even if the process or the machine dies.
    ///
    /// ```no_run
    /// # let model = taper::Sequential::<f32>::builder([4]).dense(3).build(&mut taper::seeded(7))?;
    /// model.save("model.safetensors")?;
    /// let again = taper::Sequential::<f32>::open("model.safetensors")?;
    /// # Ok::<(), taper::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be written; [`Error::File`] where two parameters have the same name, or names
    /// are beyond what a file may have; [`Error::Tensors`] with those parameters that may lie along features in an order
    /// that is not known ([`Save::in_model_order`]); [`Error::Shape`] where another parameter was put in the place of one.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.save_with(path, &Save::new())
    }

    /// [`Sequential::save`] with [settings](Save).
    ///
    /// # Errors
    /// As [`Sequential::save`]; for a check, [`Error::Setting`] for more than 16 samples and for a model too large to be checked,
    /// [`Error::NotFinite`] for an output, and as [`Sequential::predict`]; [`Error::UnknownName`] for a parameter that the model does not have.
    pub fn save_with(&self, path: impl AsRef<Path>, save: &Save<T>) -> Result<()> {
        let path = path.as_ref();
        write(path, &save.draft(self, &path.display().to_string())?)
    }

    /// The bytes that [`Sequential::save_with`] would write, for where there are no files.
    ///
    /// # Errors
    /// As [`Sequential::save_with`].
    pub fn to_bytes(&self, save: &Save<T>) -> Result<Vec<u8>> {
        let draft = save.draft(self, super::IN_MEMORY)?;
        let mut bytes = Vec::with_capacity(draft.len());
        draft.write(&mut bytes).expect("memory takes all that is written");
        Ok(bytes)
    }
}

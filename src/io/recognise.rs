//! Recognises other kinds of files by their first bytes, and says what to do with them.

use crate::prelude::*;

/// So many bytes of the beginning are enough to recognise a file.
pub(super) const START: usize = 512;

/// What the readers of this crate expect, as their errors call it.
#[cfg(feature = "safetensors")]
pub(super) const SAFETENSORS: &str = "a safetensors file";
#[cfg(feature = "npy")]
pub(super) const NUMPY_ARRAY: &str = "a NumPy array";
#[cfg(feature = "npy")]
pub(super) const NUMPY_ARCHIVE: &str = "an archive of NumPy arrays";

const UNPACK: &str = "unpack it first";
const CUT_SHORT: &str = "it was not written to its end: get it again";
const FROM_PICKLE: &str = "in Python, if you trust who made it: `import pickle, safetensors.numpy as sn; \
    sn.save_file(pickle.load(open('in.pkl', 'rb')), 'out.safetensors')`, for a dictionary of arrays";
const FROM_TORCH: &str = "in Python: `import torch, safetensors.torch as st; \
    st.save_file(torch.load('in.pt', weights_only=True), 'out.safetensors')`, for a file of a state dict";
const FROM_KERAS: &str = "in Python: `import keras, safetensors.numpy as sn; \
    sn.save_file({w.path: w.numpy() for w in keras.models.load_model('in.keras').weights}, 'out.safetensors')`; \
    load it with `Orientation::Keras` and renames";
const FROM_ONNX: &str = "`Sequential::from_onnx` reads it, with the feature `onnx`; its weights alone in Python: `import onnx, safetensors.numpy as sn; \
    sn.save_file({t.name: onnx.numpy_helper.to_array(t) for t in onnx.load('in.onnx').graph.initializer}, 'out.safetensors')`";

/// What a file is, and what to do with it.
type Kind = (&'static str, &'static str);

/// Files that begin with bytes which no other kind has.
const BEGINNINGS: &[(&[u8], Kind)] = &[
    (b"\x93NUMPY", ("a NumPy array", "`io::npy::read` reads it, with the feature `npy`")),
    (b"\x89HDF\r\n\x1a\n", ("an HDF5 file, as Keras writes", FROM_KERAS)),
    (b"GGUF", ("a GGUF file", "this crate does not read the quantised weights of language models")),
    (b"\x1f\x8b", ("a file packed by gzip", UNPACK)),
    (b"\xfd7zXZ\0", ("a file packed by xz", UNPACK)),
    (b"\x28\xb5\x2f\xfd", ("a file packed by zstd", UNPACK)),
    (b"BZh", ("a file packed by bzip2", UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", ("a file packed by 7-Zip", UNPACK)),
    (b"version https://git-lfs", ("a pointer of Git LFS", "get the file that it stands for: `git lfs pull`")),
    (
        b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8",
        ("a file of `torch.save` before PyTorch 1.6", FROM_TORCH),
    ),
    // Pickles of the protocols 0 and 1, of a dictionary, a list, or an array.
    (b"}q\0", ("a pickle", FROM_PICKLE)),
    (b"]q\0", ("a pickle", FROM_PICKLE)),
    (b"(dp", ("a pickle", FROM_PICKLE)),
    (b"(lp", ("a pickle", FROM_PICKLE)),
    (b"ccollections\n", ("a pickle", FROM_PICKLE)),
    (b"cnumpy", ("a pickle", FROM_PICKLE)),
    (&[0; 16], ("a file of zeros", CUT_SHORT)),
];

/// What is wrong with a file that is not the expected one, where its beginning looks like another kind.
pub(super) fn recognise(start: &[u8], expected: &str) -> Option<String> {
    if start.is_empty() {
        return Some(format!("expected {expected}, got an empty file; {CUT_SHORT}"));
    }
    let (what, advice) = kind(&start[..start.len().min(START)])?;
    (what != expected).then(|| format!("expected {expected}, got what looks like {what}; {advice}"))
}

fn kind(start: &[u8]) -> Option<Kind> {
    if is_safetensors(start) {
        return Some(("a safetensors file", "`Sequential::load` reads it, with the feature `safetensors`"));
    }
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        return Some(zip(start));
    }
    if let Some((_, kind)) = BEGINNINGS.iter().find(|(beginning, _)| start.starts_with(beginning)) {
        return Some(*kind);
    }
    if let [0x80, 2..=5, ..] = start {
        return Some(("a pickle", FROM_PICKLE));
    }
    if is_onnx(start) {
        return Some(("an ONNX file", FROM_ONNX));
    }
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let begins =
        |word: &str| text.len() >= word.len() && text[..word.len()].eq_ignore_ascii_case(word.as_bytes());
    if ["<!doctype", "<html", "<head", "<?xml"].into_iter().any(begins) {
        Some(("a page of the web", "download the file itself"))
    } else if text.starts_with(b"{") && has(text, b"\"weight_map\"") {
        Some(("the index of a model in several files", "load each of the files that it names"))
    } else if text.starts_with(b"{") || text.starts_with(b"[") {
        Some(("JSON", "it may describe a model, whose weights are in another file"))
    } else {
        None
    }
}

/// The length of a header that may be one, and a header that begins as one does, unless it is cut off.
fn is_safetensors(start: &[u8]) -> bool {
    // 2^24 is more than a header may have.
    matches!(start, [_, _, _, 0, 0, 0, 0, 0] | [_, _, _, 0, 0, 0, 0, 0, b'{', ..])
}

/// What a zip file is follows from the name of its first member, which stands 30 bytes behind the beginning.
fn zip(start: &[u8]) -> Kind {
    let len = start.get(26..28).map_or(0, |len| usize::from(u16::from_le_bytes([len[0], len[1]])));
    let name = start.get(30..(30 + len).min(start.len())).unwrap_or_default();
    if [&b"/data.pkl"[..], b"/data/", b"/code/", b"/version"].into_iter().any(|part| has(name, part)) {
        ("a file of `torch.save`", FROM_TORCH)
    } else if [&b"metadata.json"[..], b"config.json", b"model.weights.h5"].contains(&name) {
        ("a model of Keras", FROM_KERAS)
    } else if name.ends_with(b".npy") {
        ("an archive of NumPy arrays", "`io::npy::Archive` reads it, with the feature `npy`")
    } else {
        ("a zip archive", UNPACK)
    }
}

/// The first field of a model is the version of the format, a small number; then comes the name of who wrote it, another
/// text or number, the graph, or the versions of the operators.
fn is_onnx(start: &[u8]) -> bool {
    match start {
        [0x08, 1..=127, 0x12 | 0x1a | 0x22 | 0x32, len, rest @ ..] => {
            let text = &rest[..rest.len().min((*len).into())];
            !text.is_empty() && text.iter().all(|byte| (b' '..0x7f).contains(byte))
        }
        [0x08, 1..=127, 0x28 | 0x3a | 0x42, _, ..] => true,
        _ => false,
    }
}

fn has(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

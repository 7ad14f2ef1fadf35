//! Files made byte by byte, as another program would make them.

/// Tensors of a safetensors file, one after another.
#[derive(Default)]
pub(crate) struct HandMade {
    entries: Vec<String>,
    data: Vec<u8>,
}

impl HandMade {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A tensor of any type.
    pub(crate) fn tensor(mut self, name: &str, dtype: &str, shape: &[usize], bytes: &[u8]) -> Self {
        let start = self.data.len();
        self.data.extend_from_slice(bytes);
        let end = self.data.len();
        self.entries.push(format!(
            r#""{name}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{start},{end}]}}"#
        ));
        self
    }

    pub(crate) fn f32(self, name: &str, shape: &[usize], values: &[f32]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor(name, "F32", shape, &bytes)
    }

    pub(crate) fn f64(self, name: &str, shape: &[usize], values: &[f64]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor(name, "F64", shape, &bytes)
    }

    /// A description, as this crate writes one.
    pub(crate) fn described(mut self, text: &serde_json::Value) -> Self {
        let text = serde_json::Value::String(text.to_string());
        self.entries.push(format!(r#""__metadata__":{{"taper":{text}}}"#));
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let header = format!("{{{}}}", self.entries.join(","));
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &self.data].concat()
    }
}

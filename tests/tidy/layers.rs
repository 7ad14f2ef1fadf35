//! A layer is in every place that docs/adding-a-layer.md names.

use std::fs;
use std::path::Path;

use super::{Source, sources};

/// Layers that no other library has values for, and why.
const WITHOUT_VALUES: [(&str, &str); 6] = [
    ("Flatten", "numbers stay as they are"),
    ("Reshape", "numbers stay as they are"),
    ("ChannelsLast", "numbers go to other places, which tests/files compares with files of PyTorch"),
    ("ChannelsFirst", "as ChannelsLast"),
    ("Dropout", "each library draws numbers of its own"),
    ("Dropout2d", "each library draws numbers of its own"),
];

/// Everything that may lack a layer.
struct Places {
    /// The documentation of `src/layers/mod.rs`.
    documented: String,
    /// The tables of `src/layers/kinds.rs`.
    registry: String,
    builder: String,
    /// `tests/common/layers.rs` and `norm_layers.rs`.
    tests: String,
    /// Those that compare with values of other libraries.
    values: String,
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

impl Places {
    fn new(sources: &[Source]) -> Self {
        let find = |path: &str| sources.iter().find(|source| source.path == path).unwrap();
        let folder = |path: &str| -> String {
            let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
            entries.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect()
        };
        // Imports stand before it.
        let tables = ["tests/common/layers.rs", "tests/common/norm_layers.rs"].map(read);
        let module = find("layers/mod");
        let documented = module.text.lines().filter(|line| line.starts_with("//! |")).collect();
        Self {
            documented,
            // Imports stand before it.
            registry: find("layers/kinds").code().split_once("macro_rules!").unwrap().1.to_owned(),
            builder: sources
                .iter()
                .filter(|source| source.path.starts_with("sequential/"))
                .map(Source::code)
                .collect(),
            tests: tables.map(|table| table.split_once("LayerCase").unwrap().1.to_owned()).concat(),
            values: folder("tests/torch_values") + &folder("tests/keras"),
        }
    }

    /// Where a layer of this type is missing.
    fn lacking(&self, layer: &str) -> Vec<String> {
        let without_values = WITHOUT_VALUES.iter().any(|(without, _)| *without == layer);
        let method = |open: &str| self.builder.contains(&format!("pub fn {}{open}", snake_case(layer)));
        [
            (
                "the table in the documentation of src/layers/mod.rs",
                self.documented.contains(&format!("[`{layer}`]")),
            ),
            ("src/layers/kinds.rs", says(&self.registry, layer)),
            ("src/sequential, a method of the builder", method("(") || method("<")),
            ("tests/common/layers.rs", says(&self.tests, layer)),
            ("tests/torch_values or tests/keras", without_values || says(&self.values, layer)),
        ]
        .into_iter()
        .filter(|(_, is_there)| !is_there)
        .map(|(place, _)| format!("{layer} is missing in {place}"))
        .collect()
    }
}

/// Whether a text has these words, and not as a part of longer ones.
fn says(text: &str, words: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(words).any(|(start, _)| {
        !is_part(text[..start].chars().next_back()) && !is_part(text[start + words.len()..].chars().next())
    })
}

/// `AvgPool2d` as `avg_pool2d`.
fn snake_case(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push('_');
        }
        words.extend(c.to_lowercase());
    }
    words
}

/// The types in `src/layers` that are layers.
fn layers(sources: &[Source]) -> Vec<String> {
    let name = |code: &str| -> String { code.chars().take_while(|c| c.is_alphanumeric()).collect() };
    let codes = sources.iter().filter(|source| source.path.starts_with("layers/")).map(Source::code);
    let found = codes.flat_map(|code| {
        let types = code.split("> Layer<T> for ").skip(1).map(name).filter(|name| name != "OnSequences");
        // Layers of images on sequences are types by another name.
        let aliases =
            code.split("pub type ").skip(1).filter(|code| code.contains("= OnSequences<")).map(name);
        // Those of fewer bits are made of other layers: `tests/quantized` has what holds for them.
        let aliases = aliases.filter(|name| !name.starts_with("Quantized"));
        types.chain(aliases).collect::<Vec<_>>()
    });
    found.collect()
}

#[test]
fn no_layer_is_forgotten_anywhere() {
    let sources = sources();
    let (places, layers) = (Places::new(&sources), layers(&sources));
    let lacking: Vec<String> = layers.iter().flat_map(|layer| places.lacking(layer)).collect();
    assert!(lacking.is_empty(), "\n{}", lacking.join("\n"));
    assert!(layers.len() >= 17, "only {layers:?} were found");
}

/// An activation is a layer by a variant.
#[test]
fn no_activation_is_forgotten_anywhere() {
    let sources = sources();
    let activation = sources.iter().find(|source| source.path == "layers/activation").unwrap().code();
    let (_, variants) = activation.split_once("pub enum Activation {").unwrap();
    let (variants, _) = variants.split_once("\n}").unwrap();
    let is_variant = |line: &&str| line.starts_with("    ") && line[4..].starts_with(char::is_uppercase);
    let names: Vec<&str> =
        variants.lines().filter(is_variant).map(|line| line.trim_matches([' ', ',', '{'])).collect();
    assert!(names.len() >= 9, "only {names:?} were found");
    let places = Places::new(&sources);
    for (place, text) in
        [("tests/common/layers.rs", &places.tests), ("tests/torch_values or tests/keras", &places.values)]
    {
        for name in &names {
            assert!(says(text, &format!("Activation::{name}")), "{name} is missing in {place}");
        }
    }
}

/// A check that finds nothing proves nothing.
#[test]
fn a_layer_that_is_forgotten_is_named() {
    let places = Places::new(&sources());
    let new = places.lacking("Pool2d").join("; ");
    assert_eq!(new.matches("Pool2d is missing in ").count(), 5, "{new}");
    let mut places = places;
    places.registry = places.registry.replace("LayerNorm<T>", "");
    assert_eq!(places.lacking("LayerNorm"), ["LayerNorm is missing in src/layers/kinds.rs"]);
    assert_eq!(places.lacking("Dropout"), [""; 0]);
}

//! What a layer, a loss, a rule or a schedule is made with can be asked for.

use super::{Source, sources};

/// Where settings are.
const FOLDERS: [&str; 4] = ["layers", "losses", "optimizers", "schedules"];

/// Settings under other names, and what are none.
const OTHERS: [(&str, &str); 14] = [
    ("with_init", "how parameters begin"),
    ("without_affine", "whether there is a `weight`"),
    ("with_affine", "whether there is a `weight`"),
    ("without_bias", "whether there is a `bias`"),
    ("with_running_statistics", "`momentum`, where there are any"),
    ("without_counting_padding", "`counts_padding`"),
    ("with_counting_padding", "`counts_padding`"),
    ("without_alpha", "`alpha`"),
    ("without_log_input", "`log_input`"),
    ("with_parallelism", "of a pass, and of no setting"),
    ("with_average", "of a pass, and of no setting"),
    ("with", "of `Settings`"),
    ("with_reduction", "`reduction`, which all losses have"),
    ("with_weight", "`weight` of a `Slice`"),
];

/// The settings of a file that nothing tells: `with_name` without `name` or `is_name`.
fn forgotten(source: &Source) -> Vec<String> {
    let code = source.code();
    let tells = |name: &str| {
        [format!("pub fn {name}(&self"), format!("pub fn {name}(self)"), format!("\n        {name}: ")]
            .iter()
            .any(|method| code.contains(method))
    };
    let setters = code.split("pub fn ").skip(1).filter_map(|rest| {
        let (name, arguments) = rest.split_once('(')?;
        let takes_self = ["self", "mut self", "\n        self", "\n        mut self"];
        let is_setter =
            name.starts_with("with") && takes_self.iter().any(|start| arguments.starts_with(start));
        is_setter.then_some(name)
    });
    let setters = setters.filter(|name| !OTHERS.iter().any(|(other, _)| other == name));
    let told = |name: &&str| {
        let setting = name.trim_start_matches("without_").trim_start_matches("with_");
        tells(setting) || tells(&format!("is_{setting}"))
    };
    setters.filter(|name| !told(name)).map(|name| format!("src/{}.rs: {name}", source.path)).collect()
}

#[test]
fn no_setting_is_hidden() {
    let sources = sources();
    let settings = sources.iter().filter(|source| FOLDERS.contains(&source.path.split('/').next().unwrap()));
    let forgotten: Vec<String> = settings.flat_map(forgotten).collect();
    assert!(forgotten.is_empty(), "expected a method for each setting:\n{}", forgotten.join("\n"));
}

/// A check that finds nothing proves nothing.
#[test]
fn a_setting_that_is_hidden_is_found() {
    let with = |more: &str| {
        let text = format!(
            "impl Sgd {{\n    pub fn with_momentum(mut self, momentum: f64) -> Self {{}}\n{more}}}\n"
        );
        forgotten(&Source { path: "optimizers/sgd".into(), text })
    };
    assert_eq!(with(""), ["src/optimizers/sgd.rs: with_momentum"]);
    assert_eq!(
        with("    pub(crate) fn momentum(&self) -> f64 {}\n"),
        ["src/optimizers/sgd.rs: with_momentum"]
    );
    assert!(with("    pub fn momentum(&self) -> f64 {}\n").is_empty());
    assert!(with("    getters! {\n        momentum: f64;\n    }\n").is_empty());
}

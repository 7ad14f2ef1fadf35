//! The network of the example `photos`, narrowed by other inputs each time: how much their choice matters.

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::Args;
use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use rand::RngExt;
use taper::narrow::Narrowing;
use taper::{Sequential, Tensor};

use super::recipe;
use super::study::Design;
use super::{pictures, png_files};

#[path = "../photos/network.rs"]
mod network;
#[path = "../photos/photographs.rs"]
#[expect(dead_code, reason = "nothing is said of a single photograph")]
mod photographs;
#[path = "../transfer/silhouettes.rs"]
mod silhouettes;

use network::IMAGE;
use photographs::Photograph;

/// Where the network and pictures are.
#[derive(Debug, Args)]
pub(crate) struct OfPhotos {
    /// Narrows the network of the example `photos`, which is in this folder with its photographs, and does nothing else.
    #[arg(long, value_name = "DIR", requires = "pictures", conflicts_with = "model")]
    photos: Option<PathBuf>,
    /// Other photographs of 32×32 pixels, which `make_crops.py` makes: two thirds to narrow by, the rest to compare on.
    #[arg(long, value_name = "DIR", requires = "photos")]
    pictures: Option<PathBuf>,
}

/// The widths of both hidden layers.
const DESIGNS: [Design; 7] = [
    Design([512, 256]),
    Design([256, 128]),
    Design([128, 64]),
    Design([64, 32]),
    Design([32, 16]),
    Design([16, 10]),
    Design([8, 8]),
];

/// How many images of noise there are, and how many crops in the shorter list of them.
const NOISE: usize = 2000;
const FEW: usize = 200;

impl OfPhotos {
    /// Narrows it; none where no folder was named.
    pub(crate) fn narrow(&self) -> Option<Result<(), Box<dyn Error>>> {
        let (photos, pictures) = (self.photos.as_deref()?, self.pictures.as_deref()?);
        Some(narrow(photos, pictures))
    }
}

fn narrow(photos: &Path, pictures: &Path) -> Result<(), Box<dyn Error>> {
    let network = network::trained(&photos.join("cifar10.safetensors"))?.for_inference()?;
    let photographs = photographs::read_all(photos)?;
    let crops = pictures::read_all(pictures, &network.input(), 255.0)?;
    let count = crops.shape().axes()[0];
    let (crops, others) = (part(&crops, 0, count * 2 / 3)?, part(&crops, count * 2 / 3, count)?);
    let [drawings, _] = recipe::data()?;
    let mut rng = taper::seeded(1);
    let [height, width, channels] = IMAGE;
    let noise =
        Tensor::from_fn([NOISE, height, width, channels], |_| rng.random_range(0.0..256.0_f32).floor())?;
    let same: Vec<f32> =
        photographs.iter().flat_map(|photograph| photograph.pixels.as_slice()).copied().collect();
    let same = Tensor::from_vec([photographs.len(), height, width, channels], same)?;

    // The convolutions stay as they are, so what they make of a picture is computed once.
    let (body, head) = network.split_at("fc1")?;
    let features = body.predict(&others)?;
    let inputs = [
        ("crops of photographs", crops.clone()),
        ("few of them", part(&crops, 0, FEW.min(count * 2 / 3))?),
        ("silhouettes", silhouettes::images(&drawings.images)?),
        ("noise", noise),
        ("the photographs that are tested", same),
    ];
    let total = photographs.len();
    println!("{} of {total} photographs are right before it", right(&network, &photographs)?);
    println!(
        "right of {total}, and the share of the classes of {} other crops that are the same\n",
        count - count * 2 / 3
    );
    let names = DESIGNS.map(|design| design.to_string());
    let header = ["narrowed by", "samples"].map(str::to_owned).into_iter().chain(names);
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header(header);
    for (name, inputs) in &inputs {
        let inputs = body.predict(inputs)?;
        let mut row = vec![(*name).to_owned(), inputs.shape().axes()[0].to_string()];
        for Design([first, second]) in DESIGNS {
            let narrowed = Narrowing::new().to_widths(&head, &inputs, [("fc1", first), ("fc2", second)])?;
            let same = same_classes(&head, &narrowed.model, &features)?;
            let whole = Sequential::builder(IMAGE).layer(body.clone()).layer(narrowed.model);
            let whole = whole.build(&mut taper::seeded(0))?;
            row.push(format!("{}, {:.1} %", right(&whole, &photographs)?, 100.0 * same));
        }
        table.add_row(row);
    }
    println!("{table}\n");

    println!("all layers that can be narrowed, by {FEW} of the crops, to a share of their units");
    for share in [0.75, 0.5] {
        let narrowed = Narrowing::new().to_share(&network, &inputs[1].1, share)?;
        let same = same_classes(&network, &narrowed.model, &others)?;
        println!(
            "{share}: {} right, {:.1} % of the classes are the same, {} of {} parameters",
            right(&narrowed.model, &photographs)?,
            100.0 * same,
            narrowed.report.after.parameters,
            narrowed.report.before.parameters
        );
    }
    Ok(())
}

/// The samples from one to another.
fn part(images: &Tensor<f32>, first: usize, end: usize) -> taper::Result<Tensor<f32>> {
    let pixels = images.view().samples().skip(first).take(end - first).flatten().copied().collect();
    let [height, width, channels] = IMAGE;
    Tensor::from_vec([end - first, height, width, channels], pixels)
}

fn right(network: &Sequential<f32>, photographs: &[Photograph]) -> taper::Result<usize> {
    let mut right = 0;
    for photograph in photographs {
        right += usize::from(network.classify(&photograph.pixels)?[0].class == photograph.label);
    }
    Ok(right)
}

fn same_classes(one: &Sequential<f32>, other: &Sequential<f32>, images: &Tensor<f32>) -> taper::Result<f64> {
    let (one, other) = (one.classify(images)?, other.classify(images)?);
    let same = one.iter().zip(&other).filter(|(one, other)| one.class == other.class).count();
    Ok(same as f64 / one.len().max(1) as f64)
}

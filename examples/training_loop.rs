//! The training loop by hand and by the trainer, which end with the same bits.
//!
//! ```sh
//! cargo run --release --example training_loop
//! ```

#[path = "common/spirals.rs"]
mod spirals;

use taper::losses::CrossEntropy;
use taper::optimizers::Adam;
use taper::train::{Dataset, Fit, metrics};
use taper::{GradientStore, Mode, Optimizer, Result, Sequential, Tensor, TensorView, Trainer};

const EPOCHS: usize = 60;
const BATCH: usize = 30;
/// Batches whose gradients are added up for one step.
const ACCUMULATED: usize = 2;

fn main() -> Result<()> {
    let (points, arms) = spirals::spirals(600)?;
    let model = Sequential::builder([2]).dense(32).relu().dense(32).relu().dense(spirals::ARMS);
    let mut by_hand = model.build(&mut taper::seeded(7))?;
    let mut by_trainer = by_hand.clone();

    train_by_hand(&mut by_hand, &points, &arms)?;
    train_by_trainer(&mut by_trainer, &points, &arms)?;

    let logits = by_hand.predict(&points)?;
    let same = logits == by_trainer.predict(&points)?;
    println!("the trainer gives {}", if same { "the same bits" } else { "other bits" });
    println!("accuracy {:.3}", metrics::accuracy(&logits, &arms)?);
    Ok(())
}

fn train_by_hand(model: &mut Sequential<f32>, points: &Tensor<f32>, arms: &[usize]) -> Result<()> {
    // All memory is made here; the loop allocates nothing.
    let mut workspace = model.workspace(Mode::Train, BATCH)?;
    let mut gradients = GradientStore::new(model);
    let mut optimizer = Optimizer::new(Adam::new(0.01)?);
    for epoch in 0..EPOCHS {
        let mut loss = 0.0;
        for (number, labels) in arms.chunks(BATCH).enumerate() {
            let coordinates = &points.as_slice()[2 * BATCH * number..][..2 * labels.len()];
            let x = TensorView::new([labels.len(), 2], coordinates)?;
            model.forward_pass(x, &mut workspace)?;
            loss += workspace.loss(&CrossEntropy::new(), labels)? * labels.len() as f32;
            model.backward_pass(x, &mut workspace, &mut gradients)?;
            if (number + 1) % ACCUMULATED == 0 {
                // The sum of the batches' mean gradients becomes their mean.
                gradients.scale(1.0 / ACCUMULATED as f32);
                optimizer.step(model, &mut gradients)?;
            }
        }
        if (epoch + 1) % 10 == 0 {
            println!("epoch {}  loss {:.4}", epoch + 1, loss / arms.len() as f32);
        }
    }
    Ok(())
}

fn train_by_trainer(model: &mut Sequential<f32>, points: &Tensor<f32>, arms: &[usize]) -> Result<()> {
    let optimizer = Optimizer::new(Adam::new(0.01)?);
    let mut trainer = Trainer::new(model, CrossEntropy::new(), optimizer)
        .with_batch(BATCH)?
        .with_accumulation(ACCUMULATED)?;
    trainer.fit(Dataset::new(points, arms)?, Fit::epochs(EPOCHS).in_order())?;
    Ok(())
}

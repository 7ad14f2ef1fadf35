//! A rank's part of the images.

use taper::train::Samples;
use taper::{Result, Shape};

/// Every so many-th image, from this rank's on: the images of a batch are on all ranks alike.
pub(crate) struct Shard {
    rank: usize,
    size: usize,
    /// Of all images.
    shape: Shape,
    pixels: Vec<u8>,
}

impl Shard {
    /// Of all images, which a program with more of them would not read.
    pub(crate) fn new(rank: usize, size: usize, shape: Shape, pixels: &[u8]) -> Self {
        let image = shape.axes()[1..].iter().product();
        let own = pixels.chunks_exact(image).skip(rank).step_by(size);
        Self { rank, size, shape, pixels: own.flatten().copied().collect() }
    }
}

impl Samples<f32> for Shard {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn has(&self, index: usize) -> bool {
        index % self.size == self.rank
    }

    fn read(&self, index: usize, into: &mut [f32]) -> Result<()> {
        let pixels = &self.pixels[index / self.size * into.len()..][..into.len()];
        into.iter_mut().zip(pixels).for_each(|(number, &pixel)| *number = f32::from(pixel) / 255.0);
        Ok(())
    }
}

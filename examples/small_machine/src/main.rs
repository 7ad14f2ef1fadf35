//! Silhouettes, classified on a machine that has no operating system: a Cortex-M4F.
//!
//! ```sh
//! scripts/small_machine.sh    # in the root of the repository: makes the model, builds this program and runs it in QEMU
//! ```
//!
//! The model and the images are in the program. For each image there is a line: its class, and the bits of its logits.
//! At the end it says how much memory it took.

#![no_std]
#![no_main]

mod heap;
mod stack;

use core::panic::PanicInfo;

use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use taper::io::Open;
use taper::layers::QuantizedDense;
use taper::{Activation, Flatten, Mode, Result, Sequential, Tensor};

/// `pets` with weights of eight bits, as `Sequential::save` wrote it.
static MODEL: &[u8] = include_bytes!("../../../target/small_machine/pets-1-int8.safetensors");

/// Images of 28×28 pixels from 0 to 1, as the bytes of `f32`.
static IMAGES: &[u8] = include_bytes!("../../../target/small_machine/images");

const SIDE: usize = 28;

#[entry]
fn main() -> ! {
    heap::make();
    let status = match classify() {
        Ok(()) => debug::EXIT_SUCCESS,
        Err(error) => {
            hprintln!("error: {}", error);
            debug::EXIT_FAILURE
        }
    };
    end(status)
}

fn classify() -> Result<()> {
    // No other layers than these are in the program.
    let layers = Open::with_only::<Flatten>().and::<QuantizedDense>().and::<Activation>();
    let model = Sequential::<f32>::open_bytes_with(MODEL, &layers)?;
    let mut workspace = model.workspace(Mode::Infer, 1)?;
    let mut image = Tensor::zeros([1, SIDE, SIDE])?;
    let opened = heap::used();
    for bytes in IMAGES.as_chunks::<{ 4 * SIDE * SIDE }>().0 {
        for (pixel, bytes) in image.as_mut_slice().iter_mut().zip(bytes.as_chunks().0) {
            *pixel = f32::from_le_bytes(*bytes);
        }
        let logits = model.infer(&image, &mut workspace)?.as_slice();
        let class =
            (1..logits.len()).fold(0, |best, class| if logits[class] > logits[best] { class } else { best });
        let name = model.classes().map_or("?", |names| &names[class]);
        hprintln!(
            "{:08x} {:08x} {:08x} {}",
            logits[0].to_bits(),
            logits[1].to_bits(),
            logits[2].to_bits(),
            name
        );
    }
    hprintln!("heap: {} bytes, at most {} while the model was opened", opened, heap::most());
    hprintln!("stack: {} bytes", stack::most());
    Ok(())
}

#[panic_handler]
fn panicked(info: &PanicInfo<'_>) -> ! {
    hprintln!("{}", info);
    end(debug::EXIT_FAILURE)
}

fn end(status: debug::ExitStatus) -> ! {
    debug::exit(status);
    loop {
        cortex_m::asm::wfi();
    }
}

//! What the models are on this machine.

fn main() -> taper::Result<()> {
    print!("{}", taper_wasm::lines()?);
    Ok(())
}

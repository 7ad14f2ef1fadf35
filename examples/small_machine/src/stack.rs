//! How much of the stack there was at most.

/// What `cortex-m-rt` fills the memory of the stack with before the program starts.
const PAINT: u32 = 0xCCCC_CCCC;

unsafe extern "C" {
    /// The ends of that memory, by the linker script: the stack grows from the first down to the second.
    static _stack_start: u32;
    static _stack_end: u32;
}

/// The bytes from the lowest word that is not as it was painted up to where the stack starts.
pub fn most() -> usize {
    let start = &raw const _stack_start;
    let mut word = &raw const _stack_end;
    // SAFETY: all words between the two are memory of this program, and nobody writes there meanwhile but below what is used.
    while word < start && unsafe { word.read_volatile() } == PAINT {
        word = word.wrapping_add(1);
    }
    start as usize - word as usize
}

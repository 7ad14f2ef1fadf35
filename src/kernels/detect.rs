//! Whether the processor has some instructions: it is asked where there is `std`, and what the program is compiled for counts where
//! there is not.

macro_rules! has {
    ($($feature:tt),+) => {{
        #[cfg(feature = "std")]
        let has = $(std::arch::is_x86_feature_detected!($feature))&&+;
        #[cfg(not(feature = "std"))]
        let has = cfg!(all($(target_feature = $feature),+));
        has
    }};
}
pub(super) use has;

//! The momentum of running statistics.

/// How much of a running statistic a batch replaces: the two libraries call opposite shares by one name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Momentum {
    /// new = (1 − m)·old + m·batch, with the unbiased variance of the batch, which divides by n − 1. PyTorch's is 0.1
    /// unless set. A batch that has one value a channel has no such variance: it is an error.
    PyTorch(f64),
    /// new = m·old + (1 − m)·batch, with the biased variance of the batch, which divides by n. Keras's is 0.99 unless set,
    /// with ε = 1e-3.
    Keras(f64),
}

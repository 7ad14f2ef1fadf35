//! The next layer's weight and bias, made anew for the units that stay.

use super::moments::{Moments, no_inverse};
use crate::Result;

/// What the next layer becomes.
pub(super) struct Refit {
    /// A row for each that stays.
    pub(super) weight: Vec<f64>,
    /// What is added to the bias.
    pub(super) shift: Vec<f64>,
    /// The variance of its outputs that is lost.
    pub(super) lost: f64,
}

impl Refit {
    /// Least squares: of all weights of the rows that stay, those whose outputs differ least from the ones before, on what the moments
    /// were taken of. With K the rows that stay and R the others,
    ///
    /// ```text
    /// W' = W_K + (C_KK + λI)⁻¹·C_KR·W_R        b' = b + m·W − m_K·W'
    /// ```
    pub(super) fn new(moments: &Moments, kept: &[usize], weight: &[f64], columns: usize) -> Result<Self> {
        let n = moments.means.len();
        let mut stays = vec![false; n];
        kept.iter().for_each(|&row| stays[row] = true);
        let gone: Vec<usize> = (0..n).filter(|&row| !stays[row]).collect();
        let pick = |rows: &[usize]| -> Vec<f64> {
            rows.iter().flat_map(|&row| &weight[row * columns..][..columns]).copied().collect()
        };
        let Moments { covariance, added, .. } = moments;
        let made_up = covariance.made_up(*added, [kept, &gone], &pick(&gone), columns)?;
        let mut new = made_up.ok_or_else(|| no_inverse(*added))?.to_rows();
        new.iter_mut().zip(pick(kept)).for_each(|(new, before)| *new += before);
        let mut change = weight.iter().map(|value| -value).collect::<Vec<_>>();
        for (row, new) in kept.iter().zip(new.chunks_exact(columns)) {
            let change = &mut change[row * columns..][..columns];
            change.iter_mut().zip(new).for_each(|(change, new)| *change += new);
        }
        let mut shift = vec![0.0; columns];
        for (mean, change) in moments.means.iter().zip(change.chunks_exact(columns)) {
            shift.iter_mut().zip(change).for_each(|(shift, change)| *shift -= mean * change);
        }
        Ok(Self { weight: new, shift, lost: covariance.variance_of(&change, columns) })
    }
}

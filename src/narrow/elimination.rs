//! In which order units can be missed, and what that costs at each width.
//!
//! With the covariance C of all rows (those numbers that the next layer multiplies), damped by λ, and the next layer's weight W, to set the
//! rows G of a unit to 0 and to let the others make up for it as well as they can costs
//!
//! ```text
//! tr(W_Gᵀ · ([C⁻¹]_GG)⁻¹ · W_G)        W ← W − C⁻¹_:G · ([C⁻¹]_GG)⁻¹ · W_G        C⁻¹ ← C⁻¹ − C⁻¹_:G · ([C⁻¹]_GG)⁻¹ · C⁻¹_G:
//! ```
//!
//! in the variance of its outputs (Hassibi and Stork, 1993, for a whole row). The unit of least cost goes, again and again.
//! With `[C⁻¹]_GG = L·Lᵀ`, `V = L⁻¹·C⁻¹_G:` and `U = L⁻¹·W_G`, the cost is ‖U‖², and `VᵀU` and `VᵀV` are what is subtracted.
//!
//! What is subtracted of the large matrices is gathered, and subtracted in blocks, by the kernels. The cost of each unit needs only two small
//! matrices, `[C⁻¹]_GG` and `W_G·W_Gᵀ`, which are kept up to date each time. The rows of units that are gone are left out now and then.

use super::cholesky::{Cholesky, dot, subtract};
use super::matrix::Matrix;
use super::moments::{Moments, no_inverse};
use super::precision::Precision;
use crate::Result;

/// So many rows of V and U are gathered.
const BLOCK: usize = 64;

/// Matrices that have become shorter by this part are made anew.
const GONE: f64 = 0.15;

/// The order in which units go, and the variance that is lost.
#[derive(Debug, Clone)]
pub(super) struct Elimination {
    /// The units, the first to go first.
    order: Vec<usize>,
    /// The variance of the next layer's outputs that is lost at each width, from 0 on.
    pub(super) lost: Vec<f64>,
}

impl Elimination {
    /// The units that stay at a width, in increasing order.
    pub(super) fn kept(&self, width: usize) -> Vec<usize> {
        let mut kept = self.order[self.order.len() - width..].to_vec();
        kept.sort_unstable();
        kept
    }

    /// Of units that have these rows each, before a weight with a row for each number and so many columns.
    pub(super) fn new(
        moments: &Moments,
        units: &[Vec<usize>],
        weight: &[f64],
        columns: usize,
    ) -> Result<Self> {
        let mut state = State::new(moments, units, weight, columns)?;
        let (mut order, mut lost) = (Vec::new(), vec![0.0]);
        while order.len() < units.len() {
            let unit = state.cheapest();
            // A unit less loses no less: where it seems so, that is rounding.
            let before = lost[lost.len() - 1];
            lost.push(state.remove(unit)?.max(before));
            order.push(unit);
        }
        lost.reverse();
        Ok(Self { order, lost })
    }
}

/// A unit that may still be there.
struct Unit {
    /// Its rows in the matrices as they are.
    rows: Vec<usize>,
    /// `[C⁻¹]_GG`.
    inverse: Vec<f64>,
    /// `W_G·W_Gᵀ`.
    gram: Vec<f64>,
    /// Whether it is the same for all inputs: then nothing is lost with it.
    is_constant: bool,
    is_gone: bool,
}

impl Unit {
    /// What its removal costs.
    fn cost(&self) -> f64 {
        if self.is_constant {
            return 0.0;
        }
        let size = self.rows.len();
        if let ([inverse], [gram]) = (&self.inverse[..], &self.gram[..]) {
            return gram / inverse;
        }
        let Some(cholesky) = Cholesky::new(self.inverse.clone(), size) else { return f64::INFINITY };
        let mut solved = self.gram.clone();
        cholesky.solve_lower(&mut solved, size);
        cholesky.solve_upper(&mut solved, size);
        (0..size).map(|row| solved[row * size + row]).sum()
    }
}

struct State {
    units: Vec<Unit>,
    /// C⁻¹ of the rows that are there, but for what is gathered in `v`.
    inverse: Precision,
    /// W of these rows, but for what is gathered in `v` and `u`.
    weight: Matrix,
    /// W as it was.
    first_weight: Matrix,
    v: Vec<f64>,
    u: Vec<f64>,
    /// λ.
    added: f64,
    /// The variance that is lost, with that which λ adds.
    damped_loss: f64,
    /// ‖W − W as it was‖².
    moved: f64,
    gone_rows: usize,
    /// The rows of the units that are gone and of which V and U are gathered.
    gathered: Vec<usize>,
    /// So many rows has a unit at most.
    size: usize,
}

impl State {
    fn new(moments: &Moments, units: &[Vec<usize>], weight: &[f64], columns: usize) -> Result<Self> {
        let size = units.iter().map(Vec::len).max().unwrap_or(1);
        let inverse = Precision::new(moments, size)?.ok_or_else(|| no_inverse(moments.added))?;
        let weight = Matrix::of_rows(weight, columns, inverse.parallelism())?;
        let is_constant = |&row: &usize| moments.variances[row] <= 1e-20 * moments.means[row].powi(2);
        let unit = |rows: &Vec<usize>| Unit {
            rows: rows.clone(),
            inverse: Vec::new(),
            gram: Vec::new(),
            is_constant: rows.iter().all(is_constant),
            is_gone: false,
        };
        let mut state = Self {
            units: units.iter().map(unit).collect(),
            inverse,
            first_weight: weight.copy()?,
            weight,
            v: Vec::new(),
            u: Vec::new(),
            added: moments.added,
            damped_loss: 0.0,
            moved: 0.0,
            gone_rows: 0,
            gathered: Vec::new(),
            size,
        };
        state.read_small();
        Ok(state)
    }

    /// The small matrices of each unit, from the large ones.
    fn read_small(&mut self) {
        let Self { units, inverse, weight, .. } = self;
        let columns = weight.columns();
        for unit in units.iter_mut().filter(|unit| !unit.is_gone) {
            let size = unit.rows.len();
            let mut rows = vec![0.0; size * columns];
            for (row, to) in unit.rows.iter().zip(rows.chunks_exact_mut(columns)) {
                weight.read_row(*row, to);
            }
            let pairs = || (0..size * size).map(|place| (place / size, place % size));
            let row = |number: usize| &rows[number * columns..][..columns];
            unit.gram = pairs().map(|(a, b)| dot(row(a), row(b))).collect();
            unit.inverse = inverse.block(&unit.rows);
        }
    }

    /// The unit that costs least; of several, the first.
    fn cheapest(&self) -> usize {
        let costs = self.units.iter().enumerate().filter(|(_, unit)| !unit.is_gone);
        let least = costs.map(|(number, unit)| (number, unit.cost())).min_by(|a, b| a.1.total_cmp(&b.1));
        least.expect("a unit is left").0
    }

    /// Removes a unit; the variance that is lost then.
    fn remove(&mut self, number: usize) -> Result<f64> {
        let (n, columns) = (self.inverse.len(), self.weight.columns());
        let rows = self.units[number].rows.clone();
        let size = rows.len();
        let (mut v, mut u) = (self.inverse_rows(&rows), self.weight_rows(&rows));
        let pivot = v.chunks_exact(n).flat_map(|values| rows.iter().map(|&row| values[row])).collect();
        // Not positive definite by rounding alone: the rows hang together with others that are left, and cost nothing.
        if let Some(cholesky) = Cholesky::new(pivot, size) {
            cholesky.solve_lower(&mut v, n);
            cholesky.solve_lower(&mut u, columns);
        } else {
            v.fill(0.0);
            u.fill(0.0);
        }
        for gone in self.units.iter().filter(|unit| unit.is_gone) {
            v.chunks_exact_mut(n).for_each(|v| gone.rows.iter().for_each(|&row| v[row] = 0.0));
        }
        self.damped_loss += dot(&u, &u);
        let (products, before) = (self.products(&u), self.first_weight.row_products(&u));
        self.follow_move(&v, &u, &products, &before);
        self.units[number].is_gone = true;
        self.follow_small(&v, &u, &products);
        self.gone_rows += size;
        self.v.extend(v);
        self.u.extend(u);
        self.gathered.extend(rows);
        if self.v.len() >= BLOCK * n {
            self.subtract_gathered()?;
            // Of nothing there are no matrices.
            if self.gone_rows as f64 > GONE * n as f64 && self.gone_rows < n {
                self.leave_out_gone()?;
            }
        }
        Ok((self.damped_loss - self.added * self.moved).max(0.0))
    }

    /// Rows of C⁻¹ as it is.
    fn inverse_rows(&self, rows: &[usize]) -> Vec<f64> {
        let n = self.inverse.len();
        let mut read = self.inverse.rows(rows);
        for (&row, to) in rows.iter().zip(read.chunks_exact_mut(n)) {
            self.v.chunks_exact(n).for_each(|v| subtract(to, v[row], v));
        }
        read
    }

    /// Rows of W as it is.
    fn weight_rows(&self, rows: &[usize]) -> Vec<f64> {
        let (n, columns) = (self.inverse.len(), self.weight.columns());
        let mut read = vec![0.0; rows.len() * columns];
        for (&row, to) in rows.iter().zip(read.chunks_exact_mut(columns)) {
            self.weight.read_row(row, to);
            let gathered = self.v.chunks_exact(n).zip(self.u.chunks_exact(columns));
            gathered.for_each(|(v, u)| subtract(to, v[row], u));
        }
        read
    }

    /// U·Wᵀ of W as it is.
    fn products(&self, u: &[f64]) -> Vec<f64> {
        let (n, columns) = (self.inverse.len(), self.weight.columns());
        let mut products = self.weight.row_products(u);
        for (products, u) in products.chunks_exact_mut(n).zip(u.chunks_exact(columns)) {
            let gathered = self.v.chunks_exact(n).zip(self.u.chunks_exact(columns));
            gathered.for_each(|(v, before)| subtract(products, dot(before, u), v));
        }
        products
    }

    /// ‖D + VᵀU‖², where D is how far W has been moved: ‖D‖² + 2·Σ V·(U·Dᵀ) + Σ (V·Vᵀ)·(U·Uᵀ).
    fn follow_move(&mut self, v: &[f64], u: &[f64], products: &[f64], before: &[f64]) {
        let (n, columns) = (self.inverse.len(), self.weight.columns());
        self.moved += 2.0 * (dot(v, before) - dot(v, products));
        for (v_a, u_a) in v.chunks_exact(n).zip(u.chunks_exact(columns)) {
            for (v_b, u_b) in v.chunks_exact(n).zip(u.chunks_exact(columns)) {
                self.moved += dot(v_a, v_b) * dot(u_a, u_b);
            }
        }
    }

    /// The small matrices of the units that stay: `[C⁻¹]_GG − V_Gᵀ·V_G`, and `(W_G − V_Gᵀ·U)·(W_G − V_Gᵀ·U)ᵀ`, which is
    /// `W_G·W_Gᵀ − V_Gᵀ·H − (V_Gᵀ·H)ᵀ` with `H = U·W_Gᵀ − U·Uᵀ·V_G/2`.
    fn follow_small(&mut self, v: &[f64], u: &[f64], products: &[f64]) {
        let (n, columns) = (self.inverse.len(), self.weight.columns());
        let count = v.len() / n;
        let u_row = |row: usize| &u[row * columns..][..columns];
        let halves: Vec<f64> =
            (0..count * count).map(|place| 0.5 * dot(u_row(place / count), u_row(place % count))).collect();
        for unit in self.units.iter_mut().filter(|unit| !unit.is_gone) {
            let size = unit.rows.len();
            // A row for each of G.
            let columns_of = |of: &[f64]| -> Vec<f64> {
                let column = |&row: &usize| (0..count).map(move |i| of[i * n + row]);
                unit.rows.iter().flat_map(column).collect()
            };
            let (v, mut h) = (columns_of(v), columns_of(products));
            for (h, v) in h.chunks_exact_mut(count).zip(v.chunks_exact(count)) {
                halves.chunks_exact(count).zip(h).for_each(|(half, h)| *h -= dot(half, v));
            }
            for (a, v_a) in v.chunks_exact(count).enumerate() {
                for (b, (v_b, h_b)) in v.chunks_exact(count).zip(h.chunks_exact(count)).enumerate() {
                    unit.inverse[a * size + b] -= dot(v_a, v_b);
                    let moved = dot(v_a, h_b);
                    unit.gram[a * size + b] -= moved;
                    unit.gram[b * size + a] -= moved;
                }
            }
            if size == 1 {
                unit.gram[0] = unit.gram[0].max(0.0);
            }
        }
    }

    fn subtract_gathered(&mut self) -> Result<()> {
        if !self.inverse.leave_out(&self.gathered, &self.v)? {
            return Err(no_inverse(self.added));
        }
        self.weight.add_product(-1.0, &self.v, &self.u);
        self.v.clear();
        self.u.clear();
        self.gathered.clear();
        Ok(())
    }

    /// Makes the matrices anew, without the rows of units that are gone.
    fn leave_out_gone(&mut self) -> Result<()> {
        let mut rows = Vec::new();
        for unit in &mut self.units {
            if unit.is_gone {
                unit.rows.clear();
            }
            let first = rows.len();
            rows.append(&mut unit.rows);
            unit.rows = (first..rows.len()).collect();
        }
        let columns: Vec<usize> = (0..self.weight.columns()).collect();
        if !self.inverse.keep(&rows, self.size)? {
            return Err(no_inverse(self.added));
        }
        self.weight = self.weight.part(&rows, &columns)?;
        self.first_weight = self.first_weight.part(&rows, &columns)?;
        self.gone_rows = 0;
        // Of samples it takes far longer than to keep them up to date.
        if self.inverse.is_whole() {
            self.read_small();
        }
        Ok(())
    }
}

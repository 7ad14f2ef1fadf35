//! The closed form beside plain loops: one unit, or group of rows, after the other, with everything made anew.

use taper::narrow::Narrowing;
use taper::{Dense, Result, Sequential, Tensor};

use super::networks::{dense, inputs};

type Rows = Vec<Vec<f64>>;

/// A⁻¹ by Gauss and Jordan, with the largest pivot of each column.
fn inverse(a: &Rows) -> Rows {
    let n = a.len();
    let mut rows: Rows = a
        .iter()
        .cloned()
        .enumerate()
        .map(|(i, mut row)| {
            row.extend((0..n).map(|j| f64::from(u8::from(i == j))));
            row
        })
        .collect();
    for column in 0..n {
        let pivot =
            (column..n).max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs())).unwrap();
        rows.swap(column, pivot);
        let scale = rows[column][column];
        rows[column].iter_mut().for_each(|value| *value /= scale);
        let own = rows[column].clone();
        for (number, row) in rows.iter_mut().enumerate().filter(|(number, _)| *number != column) {
            let _ = number;
            let factor = row[column];
            row.iter_mut().zip(&own).for_each(|(value, own)| *value -= factor * own);
        }
    }
    rows.into_iter().map(|row| row[n..].to_vec()).collect()
}

fn part(a: &Rows, rows: &[usize], columns: &[usize]) -> Rows {
    rows.iter().map(|&row| columns.iter().map(|&column| a[row][column]).collect()).collect()
}

fn product(a: &Rows, b: &Rows) -> Rows {
    let columns = b.first().map_or(0, Vec::len);
    a.iter()
        .map(|row| (0..columns).map(|j| row.iter().zip(b).map(|(x, y)| x * y[j]).sum()).collect())
        .collect()
}

/// The groups that are left, of which at each time that one has gone without which the others, fitted anew, lose least; and what is then lost.
fn narrowed_by_loops(h: &Rows, weight: &Rows, groups: &[Vec<usize>], width: usize) -> (Vec<usize>, f64) {
    let (n, count) = (h[0].len(), h.len() as f64);
    let means: Vec<f64> = (0..n).map(|j| h.iter().map(|row| row[j]).sum::<f64>() / count).collect();
    let covariance: Rows = (0..n)
        .map(|i| {
            let with =
                |j: usize| h.iter().map(|row| (row[i] - means[i]) * (row[j] - means[j])).sum::<f64>() / count;
            (0..n).map(with).collect()
        })
        .collect();
    let added = 1e-3 * (0..n).map(|i| covariance[i][i]).sum::<f64>() / n as f64;
    let mut damped = covariance.clone();
    (0..n).for_each(|i| damped[i][i] += added);
    // What the fit of the rows that are left loses, with and without what λ adds.
    let losses = |kept: &[usize]| -> (f64, f64) {
        let gone: Vec<usize> = (0..n).filter(|row| !kept.contains(row)).collect();
        let all: Vec<usize> = (0..weight[0].len()).collect();
        let right = product(&part(&damped, kept, &gone), &part(weight, &gone, &all));
        let change = product(&inverse(&part(&damped, kept, kept)), &right);
        let mut difference: Rows =
            weight.iter().map(|row| row.iter().map(|value| -value).collect()).collect();
        for (row, change) in kept.iter().zip(change) {
            difference[*row] = change;
        }
        let of = |c: &Rows| -> f64 {
            let moved = product(c, &difference);
            moved.iter().zip(&difference).flat_map(|(a, b)| a.iter().zip(b)).map(|(a, b)| a * b).sum()
        };
        (of(&damped), of(&covariance))
    };
    let rows = |left: &[usize]| left.iter().flat_map(|&group| groups[group].clone()).collect::<Vec<_>>();
    let mut left: Vec<usize> = (0..groups.len()).collect();
    while left.len() > width {
        let without = |group: usize| left.iter().copied().filter(|&other| other != group).collect::<Vec<_>>();
        let loss = |group: usize| losses(&rows(&without(group))).0;
        let costs: Vec<f64> = left.iter().map(|&group| loss(group)).collect();
        let cheapest = (0..left.len()).min_by(|&a, &b| costs[a].total_cmp(&costs[b])).unwrap();
        left.remove(cheapest);
    }
    let whole: Rows = weight.iter().map(|row| row.iter().map(|value| -value).collect()).collect();
    let moved = product(&covariance, &whole);
    let variance: f64 = moved.iter().zip(&whole).flat_map(|(a, b)| a.iter().zip(b)).map(|(a, b)| a * b).sum();
    let lost = losses(&rows(&left)).1 / variance;
    (left, lost)
}

fn rows_of(tensor: &Tensor<f64>) -> Rows {
    let columns = *tensor.shape().axes().last().unwrap();
    tensor.as_slice().chunks(columns).map(<[f64]>::to_vec).collect()
}

#[test]
fn dense_units_go_in_the_order_of_loops() -> Result<()> {
    let (model, x) = (dense::<f64>(&[4, 14, 6], 1), inputs(&[50, 4], 2));
    let (body, _) = model.split_at("fc2")?;
    let (h, weight) = (rows_of(&body.predict(&x)?), rows_of(&model.param("fc2.weight")?.to_tensor()));
    let groups: Vec<Vec<usize>> = (0..14).map(|unit| vec![unit]).collect();
    for width in [13, 9, 4, 1] {
        let narrowed = Narrowing::new().to_widths(&model, &x, [("fc1", width)])?;
        let (kept, lost) = narrowed_by_loops(&h, &weight, &groups, width);
        let row = &narrowed.report.layers[0];
        assert_eq!(row.kept, kept, "{width}");
        assert!((row.error / lost - 1.0).abs() < 1e-8, "{width}: {} and {lost}", row.error);
    }
    Ok(())
}

#[test]
fn far_more_units_than_samples_go_in_the_order_of_loops() -> Result<()> {
    let (n, samples) = (60, 12);
    let (h, weight) = (inputs::<f64>(&[samples, n], 1), inputs::<f64>(&[n, 4], 2));
    let one = Tensor::from_fn([n, n], |place| f64::from(u8::from(place % (n + 1) == 0)))?;
    let model = Sequential::builder([n]).layer(Dense::from_parts(&one, None)?).named("units");
    let model = model.layer(Dense::from_parts(&weight, None)?).build(&mut taper::seeded(0))?;
    let groups: Vec<Vec<usize>> = (0..n).map(|unit| vec![unit]).collect();
    for width in [52, 30, 4] {
        let narrowed = Narrowing::new().to_widths(&model, &h, [("units", width)])?;
        let (kept, lost) = narrowed_by_loops(&rows_of(&h), &rows_of(&weight), &groups, width);
        let row = &narrowed.report.layers[0];
        assert_eq!(row.kept, kept, "{width}");
        assert!((row.error / lost - 1.0).abs() < 1e-7, "{width}: {} and {lost}", row.error);
    }
    Ok(())
}

#[test]
fn channels_go_in_the_order_of_loops() -> Result<()> {
    let model =
        Sequential::<f64>::builder([5, 5, 2]).conv2d(6, 3).named("c").relu().flatten().dense(4).named("fc");
    let model = model.build(&mut taper::seeded(1))?;
    // 54 numbers before the last layer, on more samples, on fewer and on far fewer.
    [90, 40, 13, 9]
        .into_iter()
        .try_for_each(|samples| channels_go_so(&model, &inputs(&[samples, 5, 5, 2], 2)))
}

fn channels_go_so(model: &Sequential<f64>, x: &Tensor<f64>) -> Result<()> {
    let (body, _) = model.split_at("fc")?;
    let (h, weight) = (rows_of(&body.predict(x)?), rows_of(&model.param("fc.weight")?.to_tensor()));
    let groups: Vec<Vec<usize>> =
        (0..6).map(|channel| (0..9).map(|place| place * 6 + channel).collect()).collect();
    for width in [5, 3, 1] {
        let narrowed = Narrowing::new().to_widths(model, x, [("c", width)])?;
        let (kept, lost) = narrowed_by_loops(&h, &weight, &groups, width);
        let row = &narrowed.report.layers[0];
        assert_eq!(row.kept, kept, "{width}");
        assert!((row.error / lost - 1.0).abs() < 1e-8, "{width}: {} and {lost}", row.error);
        let off = (row.errors[width] - row.error).abs();
        assert!(off < 1e-9 * row.error + 1e-14, "{width}: {} and {}", row.errors[width], row.error);
    }
    Ok(())
}

/// So many units that what is subtracted is gathered in several blocks, and the matrices are made anew: the units that are left are still
/// those that one fit after the other leaves.
#[test]
fn many_units_go_as_few_do() -> Result<()> {
    let (n, samples) = (230, 400);
    let h = inputs::<f64>(&[samples, n], 1);
    let weight = inputs::<f64>(&[n, 3], 2);
    // A layer that gives its inputs, so that the units are numbers that are known.
    let one = Tensor::from_fn([n, n], |place| f64::from(u8::from(place % (n + 1) == 0)))?;
    let model = Sequential::builder([n]).layer(Dense::from_parts(&one, None)?).named("units");
    let model = model.layer(Dense::from_parts(&weight, None)?).build(&mut taper::seeded(0))?;
    let narrowed = Narrowing::new().to_widths(&model, &h, [("units", 5)])?;
    let (rows, w) = (rows_of(&h), rows_of(&weight));
    let means: Vec<f64> =
        (0..n).map(|j| rows.iter().map(|row| row[j]).sum::<f64>() / samples as f64).collect();
    let mut damped: Rows = (0..n)
        .map(|i| {
            (0..n)
                .map(|j| {
                    rows.iter().map(|row| (row[i] - means[i]) * (row[j] - means[j])).sum::<f64>()
                        / samples as f64
                })
                .collect()
        })
        .collect();
    let added = 1e-3 * (0..n).map(|i| damped[i][i]).sum::<f64>() / n as f64;
    (0..n).for_each(|i| damped[i][i] += added);
    // The rule as it stands in the documentation.
    let (mut inverse, mut w) = (inverse(&damped), w);
    let mut left: Vec<usize> = (0..n).collect();
    while left.len() > 5 {
        let cost = |&j: &usize| w[j].iter().map(|value| value * value).sum::<f64>() / inverse[j][j];
        let place = (0..left.len()).min_by(|&a, &b| cost(&left[a]).total_cmp(&cost(&left[b]))).unwrap();
        let j = left.remove(place);
        let (own, own_w) = (inverse[j].clone(), w[j].clone());
        for i in 0..n {
            let factor = own[i] / own[j];
            w[i].iter_mut().zip(&own_w).for_each(|(value, own)| *value -= factor * own);
            inverse[i].iter_mut().zip(&own).for_each(|(value, own)| *value -= factor * own);
        }
    }
    assert_eq!(narrowed.report.layers[0].kept, left);
    let found = rows_of(&narrowed.model.param("1.weight")?.to_tensor());
    for (row, &unit) in found.iter().zip(&left) {
        for (a, b) in row.iter().zip(&w[unit]) {
            assert!((a - b).abs() < 1e-9, "{a} and {b}");
        }
    }
    Ok(())
}

//! Output of the results, as a table or as JSON.

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use serde_json::json;
use taper::machine;

use super::measure::Measured;

/// Rows, printed at the end; or lines of JSON, printed at once.
pub(crate) struct Report {
    table: Option<Table>,
    rows: usize,
    /// Rows that are not to be trusted, and the most that others took meanwhile, in cores.
    busy: (usize, f64),
}

const HEADER: [&str; 14] = [
    "network",
    "batch",
    "threads",
    "p50",
    "p99",
    "best",
    "spread",
    "samples/s",
    "GFLOP/s",
    "of",
    "weights GB/s",
    "of",
    "of roofline",
    "allocations",
];

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        let table = (!json).then(|| {
            let mut table = Table::new();
            table.load_preset(ASCII_MARKDOWN).set_header(HEADER);
            table.column_iter_mut().for_each(|column| column.set_cell_alignment(CellAlignment::Right));
            table
        });
        Self { table, rows: 0, busy: (0, 0.0) }
    }

    pub(crate) fn row(&mut self, row: &Measured) {
        self.rows += 1;
        if !row.is_to_be_trusted() {
            let taken = row.others.map_or(0.0, |others| others.taken);
            self.busy = (self.busy.0 + 1, self.busy.1.max(taken));
        }
        let Some(table) = &mut self.table else {
            println!("{}", object(row));
            return;
        };
        if table.row_iter().next().is_none() {
            println!("{}, {}, {}\n", row.pass, row.dtype, machine::simd());
        }
        table.add_row([
            row.network(),
            row.batch.to_string(),
            row.threads.to_string(),
            time(row.median_ns),
            time(row.p99_ns),
            time(row.min_ns),
            format!("{:.0} %{}", row.spread * 100.0, if row.is_to_be_trusted() { "" } else { " !" }),
            format!("{:.0}", row.samples_per_second()),
            format!("{:.1}", row.gflops),
            format!("{:.1}", row.limit_gflops),
            format!("{:.1}", row.weight_gbs),
            format!("{:.1}", row.limit_gbs),
            format!("{:.0} %", row.share * 100.0),
            format!("{:.2}", row.allocations),
        ]);
    }

    /// Prints the table, and what there is to say about it.
    pub(crate) fn finish(&self, advice: &[String]) {
        let Some(table) = &self.table else {
            advice.iter().for_each(|advice| println!("{}", json!({ "advice": advice })));
            return;
        };
        println!("{table}");
        if !advice.is_empty() {
            println!();
        }
        advice.iter().for_each(|advice| println!("{advice}"));
        if let (rows @ 1.., taken) = self.busy {
            println!(
                "\nThe machine is too busy to trust {rows} of {} rows, those with `!`: {}. Measure again when nothing else runs.",
                self.rows,
                match taken {
                    ..0.05 => "their rounds lie more than 15 % apart".to_owned(),
                    _ => format!("others took up to {taken:.1} cores"),
                }
            );
        }
    }
}

fn object(row: &Measured) -> serde_json::Value {
    json!({
        "pass": row.pass,
        "widths": row.widths,
        "batch": row.batch,
        "threads": row.threads,
        "dtype": row.dtype,
        "median_ns": row.median_ns,
        "p99_ns": row.p99_ns,
        "min_ns": row.min_ns,
        "spread": row.spread,
        "others": row.others.map(|others| others.taken),
        "trusted": row.is_to_be_trusted(),
        "iters": row.calls,
        "gflops": row.gflops,
        "allocations": row.allocations,
        "simd": machine::simd(),
        "weight_gbs": row.weight_gbs,
        "roofline": row.share,
        "machine_gflops": row.limit_gflops,
        "machine_gbs": row.limit_gbs,
        "checksum": row.checksum,
    })
}

fn time(ns: f64) -> String {
    match ns {
        ..1e3 => format!("{ns:.0} ns"),
        ..1e6 => format!("{:.2} µs", ns / 1e3),
        _ => format!("{:.3} ms", ns / 1e6),
    }
}

//! Output of the results, as a table or as JSON.

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use serde_json::json;
use taper::machine;

use super::measure::Measured;

/// Rows, printed at the end; or lines of JSON, printed at once.
pub(crate) struct Report {
    table: Option<Table>,
}

const HEADER: [&str; 11] = [
    "batch",
    "threads",
    "median",
    "best",
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
        Self { table }
    }

    pub(crate) fn row(&mut self, row: &Measured) {
        let Some(table) = &mut self.table else {
            println!("{}", object(row));
            return;
        };
        if table.row_iter().next().is_none() {
            let widths: Vec<_> = row.widths.iter().map(ToString::to_string).collect();
            println!("{} {}, {}, {}\n", row.pass, widths.join(" -> "), row.dtype, machine::simd());
        }
        table.add_row([
            row.batch.to_string(),
            row.threads.to_string(),
            time(row.median_ns),
            time(row.min_ns),
            format!("{:.0}", row.batch as f64 / row.median_ns * 1e9),
            format!("{:.1}", row.gflops),
            format!("{:.1}", row.limit_gflops),
            format!("{:.1}", row.weight_gbs),
            format!("{:.1}", row.limit_gbs),
            format!("{:.0} %", row.share * 100.0),
            format!("{:.2}", row.allocations),
        ]);
    }

    pub(crate) fn finish(&self) {
        if let Some(table) = &self.table {
            println!("{table}");
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
        "min_ns": row.min_ns,
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

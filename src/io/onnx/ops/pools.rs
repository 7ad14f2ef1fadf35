//! Pools with a window.

use super::super::call::{Call, Made};
use super::super::op::{Op, Pool};
use super::window::{lengths, places, slide};
use crate::io::Verdict;
use crate::layers::Padding;

pub(super) fn max<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    if call.node.outputs.get(1).is_some_and(|output| !output.is_empty())
        && call.flag("storage_order", false)?
    {
        return Err("expected the largest numbers alone, got their places too".to_owned());
    }
    pool(call, true, false)
}

pub(super) fn average<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    pool(call, false, call.flag("count_include_pad", false)?)
}

fn pool<'a>(call: &Call<'_, 'a>, is_max: bool, counts_padding: bool) -> Verdict<Made<'a>> {
    let (value, dims) = call.samples(0, 2)?;
    let kernel = lengths(call, "kernel_shape", dims.len().saturating_sub(2))?;
    let slide = slide(call, &kernel.ok_or("expected `kernel_shape`, got none")?)?;
    if !is_max && slide.dilation != 1.into() {
        return Err(format!("expected a mean of neighbours, got a dilation of {}", slide.dilation));
    }
    let channels = dims[1].len().unwrap_or(0);
    if channels == 0 {
        return Err("expected channels, got none".to_owned());
    }
    let counts_padding = counts_padding && slide.padding != Padding::Valid;
    let dims = places(&slide, &dims, channels)?;
    Ok(Made::value(Op::Pool(Pool { slide, is_max, counts_padding }), vec![value], dims))
}

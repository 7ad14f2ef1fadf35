//! The window of a convolution or a pool, from its attributes.

use super::super::call::Call;
use super::super::count::Count;
use super::super::op::Slide;
use crate::io::Verdict;
use crate::layers::{Padding, Sides};

/// The window of an operation on images, or on sequences, with this many axes of places.
pub(super) fn slide(call: &Call<'_, '_>, kernel: &[usize]) -> Verdict<Slide> {
    let places = kernel.len();
    if places != 1 && places != 2 {
        return Err(format!("expected a sequence or an image, got {places} axes of places"));
    }
    let sides = |name: &str| -> Verdict<Sides> {
        Ok(pair(&lengths(call, name, places)?.unwrap_or(vec![1; places]), 1))
    };
    let pads = call.integers("pads")?.map(|pads| self::usizes("pads", pads)).transpose()?;
    let padding = match (call.text("auto_pad")?.as_deref(), pads) {
        (None | Some("NOTSET" | ""), None) | (Some("VALID"), _) => Padding::Valid,
        (None | Some("NOTSET" | ""), Some(pads)) => match pads.len() {
            len if len == 2 * places => {
                let (before, after) = pads.split_at(places);
                each(pair(before, 0), pair(after, 0))
            }
            len => return Err(format!("expected `pads`, {} numbers, got {len}", 2 * places)),
        },
        (Some("SAME_UPPER"), _) => Padding::Same,
        (Some("SAME_LOWER"), _) => Padding::SameLower,
        (Some(other), _) => {
            return Err(format!("expected `auto_pad`, SAME_UPPER, SAME_LOWER or VALID, got {other}"));
        }
    };
    let slide = Slide {
        kernel: pair(kernel, 1),
        stride: sides("strides")?,
        dilation: sides("dilations")?,
        padding,
        ceil_mode: call.flag("ceil_mode", false)?,
        is_sequence: places == 1,
    };
    let is_right = |sides: Sides| sides.height > 0 && sides.width > 0;
    if is_right(slide.kernel) && is_right(slide.stride) && is_right(slide.dilation) {
        Ok(slide)
    } else {
        Err("expected a window, strides and dilations of at least 1, got 0".to_owned())
    }
}

/// As PyTorch would say it, where it is the same on both sides.
fn each(before: Sides, after: Sides) -> Padding {
    match before == after {
        true if before == 0.into() => Padding::Valid,
        true => Padding::Border(before),
        false => Padding::Each { before, after },
    }
}

/// Vertical and horizontal; a sequence has the horizontal one alone.
fn pair(lengths: &[usize], other: usize) -> Sides {
    match *lengths {
        [height, width] => [height, width].into(),
        [length] => [other, length].into(),
        _ => unreachable!("the number of axes was looked at"),
    }
}

/// Lengths of an attribute, one for each axis of places.
pub(super) fn lengths(call: &Call<'_, '_>, name: &str, places: usize) -> Verdict<Option<Vec<usize>>> {
    let Some(integers) = call.integers(name)? else { return Ok(None) };
    if integers.len() != places {
        return Err(format!("expected `{name}`, {places} numbers, got {}", integers.len()));
    }
    usizes(name, integers).map(Some)
}

/// Lengths that are no more than any that fits into memory.
fn usizes(name: &str, integers: &[i64]) -> Verdict<Vec<usize>> {
    const MOST: i64 = 1 << 40;
    let length = |&integer: &i64| usize::try_from(integer).ok().filter(|_| integer < MOST);
    let lengths = integers.iter().map(length).collect::<Option<Vec<_>>>();
    lengths.ok_or_else(|| {
        format!("expected `{name}`, numbers of at least 0, got {:?}", &integers[..integers.len().min(8)])
    })
}

/// The places along each axis, behind the samples and the channels.
pub(super) fn places(slide: &Slide, dims: &[Count], channels: usize) -> Verdict<Vec<Count>> {
    let axes = if slide.is_sequence { &[1][..] } else { &[0, 1] };
    let of = |sides: Sides, axis: usize| <[usize; 2]>::from(sides)[axis];
    let mut outputs = vec![dims[0], Count::of_len(channels)];
    for (&axis, dim) in axes.iter().zip(&dims[2..]) {
        let len = dim.len().unwrap_or(0);
        let [kernel, stride, dilation] =
            [slide.kernel, slide.stride, slide.dilation].map(|sides| of(sides, axis));
        let reach = dilation.checked_mul(kernel - 1).and_then(|reach| reach.checked_add(1));
        let padded = |around: usize| len.checked_add(around);
        let outputs_of = |around: usize| {
            let room = padded(around)?.checked_sub(reach?)?;
            let rounded = if slide.ceil_mode { room.div_ceil(stride) } else { room / stride };
            rounded.checked_add(1)
        };
        let around = |before: usize, after: usize| before.checked_add(after);
        let count = match slide.padding {
            Padding::Same | Padding::SameLower => Some(len.div_ceil(stride)),
            Padding::Valid => outputs_of(0),
            Padding::Border(border) => around(of(border, axis), of(border, axis)).and_then(outputs_of),
            Padding::Each { before, after } => around(of(before, axis), of(after, axis)).and_then(outputs_of),
        };
        let before = match slide.padding {
            Padding::Border(border) => of(border, axis),
            Padding::Each { before, .. } => of(before, axis),
            _ => 0,
        };
        // The last window of ceil mode begins in the image or in the padding before it.
        let count = count.map(|count| {
            let begins_behind =
                slide.ceil_mode && (count - 1).saturating_mul(stride) >= len.saturating_add(before);
            if begins_behind { count - 1 } else { count }
        });
        let count = count.and_then(|count| i64::try_from(count).ok()).filter(|&count| count > 0);
        outputs.push(Count::of(
            count.ok_or_else(|| {
                format!("expected an input at least as long as the window, got {len} places")
            })?,
        ));
    }
    Ok(outputs)
}

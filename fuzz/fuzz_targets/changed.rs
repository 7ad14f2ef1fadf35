//! Files that are nearly right.

/// A valid file, changed as the bytes say: each five are a kind of change, a place and two values.
///
/// Where the file `has_header`, its first eight bytes are the length of what follows them up to the data, as in a safetensors file. More often
/// than not they follow a change: otherwise hardly one would come further.
pub fn changed(file: &[u8], changes: &[u8], has_header: bool) -> Vec<u8> {
    let data = if has_header { file.len().saturating_sub(header_len(file)) } else { 0 };
    let mut file = file.to_vec();
    for &change in changes.as_chunks::<5>().0 {
        apply(&mut file, change);
        let [.., last] = change;
        if has_header && last % 8 != 7 && file.len() >= 8 {
            let header = file.len().saturating_sub(8 + data) as u64;
            file[..8].copy_from_slice(&header.to_le_bytes());
        }
    }
    file
}

fn apply(file: &mut Vec<u8>, [kind, high, low, a, b]: [u8; 5]) {
    let place = usize::from(u16::from_be_bytes([high, low])) % file.len().max(1);
    let len = usize::from(a).min(file.len() - place);
    match kind % 7 {
        0 => file.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1 << (a % 8)),
        1 => file.iter_mut().skip(place).take(1).for_each(|byte| *byte = a),
        2 => file.truncate(place),
        3 => drop(file.drain(place..place + len)),
        4 => drop(file.splice(place..place, [b; 4].into_iter().take(usize::from(a % 4) + 1))),
        // A part of the file a second time, elsewhere.
        5 => {
            let part = file[place..place + len].to_vec();
            let to = usize::from(b) * file.len() / 256;
            drop(file.splice(to..to, part));
        }
        // Digits for others, which keeps JSON whole.
        _ => file.iter_mut().skip(place).take(len).filter(|byte| byte.is_ascii_digit()).for_each(|byte| {
            *byte = b'0' + (*byte - b'0' + b % 10) % 10;
        }),
    }
}

fn header_len(file: &[u8]) -> usize {
    8 + file.first_chunk().map_or(0, |length| u64::from_le_bytes(*length) as usize)
}

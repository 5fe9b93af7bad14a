//! The small words heads are made of.

use super::Refused;

/// A token of RFC 9110: methods, field names.
pub(super) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_token_byte(*byte))
}

pub(super) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The members of a comma-separated list, without blanks and without empty ones.
pub(super) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

/// Digits and nothing else.
pub(super) fn decimal(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 19 {
        return None;
    }
    value.iter().try_fold(0_u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// `Name: value` of a trailer line, the value trimmed.
pub(super) fn field_line(line: &[u8]) -> Result<(&[u8], &[u8]), Refused> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or(Refused::bad("a field without a colon"))?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    // Also refuses folded lines and a space before the colon.
    if !is_token(name) {
        return Err(Refused::bad("a field name that is none"));
    }
    if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err(Refused::bad("a control character in a field"));
    }
    Ok((name, value.trim_ascii()))
}

/// A host and perhaps a port, as `Host` carries them: no user, no path, no blank.
pub(super) fn is_authority(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-_~:[]%".contains(byte))
}

/// What may stand in a request line: no fragment, no backslash, nothing that is not ASCII.
pub(super) fn is_target(text: &[u8]) -> bool {
    text.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#' && *byte != b'\\')
}

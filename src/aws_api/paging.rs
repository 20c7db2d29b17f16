//! Pages of lists: a marker names the last mapping that was shown, so pages stay right while mappings come and go.

use std::fmt;

use crate::aws_api::ApiError;

/// The place behind a mapping, by its UUID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marker(String);

impl Marker {
    /// The place behind a mapping.
    pub(crate) fn after(uuid: &str) -> Self {
        Self(uuid.to_owned())
    }

    /// Reads what an earlier answer gave out.
    pub(crate) fn read(text: &str) -> Result<Self, ApiError> {
        let decoded =
            base64_simd::URL_SAFE_NO_PAD.decode_to_vec(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        match decoded {
            Some(uuid) if is_uuid(&uuid) => Ok(Self(uuid)),
            _ => Err(ApiError::InvalidParameterValue("Invalid marker: use the NextMarker of an answer.".to_owned())),
        }
    }
}

/// As answers give it out.
impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64_simd::URL_SAFE_NO_PAD.encode_to_string(&self.0))
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// One page of what there is, by UUID, and the marker of the next page where there is more.
pub(crate) fn page<T>(
    mut all: Vec<T>,
    uuid: impl Fn(&T) -> &str,
    marker: Option<&Marker>,
    max_items: usize,
) -> (Vec<T>, Option<Marker>) {
    if let Some(Marker(last)) = marker {
        all.retain(|entry| uuid(entry) > last.as_str());
    }
    all.sort_by(|a, b| uuid(a).cmp(uuid(b)));
    let more = all.len() > max_items;
    all.truncate(max_items);
    let next = all.last().filter(|_| more).map(|last| Marker::after(uuid(last)));
    (all, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uuid(number: usize) -> String {
        format!("{number:08x}-0b9d-4a53-9a55-5f0d6b7c8e9f")
    }

    fn pages(mut all: Vec<String>, size: usize, mut between: impl FnMut(&mut Vec<String>, usize)) -> Vec<String> {
        let (mut seen, mut marker, mut count) = (Vec::new(), None, 0);
        loop {
            let (page, next) = page(all.clone(), |uuid| uuid, marker.as_ref(), size);
            assert!(page.len() <= size);
            seen.extend(page);
            count += 1;
            let Some(next) = next else { return seen };
            // As it travels.
            marker = Some(Marker::read(&next.to_string()).unwrap());
            between(&mut all, count);
        }
    }

    #[test]
    fn pages_show_everything_once_and_in_order() {
        for (count, size) in [(0, 3), (1, 3), (3, 3), (4, 3), (10, 1), (250, 100)] {
            let all: Vec<String> = (0..count).rev().map(uuid).collect();
            let sorted: Vec<String> = (0..count).map(uuid).collect();
            assert_eq!(pages(all, size, |_, _| {}), sorted, "{count} by {size}");
        }
    }

    #[test]
    fn what_stays_is_shown_once_while_others_come_and_go() {
        let all: Vec<String> = (0..20).map(|number| uuid(number * 2)).collect();
        let seen = pages(all.clone(), 5, |all, page| {
            // The last of the page and one before it go; one before and one behind come.
            all.retain(|entry| *entry != uuid(page * 10 - 2) && *entry != uuid(0));
            all.extend([uuid(1), uuid(39)]);
            all.dedup();
        });
        let stayed = |entry: &&String| all.contains(*entry);
        let once: Vec<&String> = seen.iter().filter(stayed).collect();
        assert_eq!(once, all.iter().collect::<Vec<_>>());
        assert!(seen.contains(&uuid(39)) && !seen.contains(&uuid(1)));
    }

    #[test]
    fn only_markers_that_were_given_out_are_taken() {
        let text = Marker::after(&uuid(7)).to_string();
        assert!(!text.contains('-') || !text.contains(&uuid(7)));
        assert_eq!(Marker::read(&text), Ok(Marker::after(&uuid(7))));
        let other = base64_simd::URL_SAFE_NO_PAD.encode_to_string("orders");
        for broken in ["", "x", "====", &uuid(7), &other, &text[1..], &format!("{text}=")] {
            assert!(Marker::read(broken).is_err(), "{broken}");
        }
    }
}

//! The keys that requests may be signed with: from the environment or from a file.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::identity::Identity;
use subtle::ConstantTimeEq;
use thiserror::Error;

/// `id:secret,id2:secret2`
const VARIABLE: &str = "FOREBAY_API_KEYS";
/// The path of a file with the same, or with a key a line.
const FILE_VARIABLE: &str = "FOREBAY_API_KEYS_FILE";

/// Below this a secret can be guessed: who has seen a signed request can try secrets as fast as the hardware goes.
/// Where only this machine reaches the API, anyone who sees one could do without.
const SHORTEST: usize = 16;
/// Thousands of keys fit; a device or a log file that was named by mistake does not.
const LARGEST_FILE: u64 = 64 * 1024;

/// Access key ids and their secrets. Secrets are never shown.
#[derive(Clone)]
pub(crate) struct Keys {
    keys: Vec<Key>,
    /// The first whose secret can be guessed.
    short: Option<Short>,
}

#[derive(Clone)]
struct Key {
    id: String,
    identity: Identity,
}

#[derive(Clone)]
struct Short {
    place: String,
    number: usize,
    length: usize,
}

/// Why keys cannot be used. No text shows anything of a key: an entry may be a secret in the wrong place.
#[derive(Debug, Error)]
pub(crate) enum KeysError {
    #[error("{VARIABLE} and {FILE_VARIABLE} are both set: keep one of them")]
    Both,
    #[error("cannot read {path}, the file of {FILE_VARIABLE}: {source}")]
    File {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("{path}, the file of {FILE_VARIABLE}, is larger than {LARGEST_FILE} bytes: write one `id:secret` a line")]
    LargeFile { path: String },
    #[error("{path}, the file of {FILE_VARIABLE}, is not text: write one `id:secret` a line")]
    NotText { path: String },
    #[error("{place} holds no key: write `id:secret`, for example with a secret from `openssl rand -hex 32`")]
    Empty { place: String },
    #[error("key {number} of {place} has no colon: write `id:secret`")]
    NoColon { place: String, number: usize },
    #[error("key {number} of {place} has no id: write `id:secret`")]
    NoId { place: String, number: usize },
    #[error("the id of key {number} of {place} may hold visible ASCII characters only, and no `/`")]
    Id { place: String, number: usize },
    #[error("key {number} of {place} has no secret: write `id:secret`")]
    NoSecret { place: String, number: usize },
    #[error("the secret of key {number} of {place} may hold visible ASCII characters only")]
    Secret { place: String, number: usize },
    #[error(
        "the secret of key {number} of {place} has {length} characters: where others reach the address, use at least \
         {SHORTEST}, for example from `openssl rand -hex 32`"
    )]
    Short { place: String, number: usize, length: usize },
    #[error("keys {first} and {number} of {place} have the same id: keep one of them")]
    Twice { place: String, first: usize, number: usize },
}

impl Keys {
    /// Reads the keys that the environment gives or names; a variable that is empty counts as not set.
    pub(crate) fn read(env: &dyn Fn(&str) -> Option<String>) -> Result<Option<Self>, KeysError> {
        let set = |name| env(name).filter(|value| !value.is_empty());
        match (set(VARIABLE), set(FILE_VARIABLE)) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(KeysError::Both),
            (Some(text), None) => Self::parse(&text, VARIABLE).map(Some),
            (None, Some(path)) => Self::parse(&file(&path)?, &path).map(Some),
        }
    }

    fn parse(text: &str, place: &str) -> Result<Self, KeysError> {
        let place = || place.to_owned();
        let (mut keys, mut short): (Vec<Key>, Option<Short>) = (Vec::new(), None);
        let entries = text.split([',', '\n']).map(str::trim).filter(|entry| !entry.is_empty());
        for (number, entry) in (1..).zip(entries) {
            let (id, secret) = entry.split_once(':').ok_or_else(|| KeysError::NoColon { place: place(), number })?;
            let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
            if id.is_empty() {
                return Err(KeysError::NoId { place: place(), number });
            }
            // A slash would end the id within a signature's scope.
            if !visible(id) || id.contains('/') {
                return Err(KeysError::Id { place: place(), number });
            }
            if !visible(secret) {
                return Err(KeysError::Secret { place: place(), number });
            }
            if secret.is_empty() {
                return Err(KeysError::NoSecret { place: place(), number });
            }
            if secret.len() < SHORTEST {
                short.get_or_insert(Short { place: place(), number, length: secret.len() });
            }
            if let Some(first) = keys.iter().position(|key| key.id == id) {
                return Err(KeysError::Twice { place: place(), first: first + 1, number });
            }
            let identity = Credentials::new(id, secret, None, None, "forebay").into();
            keys.push(Key { id: id.to_owned(), identity });
        }
        if keys.is_empty() { Err(KeysError::Empty { place: place() }) } else { Ok(Self { keys, short }) }
    }

    /// The keys for an address that others reach: their secrets are not to be guessed.
    ///
    /// # Errors
    /// When a secret is short.
    pub(crate) fn strong(self) -> Result<Self, KeysError> {
        match self.short {
            Some(Short { place, number, length }) => Err(KeysError::Short { place, number, length }),
            None => Ok(self),
        }
    }

    /// Looks at every key for as long, so that the time does not show how near an id came.
    pub(super) fn find(&self, id: &str) -> Option<&Identity> {
        let mut found = None;
        for key in &self.keys {
            if bool::from(key.id.as_bytes().ct_eq(id.as_bytes())) {
                found = Some(&key.identity);
            }
        }
        found
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({} of them)", self.keys.len())
    }
}

fn file(path: &str) -> Result<String, KeysError> {
    let failed = |source| KeysError::File { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(KeysError::LargeFile { path: path.to_owned() });
    }
    String::from_utf8(bytes).map_err(|_| KeysError::NotText { path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    fn read(variable: Option<&str>, file: Option<&str>) -> Result<Option<Keys>, KeysError> {
        Keys::read(&|name| match name {
            "FOREBAY_API_KEYS" => variable.map(str::to_owned),
            "FOREBAY_API_KEYS_FILE" => file.map(str::to_owned),
            other => panic!("{other} is none of ours"),
        })
    }

    fn secret(keys: &Keys, id: &str) -> Option<String> {
        let credentials = keys.find(id)?.data::<Credentials>().unwrap().clone();
        assert_eq!((credentials.access_key_id(), credentials.session_token()), (id, None));
        Some(credentials.secret_access_key().to_owned())
    }

    #[test]
    fn keys_come_from_the_environment_or_a_file() {
        assert!(read(None, None).unwrap().is_none());
        assert!(read(Some(""), Some("")).unwrap().is_none());
        let other = "with:colons:0123456789";
        let variable = format!("one:{SECRET}, two:{other},");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        std::fs::write(&path, format!("\none:{SECRET}\r\n\n  two:{other}\n")).unwrap();
        for keys in [read(Some(&variable), None), read(Some(""), path.to_str())] {
            let keys = keys.unwrap().unwrap();
            assert_eq!(secret(&keys, "one").as_deref(), Some(SECRET));
            assert_eq!(secret(&keys, "two").as_deref(), Some(other));
            for unknown in ["", "on", "one ", "One", "three"] {
                assert_eq!(secret(&keys, unknown), None, "{unknown}");
            }
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_and_nothing_of_it_is_shown() {
        let table = [
            (",".to_owned(), "FOREBAY_API_KEYS holds no key: write `id:secret`"),
            (SECRET.to_owned(), "key 1 of FOREBAY_API_KEYS has no colon"),
            (format!("one:{SECRET},{SECRET}"), "key 2 of FOREBAY_API_KEYS has no colon"),
            (format!(":{SECRET}"), "key 1 of FOREBAY_API_KEYS has no id"),
            (format!("a b:{SECRET}"), "the id of key 1 of FOREBAY_API_KEYS may hold visible ASCII"),
            (format!("# a:{SECRET}"), "the id of key 1 of FOREBAY_API_KEYS may hold visible ASCII"),
            (format!("a/b:{SECRET}"), "the id of key 1 of FOREBAY_API_KEYS may hold visible ASCII"),
            (format!("é:{SECRET}"), "the id of key 1 of FOREBAY_API_KEYS may hold visible ASCII"),
            (format!("one:{SECRET} {SECRET}"), "the secret of key 1 of FOREBAY_API_KEYS may hold visible ASCII"),
            (format!("one:{SECRET}\u{7f}"), "the secret of key 1 of FOREBAY_API_KEYS may hold visible ASCII"),
            ("one:".to_owned(), "key 1 of FOREBAY_API_KEYS has no secret: write `id:secret`"),
            (
                format!("one:{SECRET},two:{SECRET},one:{SECRET}0"),
                "keys 1 and 3 of FOREBAY_API_KEYS have the same id: keep one of them",
            ),
        ];
        for (text, expected) in table {
            let error = read(Some(&text), None).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
            assert!(!error.contains(&SECRET[..8]), "{error}");
        }
        assert!(matches!(read(Some("a"), Some("b")).unwrap_err(), KeysError::Both));
        let shown = format!("{:?}", read(Some(&format!("one:{SECRET}")), None).unwrap());
        assert_eq!(shown, "Some(Keys(1 of them))");
    }

    #[test]
    fn short_secrets_are_not_for_addresses_that_others_reach() {
        let keys = |text: String| read(Some(&text), None).unwrap().unwrap();
        assert!(keys(format!("one:{SECRET},two:{}", &SECRET[..16])).strong().is_ok());
        let short = keys(format!("one:{SECRET},two:{},three:x", &SECRET[..15]));
        assert_eq!(secret(&short, "three").as_deref(), Some("x"));
        let error = short.strong().unwrap_err().to_string();
        let expected = "the secret of key 2 of FOREBAY_API_KEYS has 15 characters: where others reach the address, use \
            at least 16";
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn files_that_are_no_list_of_keys_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let missing = folder.path().join("missing").to_str().unwrap().to_owned();
        let table = [
            (missing.clone(), format!("cannot read {missing}, the file of FOREBAY_API_KEYS_FILE: ")),
            (write("empty", b""), "holds no key".to_owned()),
            (write("binary", b"one:\xff\xff"), "is not text".to_owned()),
            (write("large", "a:b\n".repeat(20_000).as_bytes()), "is larger than 65536 bytes".to_owned()),
            ("/dev/zero".to_owned(), "is larger than 65536 bytes".to_owned()),
            (folder.path().to_str().unwrap().to_owned(), "cannot read ".to_owned()),
            (write("half", format!("one:{SECRET}\ntwo:\n").as_bytes()), "key 2 of ".to_owned()),
        ];
        for (path, expected) in table {
            let error = read(None, Some(&path)).unwrap_err().to_string();
            assert!(error.contains(&expected), "{path}: {error}");
        }
    }
}
